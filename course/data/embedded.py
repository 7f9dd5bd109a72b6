"""Reading the embedded files: found, whole and unchanged, or one clear error."""

import hashlib
import io
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / "files"
SHA256 = {
    "ames_small.csv.gz": "cd4a487e34b203e7215e8642dd9c1773fd97bda9c08299f8bc2796e238433dd4",
    "fashion_4000_1000.npz": "b2703e7dccd9042ea6464d03905c26514b4fe3b1dd713865866415419e7b9131",
    "mnist5k.npz": "4feed7a9713ee5da87e43b55a57eca13d52e51877bf734ebb3283bf48b6734d5",
    "pride_and_prejudice.txt.xz": "98447264341e5ee4d7386eec6fb1f3adafbe9c2b40d900da679e9a9abfa1a605",
}
CURE = "Restore it with `git checkout -- course/data/files`, or install the course again."


class DataError(Exception):
    """A data file is missing, damaged or not what it should be; the message names the file and the cure."""


def read_bytes(name, folder=None):
    """The content of an embedded file, its SHA-256 checked.

    Args:
        name: a file name listed in `SHA256`.
        folder: where it lies; default the course's own `files` folder.
    Returns:
        bytes.
    Raises:
        DataError: if the file cannot be read or its checksum differs.
    """
    path = Path(folder or FOLDER) / name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"The data file {path} cannot be read ({error.strerror}). {CURE}") from None
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256[name]:
        raise DataError(
            f"The data file {path} is damaged: its SHA-256 is {found[:12]}…, not {SHA256[name][:12]}… "
            f"({len(content):,} bytes read). {CURE}"
        )
    return content


def read_arrays(name, folder=None):
    """The named NumPy arrays of an embedded `.npz` file, read without unpickling.

    Args and errors: as `read_bytes`.
    Returns:
        dict of name to numpy.ndarray.
    """
    with np.load(io.BytesIO(read_bytes(name, folder)), allow_pickle=False) as archive:
        return {key: archive[key] for key in archive}
