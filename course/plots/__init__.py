"""Still pictures: one function a kind of picture, each with a title, labelled axes and a text alternative.

Every function draws into a figure of its own (no pyplot, so nothing stays open) and hands it to `show`. `alt`
names its text alternative in `alternatives.json`: one sentence on what is to be seen, in fixed words without
a measured number. It is the picture's text in saved notebooks. `LossCurve` is the one picture that changes:
`course.training` shows it while a model trains.
"""

from course.plots.arrays import grids, images, maps, number_grid, set_number_grid
from course.plots.charts import bars, lines, points, scatter
from course.plots.diagrams import diagram
from course.plots.losses import LossCurve
from course.plots.showing import COLOURS, DPI, SIGNED, STYLES, Still, quantised, set_style, show
