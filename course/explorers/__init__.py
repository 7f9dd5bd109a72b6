"""Interactive pictures, a part for each chapter. Each is a function that takes the chapter's own functions or
models, and returns an `Explorer`.
"""

from course.explorers import attention, cnn, foundations, gan, rnn, vae
