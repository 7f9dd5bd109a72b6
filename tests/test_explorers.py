"""What is true of every explorer, as its chapter makes it, and of the parts that explorers are made of. What
each one's numbers are is tested in `tests/explorers`, the large sample of settings in `tests/soak`.
"""

import inspect
import io
import random
import warnings

import ipywidgets as widgets
import matplotlib
import numpy as np
import pytest
from PIL import Image

from course import explorers, plots
from course.explorers import controls, parts
from course.explorers.base import Explorer, Picture
from tests.helpers.explorers import (
    NAMES,
    any_value,
    fuzz,
    holds,
    make,
    makers_of,
    same_afresh,
    same_again,
    values_of,
)

pytestmark = pytest.mark.usefixtures("one_thread")

CHANGES = 12
# Controls that may move an axis, which costs a redraw of the whole picture. All others redraw what moves.
MAY_MOVE_AN_AXIS = {
    "attention.translator": {"text"},
    "cnn.receptive_field": {"preset", "layers", "kernel", "stride", "dilation", "unit"},
    "cnn.sliding_kernel": {"image", "stride", "padding", "dilation"},
    "rnn.gate_inspector": {"text", "show"},
}


@pytest.fixture(autouse=True)
def style():
    """The style that a chapter's set-up cell gives the pictures."""
    with matplotlib.rc_context():
        plots.set_style()
        yield


def test_every_explorer_is_public_under_its_modules_name_and_stands_in_its_chapter():
    for name in NAMES:
        chapter, function = name.split(".")
        found = getattr(getattr(explorers, chapter), function)
        assert inspect.isfunction(found) and found.__module__ == f"course.explorers.{name}"
        assert name in makers_of(chapter)


@pytest.mark.parametrize("name", NAMES)
def test_controls_are_labelled_described_and_bounded_and_texts_are_fixed(name):
    explorer = make(name)
    assert set(explorer.main) <= set(explorer.controls) and 1 <= len(explorer.main) <= 2
    for key, control in explorer.controls.items():
        for part in getattr(control, "numbers", [control]):
            assert part.description or part.tooltip, key
            ends = [] if isinstance(part, widgets.Text) or hasattr(part, "options") else [part.min, part.max]
            assert np.isfinite(ends).all()
    bundle, metadata = explorer._repr_mimebundle_()
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == explorer.box().model_id
    assert len(bundle["image/png"]) > 1000 and metadata["image/png"]["alt"] == explorer.alt
    text = bundle["text/plain"]
    assert text == f"[explorer] {explorer.title}: {explorer.alt}" and text.endswith(".")
    assert not any(character.isdigit() for character in text)


@pytest.mark.parametrize("name", NAMES)
def test_any_setting_draws_a_picture_that_depends_on_the_settings_alone(name):
    rng, explorer = random.Random(name), make(name)
    explorer.box()
    artists = len(explorer.picture.figure.findobj())
    seen = fuzz(explorer, CHANGES, rng)
    assert len(seen) >= 2, "too few settings are accepted for a test"
    for wanted, picture in rng.sample(seen, 2):
        same_again(explorer, wanted, picture, rng)
        same_afresh(name, wanted, picture)
    assert abs(len(explorer.picture.figure.findobj()) - artists) < 60


@pytest.mark.parametrize("name", NAMES)
def test_every_control_reaches_its_ends_changes_the_picture_and_moves_no_axis(name):
    explorer, rng = make(name), random.Random(3)
    explorer.box()
    draws, draw = [], explorer.picture.canvas.draw
    for key, control in explorer.controls.items():
        before, pictures = control.value, {explorer.image.value}
        explorer.picture.canvas.draw = lambda: draws.append(1) or draw()
        draws.clear()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            ends = values_of(control)
            for value in rng.sample(list(ends), min(len(ends), 6)):
                control.value = value
                holds(explorer)
                pictures.add(explorer.image.value)
        assert not draws or key in MAY_MOVE_AN_AXIS.get(name, ()), f"{key} moves an axis"
        explorer.picture.canvas.draw = draw
        for _ in range(20):
            if len(pictures) > 1:
                break
            control.value = any_value(control, rng)
            pictures.add(explorer.image.value)
        assert len(pictures) > 1, f"{key} changes nothing"
        control.value = before


