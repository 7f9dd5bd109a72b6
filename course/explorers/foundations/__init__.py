"""Chapter 0's explorers."""

from course.explorers.foundations.depth import depth
from course.explorers.foundations.descent import descent
from course.explorers.foundations.fitting import fitting
from course.explorers.foundations.threshold import threshold
