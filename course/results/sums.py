"""The checksum that a recorded file carries: a damaged file is refused, never read as other numbers."""

import hashlib
import json


def of_table(content):
    """The SHA-256 of a recorded table, a dict as JSON gives it, its own entry "sha256" left out."""
    kept = {key: value for key, value in content.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def of_weights(tensors):
    """The SHA-256 of weights, name → tensor on the CPU: names, dtypes, shapes and values."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode() + tensor.numpy().tobytes())
    return digest.hexdigest()


def in_weights_file(content):
    """The checksum in the header of a safetensors file (bytes), which `safetensors.torch.load` leaves out.

    Raises:
        ValueError, KeyError, TypeError: there is none.
    """
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length])["__metadata__"]["sha256"]


def read_bytes(path, what=""):
    """The content of a recorded file.

    Args:
        path: Path in a chapter's folder.
        what: what stands before its name in the message, "weights " or nothing.
    Raises:
        FileNotFoundError: there is none; says how to record it.
        ValueError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        chapter = path.parent.name
        raise FileNotFoundError(
            f"{chapter} has no recorded {what}{path.stem!r}: `make results CH={chapter[:2]}` makes it"
        ) from error
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}): {cure(path)}") from error


def cure(path):
    """What to do about a recorded file that is damaged or cannot be read."""
    return f"restore it with git, or record it again with `make results CH={path.parent.name[:2]}`"
