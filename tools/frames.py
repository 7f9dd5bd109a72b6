"""Draw a chapter's explorers beforehand, for the book: `python tools/frames.py NN FOLDER`.

The book has no kernel. So the explorer's main controls, `Explorer.main`, are moved through their ranges here,
and each picture that its `compute`, `build` and `update` make is kept as one file. Of the chapter only the
definitions and the cells tagged `explorer` and `explorer-needs` are executed, never its training.
"""

import argparse
import ast
import io
import itertools
import json
import sys
from pathlib import Path

import jupytext
import torch
from PIL import Image

import course
from course import chapters

MOST_BYTES = 1_500_000  # of all frames of one explorer
MOST_FRAMES = 90
MOST_VALUES = 31  # of a control that moves alone


def makers_of(stem):
    """How a chapter's cells make their explorers, in the order of the chapter.

    Args:
        stem: the chapter's name, "01_cnn".
    Returns:
        list of functions () -> Explorer, a new one at each call.
    """
    namespace = vars(chapters.load_definitions(stem))
    makers = []
    for cell in jupytext.read(chapters.find(stem)).cells:
        tags = set(cell.metadata.get("tags", []))
        if not tags & {"explorer", "explorer-needs"}:
            continue
        *above, last = ast.parse(cell.source).body
        if "explorer" not in tags:
            above.append(last)
        exec(compile(ast.Module(above, []), f"<a cell of {stem}>", "exec"), namespace)
        if "explorer" in tags:
            code = compile(ast.Expression(last.value), f"<a cell of {stem}>", "eval")
            makers.append(lambda code=code: eval(code, namespace))
    return makers


def values_of(control, most):
    """Values to draw of a control, at most so many, its present one among them.

    Returns:
        list of (value, label); the label is what the control itself shows for the value.
    """
    if hasattr(control, "options"):  # a menu, or a slider over named options
        pairs = [(value, label) for label, value in control.options]
        if not _is_slider(control):
            return pairs  # a menu is not thinned: its entries have no order
    else:
        steps = round((control.max - control.min) / control.step)
        grid = [control.min + i * control.step for i in range(steps + 1)]
        form = getattr(control, "readout_format", "d")
        pairs = [(round(value, 10), format(value, form)) for value in grid]
    present = min(range(len(pairs)), key=lambda i: _distance(pairs[i][0], control.value))
    most = min(most, len(pairs))
    chosen = {round(i * (len(pairs) - 1) / max(1, most - 1)) for i in range(most)}
    nearest = min(chosen, key=lambda i: abs(i - present))
    return [pairs[i] for i in sorted(chosen - {nearest} | {present})]


def _distance(value, present):
    return abs(value - present) if isinstance(value, int | float) else int(value != present)


def draw(explorer, folder):
    """Draw an explorer's frames into a folder, few enough to stay within the size.

    Args:
        explorer: an Explorer at its first setting.
        folder: Path of an empty folder; frame `i-j.webp` is of value i of the first main control and j of the
            second; `i.webp` where there is but one.
    Returns:
        dict for the page: title, alt, bytes of all frames, controls with their values, labels of the controls
        left out.
    """
    start = {name: control.value for name, control in explorer.controls.items()}
    most = MOST_FRAMES
    while True:
        _frame(explorer, start)  # `adjust` sets the sliders' bounds
        controls = _grid(explorer, most)
        places = _places(controls)
        some = list(places.values())[:: len(places) // 6 + 1]  # they tell how large all will be
        total = len(places) / len(some) * sum(len(_frame(explorer, start | values)) for values in some)
        if total <= 0.97 * MOST_BYTES:
            frames = {place: _frame(explorer, start | values) for place, values in places.items()}
            total = sum(map(len, frames.values()))
            if total <= MOST_BYTES:
                break
        most = int(0.9 * most * min(1, MOST_BYTES / total))
        if most < 2:
            raise ValueError(
                f"{explorer.title}: frames of {MOST_BYTES} bytes are not enough: name other main controls"
            )
    for place, frame in frames.items():
        (folder / f"{place}.webp").write_bytes(frame)
    left_out = [_label(name, explorer.controls[name]) for name in start if name not in explorer.main]
    page = {"title": explorer.title, "alt": explorer.alt, "bytes": total}
    return page | {"controls": controls, "left_out": left_out}


def _grid(explorer, most):
    """For each main control its name, label, values, their labels and the place of the present one."""
    room, counts = most, {}
    sizes = {name: len(values_of(explorer.controls[name], 10**6)) for name in explorer.main}
    # The control with fewest values first: what it leaves is the other's.
    for left, name in enumerate(sorted(sizes, key=sizes.get)):
        wanted = sizes[name]
        if _is_slider(explorer.controls[name]):
            wanted = min(wanted, MOST_VALUES, max(2, int(room ** (1 / (len(explorer.main) - left)))))
        counts[name], room = wanted, max(1, room // wanted)
    return [_entry(name, explorer.controls[name], counts[name]) for name in explorer.main]


def _is_slider(control):
    return hasattr(control, "readout")


def _entry(name, control, most):
    values, labels = zip(*values_of(control, most), strict=True)
    start = min(range(len(values)), key=lambda i: _distance(values[i], control.value))
    kind, label = "slider" if _is_slider(control) else "menu", _label(name, control)
    return {"name": name, "label": label, "kind": kind, "values": values, "labels": labels, "start": start}


def _label(name, control):
    return getattr(control, "description", "") or name


def _places(controls):
    """The name of each frame, and the values that it shows."""
    indices = itertools.product(*(range(len(control["values"])) for control in controls))
    return {
        "-".join(map(str, place)): {
            control["name"]: control["values"][i] for control, i in zip(controls, place, strict=True)
        }
        for place in indices
    }


def _frame(explorer, values):
    """The bytes of a WebP file of an explorer at these values of all its controls."""
    for _ in range(2):  # a value beyond a bound that `adjust` moves is taken at the second go
        for name, value in values.items():
            explorer.controls[name].value = value
        png = explorer.png()
        refused = [name for name, value in values.items() if explorer.controls[name].value != value]
        if not refused:
            break
    refused = [name for name in refused if name in explorer.main]
    if refused:
        raise ValueError(f"{explorer.title}: {refused[0]} does not take every value: name others as main")
    file = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").save(file, "WEBP", lossless=True, quality=60, method=3)
    return file.getvalue()


def main(arguments=None):
    """Draw one chapter's explorers into FOLDER/0, FOLDER/1, ..., and describe them in FOLDER/frames.json."""
    parser = argparse.ArgumentParser(description="draw a chapter's explorers for the book")
    parser.add_argument("chapter", help="its number or name")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    course.setup()
    pages = []
    for number, make in enumerate(makers_of(chapters.find(options.chapter).stem)):
        folder = options.folder / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        pages.append(draw(make(), folder))
    (options.folder / "frames.json").write_text(json.dumps(pages), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
