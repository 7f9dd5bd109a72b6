"""Recorded results: tables and weights that a chapter shows but does not make while it runs.

A chapter says how they are made: `RECORDED = {"seeds": (record_seed, [{"seed": 0}, {"seed": 1}])}`, a
generator function and the arguments of each row. `record_seed(seed=0, **settings)` trains, with settings that
it hands on to `training.fit`; it yields the losses, and then a dict of what it measured. So the tests can
repeat the start of a row: with `max_steps=20` the first thing that it yields is 20 losses, and they ask for
no more. `make results CH=01` runs them and writes `files/01_cnn/seeds.json`.
"""

import datetime
import json
import os
import platform
import time
from pathlib import Path

from course import chapters
from course.files import write_whole
from course.results import sums

FILES = Path(__file__).resolve().parent / "files"
FIRST_STEPS = 20
MAX_WEIGHT_BYTES = 2_000_000
LARGEST_HALF = 65504.0


def record(chapter, names=None):
    """Run a chapter's recorders and write one JSON file for each.

    Args:
        chapter: number or name, as for `chapters.find`.
        names: which entries of the chapter's RECORDED; all if None.
    Returns:
        list of the Paths written.
    Raises:
        ValueError: the chapter has no RECORDED or not that entry, or a row cannot be written as JSON.
    """
    module = chapters.load_definitions(chapter)
    recorders = _recorders(module, chapter)
    unknown = [name for name in names or [] if name not in recorders]
    if unknown:
        there_are = ", ".join(recorders) or "nothing"
        raise ValueError(f"{_stem(chapter)} records no {', '.join(unknown)}; it records: {there_are}")
    written = []
    for name in names or recorders:
        function, rows = recorders[name]
        content = {
            "chapter": _stem(chapter),
            "name": name,
            "recorded_by": function.__name__,
            "date": datetime.date.today().isoformat(),
            "machine": describe_machine(),
            "versions": _versions(),
            "rows": [_run_row(function, row, f"{name}, row {number}") for number, row in enumerate(rows)],
        }
        content["sha256"] = sums.of_table(content)
        written.append(write_whole(_folder(chapter) / f"{name}.json", json.dumps(content, indent=1) + "\n"))
    return written


def read(chapter, name):
    """The rows of one recorded table.

    Args:
        chapter: number ("01") or name ("01_cnn").
        name: the entry of the chapter's RECORDED.
    Returns:
        list of dicts, one a row: its arguments, what the recorder returned, and "seconds".
    Raises:
        FileNotFoundError: nothing is recorded; says how to record it.
        ValueError: the file is damaged or cannot be read.
    """
    rows = read_file(chapter, name)["rows"]
    return [{"seconds": row["seconds"]} | row["arguments"] | row["result"] for row in rows]


def read_file(chapter, name):
    """All that a recorded file holds: rows, date, machine and versions. Errors as for `read`."""
    path = _folder(chapter) / f"{name}.json"
    data = sums.read_bytes(path)
    try:
        content = json.loads(data)
        if content["sha256"] != sums.of_table(content):
            raise ValueError("the checksum differs")
        if not all({"arguments", "result", "seconds"} <= row.keys() for row in content["rows"]):
            raise KeyError("rows")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"the recorded file {path} is damaged: {sums.cure(path)}") from error
    return content


