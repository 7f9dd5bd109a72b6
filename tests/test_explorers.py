"""Explorers: pictures that follow the state, every extreme and 500 random settings without a warning. What
each one's numbers are is tested in `tests/explorers`, chapter by chapter.
"""

import gc
import io
import random
import warnings

import ipywidgets as widgets
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from course.explorers.base import Explorer, Picture
from course.explorers.cnn.sliding_kernel import LIMIT, KernelGrid
from tests.explorers import (
    test_attention,
    test_attention_shapes,
    test_cnn,
    test_foundations_depth,
    test_foundations_descent,
    test_foundations_fitting,
    test_foundations_threshold,
    test_gan,
    test_gan_dirac,
    test_gan_models,
    test_gan_walk,
    test_rnn,
    test_vae,
    test_vae_models,
)

EXPLORERS = (
    test_cnn.EXPLORERS
    | test_rnn.EXPLORERS
    | test_attention.EXPLORERS
    | test_attention_shapes.EXPLORERS
    | test_vae.EXPLORERS
    | test_vae_models.EXPLORERS
    | test_foundations_depth.EXPLORERS
    | test_foundations_descent.EXPLORERS
    | test_foundations_fitting.EXPLORERS
    | test_foundations_threshold.EXPLORERS
    | test_gan.EXPLORERS
    | test_gan_dirac.EXPLORERS
    | test_gan_models.EXPLORERS
    | test_gan_walk.EXPLORERS
)
# Whose axes stay where they are, so that a slider's step redraws only what moved.
STILL = (
    test_attention_shapes.EXPLORERS
    | test_vae.EXPLORERS
    | test_vae_models.EXPLORERS
    | test_foundations_depth.EXPLORERS
    | test_foundations_descent.EXPLORERS
    | test_foundations_fitting.EXPLORERS
    | test_foundations_threshold.EXPLORERS
    | test_gan.EXPLORERS
    | test_gan_dirac.EXPLORERS
    | test_gan_models.EXPLORERS
    | test_gan_walk.EXPLORERS
)
VOCABULARY = test_rnn.VOCABULARY


def extremes(control):
    """The outermost values that a control can take."""
    if isinstance(control, KernelGrid):
        return [((v,) * 3,) * 3 for v in (-LIMIT, 0.0, LIMIT)]
    if isinstance(control, widgets.Text):
        return ["\n" * 300, "\n", "a" * 300, " ", "a"]
    if hasattr(control, "options"):
        return [value for _, value in control._options_full]
    if isinstance(control, widgets.Checkbox | widgets.ToggleButton):
        return [False, True]
    return [control.min, control.max]


def random_value(control, rng):
    """A value that a reader could set."""
    if isinstance(control, KernelGrid):
        return tuple(tuple(round(rng.uniform(-LIMIT, LIMIT), 1) for _ in range(3)) for _ in range(3))
    if isinstance(control, widgets.Text):
        return "".join(rng.choices(VOCABULARY, k=rng.randint(1, 80)))
    values = extremes(control)
    if hasattr(control, "options") or isinstance(values[0], bool):
        return rng.choice(values)
    draw = rng.randint if isinstance(control.min, int) else rng.uniform
    return draw(*values)


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


@pytest.mark.parametrize("name", EXPLORERS)
def test_extremes_and_random_settings_draw_without_error_or_warning_and_leak_no_figure(name):
    explorer, rng = EXPLORERS[name](), random.Random(0)
    explorer.box()
    figures, artists = count_figures(), len(explorer.picture.figure.findobj())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for key, control in explorer.controls.items():
            for value in extremes(control):
                explorer.set(**{key: value})
                assert explorer.message.value == ""
        for _ in range(1000 if name == "sliding kernel" else 500):
            key = rng.choice(list(explorer.controls))
            explorer.controls[key].value = random_value(explorer.controls[key], rng)
            assert explorer.message.value == ""
    assert explorer.image.value[:4] == b"\x89PNG"
    assert count_figures() == figures and abs(len(explorer.picture.figure.findobj()) - artists) < 60


@pytest.mark.parametrize("name", EXPLORERS)
def test_an_updated_picture_equals_one_drawn_afresh(name):
    explorer, rng = EXPLORERS[name](), random.Random(1)
    explorer.box()
    for _ in range(12):
        explorer.set(**{key: random_value(control, rng) for key, control in explorer.controls.items()})
        fresh = EXPLORERS[name]()
        fresh.set(**{key: control.value for key, control in explorer.controls.items()})
        assert np.abs(pixels(explorer.image.value) - pixels(fresh.png())).mean() < 0.5


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
            if explorer.image.value != before:
                break
        else:
            pytest.fail(f"{key} changes nothing")


@pytest.mark.parametrize("name", EXPLORERS)
def test_every_control_is_labelled_and_bounded(name):
    for key, control in EXPLORERS[name]().controls.items():
        if isinstance(control, KernelGrid):
            assert all(f.tooltip and f.min == -LIMIT and f.max == LIMIT for f in control._fields)
        else:
            assert control.description, key
            bounded = hasattr(control, "options") or isinstance(control, widgets.Text)  # which read a part
            assert bounded or np.isfinite([control.min, control.max]).all()


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
    explorer = EXPLORERS["sliding kernel"]()
    monkeypatch.setenv("RANK", "1")
    assert explorer._repr_mimebundle_() == ({}, {}) and explorer._box is None


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
            raise ValueError("three <is> too many")
        return n

    explorer = simple(compute)
    explorer.box()
    before = explorer.image.value
    explorer.set(n=3)
    assert "three &lt;is&gt; too many" in explorer.message.value and explorer.image.value == before
    explorer.set(n=4)
    assert explorer.message.value == "" and explorer.image.value != before
    with pytest.raises(ValueError, match="no control 'm'; it has n"):
        explorer.set(m=1)


def test_a_picture_redraws_all_when_an_axis_changes():
    def build(figure):
        return {"line": figure.add_subplot().plot([0, 1], [0, 1])[0]}

    def update(artists, limit):
        artists["line"].axes.set_xlim(0, limit)

    picture = Picture(build, update, (4, 3))
    first, wider = picture.png(1), picture.png(10)
    assert np.abs(pixels(first) - pixels(wider)).max() > 0
    assert np.array_equal(pixels(picture.png(1)), pixels(first))


@pytest.mark.parametrize("name", STILL)
def test_no_control_moves_an_axis_which_would_cost_a_whole_redraw(name):
    explorer = STILL[name]()
    explorer.png()
    background = explorer.picture._background
    for key, control in explorer.controls.items():
        for value in extremes(control):
            explorer.set(**{key: value})
            assert explorer.picture._background is background
