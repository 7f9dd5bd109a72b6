"""Chapter 1's explorers: a sliding kernel, the receptive field, and the trained net."""

from course.explorers.cnn.receptive_field import receptive_field
from course.explorers.cnn.sliding_kernel import sliding_kernel
from course.explorers.cnn.trained_net import trained_net
