"""A digit drawn by hand: the control that keeps its strokes, and the image that a net reads.

A stroke is a tuple of points (x, y), the pen's way from where it was set down to where it was lifted; the pad
reaches from 0 to 1 each way, and y counts downwards.
"""

import ipywidgets as widgets
import numpy as np
import traitlets

from course.explorers.controls import described
from course.explorers.parts import moving
from course.plots.texts import Caption

PIXELS = 28  # of an image's side
BOX = 20  # pixels: MNIST's digits were scaled to fit into a square of this side, their proportions kept ...
MIDDLE = 14  # ... and moved so that their centre of mass lies in the middle of this row and column
LINE = 2.6  # pixels: so wide, drawings have as much ink as MNIST's digits ...
EDGE = 1.1  # pixels from black to white: ... and as large a share of grey in it
PEN = 0.08  # of the pad's side: how wide a pen draws on the pad
LEAST = 0.04  # of the pad's side: a smaller drawing is a dot, and stays one
EXAMPLE = (  # a two, in one stroke
    (
        (0.334, 0.355), (0.336, 0.325), (0.347, 0.292), (0.370, 0.250), (0.401, 0.216), (0.440, 0.192),
        (0.483, 0.181), (0.528, 0.183), (0.570, 0.197), (0.607, 0.223), (0.637, 0.260), (0.657, 0.303),
        (0.665, 0.351), (0.655, 0.430), (0.630, 0.480), (0.590, 0.535), (0.540, 0.590), (0.480, 0.650),
        (0.410, 0.720), (0.335, 0.800), (0.420, 0.800), (0.520, 0.800), (0.620, 0.797), (0.700, 0.790),
    ),
)  # fmt: skip


class Strokes(widgets.HBox):
    """A drawing as a control: `value` is a tuple of strokes; a button empties it."""

    value = traitlets.Tuple()

    def __init__(self, value=EXAMPLE):
        self.clear = described(widgets.Button(description="Clear"), "empty the pad, for another drawing")
        self.clear.on_click(lambda button: self.set_trait("value", ()))
        super().__init__([widgets.Label("drawing"), self.clear])
        self.add_class("widget-inline-hbox")  # its label stands above it, as those of the other controls
        self.value = value

    def in_place_of(self, control, none):
        """Set another control, which shows something else on the pad, to `none` for a stroke, which is then
        the first of a new drawing, and for "Clear".
        """

        def draw(change):
            if control.value != none and change["new"]:
                self.value = change["new"][-1:]
                control.value = none

        self.observe(draw, "value")
        self.clear.on_click(lambda button: control.set_trait("value", none))

    @traitlets.validate("value")
    def _as_tuples(self, proposal):
        strokes = proposal["value"]
        return tuple(tuple((float(x), float(y)) for x, y in stroke) for stroke in strokes if len(stroke))


def build_pad(axes, side):
    """Artists of a pad, a square panel of so many inches, for `update_pad`."""
    axes.set(xlim=(0, 1), ylim=(1, 0), xticks=(), yticks=())
    axes.spines[:].set(visible=True, color="0.6")
    shade = dict(cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
    pen = dict(color="black", linewidth=72 * PEN * side, solid_capstyle="round", solid_joinstyle="round")
    return {
        "given": axes.imshow(np.zeros((PIXELS, PIXELS)), extent=(0, 1, 1, 0), **shade),
        "strokes": moving(axes, **pen),
        "prompt": axes.add_artist(Caption(0.5, 0.5)),
        "pad": axes.add_artist(Caption(0.5, 1.05, 9)),
    }


def update_pad(artists, strokes, given):
    """Show a drawing on the pad, or a given image (28, 28); each is empty where the other is shown."""
    ink = [np.array([*stroke, (np.nan, np.nan)]) for stroke in strokes]  # gaps between them
    artists["strokes"].set_data(*np.concatenate([*ink, np.empty((0, 2))]).T)
    artists["given"].set_data(given)
    artists["prompt"].set_text("" if strokes or given.any() else "draw a digit")
    artists["pad"].set_text("a given digit; draw your own" if given.any() else "draw here")


def digit_image(strokes, box=BOX):
    """The image of a drawing, scaled and centred as MNIST's digits were: (28, 28) float32 from 0 to 1.

    Strokes get the usual width whatever the pen was. The drawing is scaled to fill the box, its proportions
    kept, and then moved by whole pixels as far as there is room. Nothing drawn gives zeros.

    Args:
        box: pixels of its longer side.
    """
    if not strokes:
        return np.zeros((PIXELS, PIXELS), np.float32)
    points = np.concatenate([np.asarray(stroke, float) for stroke in strokes])
    low, high = points.min(0), points.max(0)
    scale = (box - LINE) / max(*(high - low), LEAST)
    room = np.floor((PIXELS - (high - low) * scale - LINE) / 2)  # beside the ink, to the left and above
    corner = room + (LINE - 1) / 2  # the ink begins at a pixel's edge
    image = drawn([(np.asarray(stroke, float) - low) * scale + corner for stroke in strokes], LINE)
    centre = np.array([image.sum(axis) @ np.arange(PIXELS) for axis in (0, 1)]) / image.sum()
    right, down = np.round(MIDDLE - centre).clip(-room, room).astype(int)
    return np.roll(image, (down, right), (0, 1))


def pad_image(strokes, pen=PEN):
    """The image of a drawing as it lies on the pad, neither scaled nor centred: (28, 28) float32.

    Args:
        pen: width of the strokes as a fraction of the pad's side.
    """
    return drawn([PIXELS * np.asarray(stroke, float) - 0.5 for stroke in strokes], PIXELS * pen)


def drawn(strokes, width):
    """An image of strokes with smooth edges: each pixel's grey level is how much of it a round pen covers.

    Args:
        strokes: arrays (N, 2) of points (column, row) in pixels, whose middles are at whole numbers.
        width: of the pen in pixels.
    Returns:
        (28, 28) float32.
    """
    lines = [np.stack([stroke[:-1], stroke[1:]], 1) for stroke in map(thinned, strokes)]
    if not lines:
        return np.zeros((PIXELS, PIXELS), np.float32)
    start, end = np.moveaxis(np.concatenate(lines), 1, 0)[:, :, None]  # (S, 1, 2) each
    (x, y), (along_x, along_y) = np.moveaxis(start, -1, 0), np.moveaxis(end - start, -1, 0)  # (S, 1) each
    rows, columns = np.indices((PIXELS, PIXELS)).reshape(2, 1, -1)
    right, down = columns - x, rows - y  # (S, pixels)
    share = (right * along_x + down * along_y) / np.maximum(along_x**2 + along_y**2, 1e-12)
    share = share.clip(0, 1)
    distance = np.sqrt(((right - share * along_x) ** 2 + (down - share * along_y) ** 2).min(0))
    return ((width / 2 - distance) / EDGE + 0.5).clip(0, 1).reshape(PIXELS, PIXELS).astype(np.float32)


def thinned(stroke, step=0.4):
    """A stroke (N, 2) without those points that lie less than a step from the last that is kept."""
    kept = [stroke[0]]
    for point in stroke[1:]:
        if np.abs(point - kept[-1]).max() >= step:
            kept.append(point)
    return np.array([*kept, stroke[-1]])