def save_weights(chapter, name, state_dict):
    """Write weights as float16 to `files/<chapter>/<name>.safetensors`, whole or not at all.

    Args:
        state_dict: name → tensor. Floating tensors are rounded to float16 (3 digits), others kept.
    Returns:
        the Path written.
    Raises:
        ValueError: a weight is not finite or beyond float16, or the file would pass 2 MB.
    """
    import torch
    from safetensors.torch import save

    small = {}
    for key, tensor in state_dict.items():
        tensor = tensor.detach().cpu()
        if tensor.is_floating_point():
            if not bool((tensor.abs() <= LARGEST_HALF).all()):
                raise ValueError(f"weight {key!r} of {name!r} is not finite or does not fit float16")
            tensor = tensor.to(torch.float16)
        small[key] = tensor.clone().contiguous()
    content = save(small, {"sha256": sums.of_weights(small)})
    if len(content) > MAX_WEIGHT_BYTES:
        raise ValueError(
            f"the weights {name!r} take {len(content) / 1e6:.1f} MB, at most 2 MB are kept: "
            "use a smaller model"
        )
    return write_whole(_folder(chapter) / f"{name}.safetensors", content)


def load_weights(chapter, name):
    """Recorded weights, for `model.load_state_dict`.

    Returns:
        dict name → tensor on the CPU; what was stored as float16 comes as float32.
    Raises:
        FileNotFoundError: no such weights; says how to record them.
        ValueError: the file is damaged or cannot be read.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    path = _folder(chapter) / f"{name}.safetensors"
    content = sums.read_bytes(path, "weights ")
    try:
        stored = load(content)
        if sums.in_weights_file(content) != sums.of_weights(stored):
            raise ValueError("the checksum differs")
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise ValueError(f"the recorded weights {path} are damaged: {sums.cure(path)}") from error
    return {key: t.float() if t.dtype == torch.float16 else t for key, t in stored.items()}


def describe_machine():
    """One line about this machine: system, architecture, number of CPUs, and the accelerator if any."""
    import torch

    parts = [
        platform.system(),
        platform.machine(),
        f"{os.cpu_count()} CPUs",
        f"{torch.get_num_threads()} threads",
    ]
    if torch.cuda.is_available():
        parts.append(torch.cuda.get_device_name())
    return ", ".join(parts)


def _recorders(module, chapter):
    recorders = getattr(module, "RECORDED", None)
    if not isinstance(recorders, dict):
        raise ValueError(f"{_stem(chapter)} records nothing: it has no dict RECORDED")
    return recorders


def _run_row(function, arguments, what):
    """One row, with its arguments and time, checked to be JSON that reads back as itself."""
    start = time.monotonic()
    result = _run(function, arguments, what)
    row = {"arguments": arguments, "result": result, "seconds": round(time.monotonic() - start, 2)}
    try:
        unchanged = json.loads(json.dumps(row, allow_nan=False)) == row
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{what} cannot be recorded: {error}; use finite numbers, strings, lists, dicts"
        ) from error
    if not unchanged:
        raise ValueError(f"{what} reads back differently from JSON: use lists, not tuples, and string keys")
    print(f"{what}: {arguments} in {row['seconds']:.0f} s", flush=True)
    return row


def _run(function, arguments, what):
    """What a recorder yields: its first losses, and all that it measured, in one dict."""
    try:
        recorder = function(**arguments, progress=False)
        losses, measured = next(recorder), next(recorder)
    except NameError as error:
        raise ValueError(
            f"{what}: {error}. A recorder may use its chapter's imports, definitions and UPPER_CASE "
            "constants, not what the chapter computes"
        ) from error
    if not isinstance(losses, list) or not losses or not isinstance(measured, dict):
        raise ValueError(f"{what}: a recorder yields a list of losses, and then a dict of what it measured")
    return {"losses": losses[:FIRST_STEPS]} | measured


def _versions():
    import numpy
    import torch

    return {"python": platform.python_version(), "torch": torch.__version__, "numpy": numpy.__version__}


def _stem(chapter):
    return chapters.find(chapter).stem


def _folder(chapter):
    """The folder of a chapter's recorded files; found without the chapter's source, which Colab does not
    have.
    """
    for folder in sorted(FILES.glob("[0-9][0-9]_*")):
        if chapters.is_named(folder.name, chapter):
            return folder
    try:
        return FILES / _stem(chapter)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"nothing is recorded for a chapter {str(chapter)!r}") from error
