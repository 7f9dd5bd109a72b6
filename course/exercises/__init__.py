"""Exercises that check a learner's function.

`exercises.cnn.conv2d.check(my_conv2d)` gives the verdict, `.hint()` the next hint, `.solution()` the worked
solution; `exercises.progress()` shows what is solved.
"""

from course.exercises import attention, cnn, foundations, gan, rnn, vae
from course.progress import progress

__all__ = ["attention", "cnn", "foundations", "gan", "progress", "rnn", "vae"]
