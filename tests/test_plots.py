"""Still pictures: small PNG files with a title, labels and a text alternative; silent above rank 0; no figure
stays open; and the font of the signs of Chinese and Japanese dates."""

import base64
import datetime
import io
import itertools
import logging
import re
import shutil
import warnings
from types import SimpleNamespace
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from babel.dates import format_date
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

import diagrams
from course import chapters, plots, training
from course.plots import texts
from course.plots.tiles import SIDE, Tiles

LABELS = dict(title="t", xlabel="x (s)", ylabel="y", alt="test.drawn")
PLAIN = dict(title="t", alt="test.drawn")
CLOUD = np.random.default_rng(0).normal(size=(300, 2))
DRAWN = {
    "lines": lambda: plots.lines({"a": [3, 2, 1], "b": ([1, 3], [2, 2])}, **LABELS, marks=[(2, "m")]),
    "bars": lambda: plots.bars(
        {"a": 1.0, "b": 2.5}, xlabel="x (s)", **PLAIN, errors={"a": (0.5, 2)}, mark=(2, "m")
    ),
    "images": lambda: plots.images(torch.rand(7, 1, 5, 4), **PLAIN, names=list("abcdefg"), columns=3),
    "signed images": lambda: plots.images(torch.randn(3, 5, 4), **PLAIN, signed=True),
    "one grid": lambda: plots.grids({"a": np.eye(10)}, **PLAIN, size=3),
    "one map": lambda: plots.maps({"a": np.eye(3, 50)}, **LABELS),
    "maps": lambda: plots.maps({name: torch.full((2, 3), 0.1) for name in "abcdefgh"}, **LABELS),
    "points": lambda: plots.points({name: CLOUD for name in "abcde"}, **PLAIN, centres=np.eye(2)),
    "scatter": lambda: plots.scatter({"a": ([1, 2], [3, 4])}, curves={"b": ([0, 3], [2, 5])}, **LABELS),
    "grids": lambda: plots.grids({"a": np.eye(2), "b": -np.ones((3, 4))}, **PLAIN),
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
    monkeypatch.setattr(plots.showing, "_alternatives", lambda: {"test.drawn": "Alt."})
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


def test_a_picture_without_a_written_alternative_has_its_title(shown):
    plots.lines({"a": [1, 2]}, title="What falls", xlabel="x", ylabel="y")
    assert shown.pictures[0].alt == "What falls"
    with pytest.raises(KeyError, match="no.such"):
        plots.lines({"a": [1, 2]}, title="t", xlabel="x", ylabel="y", alt="no.such")


def test_every_alternative_is_one_sentence_of_one_picture_in_a_chapter():
    written = plots.showing._alternatives()
    named = [re.findall(r'\balt="([^"]+)"', path.read_text(encoding="utf-8")) for path in chapters.paths()]
    assert sorted(written) == sorted(itertools.chain(*named))
    assert all(re.fullmatch(r"[A-Z0-9].{20,}\.", text) for text in written.values())


def test_pictures_leave_no_figure_open_and_draw_the_same_bytes_again(shown):
    DRAWN["lines"]()
    DRAWN["lines"]()
    first, second = shown.pictures
    assert first.png == second.png
    assert plt.get_fignums() == []


def test_maps_show_their_numbers_on_one_scale_with_their_names_and_number_their_cells_from_0(shown):
    arrays = {"first": torch.tensor([[0.0, 0.5, 1.0], [2.0, 3.0, 4.0]]), "second": np.ones((2, 3))}
    plots.maps(arrays, **LABELS, xnames="uvw", limits=(0, 4))
    *panels, bar = shown.figures[0].axes
    for axes, (name, array) in zip(panels, arrays.items(), strict=True):
        (image,) = axes.images
        assert np.array_equal(image.get_array(), array) and image.get_clim() == (0, 4)
        assert tuple(image.get_extent()) == (-0.5, 2.5, 1.5, -0.5)  # cell 0 at 0, the first row above
        assert axes.get_title() == name and axes.get_xlabel() == "x (s)"
        assert [tick.get_text() for tick in axes.get_xticklabels()] == ["u", "v", "w"]
    ticks = panels[0].get_yticks()
    assert np.array_equal(ticks, ticks.round()) and bar.get_ylabel() == "weight"
    dark = image.cmap([0.0, 0.5, 1.0])[:, :3].sum(1)
    assert dark[0] > dark[1] > dark[2]


def test_points_beyond_the_limit_are_drawn_at_the_edge(shown):
    plots.points({"a": [(0.5, 9.0)], "b": [(-7.0, 0.0)]}, **PLAIN, centres=[(1, 1)])
    first, second = shown.figures[0].axes
    assert [line.get_xydata().tolist() for line in first.lines] == [[[1, 1]], [[0.5, 3]]]
    assert second.lines[1].get_xydata().tolist() == [[-3, 0]]
    assert first.get_title() == "a" and first.get_xlim() == second.get_ylim() == (-3, 3)


def test_scatter_draws_its_clouds_and_curves_over_them(shown):
    x = torch.tensor([1.0, 2.0, 5.0])
    clouds, curves = {"many": (x, x**2), "few": ([3], [-4])}, {"line": (torch.tensor([0.0, 9.0]), [1, 2])}
    plots.scatter(clouds, curves=curves, **LABELS)
    axes = shown.figures[0].axes[0]
    points = [cloud.get_offsets().tolist() for cloud in axes.collections]
    assert points == [[[1, 1], [2, 4], [5, 25]], [[3, -4]]]
    assert axes.lines[0].get_xydata().tolist() == [[0, 1], [9, 2]]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["many", "few", "line"]


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
    plots.show(Figure())
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


def written(text, family="DejaVu Sans Mono", weight="normal"):
    """A text as `Texts` writes it: (H, W) darkness, 0 to 255."""
    figure = Figure(figsize=(2, 0.5), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, 1), ylim=(0, 1))
    axes.set_axis_off()
    axes.add_artist(texts.Texts(14, family, weight, align=0)).set_data([0.05], [0.5], [text])
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return 255 - np.asarray(canvas.buffer_rgba())[..., 0].astype(int)


