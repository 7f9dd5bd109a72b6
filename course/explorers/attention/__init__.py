"""Chapter 3's explorers."""

from course.explorers.attention.kernel import kernel
from course.explorers.attention.masks import masks
from course.explorers.attention.positions import positions
from course.explorers.attention.softmax_shape import softmax_shape
from course.explorers.attention.translator import translator
