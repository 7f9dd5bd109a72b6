"""Still pictures: small PNG files with a title, labels and a text alternative; silent above rank 0; no figure
stays open."""

import base64
import io
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from course import plots

DRAWN = {
    "lines": lambda: plots.lines(
        {"a": [3, 2, 1], "b": ([1, 3], [2, 2])},
        title="t",
        xlabel="x (s)",
        ylabel="y (nats)",
        alt="Alt.",
        marks=[(2, "m")],
    ),
    "bars": lambda: plots.bars(
        {"a": 1.0, "b": 2.5}, title="t", xlabel="x (%)", alt="Alt.", errors={"a": (0.5, 2)}, mark=(2, "m")
    ),
    "images": lambda: plots.images(
        torch.rand(7, 1, 5, 4), title="t", alt="Alt.", names=list("abcdefg"), columns=3
    ),
    "signed images": lambda: plots.images(torch.randn(3, 5, 4), title="t", alt="Alt.", signed=True),
    "one grid": lambda: plots.grids({"a": np.eye(10)}, title="t", alt="Alt.", size=3),
    "grids": lambda: plots.grids({"a": np.eye(2), "b": -np.ones((3, 4))}, title="t", alt="Alt."),
}


@pytest.fixture
def shown(monkeypatch):
    """What was displayed: figures and pictures."""
    seen = SimpleNamespace(figures=[], pictures=[])
    draw = FigureCanvasAgg.print_png

    def print_png(canvas, *args, **kwargs):
        seen.figures.append(canvas.figure)
        draw(canvas, *args, **kwargs)

    monkeypatch.setattr(FigureCanvasAgg, "print_png", print_png)
    monkeypatch.setattr(plots, "display", seen.pictures.append)
    return seen


@pytest.mark.parametrize("name", DRAWN)
def test_every_picture_is_small_titled_and_has_a_text(shown, name):
    DRAWN[name]()
    (figure,), (picture,) = shown.figures, shown.pictures
    bundle, metadata = picture._repr_mimebundle_()
    image = Image.open(io.BytesIO(base64.b64decode(bundle["image/png"])))
    assert image.mode == "P" and len(image.getpalette()) <= 3 * 256 and image.width <= 1000
    assert bundle["text/plain"] == "[picture] Alt." and metadata["image/png"]["alt"] == "Alt."
    titles = [axes.get_title() for axes in figure.axes] + [figure.get_suptitle()]
    assert "t" in titles
    if name in ("lines", "bars"):
        assert figure.axes[0].get_xlabel().startswith("x (")


def test_pictures_leave_no_figure_open_and_draw_the_same_bytes_again(shown):
    DRAWN["lines"]()
    DRAWN["lines"]()
    first, second = shown.pictures
    assert first.png == second.png
    assert plt.get_fignums() == []


def test_nothing_is_shown_above_rank_0(shown, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    plots.show(Figure(), "Alt.")
    assert not shown.pictures


def test_quantised_pictures_look_the_same():
    x = np.linspace(0, 255, 90)
    pixels = np.stack(np.broadcast_arrays(x[:, None], x[None], 128), -1).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    again = np.asarray(Image.open(io.BytesIO(plots.quantised(file.getvalue()))).convert("RGB"))
    assert np.abs(again.astype(int) - pixels).mean() < 8
