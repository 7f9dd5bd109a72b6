"""What is true of every explorer, as its chapter makes it, and of the parts that explorers are made of. What
each one's numbers are is tested in `tests/explorers`, the large sample of settings in `tests/soak`.
"""

import inspect
import io
import random
import re
import threading
import time
import warnings

import ipywidgets as widgets
import matplotlib
import numpy as np
import pytest
from PIL import Image

from course import chapters, explorers, plots
from course.explorers import controls, parts
from course.explorers.base import Explorer
from course.explorers.picture import CRISP, Picture
from tests.helpers.explorers import (
    NAMES,
    any_value,
    drawn,
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
    "foundations.depth": {"activation"},
    "vae.bound": {"model"},
    "cnn.sliding_kernel": {"image", "stride", "padding", "dilation"},
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


def test_the_page_of_all_explorers_has_each_once_and_an_unknown_one_is_told():
    page = chapters.find("play").read_text(encoding="utf-8")
    assert sorted(re.findall(r'explorers\.play\("(.+)"\)', page)) == sorted(NAMES)
    assert explorers.play("cnn.receptive_field").title == make("cnn.receptive_field").title
    with pytest.raises(ValueError, match=r"no explorer 'cnn.masks'; there are cnn.trained_net, "):
        explorers.play("cnn.masks")
    with pytest.raises(ValueError, match="no explorer 'no.such'; there are none"):
        explorers.play("no.such")


@pytest.mark.parametrize("name", NAMES)
def test_controls_are_labelled_described_and_bounded_and_texts_are_fixed(name):
    explorer = make(name)
    assert set(explorer.main) <= set(explorer.controls) and 1 <= len(explorer.main) <= 2
    for key, control in explorer.controls.items():
        for part in getattr(control, "numbers", [getattr(control, "clear", control)]):
            assert part.description or part.tooltip, key
            ends = [part.min, part.max] if hasattr(part, "max") else []
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
    draws, draw = [], explorer.picture.canvas.draw
    for key, control in explorer.controls.items():
        before, pictures = control.value, {drawn(explorer)}
        explorer.picture.canvas.draw = lambda: draws.append(1) or draw()
        draws.clear()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            ends = values_of(control)
            for value in rng.sample(list(ends), min(len(ends), 6)):
                control.value = value
                if holds(explorer):
                    pictures.add(drawn(explorer))
        assert not draws or key in MAY_MOVE_AN_AXIS.get(name, ()), f"{key} moves an axis"
        explorer.picture.canvas.draw = draw
        for _ in range(20):
            if len(pictures) > 1:
                break
            control.value = any_value(control, rng)
            if holds(explorer):
                pictures.add(drawn(explorer))
        assert len(pictures) > 1, f"{key} changes nothing"
        control.value = before


@pytest.mark.parametrize("name", NAMES)
def test_every_array_of_a_state_reaches_the_picture(name):
    explorer = make(name)
    state = explorer.state()
    before = explorer.picture.png(state, 1)
    for part, values in state.items():
        if isinstance(values, np.ndarray) and values.dtype.kind == "f" and values.size > 1:
            every_second = (np.arange(values.size) % 2 == 0).reshape(values.shape)
            other = explorer.picture.png(state | {part: values + 0.3 * every_second}, 1)
            assert other != before, f"{part} is not drawn"


def simple(compute, main=(), **controls_):
    def build(figure):
        return {"line": figure.add_subplot().plot([0, 1], [0, 1])[0]}

    def update(artists, state):
        artists["line"].set_ydata([0, state["n"]])

    chosen = {"n": controls.slider("n", (0, 5), 0)} | controls_
    return Explorer("simple", chosen, compute, Picture(build, update, (8, 4)), "A line.", main=main)


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


class Front:
    """What a browser's half of a stage does: it says hello, sends messages and keeps what comes back."""

    def __init__(self, explorer):
        self.explorer, self.heard = explorer, []
        explorer.stage.send = lambda message, buffers=(): self.heard.append((message, *buffers))
        explorer.box()
        self.says(kind="hello")

    def says(self, **message):
        """What comes back of a message: a list of (message, *buffers)."""
        self.heard.clear()
        self.explorer._hear(self.explorer.stage, message, [])
        return list(self.heard)


def kinds(heard):
    return [message["kind"] for message, *_ in heard]


def test_the_picture_is_an_image_until_a_front_end_says_hello_and_then_quick_and_crisp():
    explorer = simple(lambda n: {})
    place = explorer.box().children[-1]
    still = explorer.image.value
    assert place.children == (explorer.image,)
    explorer.set(n=1)
    assert explorer.image.value != still
    front, still = Front(explorer), explorer.image.value
    assert place.children == (explorer.stage,)
    explorer.set(n=2)
    (message, quick), *more = front.heard
    assert not more and (message["type"], message["quick"]) == ("image/jpeg", True)
    [(message, crisp)] = front.says(kind="rest")
    assert (message["type"], message["quick"]) == ("image/png", False)
    sizes = [Image.open(io.BytesIO(file)).size for file in (quick, crisp)]
    assert sizes == [(800, 400), (1600, 800)] and explorer.image.value == still


def test_a_crisp_picture_is_white_and_keeps_its_shades():
    def build(figure):
        axes = figure.add_subplot()
        axes.set_axis_off()
        return {"image": axes.imshow(np.zeros((2, 2)), cmap="gray", vmin=0, vmax=1, aspect="auto")}

    picture = Picture(build, lambda artists, state: artists["image"].set_data(state), (8, 4))
    shades = np.linspace(0, 1, 256)[None].repeat(2, 0)
    for file in (picture.png(shades), picture.png(shades, 1)):
        seen = pixels(file)
        assert seen[0, 0].tolist() == [255] * 3 and len(np.unique(seen[seen.shape[0] // 2, :, 0])) > 200
    again = picture.png(0 * shades), picture.jpeg(0 * shades), picture.png(shades)
    assert again[2] == picture.png(shades) != again[0]


def test_of_all_pictures_one_keeps_what_a_crisp_one_needs_and_each_is_the_same_again():
    def build(figure):
        return {"line": figure.add_subplot().plot([0, 1], [0, 1])[0]}

    pictures = [Picture(build, lambda artists, state: None, (4, 3)) for _ in range(3)]
    first = [picture.png(None) for picture in pictures]
    assert [CRISP in picture._backgrounds for picture in pictures] == [False, False, True]
    assert {picture.canvas.get_width_height() for picture in pictures} == {(400, 300)}
    assert first == [picture.png(None) for picture in pictures] and len(set(first)) == 1


def test_a_picture_that_does_not_fit_into_a_notebook_is_refused():
    for size in ((8.5, 3), (8, 4.1)):
        with pytest.raises(ValueError, match="does not fit: at most 8.4 × 4.0"):
            Picture(lambda figure: {}, None, size)


def test_the_pointer_sets_the_nearest_values_and_every_message_is_answered():
    def build(figure):
        axes = figure.subplots(1, 2)[1]
        axes.set(xlim=(0, 10), ylim=(1, 1000), yscale="log", label="plane")
        return {"line": axes.plot([1], [1])[0]}

    def compute(k, size):
        return {"place": (k, size)}

    chosen = {
        "k": controls.slider("k", (0, 9), 3),
        "size": controls.list_slider("size", [("one", 1.0), ("ten", 10.0), ("many", 1000.0)], 1.0),
    }
    touched = []

    def touch(state, x, y):
        touched.append((state["place"], x, y))
        return {"k": x, "size": y} if x < 20 else {}

    picture = Picture(
        build, lambda artists, state: artists["line"].set_data(*np.reshape(state["place"], (2, 1))), (8, 4)
    )
    front = Front(Explorer("simple", chosen, compute, picture, "A line.", touch={"plane": touch}))
    left, top, width, height = front.explorer.stage.panels[0]["box"]
    assert left > 0.5, "the right half"
    x, y = left + 0.62 * width, top + height / 3
    heard = front.says(kind="touch", panel="plane", x=x, y=y)
    assert kinds(heard)[-1] == "done" and "frame" in kinds(heard)
    assert touched[0] == ((3, 1.0), pytest.approx(6.2, abs=0.01), pytest.approx(100, rel=0.01))
    assert (chosen["k"].value, chosen["size"].value) == (6, 10.0)
    front.says(kind="touch", panel="plane", x=left - 1, y=top)
    assert (chosen["k"].value, chosen["size"].value) == (0, 1000.0)
    assert kinds(front.says(kind="touch", panel="plane", x=left + 3 * width, y=y)) == ["done"]
    front.says(kind="set", values={"k": 4})
    assert chosen["k"].value == 4
    front.explorer.reset()
    assert (chosen["k"].value, chosen["size"].value) == (3, 1.0)


def test_a_figure_is_drawn_by_one_thread_at_a_time():
    """JupyterLab sends what widgets say to a thread of its own, while another runs the cells."""
    inside, most = [], []

    def compute(n):
        inside.append(n)
        time.sleep(0.002)
        most.append(len(inside))
        inside.pop()
        return {}

    front = Front(simple(compute))
    works = [lambda: front.says(kind="rest"), front.explorer.png, lambda: front.explorer.set(n=len(most) % 5)]
    threads = [threading.Thread(target=lambda work=work: [work() for _ in range(8)]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) > 16 and max(most) == 1


def test_time_is_played_to_its_end_and_begins_again():
    front = Front(simple(lambda n: {}))
    front.explorer.play = "n"
    seen = []
    while front.says(kind="play", start=False)[-1][0]["more"]:
        seen.append(front.explorer.controls["n"].value)
    assert seen == [1, 2, 3, 4, 5]
    assert front.says(kind="play", start=True)[-1][0]["more"] and front.explorer.controls["n"].value == 0
    front.explorer.play = lambda state: (
        {"n": 2} if state is None else {"n": state["n"] + 2} if state["n"] < 4 else None
    )
    seen = [front.explorer.advance() and front.explorer.controls["n"].value for _ in range(3)]
    assert seen == [2, 4, False]
    assert front.explorer.advance(start=True) and front.explorer.controls["n"].value == 2


def test_a_text_takes_the_pictures_place_where_widgets_live():
    explorer = simple(lambda n: {})
    explorer.text = lambda state: f"<p>{state['n']} of five</p>"
    assert (
        explorer.box().children[-1].children == (explorer.page,) and explorer.page.value == "<p>0 of five</p>"
    )
    front = Front(explorer)
    assert front.says(kind="rest") == [({"kind": "page", "html": "<p>0 of five</p>"},)]
    front.says(kind="set", values={"n": 4})
    assert front.heard[0] == ({"kind": "page", "html": "<p>4 of five</p>"},)


def test_an_error_is_shown_over_a_pale_picture():
    def compute(n):
        if n == 3:
            raise ValueError("three is too many")
        return {}

    front = Front(simple(compute))
    front.says(kind="set", values={"n": 3})
    assert kinds(front.heard) == ["done"] and "course-stale" in front.explorer.box().children[-1]._dom_classes
    front.says(kind="set", values={"n": 2})
    assert "course-stale" not in front.explorer.box().children[-1]._dom_classes


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
