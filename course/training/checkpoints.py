"""Files that survive being killed while they are written, and tell when they are damaged."""

import hashlib
import io
import os
import pickle
from contextlib import suppress
from pathlib import Path

import torch

from course.files import set_aside

MAGIC = b"course checkpoint 1\n"


class CheckpointError(RuntimeError):
    """A checkpoint cannot be written, read, or used for this run. The message names the file and the cure."""


def previous(path):
    """Where the checkpoint before the newest one is kept."""
    return path.with_name(path.name + ".previous")


def write(path, state, keep=True):
    """Write `state` to `path` so that a kill at any moment leaves a whole checkpoint behind.

    Args:
        path: the newest checkpoint; its folder is made.
        state: nested dicts, lists and tuples of tensors, numbers, strings and None.
        keep: whether the file that stands there is kept as the one before (else it, and the one before, are
            dropped once the new one is in place: they are of another run).
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    fresh = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(fresh, "wb") as file:
            file.write(MAGIC + hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
            file.flush()
            os.fsync(file.fileno())
        if keep and path.exists():
            os.replace(path, previous(path))
        os.replace(fresh, path)
        if not keep:
            previous(path).unlink(missing_ok=True)
        _sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            fresh.unlink()
        raise CheckpointError(
            f"The checkpoint {path} cannot be written: {error}. Free the disk, or name another folder."
        ) from error


def read(path):
    """The newest good checkpoint's state and messages for the user; (None, []) where there is none yet.

    A damaged file is set aside as `<name>.damaged` (then `.damaged-2`), so that it never takes the place of
    a good one, and none is lost.

    Raises:
        CheckpointError: if there are checkpoints and none is good.
    """
    messages = []
    for candidate in (path, previous(path)):
        if not candidate.exists():
            continue
        try:
            return load(candidate), messages
        except CheckpointError as error:
            aside = set_aside(candidate, "{name}.damaged{number}")
            messages.append(f"{error} It was set aside as {aside.name}, and the one before is used.")
    if messages:
        raise CheckpointError(
            f"No good checkpoint is left at {path}: each was damaged and set aside as *.damaged. "
            "Start again without resume=True."
        )
    return None, []


def load(path):
    """The state in one checkpoint file; unpickles no code. Raises CheckpointError if it is damaged."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"The checkpoint {path} cannot be read: {error}.") from error
    head, content = data[: len(MAGIC) + 65], data[len(MAGIC) + 65 :]
    if head != MAGIC + hashlib.sha256(content).hexdigest().encode() + b"\n":
        raise CheckpointError(f"The checkpoint {path} is damaged (its content does not match its checksum).")
    try:
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError) as error:
        raise CheckpointError(f"The checkpoint {path} holds something other than weights: {error}") from error


def path_of(checkpoint):
    """A Path for the `checkpoint` argument; a folder is refused."""
    path = Path(checkpoint)
    if path.is_dir():
        raise CheckpointError(
            f"checkpoint={str(checkpoint)!r} is a folder: name a file in it, such as 'run.ckpt'."
        )
    return path


def _sync_folder(folder):
    # The renames themselves reach the disk with the folder; Windows cannot open one and needs no such step.
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
