"""Still pictures: small PNG files with a title, labels and a text alternative; silent above rank 0; no figure
stays open; and the font of the signs of Chinese and Japanese dates."""

import base64
import datetime
import io
import logging
import warnings
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from babel.dates import format_date
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from course import plots
from course.plots import texts

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
    "one map": lambda: plots.maps(
        {"a": np.eye(3, 50)}, title="t", xlabel="x (m)", ylabel="y (s)", alt="Alt."
    ),
    "maps": lambda: plots.maps(
        {name: torch.full((2, 3), 0.1) for name in "abcdefgh"},
        title="t",
        xlabel="x (m)",
        ylabel="y (s)",
        alt="Alt.",
    ),
    "points": lambda: plots.points(
        {name: np.random.default_rng(0).normal(size=(300, 2)) for name in "abcde"},
        title="t",
        alt="Alt.",
        centres=np.eye(2),
        xlabel="x (m)",
    ),
    "scatter": lambda: plots.scatter(
        {"a": ([1, 2], [3, 4])},
        curves={"b": ([0, 3], [2, 5])},
        title="t",
        xlabel="x (m)",
        ylabel="y",
        alt="Alt.",
    ),
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
    monkeypatch.setattr(plots.showing, "display", seen.pictures.append)
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
    if name in ("lines", "bars", "maps", "one map", "scatter"):
        assert figure.axes[0].get_xlabel().startswith("x (")


def test_pictures_leave_no_figure_open_and_draw_the_same_bytes_again(shown):
    DRAWN["lines"]()
    DRAWN["lines"]()
    first, second = shown.pictures
    assert first.png == second.png
    assert plt.get_fignums() == []


LABELS = dict(title="t", xlabel="x", ylabel="y", alt="Alt.")


def test_maps_show_their_numbers_on_one_scale_with_their_names(shown):
    arrays = {"first": torch.tensor([[0.0, 0.5, 1.0], [2.0, 3.0, 4.0]]), "second": np.ones((2, 3))}
    plots.maps(arrays, **LABELS, xnames="uvw", ynames=["p", "q"], limits=(0, 4), scale="weight (nats)")
    first, second, bar = shown.figures[0].axes
    for axes, (name, array) in zip((first, second), arrays.items(), strict=True):
        (image,) = axes.images
        assert np.array_equal(image.get_array(), array) and image.get_clim() == (0, 4)
        assert axes.get_title() == name and axes.get_xlabel() == "x"
        assert [tick.get_text() for tick in axes.get_xticklabels()] == ["u", "v", "w"]
    assert [tick.get_text() for tick in first.get_yticklabels()] == ["p", "q"]
    assert first.get_ylabel() == "y" and bar.get_ylabel() == "weight (nats)"
    dark = first.images[0].cmap([0.0, 0.5, 1.0])[:, :3].sum(1)
    assert dark[0] > dark[1] > dark[2]


def test_a_single_map_has_no_title_of_its_own_and_numbers_its_cells_from_0(shown):
    plots.maps({"a": np.eye(3, 4)}, **LABELS)
    plots.maps({"a": np.eye(10, 20)}, **LABELS)
    axes, bar = shown.figures[0].axes
    assert axes.get_title() == "" and bar.get_ylabel() == "weight" and bar.get_ylim() == (0, 1)
    left, right, bottom, top = axes.images[0].get_extent()
    assert (left, right, bottom, top) == (-0.5, 3.5, 2.5, -0.5)  # cell 0 at 0, the first row above
    for ticks in (figure.axes[0].get_xticks() for figure in shown.figures):
        assert np.array_equal(ticks, ticks.round()) and len(ticks) > 3


def test_points_beyond_the_limit_are_drawn_at_the_edge(shown):
    plots.points({"a": [(0.5, 9.0)], "b": [(-7.0, 0.0)]}, title="t", alt="Alt.", centres=[(1, 1)], limit=2.0)
    first, second = shown.figures[0].axes
    assert [line.get_xydata().tolist() for line in first.lines] == [[[1, 1]], [[0.5, 2]]]
    assert second.lines[1].get_xydata().tolist() == [[-2, 0]]
    assert first.get_title() == "a" and first.get_xlim() == second.get_ylim() == (-2, 2)


