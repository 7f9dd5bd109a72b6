"""Checkpoints: the state of a run, whole, in a file that survives a kill and tells when it is damaged."""

import hashlib
import io
import os
import pickle
from contextlib import suppress
from dataclasses import asdict

import torch
from accelerate.utils import gather_object, send_to_device

from course.files import set_aside, sha256
from course.training.history import History


class CheckpointError(RuntimeError):
    """A checkpoint cannot be written, read, or used for this run. The message names the file and the cure."""


# The file: a line that tells what it is, the checksum of what follows, and the state as torch saves it


def previous(path):
    """Where the checkpoint before the newest one is kept."""
    return path.with_name(path.name + ".previous")


def write(path, state, keep=True):
    """Write `state` to `path`; killed at any moment, it leaves a whole one to `read`: this one or the last.

    Args:
        path: the newest checkpoint; its folder is made.
        state: nested dicts, lists and tuples of tensors, numbers, strings and None.
        keep: whether the file that stood there becomes the previous one (else both, of another run, go).
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    fresh = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(fresh, "wb") as file:
            file.write(_head(content) + content)
            file.flush()
            os.fsync(file.fileno())
        if keep and path.exists():
            os.replace(path, previous(path))
        os.replace(fresh, path)
        if not keep:
            previous(path).unlink(missing_ok=True)
    except OSError as error:
        with suppress(OSError):
            fresh.unlink()
        raise CheckpointError(
            f"The checkpoint {path} cannot be written: {error}. Free the disk, or name another folder."
        ) from error


def read(path):
    """The newest good checkpoint's state and messages for the user; (None, []) where there is none yet.

    A damaged file is set aside as `<name>.damaged` (then `.damaged-2`), so that it never takes the place of
    a good one, and none is lost. Nothing is unpickled but tensors, numbers and texts.

    Raises:
        CheckpointError: if there are checkpoints and none is good.
    """
    messages = []
    for candidate in filter(os.path.exists, (path, previous(path))):
        try:
            return _load(candidate), messages
        except CheckpointError as error:
            aside = set_aside(candidate, "{name}.damaged{number}")
            messages.append(f"{error} It was set aside as {aside.name}, and the one before is used.")
    if messages:
        raise CheckpointError(
            f"No good checkpoint is left at {path}: each was damaged and set aside as *.damaged. "
            "Start again without resume=True."
        )
    return None, []


def _load(path):
    data, length = path.read_bytes(), len(_head(b""))
    head, content = data[:length], data[length:]
    if head != _head(content):
        raise CheckpointError(f"The checkpoint {path} is damaged (its content does not match its checksum).")
    try:
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError) as error:
        raise CheckpointError(f"The checkpoint {path} holds something other than weights: {error}") from error


def _head(content):
    return b"course checkpoint 2\n" + sha256(content).encode() + b"\n"


# What is in it

PARTS = ("models", "optimizers", "schedulers")  # of a run, that have a state_dict


def take(run):
    """The state of a run between two steps: all that a resumed run needs to go on as if it had never stopped.

    What differs between processes (carried state, torch's own generators) is kept for each of them: all
    processes take part.
    """
    own = {"carry": send_to_device(run.carry, "cpu"), "random": run.random_state()}
    return {
        "configuration": run.configuration,
        "step": run.step,
        "averages": [average.tensors for average in run.averages],
        "processes": [own] if run.processes == 1 else gather_object([own]),
        "history": asdict(run.history),
    } | {parts: [part.state_dict() for part in getattr(run, parts)] for parts in PARTS}


def restore(run, state):
    """Put `run` where `take` found it."""
    run.step = state["step"]
    for parts in PARTS:
        for part, saved in zip(getattr(run, parts), state[parts], strict=True):
            part.load_state_dict(saved)
    for average, saved in zip(run.averages, state["averages"], strict=True):
        average.tensors = send_to_device(saved, run.device)
    own = state["processes"][run.process]
    run.set_random_state(own["random"])
    run.carry = send_to_device(own["carry"], run.device)
    run.history = History(**{**state["history"], "interrupted": False})


def configuration(run, batches, epochs):
    """What must be the same for a checkpoint to fit a run: name -> value as text."""
    facts = {
        "data": name_of(batches.make) if batches.make else fingerprint(batches.tensors),
        "epochs": epochs,
        "batch_size": batches.batch_size,
        "steps_per_epoch": batches.per_epoch,
        "shuffle": batches.shuffle,
        "schedule": run.schedule if isinstance(run.schedule, str) else name_of(run.schedule),
        "average": [average.decay for average in run.averages],
    }
    facts |= {name: getattr(run, name) for name in ("seed", "clip", "precision", "processes")}
    for i, model in enumerate(run.models):
        for name, tensor in model.state_dict().items():
            facts[f"model {i}, {name}"] = form(tensor)
    for i, optimizer in enumerate(run.optimizers):
        facts[f"optimizer {i}"] = type(optimizer).__name__
        for j, group in enumerate(optimizer.param_groups):
            for name, value in group.items():
                facts[f"optimizer {i}, group {j}, {name}"] = len(value) if name == "params" else value
    return {name: str(value) for name, value in facts.items()}


def form(tensor):
    """A tensor's shape and dtype, as text."""
    return f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"


def fingerprint(tensors):
    """What tells these tensors from others, as text."""
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return f"{', '.join(map(form, tensors))}, sha256 {digest.hexdigest()[:16]}"


def name_of(function):
    """A function's name, without an address in it, which each process has of its own."""
    return getattr(function, "__qualname__", type(function).__name__)


def refuse_other(path, saved, now):
    """Raise a CheckpointError that names each difference between two configurations."""
    lines = [
        f"  {name}: {saved.get(name, 'absent')} in the checkpoint, {now.get(name, 'absent')} now"
        for name in {**saved, **now}
        if saved.get(name) != now.get(name)
    ]
    if lines:
        more = [f"  and {len(lines) - 8} more"] if len(lines) > 8 else []
        raise CheckpointError(
            f"The checkpoint {path} is of another configuration:\n" + "\n".join(lines[:8] + more) + "\n"
            "Give the run the checkpoint's values, or start anew (without resume=True or under another name)."
        )
