"""Explorers: right numbers, pictures that follow the state, every extreme and 500 random settings without a
warning."""

import gc
import io
import random
import warnings

import ipywidgets as widgets
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from PIL import Image

from course import data
from course.explorers import cnn
from course.explorers.base import Explorer, Frame


def sliding_kernel():
    digit = data.mnist().x_train[1, 0]
    return cnn.sliding_kernel(F.conv2d, {"digit": digit, "photograph": data.photograph().pixels})


EXPLORERS = {"sliding kernel": sliding_kernel}


def extremes(control):
    """The outermost values that a control can take."""
    if isinstance(control, cnn.KernelGrid):
        return [((v,) * 3,) * 3 for v in (-cnn.LIMIT, 0.0, cnn.LIMIT)]
    if hasattr(control, "options"):
        return [value for _, value in control._options_full]
    if isinstance(control, widgets.Checkbox | widgets.ToggleButton):
        return [False, True]
    return [control.min, control.max]


def random_value(control, rng):
    """A value that a reader could set."""
    if isinstance(control, cnn.KernelGrid):
        return tuple(tuple(round(rng.uniform(-cnn.LIMIT, cnn.LIMIT), 1) for _ in range(3)) for _ in range(3))
    values = extremes(control)
    if hasattr(control, "options") or isinstance(values[0], bool):
        return rng.choice(values)
    draw = rng.randint if isinstance(control.min, int) else rng.uniform
    return draw(*values)


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


@pytest.mark.parametrize("name", EXPLORERS)
def test_extremes_and_1000_random_settings_draw_without_error_or_warning_and_leak_no_figure(name):
    explorer, rng = EXPLORERS[name](), random.Random(0)
    explorer.box()
    figures, artists = count_figures(), len(explorer.frame.figure.findobj())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for key, control in explorer.controls.items():
            for value in extremes(control):
                explorer.set(**{key: value})
                assert explorer._message.value == ""
        for _ in range(1000):
            key = rng.choice(list(explorer.controls))
            explorer.controls[key].value = random_value(explorer.controls[key], rng)
            assert explorer._message.value == ""
    assert explorer._picture.value[:4] == b"\x89PNG"
    assert count_figures() == figures and abs(len(explorer.frame.figure.findobj()) - artists) < 60


@pytest.mark.parametrize("name", EXPLORERS)
def test_an_updated_picture_equals_one_drawn_afresh(name):
    explorer, rng = EXPLORERS[name](), random.Random(1)
    explorer.box()
    for _ in range(12):
        explorer.set(**{key: random_value(control, rng) for key, control in explorer.controls.items()})
        fresh = EXPLORERS[name]()
        fresh.set(**{key: control.value for key, control in explorer.controls.items()})
        assert np.abs(pixels(explorer._picture.value) - pixels(fresh.png())).mean() < 0.5


def count_figures():
    gc.collect()
    return sum(type(thing) is Figure for thing in gc.get_objects())


@pytest.mark.parametrize("name", EXPLORERS)
def test_every_control_changes_the_picture(name):
    for key in EXPLORERS[name]().controls:
        explorer, rng = EXPLORERS[name](), random.Random(3)
        before = explorer.png()
        for _ in range(20):
            explorer.set(**{key: random_value(explorer.controls[key], rng)})
            if explorer._picture.value != before:
                break
        else:
            pytest.fail(f"{key} changes nothing")


@pytest.mark.parametrize("name", EXPLORERS)
def test_every_control_is_labelled_and_bounded(name):
    for key, control in EXPLORERS[name]().controls.items():
        if isinstance(control, cnn.KernelGrid):
            assert all(f.tooltip and f.min == -cnn.LIMIT and f.max == cnn.LIMIT for f in control._fields)
        else:
            assert control.description, key
            assert hasattr(control, "options") or np.isfinite([control.min, control.max]).all()


