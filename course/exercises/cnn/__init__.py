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

# In the order of the chapter, under its headings.
TITLES = {
    "output_size": "How long is the output?",
    "conv2d": "conv2d with stride and padding",
    "weight_gradient": "The gradient for the kernel, by hand",
    "max_pool2d": "Max pooling with stride and padding",
    "parameter_count": "Count the parameters",
    "equivariance": "An equivariance probe",
    "receptive_field": "How far does a unit see?",
    "classifier_loss": "Find the bug in a classifier's loss",
    "dead_logits": "Find the bug in a classifier's last layer",
    "depthwise_separable": "Depthwise separable convolution",
}
