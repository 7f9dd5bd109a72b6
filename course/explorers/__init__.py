"""Interactive pictures, a part for each chapter. Each receives the chapter's own functions and models."""

from course.explorers import attention, cnn, foundations, gan, rnn, vae