@pytest.mark.parametrize("name", NAMES)
def test_every_array_of_a_state_reaches_the_picture(name):
    explorer = make(name)
    state = explorer.state()
    before = explorer.picture.png(state)
    for part, values in state.items():
        if isinstance(values, np.ndarray) and values.dtype.kind == "f" and values.size > 1:
            every_second = (np.arange(values.size) % 2 == 0).reshape(values.shape)
            other = explorer.picture.png(state | {part: values + 0.3 * every_second})
            assert other != before, f"{part} is not drawn"


def simple(compute, main=(), **controls_):
    def build(figure):
        return {"line": figure.add_subplot().plot([0, 1], [0, 1])[0]}

    def update(artists, state):
        artists["line"].set_ydata([0, state["n"]])

    chosen = {"n": controls.slider("n", (0, 5), 0)} | controls_
    return Explorer("simple", chosen, compute, Picture(build, update, (9, 4)), "A line.", main=main)


def test_explorers_stay_silent_above_rank_0(monkeypatch):
    monkeypatch.setenv("RANK", "1")
    assert simple(lambda n: {})._repr_mimebundle_() == ({}, {})


def test_bad_input_is_shown_and_the_explorer_lives_on():
    def compute(n):
        if n == 3:
            raise ValueError("three <is> too many")
        return {}

    explorer = simple(compute)
    explorer.box()
    before = explorer.image.value
    explorer.set(n=3)
    assert "three &lt;is&gt; too many" in explorer.message.value and explorer.image.value == before
    explorer.set(n=4)
    assert explorer.message.value == "" and explorer.image.value != before
    with pytest.raises(ValueError, match="no control 'm'; it has n"):
        explorer.set(m=1)


def test_what_cannot_be_chosen_is_a_constant():
    explorer = simple(
        lambda **values: {"seen": values},
        one=controls.menu("one", ["a"]),
        still=controls.slider("still", (2, 2), 2),
        main=("one", "n"),
        text=controls.field("text", ""),
    )
    assert list(explorer.controls) == ["n", "text"] and explorer.main == ("n",)
    with pytest.raises(KeyError, match="misspelt"):
        simple(lambda n: {}, main=("misspelt",))
    assert explorer.state()["seen"] == {"n": 0, "one": "a", "still": 2, "text": ""}


def test_controls_carry_their_label_description_and_named_values():
    integer, number = (
        controls.slider("k", (1, 9), 4, "how many"),
        controls.slider("x", (0, 1, 0.1), 0.5, "where"),
    )
    assert (type(integer), type(number)) == (widgets.IntSlider, widgets.FloatSlider)
    assert (number.min, number.max, number.step, number.value) == (0, 1, 0.1, 0.5)
    plain, named = controls.menu("m", (0.5, 2)), controls.list_slider("s", [("low", 1), ("high", 5)], 5)
    assert plain.options == (("0.5", 0.5), ("2", 2)) and plain.value == 0.5
    assert named.options == (("low", 1), ("high", 5)) and named.value == 5
    texts = [(each.description, each.tooltip) for each in (integer, number, plain)]
    assert texts == [("k", "how many"), ("x", "where"), ("m", None)]


def test_ipywidgets_7_gets_its_descriptions_too():
    class Old(widgets.IntSlider):
        def has_trait(self, name):
            return name != "tooltip" and super().has_trait(name)

    assert controls.described(Old(), "how many").description_tooltip == "how many"


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def test_a_picture_redraws_all_when_an_axis_changes():
    def build(figure):
        return {"line": figure.add_subplot().plot([0, 1], [0, 1])[0]}

    def update(artists, limit):
        artists["line"].axes.set_xlim(0, limit)

    picture = Picture(build, update, (4, 3))
    first, wider = picture.png(1), picture.png(10)
    assert np.abs(pixels(first) - pixels(wider)).max() > 0
    assert np.array_equal(pixels(picture.png(1)), pixels(first))


def test_scales_end_at_round_numbers_factors_are_told_from_1_and_values_beyond_a_scale_drawn_outside():
    assert [parts.round_up(v, 0.5) for v in (0, 0.5, 0.51, 1.9, 4, 30)] == [0.5, 0.5, 1, 2, 5, 50]
    assert [parts.round_up(v, 0.02) for v in (1 / 60, 0.05, 0.051, 0.3, 1)] == [0.02, 0.05, 0.1, 0.5, 1]
    factors = [parts.factor_text(factor) for factor in (0, 0.98489, 0.99998, 1.0)]
    assert factors == ["0.0000", "0.9849", "0.999980", "1.0000"]
    assert parts.within([0, 1, 1e300, np.inf], 0.1, 10).tolist() == [0.001, 1, 1000, 1000]
