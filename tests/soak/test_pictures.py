"""The committed pictures are those that the chapters draw: nbval compares texts alone.

Coarsely, since a training drifts a little from processor to processor, and a font by a pixel from version
to version. Both pictures are averaged over squares of 16 pixels, and the grey values of the squares may
differ by `MOST` of 255 on average. Of the 94 pictures of six chapters no two of one size are closer than
3.5, and a left third left white changes each by at least 1.5; all moved by a pixel changes the middle one
by 0.8.
"""

import asyncio
import base64
import io

import nbformat
import numpy as np
import pytest
from PIL import Image

import notebooks
from course import chapters

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]
SQUARE = 16
MOST = 1.5


def pictures(notebook):
    """Each picture of a notebook as (its cell's source, an array of grey values)."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if png := output.get("data", {}).get("image/png"):
                picture = Image.open(io.BytesIO(base64.b64decode(png)))
                yield cell.source, np.asarray(picture.convert("L"), dtype=float)


def difference(first, second):
    """The mean difference of two pictures of one size, averaged over squares."""
    height, width = (length // SQUARE * SQUARE for length in first.shape)
    change = (first - second)[:height, :width]
    squares = change.reshape(height // SQUARE, SQUARE, width // SQUARE, SQUARE).mean(axis=(1, 3))
    return np.abs(squares).mean()


@pytest.mark.parametrize("source", chapters.paths(), ids=lambda path: path.stem)
def test_committed_pictures_are_what_the_chapter_draws(source):
    fresh = notebooks.convert(source)
    asyncio.run(notebooks.execute(fresh, source.stem))
    committed = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    for (cell, new), (_, old) in zip(pictures(fresh), pictures(committed), strict=True):
        assert new.shape == old.shape, f"another size below\n{cell}"
        assert difference(new, old) <= MOST, f"another picture below\n{cell}"
