"""The loss of a training while it goes on: a small picture that takes some 15 ms a frame."""

import base64
import io
import math

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image

from course.plots.showing import COLOURS, DPI

WIDTH, HEIGHT = 560, 260  # CSS pixels; the picture has twice as many each way
SMOOTH = 100  # steps; at the beginning a tenth of those that are done
FALL = 5  # a loss that falls to less than one part in so many is drawn on a logarithmic axis
SAME_SCALE = ("loss", "validation")  # a measure whose name ends so is drawn on the loss's axis


class LossCurve:
    """The losses of a run, each step faint and smoothed on top; and samples beside them, where there are any.

    A notebook shows the frame that was drawn last. All but curves, title and samples is a background that is
    kept from frame to frame, until the axis or the names beside it change.

    Args:
        last, per_epoch: how many steps the run has, and an epoch.
        beside: whether there are samples.
    """

    def __init__(self, last, per_epoch, beside=False):
        self.last, self.per_epoch, self.png = last, per_epoch, b""
        self.alt = f"The loss of a training at each step, and smoothed{', with samples' * beside}."
        self.figure = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=2 * DPI)
        self.canvas = FigureCanvasAgg(self.figure)
        self.title = self.figure.text(0.02, 0.94, "", fontsize=10, va="center", animated=True)
        right = 0.605 if beside else 0.965
        grey = {"fontsize": 8.5, "color": "0.4", "ha": "right", "va": "center"}
        self.left = self.figure.text(right, 0.055, "", animated=True, **grey)
        self.axes = self.figure.add_axes((0.12, 0.17, right - 0.12, 0.62), xlim=(0, last))
        self.axes.set_xlabel("step", fontsize=9, labelpad=1)
        self.axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        self.axes.tick_params(labelsize=8.5)
        self.axes.grid(True)
        self.samples = None
        self.faint, self.lines, self.scale, self.background = {}, {}, None, None

    def draw(self, history, left="", samples=None):
        """Draw the next frame.

        Args:
            history: the History of the run, as far as it is.
            left: how long the run will still take, as text.
            samples: (n, 2) points or (n, [1,] H, W) images; None for those of the frame before.
        """
        done = len(history.losses)
        curves, measured, told = _parts(history, self.per_epoch)
        if self.lines.keys() != curves.keys() | measured.keys():
            self._name(list(curves), list(measured))
        if self.scale != (scale := _scale(curves, measured)):
            self._set_scale(*scale)
        for name, values in curves.items():
            steps = np.linspace(done / len(values), done, len(values))
            self.faint[name].set_data(steps, values)
            self.lines[name].set_data(steps, smoothed(values))
        for name, places in measured.items():
            self.lines[name].set_data(*places)
        recent = ", ".join(f"{name} {history.recent(values):.3g}" for name, values in curves.items())
        recent = recent.replace("training loss", "Training loss")
        title = "; ".join((f"{recent} after {done:,} of {self.last:,} steps", *told))
        self.title.set(text=title, fontsize=min(10, 740 / len(title)))
        self.left.set_text(left)
        if samples is not None:
            self._show_samples(np.asarray(samples))
        self._render()

    def _name(self, curves, measures):
        """New lines and a legend."""
        several = len(curves) + len(measures) > 1
        for line in (*self.faint.values(), *self.lines.values()):
            line.remove()
        self.faint, self.lines = {}, {}
        for name, colour in zip((*curves, *measures), COLOURS, strict=False):
            style = {"color": colour, "animated": True, "label": name if several else "smoothed"}
            if name in curves:
                (self.faint[name],) = self.axes.plot([], [], alpha=0.3, linewidth=0.7, **style)
                (self.lines[name],) = self.axes.plot([], [], **style)
            else:
                (self.lines[name],) = self.axes.plot([], [], "o", ms=4, clip_on=False, **style)
        self.faint[curves[0]].set_label("each step")
        self.axes.set_ylabel("loss" if several else curves[0], fontsize=9)
        self.axes.yaxis.set_label_coords(0.033, 0.48, self.figure.transFigure)
        self.figure.legends.clear()
        self.figure.legend(
            handles=[self.faint[curves[0]], *self.lines.values()], loc="center left", ncols=5, borderpad=0,
            bbox_to_anchor=(0.008, 0.85), fontsize=8.5, handlelength=1.6, columnspacing=1.4,
        )  # fmt: skip
        self.background = None

    def _set_scale(self, ticks, log):
        self.scale = ticks, log
        shown = ticks if len(ticks) < 10 else [tick for tick in ticks if math.log10(tick) % 1 == 0]
        self.axes.set(ylim=(ticks[0], ticks[-1]), yscale="log" if log else "linear")
        self.axes.set_yticks(shown, [f"{tick:.4g}" for tick in shown])
        self.axes.minorticks_off()
        self.background = None

    def _show_samples(self, samples):
        """Put samples into their panel: points, both axes from -3 to 3, or images in rows."""
        points = samples.ndim == 2
        if self.samples is None:
            panel = self.figure.add_axes((0.68, 0.17, 0.3, 0.62) if points else (0.66, 0.04, 0.32, 0.76))
            panel.set_title("samples", fontsize=8.5)
            if points:
                panel.set(xlim=(-3, 3), ylim=(-3, 3), aspect="equal", xticks=(-2, 0, 2), yticks=(-2, 0, 2))
                panel.set_xlabel("x₁", fontsize=9, labelpad=1)
                panel.set_ylabel("x₂", fontsize=9, labelpad=-4)
                panel.tick_params(labelsize=8.5)
                (self.samples,) = panel.plot([], [], ".", color=COLOURS[0], ms=2, animated=True)
            else:
                panel.set_axis_off()
                self.samples = panel.imshow(mosaic(samples), cmap="gray", vmin=0, vmax=1, animated=True)
            self.background = None
        self.samples.set_data(*(np.clip(samples, -3, 3).T if points else [mosaic(samples)]))

    def _render(self):
        if self.background is None:
            self.canvas.draw()
            self.background = self.canvas.copy_from_bbox(self.figure.bbox)
        else:
            self.canvas.restore_region(self.background)
        moving = *self.faint.values(), *self.lines.values(), self.samples, self.title, self.left
        for artist in filter(None, moving):
            self.figure.draw_artist(artist)
        size = self.canvas.get_width_height()
        picture = Image.frombuffer("RGBA", size, self.canvas.buffer_rgba(), "raw", "RGBA", 0, 1)
        colours = picture.convert("RGB").quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        palette, ground = colours.getpalette(), 3 * colours.getpixel((0, 0))
        palette[ground : ground + 3] = 255, 255, 255  # it comes out as 254
        colours.putpalette(palette)
        file = io.BytesIO()
        colours.save(file, "PNG", compress_level=1)
        self.png = file.getvalue()

    def _repr_mimebundle_(self, include=None, exclude=None):
        image = base64.b64encode(self.png).decode("ascii")
        size = {"alt": self.alt, "width": WIDTH, "height": HEIGHT}
        return {"image/png": image, "text/plain": f"[picture] {self.alt}"}, {"image/png": size}


