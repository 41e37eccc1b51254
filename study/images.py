"""Pictures to train on: scikit-learn's digits, or MNIST and what has its format, from a folder. Nothing is downloaded.

IDX files are found as they are published, plain or packed by gzip, and where torchvision and Keras leave them; the
format is the page's of MNIST (LeCun, Cortes, Burges). Used by ``study/experiment.py``.
"""

import gzip
import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zimu.golden.errors import InputError, check_choice
from zimu.study import digits

Pixels = NDArray[np.float32]
Labels = NDArray[np.int64]

VALIDATION = 5000
"""The last of the training images, set aside to choose settings."""

NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")

PUBLISHED = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""SHA-256 of MNIST's files, unpacked."""

_KINDS = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
"""The third byte of an IDX file, and the dtype that it stands for."""

PLACES = ("", "raw", "MNIST/raw", "FashionMNIST/raw", "fashion-mnist")
"""Folders below the one given in which files are looked for."""


@dataclass(frozen=True)
class Part:
    """Images and labels.

    Parameters
    ----------
    images : float32, shape (images, 1, height, width), 0..1.
    labels : int64, shape (images,), 0..9.
    """

    images: Pixels
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Data:
    """The three parts: ``fit`` trains, ``validation`` chooses settings, ``test`` is only reported.

    Parameters
    ----------
    fit, validation, test : the parts.
    sources : SHA-256 of the content of each file, by its name; empty where there are none.
    """

    fit: Part
    validation: Part
    test: Part
    sources: dict[str, str]

    @property
    def size(self) -> int:
        """Height and width of an image."""
        return int(self.fit.images.shape[-1])


def load(name: str, folder: str | os.PathLike[str] | None = None) -> Data:
    """The pictures of a name; those that were asked for last are kept.

    Parameters
    ----------
    name : ``"digits"``: scikit-learn's 1797 of 8x8; ``"mnist"``: MNIST, which is checked; ``"idx"``: others of its
        format, such as Fashion-MNIST.
    folder : of the last two, with the four files, or with Keras' ``mnist.npz``; see `PLACES`.

    Raises
    ------
    InputError
        another name, or files that are missing, damaged, or not the published ones.
    MissingToolError
        scikit-learn is not installed.
    """
    return _load(name, None if folder is None else Path(folder))


@lru_cache(1)
def _load(name: str, folder: Path | None) -> Data:
    check_choice("data", name, ("digits", "mnist", "idx"))
    if name == "digits":
        if folder is not None:
            raise InputError(f"folder = {str(folder)!r}: digits come with scikit-learn, leave it out")
        return _digits()
    if folder is None:
        raise InputError(f"data = {name!r}: needs the folder of its files, which are never downloaded")
    arrays, sources = _read(folder)
    wrong = [file for file, digest in sources.items() if PUBLISHED.get(file, digest) != digest]
    if name == "mnist" and wrong:
        raise InputError(f"{wrong[0]} in {folder}: is not the published file of MNIST; data 'idx' takes it as it is")
    images, labels, test_images, test_labels = arrays
    if len(images) <= VALIDATION:
        raise InputError(f"{folder}: has {len(images)} training images, must have more than {VALIDATION}")
    return Data(
        _part(images[:-VALIDATION], labels[:-VALIDATION]),
        _part(images[-VALIDATION:], labels[-VALIDATION:]),
        _part(test_images, test_labels),
        sources,
    )


def _digits() -> Data:
    loaded = digits.load()
    fit, validation, test = (
        Part(part.images.astype(np.float32).reshape(-1, 1, 8, 8), part.labels)
        for part in (loaded.fit, loaded.validation, loaded.test)
    )
    return Data(fit, validation, test, {})


def _part(images: NDArray[np.generic], labels: NDArray[np.generic]) -> Part:
    if images.ndim != 3 or images.dtype != np.uint8 or images.shape[1] != images.shape[2]:
        raise InputError(f"images of shape {images.shape} and {images.dtype}: must be squares of bytes")
    if labels.shape != (len(images),) or labels.dtype != np.uint8 or labels.max(initial=0) > 9:
        raise InputError(f"labels of shape {labels.shape} and {labels.dtype}: must be a byte of 0..9 for each image")
    pixels = images.astype(np.float32)[:, np.newaxis] / np.float32(255)
    return Part(pixels, labels.astype(np.int64))


def _read(folder: Path) -> tuple[list[NDArray[np.generic]], dict[str, str]]:
    """Training images and labels, test images and labels; and the digest of each file's content."""
    archive = folder / "mnist.npz"
    if archive.exists():
        return _read_archive(archive)
    contents = {name: _content(folder, name) for name in NAMES}
    arrays = [parse_idx(name, content) for name, content in contents.items()]
    return arrays, {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}


def _read_archive(path: Path) -> tuple[list[NDArray[np.generic]], dict[str, str]]:
    """From the archive that Keras leaves."""
    try:
        with np.load(path) as archive:
            arrays = [archive[key] for key in ("x_train", "y_train", "x_test", "y_test")]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    # As the IDX file of the same array, so that digests can be compared.
    contents = dict(zip(NAMES, map(to_idx, arrays), strict=True))
    return arrays, {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}


def _content(folder: Path, name: str) -> bytes:
    for place in PLACES:
        path = folder / place / name
        packed = path.with_name(f"{name}.gz")
        try:
            if path.exists():
                return path.read_bytes()
            if packed.exists():
                return gzip.decompress(packed.read_bytes())
        except (OSError, EOFError) as error:
            raise InputError(f"{path}: cannot be read: {error}") from None
    raise InputError(f"{folder}: has no {name} or {name}.gz, nor in its folders {', '.join(filter(None, PLACES))}")


def parse_idx(name: str, content: bytes) -> NDArray[np.generic]:
    """The array of an IDX file; `InputError` naming it where it is damaged."""
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _KINDS:
        raise InputError(f"{name}: is no IDX file: must begin with two zeros and a kind of numbers")
    dtype, dimensions = np.dtype(_KINDS[content[2]]), content[3]
    begin = 4 + 4 * dimensions
    shape = tuple(np.frombuffer(content[4:begin], ">u4").tolist()) if len(content) >= begin else ()
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    if len(shape) != dimensions or len(content) - begin != size:
        raise InputError(f"{name}: holds {len(content)} bytes, must hold {begin + size} for the shape {shape}")
    return np.frombuffer(content[begin:], dtype).reshape(shape).astype(dtype.newbyteorder("="))


def to_idx(array: NDArray[np.generic]) -> bytes:
    """An IDX file of an array of bytes."""
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.astype(np.uint8).tobytes()
