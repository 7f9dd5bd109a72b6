"""A figure that is updated, not redrawn: from a state to a picture, quickly enough for a hand that moves."""

import io

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from course.plots import DPI

WIDEST, HIGHEST = 8.4, 4.0  # inches: JupyterLab's output beside its side bar, and controls above it
QUICK, CRISP = 1, 2  # pixels of the picture for one of the page


class Picture:
    """A persistent figure that turns a state into a picture, quickly enough for a slider.

    `build` makes every artist once, with room for the longest labels, and the layout is fixed then. The
    artists that it returns are redrawn over a saved background at each call; whatever else `update` changed
    (an axis limit, say) makes the background stale, and matplotlib's own `figure.stale` tells: only then all
    is drawn again.

    Args:
        build: function (figure) -> dict of name to an artist or a list of artists: those that change with
            the state. A panel that the pointer reaches has a label: `axes.set_label("plane")`. The text of an
            artist named "caption" is also read to whoever cannot see it.
        update: function (artists, state) -> None, sets their data.
        size: (width, height) in inches of 100 of the page's pixels.
    Raises:
        ValueError: a size that does not fit beside JupyterLab's side bar.
    """

    _crisp = None  # the picture that was last drawn at full density

    def __init__(self, build, update, size):
        if size[0] > WIDEST or size[1] > HIGHEST:
            raise ValueError(f"A picture of {size} inches does not fit: at most {WIDEST} × {HIGHEST}.")
        self.figure = Figure(figsize=size, dpi=DPI, layout="constrained", facecolor="white")
        self.canvas = FigureCanvasAgg(self.figure)
        self.artists = build(self.figure)
        self._update = update
        self._moving = sorted(_flat(self.artists), key=lambda artist: artist.get_zorder())
        self._backgrounds = {}  # by density
        self._fix_layout()
        self.size = tuple(round(DPI * inches) for inches in size)

    def draw(self, state, density=CRISP):
        """The picture of a state, a PIL image; the density as for `png`."""
        self._update(self.artists, state)
        if self.figure.stale:
            self._backgrounds.clear()
        self.figure.dpi = density * DPI
        if density in self._backgrounds:
            self.canvas.get_renderer()  # of this size
            self.canvas.restore_region(self._backgrounds[density])
        else:
            self.canvas.draw()  # all but the animated artists
            self._backgrounds[density] = self.canvas.copy_from_bbox(self.figure.bbox)
        self.figure.stale = False
        for artist in self._moving:
            artist.axes.draw_artist(artist)
        image = Image.fromarray(np.asarray(self.canvas.buffer_rgba())[..., :3])
        if density > QUICK:
            self._give_room()
        return image

    def png(self, state, density=CRISP):
        """The picture of a state as bytes of a PNG file, lightly compressed.

        Args:
            state: what `Explorer.state` returns.
            density: pixels of the picture for one of the page.
        """
        return _file(self.draw(state, density), "PNG", compress_level=1)

    def jpeg(self, state):
        """The picture of a state while a hand moves: bytes of a JPEG file of single density."""
        return _file(self.draw(state, QUICK), "JPEG", quality=90, subsampling=0)

    def caption(self):
        """The text that stands above the picture now; empty where there is none."""
        return getattr(self.artists.get("caption"), "text", "")

    def panels(self):
        """Where each panel lies: dict of its label to (left, top, width, height), in fractions."""
        places = {}
        for axes in self.figure.axes:
            box = axes.get_window_extent().transformed(self.figure.transFigure.inverted())
            places[axes.get_label()] = tuple(map(float, (box.x0, 1 - box.y1, box.width, box.height)))
        return places

    def data_at(self, panel, x, y):
        """A place of the picture, fractions from its upper left corner, in a panel's data coordinates.

        Args:
            panel: its label.
            x, y: floats, or equally many in two sequences.
        Returns:
            (x, y) of the data, floats or arrays.
        """
        [axes] = [axes for axes in self.figure.axes if axes.get_label() == panel]
        places = np.stack([np.asarray(x), 1 - np.asarray(y)], -1)
        pixels = self.figure.transFigure.transform(places.reshape(-1, 2))
        return axes.transData.inverted().transform(pixels).reshape(places.shape).T

    def _give_room(self):
        """Free what a crisp picture needs, 5 MB of canvas and as much of background; the background of the
        last one stays, since a hand moves one picture at a time and a notebook holds many.
        """
        if Picture._crisp not in (None, self):
            Picture._crisp._backgrounds.pop(CRISP, None)
        Picture._crisp = self
        self.figure.dpi = QUICK * DPI
        self.canvas.get_renderer()  # a small one in the large one's place
        self.figure.stale = False

    def _fix_layout(self):
        """Lay the panels out once, around what `build` has put there, then keep them where they are."""
        self.figure.draw_without_rendering()
        self.figure.set_layout_engine("none")
        for artist in self._moving:
            artist.set_animated(True)


def _flat(artists):
    for value in artists.values():
        yield from value if isinstance(value, list | tuple) else (value,)


def _file(image, form, **settings):
    """The bytes of an image file."""
    file = io.BytesIO()
    image.save(file, form, **settings)
    return file.getvalue()