@pytest.mark.parametrize("name", EXPLORERS)
def test_the_mime_bundle_carries_view_still_picture_and_fixed_text(name):
    explorer = EXPLORERS[name]()
    bundle, metadata = explorer._repr_mimebundle_()
    text = bundle["text/plain"]
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == explorer.box().model_id
    assert len(bundle["image/png"]) > 1000 and metadata["image/png"]["alt"] == explorer.alt
    explorer.set(**{key: random_value(c, random.Random(4)) for key, c in explorer.controls.items()})
    assert explorer._repr_mimebundle_()[0]["text/plain"] == text and not any(c.isdigit() for c in text)


def test_explorers_stay_silent_above_rank_0(monkeypatch):
    explorer = sliding_kernel()
    monkeypatch.setenv("RANK", "1")
    assert explorer._repr_mimebundle_() == ({}, {}) and explorer._box is None


@pytest.mark.parametrize(("stride", "padding", "dilation"), [(1, 0, 1), (2, 1, 1), (3, 4, 2), (4, 3, 4)])
def test_the_sum_of_the_shown_products_is_the_output_at_the_shown_place(stride, padding, dilation):
    images = {"photograph": data.photograph(60).pixels}
    kernel = ((1.0, -2.0, 0.5), (0.0, 3.0, -1.0), (2.0, 0.25, -0.5))
    choice = dict(image="photograph", kernel=kernel, stride=stride, padding=padding, dilation=dilation)
    output = F.conv2d(
        images["photograph"][None, None], torch.tensor(kernel)[None, None], None, stride, padding, dilation
    )
    for row, column in ((0, 0), (3, 5), (10**6, 10**6)):
        state = cnn.compute_sliding_kernel(F.conv2d, images, row=row, column=column, **choice)
        place = min(row, output.shape[2] - 1), min(column, output.shape[3] - 1)
        assert (state["row"], state["column"]) == place
        assert state["products"].sum() == pytest.approx(output[0, 0][place].item(), abs=1e-5)
        assert np.allclose(state["output"], output[0, 0])
        window = state["padded"][state["top"] :, state["left"] :][
            : state["span"] : dilation, : state["span"] : dilation
        ]
        assert np.array_equal(window, state["patch"])


def test_preset_and_number_fields_follow_each_other():
    explorer = sliding_kernel()
    preset, grid = explorer.controls["preset"], explorer.controls["kernel"]
    preset.value = "sharpen"
    assert grid.value == cnn.KERNELS["sharpen"]
    grid._fields[4].value = 7.5
    assert preset.value == cnn.OWN and grid.value[1][1] == 7.5
    for f, number in zip(grid._fields, np.ravel(cnn.KERNELS["identity"]), strict=True):
        f.value = number
    assert preset.value == "identity"


def test_the_position_sliders_end_where_the_output_ends():
    explorer = sliding_kernel()
    explorer.set(stride=4, row=25, column=25)
    assert (explorer.controls["row"].max, explorer.controls["row"].value) == (6, 6)
    explorer.set(stride=1, padding=4)
    assert explorer.controls["row"].max == 33


def simple(compute):
    def build(figure):
        return {"line": figure.add_subplot().plot([0, 1], [0, 1])[0]}

    def update(artists, state):
        artists["line"].set_ydata([0, state])

    return Explorer(
        "simple", {"n": widgets.IntSlider(0, 0, 5, description="n")}, compute, build, update, alt="A line."
    )


def test_bad_input_is_shown_and_the_explorer_lives_on():
    def compute(n):
        if n == 3:
            raise ValueError("three is too many")
        return n

    explorer = simple(compute)
    explorer.box()
    before = explorer._picture.value
    explorer.set(n=3)
    assert "three is too many" in explorer._message.value and explorer._picture.value == before
    explorer.set(n=4)
    assert explorer._message.value == "" and explorer._picture.value != before
    with pytest.raises(ValueError, match="no control 'm'; it has n"):
        explorer.set(m=1)


def test_a_frame_redraws_all_when_an_axis_changes():
    def build(figure):
        return {"line": figure.add_subplot().plot([0, 1], [0, 1])[0]}

    def update(artists, limit):
        artists["line"].axes.set_xlim(0, limit)

    frame = Frame(build, update, (4, 3))
    first, wider = frame.png(1), frame.png(10)
    assert np.abs(pixels(first) - pixels(wider)).max() > 0
    assert np.array_equal(pixels(frame.png(1)), pixels(first))
