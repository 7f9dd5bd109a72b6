"""Every explorer as its chapter makes it, with the recorded weights, under random settings of all controls:
nothing but a sentence under the picture comes out of bad input, and a picture depends on the settings alone.
"""

import gc
import html
import io
import numbers
import random
import re
import warnings

import ipywidgets as widgets
import matplotlib
import numpy as np
import psutil
import pytest
import torch
from PIL import Image

import frames
from course import chapters, plots
from course.explorers.cnn.sliding_kernel import LIMIT, KernelGrid

pytestmark = pytest.mark.usefixtures("one_thread")

SOURCES = chapters.paths()
GROWTH = 30e6  # bytes over 200 changes
DIVERGES = {("descent", "path"), ("descent", "losses")}  # the parts of states that end in NaN or infinity
TEXTS = (
    "",
    " ",
    "\n",
    "⏎⏎",
    "a",
    "a" * 20_000,
    "Ж" * 5_000,
    "\x00\x07\x1b[31m\x7f",
    "\t\r\n\x0b\x85\u2028",
    "\u202eleft\u202c \u200d\ufeff",
    "e\u0301\u0323" * 9,
    "\U0001f600\U0001f469\u200d\U0001f52c",
    "\ud800 alone",
    "$\\frac{1}{$ % {} {0} %s \\",
    "<script>alert(1)</script> & &amp;",
    "٣١ مارس ٢٠٢٠",
    "1 January 2020",
    "31 février -1",
)


@pytest.fixture(scope="module", params=SOURCES, ids=lambda path: path.stem)
def makers(request):
    """The explorers of one chapter, in the style that its set-up cell gives the pictures."""
    with matplotlib.rc_context():
        plots.set_style()
        found = {make().title: make for make in frames.makers_of(request.param.stem)}
        assert found
        yield found


def extreme(control, rng):
    """An outermost value that a control can take now."""
    if isinstance(control, KernelGrid):
        return tuple(tuple(rng.choice((-LIMIT, 0.0, LIMIT)) for _ in range(3)) for _ in range(3))
    if isinstance(control, widgets.Text):
        return rng.choice(TEXTS)
    if hasattr(control, "options"):
        return rng.choice([value for _, value in control._options_full][:: len(control.options) - 1 or 1])
    if isinstance(control, widgets.Checkbox | widgets.ToggleButton):
        return rng.random() < 0.5
    return rng.choice((control.min, control.max))


def any_value(control, rng):
    """A value that a reader can set: an extreme one every third time."""
    if isinstance(control, widgets.Text) and rng.random() < 0.5:
        return "".join(rng.choices("abcdefghij 0123456789.,", k=rng.choice((1, 7, 30, 400))))
    if isinstance(control, widgets.Text | widgets.Checkbox | widgets.ToggleButton) or rng.random() < 0.33:
        return extreme(control, rng)
    if isinstance(control, KernelGrid):
        return tuple(tuple(round(rng.uniform(-LIMIT, LIMIT), 1) for _ in range(3)) for _ in range(3))
    if hasattr(control, "options"):
        return rng.choice([value for _, value in control._options_full])
    draw = rng.randint if isinstance(control.min, int) else rng.uniform
    return draw(control.min, control.max)


def change(explorer, rng):
    """Change one control as a reader does, or several or all of them at once, in any order."""
    names = list(explorer.controls)
    if rng.random() < 0.5:
        name = rng.choice(names)
        explorer.controls[name].value = any_value(explorer.controls[name], rng)
        return
    chosen = rng.sample(names, rng.choice((2, len(names))))
    explorer.set(**{name: any_value(explorer.controls[name], rng) for name in chosen})


def settings(explorer):
    return {name: control.value for name, control in explorer.controls.items()}


def numbers_in(state):
    """Every number of a state, as arrays."""
    if isinstance(state, dict):
        state = list(state.values())
    if isinstance(state, list | tuple):
        for item in state:
            yield from numbers_in(item)
    elif isinstance(state, torch.Tensor):
        yield state.detach().numpy()
    elif isinstance(state, numbers.Number | np.ndarray):
        yield np.asarray(state)


def holds(explorer):
    """Assert what is true after every change; returns whether the settings were accepted."""
    message = html.unescape(re.sub("</?b>", "", explorer._message.value))
    with Image.open(io.BytesIO(explorer._picture.value)) as picture:
        picture.load()
        assert picture.size == explorer.frame.canvas.get_width_height()
    if message:
        assert re.fullmatch(r"[A-Z'\"].{10,400}[.?!]", message, re.DOTALL), f"no sentence: {message[:500]!r}"
        assert not re.search(r"[\ud800-\udfff]", message), "the browser gets no such message"
        with pytest.raises(ValueError):
            explorer.state()
        return False
    for part, value in explorer.state().items():
        for values in numbers_in(value):
            assert values.dtype.kind in "biuf", (part, values)
            finite = np.isfinite(values).all() or (explorer.title, part) in DIVERGES
            assert finite, (part, settings(explorer))
    return True


def fuzz(explorer, changes, rng):
    """Make changes; returns [(settings, picture)] of those that were accepted."""
    explorer.box()
    seen = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(changes):
            change(explorer, rng)
            if holds(explorer):
                seen.append((settings(explorer), explorer._picture.value))
    return seen


def same_again(explorer, wanted, picture, rng):
    """Assert that the same settings, one after the other in random order, give the same picture."""
    names = list(wanted)
    for _ in range(3):  # a bound that depends on another control may need another round
        rng.shuffle(names)
        for name in names:
            explorer.controls[name].value = wanted[name]
    assert settings(explorer) == wanted
    assert explorer._picture.value == picture, f"another picture for {wanted}"


def test_random_settings_of_all_explorers(makers):
    for title, make in makers.items():
        rng = random.Random(title)
        explorer = make()
        seen = fuzz(explorer, 8, rng)
        assert len(seen) >= 2, f"{title}: too few settings are accepted for a test"
        for wanted, picture in rng.sample(seen, 2):
            same_again(explorer, wanted, picture, rng)


@pytest.mark.soak
def test_hundreds_of_random_settings_of_all_explorers(makers):
    for title, make in makers.items():
        rng = random.Random(1)
        explorer = make()
        seen = fuzz(explorer, 400, rng)
        assert len(seen) >= 100, title
        for wanted, picture in rng.sample(seen, 20):
            same_again(explorer, wanted, picture, rng)
        for wanted, picture in rng.sample(seen, 8):
            fresh = make()
            fresh.box()
            same_again(fresh, wanted, picture, rng)


@pytest.mark.soak
def test_memory_does_not_grow(makers):
    for title, make in makers.items():
        rng, explorer = random.Random(2), make()
        fuzz(explorer, 100, rng)
        gc.collect()
        before = psutil.Process().memory_info().rss
        for _ in range(200):
            change(explorer, rng)
        gc.collect()
        grown = psutil.Process().memory_info().rss - before
        assert grown < GROWTH, f"{title} holds {grown / 1e6:.0f} MB more"
