"""Exercises of chapter 1, the convolutional network; one module holds all of one exercise.

In such a module the function `my_...` is the stub that the chapter hands out, `solve_...` the worked
solution, and the wrong versions are wrong on purpose.
"""

from course.exercises.cnn.convolution import conv2d
from course.exercises.cnn.loss import classifier_loss
from course.exercises.cnn.output_length import output_size

__all__ = ["CHAPTER", "classifier_loss", "conv2d", "output_size"]

CHAPTER = "01_cnn"
