"""Draw a chapter's explorers beforehand, for the book, which has no kernel.

One or two controls of an explorer are moved through their ranges, and each picture is kept as one file. Of
the chapter only what its explorers need is executed, never its training.
"""

import io
import itertools

import numpy as np
import torch
from PIL import Image

import course
from course import chapters
from course.explorers.controls import nearest

MOST_BYTES = 1_200_000  # of all frames of one explorer whose values are not named in `MOVED`
MOST_FRAMES = 90
FEW = 8
MOST_VALUES = 41  # of a control that moves alone
SQUARE = 8  # pixels; a browser that shows a frame on a phone averages over fewer
GRID = 48  # places across a panel at which it is asked what a pointer does there
HEAVY = 100_000  # bytes of a frame that is kept with small losses
QUICKEST, SLOWEST = 70, 200  # milliseconds a picture while it plays

# Which controls move in the book, where it is not the explorer's main ones: how many of their values, or
# which. None: as many as there is room for. What plays or is dragged stands last.
MOVED = {
    "cnn.sliding_kernel": {
        "preset": ("vertical edges", "outline", "blur"),
        "position": [26 * row + column for row in range(1, 26, 4) for column in range(0, 26, 3)],
    },
    "cnn.trained_net": {"digit": 4, "chosen": 48},
    "attention.masks": {"mask": None, "position": None},
    "vae.plane": {"z_1": 15, "z_2": 15},
    "vae.trade_off": {"draw": None, "beta": None},
    "gan.dirac": {"penalty": None, "step": None},
    "gan.verdict": {"source": None, "rank": 25},
}


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
        drawn = draw(make(), static / folder, MOVED.get(name))
        pages.append({"name": name, "folder": folder} | drawn)
    return pages


def draw(explorer, folder, moved=None):
    """Draw an explorer's frames into a folder, few enough to stay within `MOST_BYTES`.

    The frames of one row, those that differ in the `inner` control alone, are kept as what differs from the
    row's key frame, in which that control is at its start: all else is transparent.

    Args:
        explorer: an Explorer at its first setting.
        folder: Path of a folder that is made here; frame `i-j.webp` is of value i of the first control and j
            of the second; `i.webp` where there is but one.
        moved: as an entry of `MOVED`; the main controls by default.
    Returns:
        dict for the page: title, alt, size (of the picture in the page's pixels), controls with their values,
        inner (which of them), play (which of them plays, or None), pace (milliseconds a picture), panels
        (what a pointer does there, see `_panels`), draws (whether a pen draws in it where it runs), left_out
        (labels of the other controls).
    """
    first = {name: control.value for name, control in explorer.controls.items()}
    named = moved and all(moved.values())
    most = MOST_FRAMES if named else FEW  # a few tell how large they are
    for turn in itertools.count():
        _set(explorer, first, ())  # it sets the sliders' bounds
        controls = _choose(explorer, moved or dict.fromkeys(explorer.main), most)
        inner = max(range(len(controls)), key=lambda i: len(controls[i]["values"]))
        frames = _frames(explorer, first, controls, inner)
        total = sum(map(len, frames.values()))
        if named or turn and total <= MOST_BYTES:
            break
        most = min(MOST_FRAMES, int(0.9 * len(frames) * MOST_BYTES / total))
        if most < 2:
            raise ValueError(f"{explorer.title}: two frames are too many bytes: name other main controls")
    folder.mkdir(parents=True)
    for place, frame in frames.items():
        (folder / f"{place}.webp").write_bytes(frame)
    names = [control["name"] for control in controls]
    return {
        **dict(title=explorer.title, alt=explorer.alt, size=explorer.picture.size),
        **dict(controls=controls, inner=inner, panels=_panels(explorer, controls, first)),
        **_played(explorer, controls),
        "draws": bool(explorer.ink),
        "left_out": [_label(explorer, name) for name in first if name not in names],
    }


