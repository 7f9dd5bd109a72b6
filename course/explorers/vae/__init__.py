"""Chapter 4's explorers."""

from course.explorers.vae.bound import bound
from course.explorers.vae.plane import plane
from course.explorers.vae.trade_off import trade_off
from course.explorers.vae.walk import walk