def test_the_font_has_every_sign_of_chinese_and_japanese_dates():
    assert set(needed()) == texts.signed() and len(needed()) == 17
    drawn = {written(sign, weight=weight).tobytes() for sign in needed() for weight in ("normal", "bold")}
    assert len(drawn) == 17 and written("\U0010fffe").tobytes() not in drawn


def test_a_line_mixes_both_fonts_on_one_base_line():
    date, digits = written("2021年", "DejaVu Sans"), written("2021", "DejaVu Sans")
    width = np.flatnonzero(digits.any(0)).max()
    rows = [np.flatnonzero(image[:, :width].any(1)) for image in (date, digits)]
    assert abs(rows[0][0] - rows[1][0]) <= 1 and abs(rows[0][-1] - rows[1][-1]) <= 1
    assert 10 < np.flatnonzero(date.any(0)).max() - width < 30  # the sign, to the right


def test_tiles_are_the_images_enlarged_upright_and_in_their_places():
    figure = Figure(figsize=(2, 1), dpi=100)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, 200), ylim=(100, 0))
    axes.set_axis_off()
    tiles = axes.add_artist(Tiles([(42, 42), (142, 50)]))
    images = np.random.default_rng(0).random((2, SIDE, SIDE))
    tiles.set_data(images)
    canvas.draw()
    seen = np.asarray(canvas.buffer_rgba())[..., 0] / 255
    for image, left, top in zip(images, (0, 100), (0, 8), strict=True):
        large = image.repeat(3, 0).repeat(3, 1)
        assert np.abs(seen[top : top + 84, left : left + 84] - large).max() < 0.008  # two of 255 shades
    assert (seen[:, 84:100] == 1).all()


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


# The loss of a training

FALLING = np.geomspace(2.3, 0.02, 300).tolist()


def history(losses, logged=(), epochs=()):
    return training.History(losses=list(losses), logged=dict(logged), epochs=list(epochs))


def rows(count, **measures):
    return [{"epoch": epoch + 1, "loss": 1.0, **measures} for epoch in range(count)]


