"""Draw a chapter's explorers beforehand, for the book, which has no kernel.

An explorer's main controls, `Explorer.main`, are moved through their ranges, and each picture is kept as one
file. Of the chapter only what its explorers need is executed, never its training.
"""

import io
import itertools

import torch
from PIL import Image

import course
from course import chapters

MOST_BYTES = 1_500_000  # of all frames of one explorer
MOST_FRAMES = 90
MOST_VALUES = 31  # of a control that moves alone


def draw_chapter(stem, static):
    """Draw a chapter's explorers into the folders `frames/NAME` of a folder.

    Args:
        stem: the chapter's name, "01_cnn".
        static: Path of the folder.
    Returns:
        list of dicts as `draw` returns, in the order of the chapter, each with the explorer's `name`
        ("cnn.sliding_kernel") and the `folder` of its frames ("frames/cnn.sliding_kernel").
    """
    torch.set_num_threads(1)
    course.setup()
    pages = []
    for name, make in chapters.explorers_of(stem).items():
        folder = f"frames/{name}"
        pages.append({"name": name, "folder": folder} | draw(make(), static / folder))
    return pages


def draw(explorer, folder):
    """Draw an explorer's frames into a folder, few enough to stay within `MOST_BYTES`.

    Args:
        explorer: an Explorer at its first setting.
        folder: Path of a folder that is made here; frame `i-j.webp` is of value i of the first main control
            and j of the second; `i.webp` where there is but one.
    Returns:
        dict for the page: title, alt, size (of the picture in the page's pixels), controls with their values,
        labels of the controls left out.
    """
    first = {name: control.value for name, control in explorer.controls.items()}
    most = MOST_FRAMES
    while True:
        _picture(explorer, first)  # it sets the sliders' bounds
        controls = _choose(explorer, most)
        frames = {place: _picture(explorer, first | values) for place, values in _places(controls).items()}
        total = sum(map(len, frames.values()))
        if total <= MOST_BYTES:
            break
        most = int(0.9 * most * MOST_BYTES / total)
        if most < 2:
            raise ValueError(f"{explorer.title}: two frames are too many bytes: name other main controls")
    folder.mkdir(parents=True)
    for place, frame in frames.items():
        (folder / f"{place}.webp").write_bytes(frame)
    moved = {control["name"] for control in controls}
    left_out = [_label(explorer, name) for name in first if name not in moved]
    size = explorer.picture.size
    return dict(title=explorer.title, alt=explorer.alt, size=size, controls=controls, left_out=left_out)


def _choose(explorer, most):
    """For each main slider and menu its name, label, kind, values, their labels and the place of the present
    one.
    """
    room, chosen = most, {}
    main = [name for name in explorer.main if {"options", "max"} & set(dir(explorer.controls[name]))]
    options = {name: values_of(explorer.controls[name]) for name in main}
    # The control with fewest values first: what it leaves is the other's.
    for left, name in enumerate(sorted(options, key=lambda name: len(options[name]))):
        control, pairs = explorer.controls[name], options[name]
        kind = "slider" if hasattr(control, "readout") else "menu"
        present = [value for value, _ in pairs].index(control.value)
        if kind == "slider":  # a menu is not thinned: its entries have no order
            share = int(room ** (1 / (len(options) - left)))
            pairs, present = thin(pairs, present, min(MOST_VALUES, max(2, share)))
        room = max(1, room // len(pairs))
        values, labels = zip(*pairs, strict=True)
        chosen[name] = {"name": name, "label": _label(explorer, name), "kind": kind, "start": present}
        chosen[name] |= {"values": values, "labels": labels}
    return [chosen[name] for name in main]


def values_of(control):
    """All values of a control as a list of (value, label); the label is what the control itself shows."""
    if hasattr(control, "options"):  # a menu, or a slider over named options
        return [(value, label) for label, value in control.options]
    steps = round((control.max - control.min) / control.step)
    grid = [round(control.min + i * control.step, 10) for i in range(steps + 1)]
    form = getattr(control, "readout_format", "d")
    return [(value, format(value, form)) for value in grid]


def thin(pairs, present, most):
    """At most so many of some values, evenly, both ends and the present one among them; its new place too."""
    most = min(most, len(pairs))
    chosen = {round(i * (len(pairs) - 1) / max(1, most - 1)) for i in range(most)}
    nearest = min(chosen, key=lambda i: abs(i - present))
    kept = sorted(chosen - {nearest} | {present})
    return [pairs[i] for i in kept], kept.index(present)


def _label(explorer, name):
    return getattr(explorer.controls[name], "description", "") or name


def _places(controls):
    """The name of each frame, and the values that it shows."""
    names = [control["name"] for control in controls]
    values = [control["values"] for control in controls]
    indices = itertools.product(*(range(len(some)) for some in values))
    frames = zip(indices, itertools.product(*values), strict=True)
    return {"-".join(map(str, place)): dict(zip(names, shown, strict=True)) for place, shown in frames}


def _picture(explorer, values):
    """The bytes of a WebP file of an explorer at these values of all its controls."""
    explorer.set(**{name: values[name] for name in sorted(values, key=lambda name: name in explorer.main)})
    if explorer.message.value:
        raise ValueError(f"{explorer.title}: {explorer.message.value}")
    for name in explorer.main:
        if explorer.controls[name].value != values[name]:
            raise ValueError(f"{explorer.title}: {name} does not take every value: name others as main")
    file = io.BytesIO()
    picture = Image.open(io.BytesIO(explorer.png(density=1))).convert("RGB")
    picture.save(file, "WEBP", lossless=True, quality=60, method=3)
    return file.getvalue()
