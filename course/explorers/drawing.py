"""A digit drawn by hand: the control that keeps its strokes, and the image that a net reads.

A stroke is a tuple of points (x, y), the pen's way from where it was set down to where it was lifted; the pad
reaches from 0 to 1 each way, and y counts downwards.
"""

import ipywidgets as widgets
import numpy as np
import traitlets

from course.explorers.controls import described

PIXELS = 28  # of an image's side
BOX = 20  # pixels: MNIST's digits were scaled to fit into a square of this side, their proportions kept ...
MIDDLE = 14  # ... and moved so that their centre of mass lies in the middle of this row and column
LINE = 2.8  # pixels: how wide the strokes of MNIST's digits are on average
PEN = 0.08  # of the pad's side: how wide a pen draws on the pad
LEAST = 0.04  # of the pad's side: a smaller drawing is a dot, and stays one
EXAMPLE = (
    (
        (0.33, 0.33), (0.35, 0.27), (0.39, 0.22), (0.45, 0.19), (0.52, 0.18), (0.59, 0.20), (0.64, 0.24),
        (0.66, 0.30), (0.66, 0.37), (0.63, 0.44), (0.58, 0.52), (0.51, 0.60), (0.43, 0.69), (0.34, 0.79),
        (0.44, 0.79), (0.56, 0.79), (0.70, 0.78),
    ),
)  # fmt: skip


class Strokes(widgets.HBox):
    """A drawing as a control: `value` is a tuple of strokes; a button empties it."""

    value = traitlets.Tuple()

    def __init__(self, value=EXAMPLE):
        self.clear = described(widgets.Button(description="Clear"), "empty the pad, for another drawing")
        self.clear.on_click(lambda button: self.set_trait("value", ()))
        super().__init__([self.clear])
        self.value = value

    @traitlets.validate("value")
    def _as_tuples(self, proposal):
        strokes = proposal["value"]
        return tuple(tuple((float(x), float(y)) for x, y in stroke) for stroke in strokes if len(stroke))


def digit_image(strokes):
    """The image of a drawing, scaled and centred as MNIST's digits were: (28, 28) float32 from 0 to 1.

    Strokes get the usual width whatever the pen was, the drawing a box of 20 × 20 pixels, and the centre of
    mass of its grey levels the middle of the image. Nothing drawn gives zeros.
    """
    if not strokes:
        return np.zeros((PIXELS, PIXELS), np.float32)
    points = np.concatenate([np.asarray(stroke, float) for stroke in strokes])
    low, high = points.min(0), points.max(0)
    scale = (BOX - LINE) / max(*(high - low), LEAST)
    middle = (low + high) / 2
    moved = [(np.asarray(stroke, float) - middle) * scale + MIDDLE for stroke in strokes]
    for _ in range(2):  # the first go may leave a little of the ink outside
        image = drawn(moved, LINE)
        centre = [(image.sum(axis) * np.arange(PIXELS)).sum() / image.sum() for axis in (0, 1)]
        moved = [stroke + MIDDLE - np.array(centre) for stroke in moved]
    return drawn(moved, LINE)


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
    lines = [np.stack([stroke, np.roll(stroke, -1, 0)], 1)[: max(len(stroke) - 1, 1)] for stroke in strokes]
    if not lines:
        return np.zeros((PIXELS, PIXELS), np.float32)
    start, end = np.moveaxis(np.concatenate(lines), 1, 0)[:, :, None]  # (S, 1, 2) each
    pixels = np.stack(np.meshgrid(np.arange(PIXELS), np.arange(PIXELS)), -1).reshape(1, -1, 2)
    along = end - start
    share = ((pixels - start) * along).sum(-1) / np.maximum((along**2).sum(-1), 1e-12)  # (S, pixels)
    nearest = start + share.clip(0, 1)[..., None] * along
    distance = np.sqrt(((pixels - nearest) ** 2).sum(-1)).min(0)
    return (width / 2 + 0.5 - distance).clip(0, min(width, 1)).reshape(PIXELS, PIXELS).astype(np.float32)
