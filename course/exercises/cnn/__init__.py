"""Exercises of chapter 1, the convolutional network; one module holds all of one exercise."""

from course.exercises.cnn.classifier_loss import classifier_loss
from course.exercises.cnn.conv2d import conv2d
from course.exercises.cnn.dead_logits import dead_logits
from course.exercises.cnn.depthwise_separable import depthwise_separable
from course.exercises.cnn.equivariance import equivariance
from course.exercises.cnn.max_pool2d import max_pool2d
from course.exercises.cnn.output_size import output_size
from course.exercises.cnn.parameter_count import parameter_count
from course.exercises.cnn.receptive_field import receptive_field
from course.exercises.cnn.weight_gradient import weight_gradient

CHAPTER = "01_cnn"