@pytest.mark.parametrize(
    ("losses", "scale", "limits"),
    [
        (FALLING, "log", (0.02, 5)),
        ([4.3, *np.linspace(4, 1, 99)], "linear", (0.8, 4.8)),
        ([-2.0, 3.0, 1.0], "linear", (-2, 3)),
        ([7.0], "linear", None),
        ([float("nan")], "linear", None),
    ],
)
def test_a_loss_that_falls_far_is_on_a_logarithmic_axis_between_round_numbers(losses, scale, limits):
    curve = plots.LossCurve(300, 100)
    curve.draw(history(losses))
    assert curve.axes.get_yscale() == scale and curve.axes.get_xlim() == (0, 300)
    assert limits is None or curve.axes.get_ylim() == pytest.approx(limits)


def test_a_loss_is_smoothed_over_100_steps_or_a_tenth_of_those_before():
    losses = np.random.default_rng(0).random(2000)
    for step, mean in enumerate(plots.losses.smoothed(losses), 1):
        span = min(100, -(-step // 10))
        assert mean == pytest.approx(losses[step - span : step].mean())


def test_what_the_title_and_the_axes_of_a_loss_say():
    curve = plots.LossCurve(400, 100)
    curve.draw(history(FALLING, epochs=rows(3, accuracy=0.5)), left="12 s left")
    assert curve.title.get_text() == "Training loss 0.0486 after 300 of 400 steps; accuracy 0.5 after epoch 3"
    assert (curve.axes.get_xlabel(), curve.axes.get_ylabel()) == ("step", "training loss")
    curve.draw(history(FALLING, epochs=rows(3, validation=0.25)))
    assert (
        curve.title.get_text() == "Training loss 0.0486 after 300 of 400 steps" and not curve.left.get_text()
    )
    assert np.array_equal(
        np.transpose(curve.lines["validation"].get_data()), [[n, 0.25] for n in (100, 200, 300)]
    )
    assert curve.axes.get_ylabel() == "loss"
    curve.draw(history(FALLING[:20], {"d_loss": FALLING[:20], "g_loss": [3.0, 1.0], "kl": [5.0] * 20}))
    assert curve.title.get_text().endswith(", g_loss 2 after 20 of 400 steps") and "d_loss" in curve.lines
    assert curve.lines.keys() == {"d_loss", "g_loss"} and list(curve.lines["g_loss"].get_xdata()) == [10, 20]
    assert [text.get_text() for text in curve.figure.legends[0].texts] == ["each step", "d_loss", "g_loss"]


@pytest.mark.parametrize("samples", [None, CLOUD, np.ones((30, 28, 28))], ids=["alone", "points", "images"])
@pytest.mark.parametrize("size", [1e-7, 1.0, 1e6])
def test_a_frame_is_the_picture_drawn_at_once_and_nothing_of_it_is_cut(samples, size):
    frames, at_once = (plots.LossCurve(1000, 100, beside=samples is not None) for _ in range(2))
    losses, measures = [size * loss for loss in FALLING], {"long_named_loss": [size] * 9}
    for steps in (1, 2, 7, 40, 41, 300):
        seen = history(losses[:steps], epochs=rows(steps // 100, accuracy=0.123456))
        seen.logged = {} if samples is None else {"d_loss": losses[:steps], **measures}
        frames.draw(seen, left="1234 s left", samples=samples)
    at_once.draw(seen, left="1234 s left", samples=samples)
    pixels = [np.asarray(Image.open(io.BytesIO(curve.png)).convert("L")) for curve in (frames, at_once)]
    assert np.array_equal(*pixels) and pixels[0].shape == (520, 1120)
    edges = pixels[0][:, [0, 1, -2, -1]], pixels[0][[0, 1, -2, -1]]
    assert all((edge == 255).all() for edge in edges), (
        "something reaches the edge: it is cut, or the ground is not white"
    )
    assert (pixels[0] < 255).mean() > 0.01


def test_samples_are_points_within_3_or_images_in_rows():
    curve = plots.LossCurve(10, 10, beside=True)
    curve.draw(history([1.0]))
    assert curve.samples is None
    curve.draw(history([1.0]), samples=np.array([[0.5, -7.0], [1.0, 2.0]]))
    assert np.array_equal(curve.samples.get_xydata(), [[0.5, -3], [1, 2]])
    images = np.random.default_rng(0).random((5, 4, 6))
    whole = plots.losses.mosaic(images)
    assert whole.shape == (18, 24) and (whole[12:] == 1).all()
    assert np.array_equal(whole[7:11, 9:15], images[4]) and np.array_equal(whole[1:5, 17:23], images[2])


def test_a_diagram_is_an_image_with_its_text_and_its_size(monkeypatch):
    seen = []
    monkeypatch.setattr(plots.diagrams, "display", seen.append)
    plots.diagram("lstm_cell")
    data, metadata = seen[0]._repr_mimebundle_()
    image = ElementTree.fromstring(data["text/html"].replace(">", "/>"))
    root = ElementTree.fromstring(base64.b64decode(image.get("src").partition("svg+xml;base64,")[2]))
    size = {side: int(image.get(side)) for side in ("width", "height")}
    assert size == {side: int(root.get(side)) for side in size}
    text = root.find("{*}desc").text
    assert data["text/plain"] == f"[diagram] {text}" and "forget gate" in text
    assert image.get("alt") == text and metadata["image/png"] == {"alt": text} | size
    png = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert png.size == (2 * size["width"], 2 * size["height"]) and png.mode == "P"
    plots.diagram("lstm_cell")
    assert seen[1]._repr_mimebundle_() == (data, metadata)  # nbval compares the HTML


def test_a_diagram_is_text_in_a_script_and_nothing_above_rank_0(capsys, monkeypatch):
    plots.diagram("lstm_cell")
    assert capsys.readouterr().out.startswith("[diagram] The cell state c runs")
    monkeypatch.setenv("RANK", "1")
    plots.diagram("lstm_cell")
    assert capsys.readouterr().out == ""
    with pytest.raises(ValueError, match=r"no diagram 'lstm'; there are: .*lstm_cell"):
        plots.diagram("lstm")


def test_every_diagram_is_made_from_its_source_as_it_is_and_holds_all_that_it_needs():
    names = diagrams.names()
    assert len(names) >= 8 and diagrams.stale() == [], "run python tools/diagrams.py"
    shown = sorted(path.stem for path in (diagrams.FOLDER / "shown").iterdir())
    assert shown == sorted(2 * names)
    for name in names:
        svg = (diagrams.FOLDER / "shown" / f"{name}.svg").read_text(encoding="utf-8")
        assert len(svg) < 50_000 and "xml-stylesheet" not in svg
        links = re.findall(r"(?:url\(|href=\")([^)\"]{0,9})", svg)
        assert set(links) <= {"#head", "#back-hea", "data:font"}
        assert 60 < len(ElementTree.fromstring(svg).find("{*}desc").text) < 500


def test_a_changed_source_or_a_lost_picture_makes_a_diagram_stale(tmp_path, monkeypatch):
    shutil.copytree(diagrams.FOLDER, tmp_path / "diagrams")
    monkeypatch.setattr(diagrams, "FOLDER", tmp_path / "diagrams")
    source = diagrams.FOLDER / "lstm_cell.svg"
    source.write_text(source.read_text(encoding="utf-8").replace("keep", "hold"), encoding="utf-8")
    (diagrams.FOLDER / "shown" / "loss_bowl.png").unlink()
    assert diagrams.stale() == ["loss_bowl", "lstm_cell"]
    style = diagrams.FOLDER / "family.css"
    style.write_text(style.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert diagrams.stale() == diagrams.names()


def test_a_character_that_a_font_lacks_is_an_error():
    with pytest.raises(ValueError, match="STIXGeneralItalic.ttf has no .*∇"):
        diagrams.font_rule(("Course Math", "italic", "400"), "w∇")
    with pytest.raises(ValueError, match="no font for"):
        diagrams.font_rule(("Course Math", "italic", "700"), "w")