def _parts(history, per_epoch):
    """(curves, measured, told): dicts of name to losses and of name to (steps, values); texts."""
    logged = {name: values for name, values in history.logged.items() if name.endswith("loss")}
    # Where the loss of the first update was logged under a name of its own, it has that name.
    curves = logged if history.losses in logged.values() else {"training loss": history.losses} | logged
    measured, told = {}, []
    for name in list(history.epochs[-1])[1:] if history.epochs else ():
        rows = [(row["epoch"] * per_epoch, row[name]) for row in history.epochs if name in row]
        if name.endswith(SAME_SCALE) and name != "loss":  # "loss" is the epoch's mean
            measured[name] = tuple(zip(*rows, strict=True))
        elif name != "loss":
            told.append(f"{name} {rows[-1][1]:.3g} after epoch {history.epochs[-1]['epoch']}")
    return curves, measured, told


def smoothed(losses):
    """At each step the mean of the last `SMOOTH` losses, or of the last tenth."""
    sums = np.cumsum([0.0, *losses])
    ends = np.arange(1, len(sums))
    spans = np.minimum(SMOOTH, -(-ends // 10))
    return (sums[ends] - sums[ends - spans]) / spans


def _scale(curves, measured):
    """(ticks, whether the axis is logarithmic): round numbers around all but a few of the losses."""
    values = [np.percentile(losses, (3, 99.5)) for losses in curves.values()]
    values = np.concatenate(values + [places[1] for places in measured.values()])
    values = values[np.isfinite(values)] if np.isfinite(values).any() else np.array([0.0, 1.0])
    low, high = values.min(), values.max()
    if not 0 < FALL * low < high:
        return tuple(MaxNLocator(5).tick_values(low, high)), False
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    first = max(i for i, tick in enumerate(ticks) if tick <= low)
    last = min(i for i, tick in enumerate(ticks) if tick >= high)
    return tuple(ticks[first : last + 1]), True


def mosaic(images):
    """Images (n, [1,] H, W) in rows on white, as many to the right as down, as one image."""
    images = images.reshape(len(images), *images.shape[-2:])
    side = math.ceil(math.sqrt(len(images)))
    padded = np.pad(images, ((0, side * side - len(images)), (1, 1), (1, 1)), constant_values=1)
    rows = padded.reshape(side, side, *padded.shape[1:])
    return rows.transpose(0, 2, 1, 3).reshape(side * padded.shape[1], -1)
