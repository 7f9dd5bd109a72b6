"""Small images quick enough for a slider.

matplotlib resamples an image anew at each drawing and fills a mesh cell by cell, some 10 ms for a
dozen digits; copying their pixels, each enlarged to a square of whole pixels, takes a fraction of a
millisecond.
"""

import numpy as np
from matplotlib import colormaps
from matplotlib.artist import Artist

from course.plots.showing import DPI

SIDE = 28  # pixels of an image


class Tiles(Artist):
    """Images centred at places of an axes, one size whatever the axes' limits.

    Args:
        places: (N, 2) x and y of the images' middles in the data's coordinates.
        scale: how many pixels of the page wide and high each pixel of an image is drawn.
        cmap: name of a matplotlib colour map.
        limits: (low, high), the values at its two ends; values beyond count as these.
    """

    def __init__(self, places, scale=3, cmap="gray", limits=(0, 1)):
        super().__init__()
        self.set_zorder(1)
        self._places, self._scale, self._limits = np.asarray(places, dtype=float), scale, limits
        self._colours = colormaps[cmap](np.arange(256), bytes=True)  # (256, 4)
        self._images = np.zeros((0, SIDE, SIDE))

    def set_data(self, images):
        """Show other images: (n, SIDE, SIDE), n <= N; they take the first n places."""
        self._images = np.asarray(images, dtype=float)
        self.stale = True

    def draw(self, renderer):
        """Copy the images; called by matplotlib."""
        low, high = self._limits
        shades = np.rint(255 * np.clip((self._images - low) / (high - low), 0, 1)).astype(np.uint8)
        scale = self._scale * round(renderer.points_to_pixels(72 / DPI))  # the picture's density
        large = shades.repeat(scale, axis=1).repeat(scale, axis=2)
        large = large[:, ::-1]  # the picture's pixels begin at the bottom
        middles = self.axes.transData.transform(self._places[: len(large)])
        gc = renderer.new_gc()
        for image, (x, y) in zip(large, middles, strict=True):
            left, bottom = round(x - image.shape[1] / 2), round(y - image.shape[0] / 2)
            renderer.draw_image(gc, left, bottom, np.ascontiguousarray(self._colours[image]))
        gc.restore()
        self.stale = False
