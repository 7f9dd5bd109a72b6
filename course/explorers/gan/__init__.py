"""Chapter 5's explorers."""

from course.explorers.gan.dirac import dirac
from course.explorers.gan.ring import ring
from course.explorers.gan.two_gaussians import two_gaussians
from course.explorers.gan.verdict import verdict
from course.explorers.gan.walk import walk
