"""Texts quick enough for a slider.

matplotlib lays out and renders every text anew at each drawing, 2 to 4 ms a short line; Pillow writes one in
a tenth of a millisecond. These artists write with Pillow into the same figure, in matplotlib's own font.
"""

from functools import lru_cache
from itertools import groupby
from pathlib import Path

import numpy as np
from matplotlib.artist import Artist
from matplotlib.font_manager import FontProperties, findfont
from matplotlib.ft2font import FT2Font
from PIL import Image, ImageDraw, ImageFont

SIGNS = Path(__file__).parent / "font" / "signs.otf"  # Chinese and Japanese signs, which DejaVu lacks


class Texts(Artist):
    """Short texts at places of an axes: letters below a curve, names beside bars, a page of characters.

    Places are in the data's coordinates, unless `set_transform` says otherwise.

    Args:
        size: height of the letters in points.
        family, weight: of the font, one that matplotlib brings: "DejaVu Sans" or "DejaVu Sans Mono".
        align: which part of a text stands at its place: 0 its left end, 0.5 its middle, 1 its right end.
    """

    def __init__(self, size=9, family="DejaVu Sans Mono", weight="normal", align=0.5):
        super().__init__()
        self.set_zorder(3)
        self._font, self._align = (size, weight, family), align
        self._places, self._texts = np.zeros((0, 2)), ()

    def set_data(self, x, y, texts):
        """Show other texts: a sequence, or a string's letters; x, y: their places, sequences or numbers."""
        self._places = np.stack(np.broadcast_arrays(x, y, np.zeros(len(texts)))[:2], 1)
        self._texts = texts
        self.stale = True

    def draw(self, renderer):
        """Write the texts; called by matplotlib."""
        if self.get_visible() and len(self._texts):
            places = self.get_transform().transform(self._places)
            for (x, y), text in zip(places, self._texts, strict=True):
                _write(renderer, x, y, text, *self._font, align=self._align)
        self.stale = False


class Numbers(Texts):
    """The entries of a matrix, written at the cell centres (column, row) of an axes.

    Args:
        formats: how a number is written.
    """

    def __init__(self, formats):
        super().__init__(family="DejaVu Sans")
        self._formats = formats

    def set_data(self, array):
        """Show another (H, W) matrix."""
        rows, columns = np.indices(np.shape(array)).reshape(2, -1)
        texts = [self._formats.format(number) for number in np.asarray(array, dtype=float).flat]
        no_minus_zero = [text if text.strip("-0.") else text.lstrip("-") for text in texts]
        super().set_data(columns, rows, [text.replace("-", "−") for text in no_minus_zero])


class Caption(Artist):
    """Lines of text centred at a place of an axes; where a title or a result changes with a slider.

    Args:
        x, y: the place of the middle of the first line, in fractions of the axes: (0.5, 1.1) is above it.
        size: height of the letters in points.
        weight: "normal" or "bold".
    """

    def __init__(self, x, y, size=10, weight="normal"):
        super().__init__()
        self._place, self._size, self._weight, self.text = (x, y), size, weight, ""

    def set_text(self, text):
        """Show another text; lines are separated by a newline."""
        if text != self.text:
            self.text = text
            self.stale = True

    def draw(self, renderer):
        """Write the text; called by matplotlib."""
        x, y = self.axes.transAxes.transform(self._place)
        for i, line in enumerate(self.text.split("\n")):
            below = 1.25 * i * renderer.points_to_pixels(self._size)
            _write(renderer, x, y - below, line, self._size, self._weight)
        self.stale = False


def _write(renderer, x, y, text, points, weight="normal", family="DejaVu Sans", align=0.5):
    """Write one line, black; the middle of its height (of its width: see `Texts`) at (x, y) in pixels from
    the lower left corner.
    """
    letters = _letters(text, renderer.points_to_pixels(points), weight, family)
    height, width = letters.shape[:2]
    gc = renderer.new_gc()
    renderer.draw_image(gc, round(x - align * width), round(y - height / 2), letters)
    gc.restore()


@lru_cache(maxsize=4096)
def _letters(text, pixels, weight, family):
    """A line of text as an (H, W, 4) uint8 image, black on nothing; all of one size have one height."""
    font = ImageFont.truetype(findfont(FontProperties(family=family, weight=weight)), pixels)
    if signed().isdisjoint(text):
        mask = Image.new("L", (max(1, round(font.getlength(text))), round(1.4 * pixels)))
        ImageDraw.Draw(mask).text((mask.width / 2, mask.height / 2), text, fill=255, font=font, anchor="mm")
    else:
        mask = _mixed(text, font, ImageFont.truetype(str(SIGNS), pixels), round(1.4 * pixels))
    letters = np.zeros((mask.height, mask.width, 4), dtype=np.uint8)
    letters[..., 3] = np.asarray(mask)
    return np.ascontiguousarray(np.flipud(letters))  # matplotlib's pixels begin at the bottom


def _mixed(text, font, signs, height):
    """A line of text whose `signed` characters are written in another font, on one base line: an image."""
    parts = [("".join(part), signs if has else font) for has, part in groupby(text, signed().__contains__)]
    lengths = [font.getlength(part) for part, font in parts]
    up, down = font.getmetrics()
    mask, x = Image.new("L", (max(1, round(sum(lengths))), height)), 0
    for (part, font), length in zip(parts, lengths, strict=True):
        ImageDraw.Draw(mask).text((x, (height + up - down) / 2), part, fill=255, font=font, anchor="ls")
        x += length
    return mask


@lru_cache(maxsize=1)
def signed():
    """The characters that the font file `SIGNS` has, a frozenset."""
    return frozenset(map(chr, FT2Font(str(SIGNS)).get_charmap()))
