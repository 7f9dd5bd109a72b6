"""Recorded results: tables and weights that a chapter shows but does not make while it runs.

A chapter says how they are made: `RECORDED = {"seeds": (record_seed, [{"seed": 0}, {"seed": 1}])}`, a
generator function and the arguments of each row. `record_seed(seed=0, **settings)` trains, with settings that
it hands on to `training.fit`; it yields the losses, and then a dict of what it measured. So the tests can
repeat the start of a row: with `max_steps=20` the first thing that it yields is 20 losses, and they ask for
no more. `make results CH=01` runs them and writes `recorded/01_cnn/seeds.json`, and its checksum beside it.
"""

import datetime
import json
import os
import platform
import time
from pathlib import Path

from course import chapters
from course.files import DataError, read_checked, write_checked

FILES = Path(__file__).with_name("recorded")
FIRST_STEPS = 20
MAX_WEIGHT_BYTES = 2_000_000


def record(chapter, names=None):
    """Run a chapter's recorders and write one JSON file for each; returns their Paths.

    Args:
        chapter: number or name, as for `chapters.find`.
        names: which entries of the chapter's RECORDED; all if None.
    Raises:
        ValueError: the chapter has no RECORDED or not that entry, or a row cannot be written as JSON.
    """
    stem = chapters.find(chapter).stem
    recorders = getattr(chapters.load_definitions(chapter), "RECORDED", None)
    if not recorders:
        raise ValueError(f"{stem} records nothing: it has no dict RECORDED")
    unknown = [name for name in names or [] if name not in recorders]
    if unknown:
        raise ValueError(f"{stem} records no {', '.join(unknown)}; it records: {', '.join(recorders)}")
    written = []
    for name in names or recorders:
        function, rows = recorders[name]
        content = {
            "chapter": stem,
            "name": name,
            "recorded_by": function.__name__,
            **_origin(),
            "rows": [_run_row(function, row, f"{name}, row {i}") for i, row in enumerate(rows)],
        }
        written.append(write_checked(FILES / stem / f"{name}.json", json.dumps(content, indent=1) + "\n"))
    return written


def read(chapter, name):
    """The rows of one recorded table.

    Args:
        chapter: number ("01") or name ("01_cnn").
        name: the entry of the chapter's RECORDED.
    Returns:
        list of dicts, one a row: its arguments, what the recorder returned, and "seconds".
    Raises:
        DataError: nothing is recorded, or the file is damaged; says how to record it.
    """
    rows = read_file(chapter, name)["rows"]
    return [{"seconds": row["seconds"]} | row["arguments"] | row["result"] for row in rows]


def read_file(chapter, name):
    """All that a recorded file holds: rows, date, machine and versions. Errors as for `read`."""
    return json.loads(_read_bytes(chapter, f"{name}.json"))


def save_weights(chapter, name, state_dict):
    """Write weights as float16 to `recorded/<chapter>/<name>.safetensors`, whole or not at all; its Path.

    Args:
        state_dict: name → tensor. Floating tensors are rounded to float16 (3 digits), others kept.
    Raises:
        ValueError: a weight is not finite or beyond float16, or the file would pass 2 MB.
    """
    import torch
    from safetensors.torch import save

    small, largest = {}, torch.finfo(torch.float16).max
    for key, tensor in state_dict.items():
        tensor = tensor.detach().cpu()
        if tensor.is_floating_point():
            if not (tensor.abs() <= largest).all():
                raise ValueError(f"weight {key!r} of {name!r} is not finite or does not fit float16")
            tensor = tensor.to(torch.float16)
        small[key] = tensor.clone().contiguous()
    content = save(small)
    if len(content) > MAX_WEIGHT_BYTES:
        size = f"{len(content) / 1e6:.1f} MB"
        raise ValueError(f"the weights {name!r} take {size}, at most 2 MB are kept: use a smaller model")
    return write_checked(FILES / chapters.find(chapter).stem / f"{name}.safetensors", content)


def load_weights(chapter, name):
    """Recorded weights, name → tensor on the CPU, halves as float32. Arguments and errors as for `read`."""
    import torch
    from safetensors.torch import load

    stored = load(_read_bytes(chapter, f"{name}.safetensors"))
    return {key: t.float() if t.dtype == torch.float16 else t for key, t in stored.items()}


def _read_bytes(chapter, file):
    """A recorded file's content, checked; found without the chapter's source, which Colab does not have."""
    folders = (folder for folder in FILES.glob("*") if chapters.is_named(folder.name, chapter))
    folder = next(folders, FILES / str(chapter))
    make = f"`make results CH={folder.name[:2]}`"
    if not (folder / file).exists():
        raise DataError(f"{folder.name} has no recorded {file}: {make} makes it.")
    return read_checked(folder / file, f"Restore its folder with git, or record it again with {make}.")


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
        recorder = function(**arguments, show=False)
        losses, measured = next(recorder), next(recorder)
    except NameError as error:
        raise ValueError(
            f"{what}: {error}. A recorder may use its chapter's imports, definitions and UPPER_CASE "
            "constants, not what the chapter computes"
        ) from error
    if not isinstance(losses, list) or not losses or not isinstance(measured, dict):
        raise ValueError(f"{what}: a recorder yields a list of losses, and then a dict of what it measured")
    return {"losses": losses[:FIRST_STEPS]} | measured


def _origin():
    """When, on what machine and with which versions a table is recorded."""
    import numpy
    import torch

    counts = f"{os.cpu_count()} CPUs, {torch.get_num_threads()} threads"
    card = [torch.cuda.get_device_name()] if torch.cuda.is_available() else []
    machine = ", ".join([platform.system(), platform.machine(), counts, *card])
    versions = {"python": platform.python_version(), "torch": torch.__version__, "numpy": numpy.__version__}
    return {"date": datetime.date.today().isoformat(), "machine": machine, "versions": versions}
