"""Every explorer as its chapter makes it, with the recorded weights, and random settings of its controls."""

import functools
import html
import io
import numbers
import pkgutil
import re
import warnings

import ipywidgets as widgets
import numpy as np
import pytest
import torch
from PIL import Image

from course import chapters, explorers
from course.explorers.drawing import Strokes

PACKAGES = {part.name: part for part in pkgutil.iter_modules(explorers.__path__) if part.ispkg}
# What there is: "gan.dirac" is the explorer of the module course/explorers/gan/dirac.py.
NAMES = [
    f"{package}.{module.name}"
    for package in PACKAGES
    for module in pkgutil.iter_modules([f"{explorers.__path__[0]}/{package}"])
]
DIVERGES = {("descent", "path"), ("descent", "losses")}  # the parts of states that end in NaN or infinity
DRAWINGS = (  # nothing, a dot, a corner, beyond the pad, much
    (),
    (((0.5, 0.5),),),
    (((0.0, 0.0), (0.0, 1.0)), ((0.9, 0.9), (1.0, 1.0))),
    (((-3.0, 0.2), (4.0, 0.3)),),
    tuple(tuple((0.05 * i, 0.01 * j) for j in range(100)) for i in range(20)),
)
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


@functools.cache
def makers_of(chapter):
    """How the cells of a chapter, "gan", make its explorers: dict of name to a function () -> Explorer."""
    (source,) = (path for path in chapters.paths() if path.stem.partition("_")[2] == chapter)
    return chapters.explorers_of(source.stem)


def make(name):
    """A new explorer, made as its chapter does."""
    return makers_of(name.split(".")[0])[name]()


def values_of(control):
    """The values between which a control moves: all of a menu, the two ends of a slider, awkward texts."""
    if isinstance(control, widgets.Text):
        return TEXTS
    if hasattr(control, "options"):
        return [value for _, value in control.options]
    if hasattr(control, "numbers"):
        return [((number,) * 3,) * 3 for number in (-9.0, 0.0, 9.0)]
    if isinstance(control, Strokes):
        return DRAWINGS
    return control.min, control.max


def any_value(control, rng):
    """A value that a reader can set: every third time an outermost one."""
    values = values_of(control)
    if isinstance(control, widgets.Text) and rng.random() < 0.5:
        return "".join(rng.choices("abcdefghij 0123456789.,", k=rng.choice((1, 7, 30, 400))))
    if hasattr(control, "options") or isinstance(control, widgets.Text | Strokes) or rng.random() < 0.33:
        return rng.choice(values)
    if hasattr(control, "numbers"):
        return tuple(tuple(round(rng.uniform(-9, 9), 1) for _ in range(3)) for _ in range(3))
    return (rng.randint if isinstance(control.min, int) else rng.uniform)(control.min, control.max)


def change(explorer, rng):
    """Change one control as a reader does, or several or all of them at once, in any order."""
    names = list(explorer.controls)
    if rng.random() < 0.5:
        name = rng.choice(names)
        explorer.controls[name].value = any_value(explorer.controls[name], rng)
    else:
        chosen = rng.sample(names, rng.choice((min(2, len(names)), len(names))))
        explorer.set(**{name: any_value(explorer.controls[name], rng) for name in chosen})


def drawn(explorer):
    """All that an explorer shows at its present settings: its picture and its text, bytes."""
    text = explorer.text(explorer.state()) if explorer.text else ""
    return explorer.png(density=1) + text.encode()


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
    message = html.unescape(re.sub("<[^>]*>|⚠ ", "", explorer.message.value))
    if message:
        assert re.fullmatch(r"[A-Z'\"].{10,400}[.?!]", message, re.DOTALL), f"no sentence: {message[:500]!r}"
        assert not re.search(r"[\ud800-\udfff]", message), "the browser gets no such message"
        with pytest.raises(ValueError):
            explorer.state()
        return False
    with Image.open(io.BytesIO(explorer.png(density=1))) as picture:
        picture.load()
        assert picture.size == explorer.picture.size
    for part, value in explorer.state().items():
        for values in numbers_in(value):
            assert values.dtype.kind in "biuf", (part, values)
            finite = np.isfinite(values).all() or (explorer.title, part) in DIVERGES
            assert finite, (part, settings(explorer))
    return True


def fuzz(explorer, changes, rng):
    """Make changes; returns [(settings, picture)] of those that were accepted."""
    seen = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(changes):
            change(explorer, rng)
            if holds(explorer):
                seen.append((settings(explorer), drawn(explorer)))
    return seen


def same_afresh(name, wanted, picture):
    """Assert that a new explorer, which draws nothing before, gives the same picture at the same settings."""
    explorer = make(name)
    explorer.set(**wanted)
    assert settings(explorer) == wanted
    assert drawn(explorer) == picture, f"a new explorer gives another picture for {wanted}"


def same_again(explorer, wanted, picture, rng):
    """Assert that the same settings, one after the other in random order, give the same picture."""
    names = list(wanted)
    for _ in range(4):  # a bound that depends on another control may need another round
        rng.shuffle(names)
        for name in names:
            explorer.controls[name].value = wanted[name]
    assert settings(explorer) == wanted
    assert drawn(explorer) == picture, f"another picture for {wanted}"
