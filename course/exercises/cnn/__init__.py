"""Exercises of chapter 1, the convolutional network; one module holds all of one exercise.

In such a module the function `my_...` is the stub that the chapter hands out, `solve_...` the worked
solution, and the wrong versions are wrong on purpose.
"""

from course.exercises.cnn.convolution import conv2d
from course.exercises.cnn.logits import dead_logits
from course.exercises.cnn.loss import classifier_loss
from course.exercises.cnn.max_pooling import max_pool2d
from course.exercises.cnn.output_length import output_size
from course.exercises.cnn.parameters import parameter_count
from course.exercises.cnn.reach import receptive_field
from course.exercises.cnn.separable import depthwise_separable
from course.exercises.cnn.shift_probe import equivariance
from course.exercises.cnn.weight_slope import weight_gradient

__all__ = [
    "CHAPTER",
    "classifier_loss",
    "conv2d",
    "dead_logits",
    "depthwise_separable",
    "equivariance",
    "max_pool2d",
    "output_size",
    "parameter_count",
    "receptive_field",
    "weight_gradient",
]

CHAPTER = "01_cnn"