def test_scatter_draws_its_clouds_and_curves_over_them(shown):
    x = torch.tensor([1.0, 2.0, 5.0])
    clouds = {"many": (x, x**2), "few": ([3], [-4])}
    curves = {"line": (torch.tensor([0.0, 9.0]), [1, 2]), "other": ([4, 4], [0, 1])}
    plots.scatter(clouds, curves=curves, xlim=(0, 10), ylim=(-5, 30), **LABELS)
    axes = shown.figures[0].axes[0]
    points = [cloud.get_offsets().tolist() for cloud in axes.collections]
    assert points == [[[1, 1], [2, 4], [5, 25]], [[3, -4]]]
    drawn = [line.get_xydata().tolist() for line in axes.lines]
    assert drawn == [[[0, 1], [9, 2]], [[4, 0], [4, 1]]]
    assert axes.get_xlim() == (0, 10) and axes.get_ylim() == (-5, 30) and axes.get_ylabel() == "y"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["many", "few", "line", "other"]
    assert min(line.zorder for line in axes.lines) > max(cloud.zorder for cloud in axes.collections)
    colours = {tuple(cloud.get_facecolor()[0, :3]) for cloud in axes.collections}
    assert len(colours) == len({line.get_color() for line in axes.lines}) == 2
    many, few = axes.collections
    assert few.get_sizes()[0] > many.get_sizes()[0] and few.get_alpha() > many.get_alpha()


def test_a_single_cloud_has_no_legend_and_the_size_that_is_asked_for(shown):
    plots.scatter({"a": ([1, 2], [1, 4])}, size=30, **LABELS)
    (axes,) = shown.figures[0].axes
    assert axes.get_legend() is None and axes.collections[0].get_sizes().tolist() == [30]
    assert axes.get_xlim()[0] < 1 < 2 < axes.get_xlim()[1] and not axes.lines


@pytest.mark.parametrize("xscale", ["linear", "log"])
def test_lines_have_the_scales_that_are_asked_for(shown, xscale):
    plots.lines({"a": ([1, 10, 100], [1, 2, 3])}, **LABELS, xscale=xscale)
    plots.lines({"a": [1, 2, 3]}, **LABELS, yscale=xscale)
    first, second = (figure.axes[0] for figure in shown.figures)
    assert (first.get_xscale(), first.get_yscale()) == (xscale, "linear")
    assert (second.get_xscale(), second.get_yscale()) == ("linear", xscale)
    assert first.lines[0].get_xydata().tolist() == [[1, 1], [10, 2], [100, 3]]
    middle = first.transData.transform([(1, 0), (10, 0), (100, 0)])[:, 0]
    assert (middle[1] - middle[0] == pytest.approx(middle[2] - middle[1])) == (xscale == "log")


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


def needed():
    """Every character of Chinese and Japanese dates that is not ASCII."""
    days = [datetime.date(2021, 1, 1) + datetime.timedelta(days) for days in range(365)]
    styles = [(style, locale) for style in ("short", "medium", "long", "full") for locale in ("zh", "ja")]
    texts = (format_date(day, style, locale=locale) for day in days for style, locale in styles)
    return sorted({character for text in texts for character in text if ord(character) > 127})


def test_the_font_has_every_sign_of_chinese_and_japanese_dates():
    assert set(needed()) == texts.signed() and len(needed()) == 17
    missing = texts._letters("\U0010fffe", 20, "normal", "DejaVu Sans")
    drawn = {
        sign: texts._letters(sign, 20, weight, family).tobytes()
        for sign in needed()
        for weight in ("normal", "bold")
        for family in ("DejaVu Sans", "DejaVu Sans Mono")
    }
    assert len(set(drawn.values())) == 17 and missing.tobytes() not in drawn.values()


def test_a_line_mixes_both_fonts_on_one_base_line():
    date, digits, sign = (
        texts._letters(text, 20, "normal", "DejaVu Sans") for text in ("2021年", "2021", "年")
    )
    assert date.shape[0] == digits.shape[0] == sign.shape[0]
    assert abs(date.shape[1] - digits.shape[1] - sign.shape[1]) <= 1
    assert np.array_equal(date[:, -sign.shape[1] + 2 :].any(1), sign.any(1))
    rows = [np.flatnonzero(image[:, : digits.shape[1] - 2, 3].any(1)) for image in (date, digits)]
    assert abs(rows[0][0] - rows[1][0]) <= 1 and abs(rows[0][-1] - rows[1][-1]) <= 1


@pytest.mark.parametrize("weight", ["normal", "bold"])
def test_still_pictures_write_the_signs_without_a_warning(weight, caplog):
    plots.set_style()
    plots.set_style()  # registers the font once
    assert [font.name for font in plots.showing.fontManager.ttflist].count(plots.showing.SIGNS_NAME) == 2
    pictures = set()
    with warnings.catch_warnings(), caplog.at_level(logging.WARNING):
        warnings.simplefilter("error")
        for sign in needed():
            figure = Figure((1, 1))
            figure.text(0.5, 0.5, f"5{sign}", weight=weight)
            canvas = FigureCanvasAgg(figure)
            canvas.draw()
            pictures.add(bytes(canvas.buffer_rgba()))
    assert len(pictures) == len(needed()) and not caplog.records
