"""Interactive pictures, a part for each chapter. Each receives the chapter's own functions and models."""

from course.explorers import cnn, rnn

__all__ = ["cnn", "rnn"]