def _choose(explorer, moved, most):
    """For each slider and menu to be moved its name, label, kind, values, their labels and the place of the
    present one.
    """
    room, chosen = most, {}
    moved = {n: some for n, some in moved.items() if {"options", "max"} & set(dir(explorer.controls[n]))}
    options = {name: values_of(explorer.controls[name]) for name in moved}
    # The control with fewest values first: what it leaves is the other's.
    for left, name in enumerate(sorted(options, key=lambda name: len(options[name]))):
        control, pairs, some = explorer.controls[name], options[name], moved[name]
        kind = "slider" if hasattr(control, "readout") else "menu"
        if isinstance(some, tuple | list):
            pairs = [pair for pair in pairs if pair[0] in some]
        present = [value for value, _ in pairs].index(control.value)
        if isinstance(some, int):
            pairs, present = thin(pairs, present, some)
        elif some is None and kind == "slider":  # a menu is not thinned: its entries have no order
            share = int(room ** (1 / (len(options) - left)))
            pairs, present = thin(pairs, present, min(MOST_VALUES, max(2, share)))
        room = max(1, room // len(pairs))
        values, labels = zip(*pairs, strict=True)
        chosen[name] = {"name": name, "label": _label(explorer, name), "kind": kind, "start": present}
        chosen[name] |= {"values": values, "labels": labels}
    return [chosen[name] for name in moved]


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
    replaced = min(chosen, key=lambda i: abs(i - present))
    kept = sorted(chosen - {replaced} | {present})
    return [pairs[i] for i in kept], kept.index(present)


def _label(explorer, name):
    return getattr(explorer.controls[name], "description", "") or name


def _frames(explorer, first, controls, inner):
    """The bytes of each frame, by its name."""
    names = [control["name"] for control in controls]
    ranges = [range(len(control["values"])) for control in controls]
    start, frames, key = controls[inner]["start"], {}, None
    ranges[inner] = [start, *(i for i in ranges[inner] if i != start)]
    # The inner control is the quickest to change, and each row begins with its key frame.
    order = sorted(range(len(controls)), key=lambda i: i == inner)
    for turn in itertools.product(*(ranges[i] for i in order)):
        place = [turn[order.index(i)] for i in range(len(controls))]
        values = {control["name"]: control["values"][i] for control, i in zip(controls, place, strict=True)}
        _set(explorer, first | values, names)
        pixels = np.asarray(explorer.picture.draw(explorer.state()))
        if place[inner] == start:
            key = None
        frames["-".join(map(str, place))] = _file(pixels, key)
        key = pixels if key is None else key
    return frames


def _set(explorer, values, moved):
    """Set all controls, those that are moved at last, and the first of them after the others."""
    order = sorted(values, key=lambda name: name in moved and len(moved) - moved.index(name))
    explorer.set(**{name: values[name] for name in order})
    if explorer.message.value:
        raise ValueError(f"{explorer.title}: {explorer.message.value}")
    for name in moved:
        if explorer.controls[name].value != values[name]:
            raise ValueError(f"{explorer.title}: {name} does not take every value: name others as main")


def _file(pixels, key):
    """A WebP file of a picture (H, W, 3), transparent where it is as its key frame."""
    if key is None:
        image = Image.fromarray(pixels)
    else:
        differs = _differing(pixels, key)
        image = Image.fromarray(np.concatenate([pixels * differs, 255 * differs.astype(np.uint8)], -1))
    files = [io.BytesIO(), io.BytesIO()]
    image.save(files[0], "WEBP", lossless=True, quality=50, method=2)
    if files[0].tell() <= HEAVY:
        return files[0].getvalue()
    image.save(files[1], "WEBP", quality=90, method=3)
    return min(files, key=io.BytesIO.tell).getvalue()


def _differing(pixels, key):
    """Where two pictures (H, W, 3) differ, (H, W, 1): squares with a margin, so that a browser that shows
    both smaller finds no trace of the lower one.
    """
    height, width, _ = pixels.shape
    sides = -(-height // SQUARE), -(-width // SQUARE)
    differs = np.zeros((sides[0] * SQUARE, sides[1] * SQUARE), bool)
    differs[:height, :width] = (pixels != key).any(-1)
    squares = np.pad(differs.reshape(sides[0], SQUARE, sides[1], SQUARE).any((1, 3)), 1)
    near = np.any([squares[i : i + sides[0], j : j + sides[1]] for i in range(3) for j in range(3)], axis=0)
    return near.repeat(SQUARE, 0).repeat(SQUARE, 1)[:height, :width, None]


def _played(explorer, controls):
    """Which control plays, the explorer's own or the slider with most values, and how quickly."""
    sliders = [i for i, control in enumerate(controls) if control["kind"] == "slider"]
    if not sliders:
        return {"play": None, "pace": 0}
    own = [i for i in sliders if controls[i]["name"] == explorer.play]
    play = own[0] if own else max(sliders, key=lambda i: len(controls[i]["values"]))
    left_out = len(values_of(explorer.controls[controls[play]["name"]])) / len(controls[play]["values"])
    pace = explorer.stage.pace or SLOWEST
    return {"play": play, "pace": round(min(max(pace * left_out, QUICKEST), SLOWEST))}


def _panels(explorer, controls, first):
    """What a pointer does in the picture, where that does not depend on the present setting.

    Returns:
        list of dicts, one for each panel that moves one of the controls: box, (left, top, width, height) in
        fractions of the picture; moves, dict of a control's number to a table of rows of numbers of its
        values, over evenly spaced places of the panel, None where it is not moved.
    """
    names = [control["name"] for control in controls]
    last = first | {control["name"]: control["values"][-1] for control in controls}
    states = []
    for values in (last, first):
        _set(explorer, values, names)
        states.append(explorer.state())
    boxes, panels = explorer.picture.panels(), []
    middles = (np.arange(GRID) + 0.5) / GRID
    for panel, answer in explorer.touch.items():
        left, top, width, height = boxes[panel]
        x, y = (axis.ravel() for axis in np.meshgrid(left + width * middles, top + height * middles))
        data = [
            tuple(map(float, place)) for place in zip(*explorer.picture.data_at(panel, x, y), strict=True)
        ]
        other, answers = ([answer(state, *place) or {} for place in data] for state in states)
        moves = {}
        for number, control in enumerate(controls):
            asked, elsewhere = ([each.get(control["name"]) for each in some] for some in (answers, other))
            if asked == elsewhere and (table := _table(asked, explorer, control)):
                moves[number] = table
        if moves:
            panels.append({"box": [round(side, 4) for side in boxes[panel]], "moves": moves})
    return panels


def _table(answers, explorer, control):
    """Each place's number among a control's kept values: that of the nearest place where a kept one stands.

    Args:
        answers: GRID² values, row by row; None where there is none.
    """
    full = [value for value, _ in values_of(explorer.controls[control["name"]])]
    kept = np.array([full.index(value) for value in control["values"]])
    where = np.array([i for i, answer in enumerate(answers) if answer is not None])
    if len(where) == 0:
        return None
    slider = explorer.controls[control["name"]]
    asked = np.array([full.index(nearest(slider, answers[i])) for i in where])
    away = np.abs(asked[:, None] - kept)  # (places, kept)
    stands = (away == away.min(0)) & (away == away.min(1, keepdims=True))
    if not stands.any() or len(np.unique(asked)) == 1:
        return None
    seeds, numbers = np.nonzero(stands)
    places = np.stack(np.divmod(where, GRID), -1)
    table = np.full(GRID * GRID, -1)
    for i, place in zip(where, places, strict=True):
        table[i] = numbers[((places[seeds] - place) ** 2).sum(-1).argmin()]
    rows = table.reshape(GRID, GRID)
    rows = rows[:1] if (rows == rows[0]).all() else rows  # it depends on x alone
    rows = rows[:, :1] if (rows == rows[:, :1]).all() else rows
    return [[int(i) if i >= 0 else None for i in row] for row in rows]
