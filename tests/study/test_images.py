"""Pictures from folders as they are published and as libraries leave them; what is damaged or something else."""

import gzip

import numpy as np
import pytest

from zimu.golden.errors import InputError
from zimu.study import images
from zimu.study.images import NAMES, load, parse_idx, to_idx

SIZES = (5010, 20)
"""Training and test images."""


def arrays() -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    made = []
    for size in SIZES:
        made += [rng.integers(0, 256, (size, 4, 4), np.uint8), rng.integers(0, 10, size, np.uint8)]
    return made


def write(folder, *, packed: bool = False) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in zip(NAMES, arrays(), strict=True):
        content = to_idx(array)
        path = folder / (f"{name}.gz" if packed else name)
        path.write_bytes(gzip.compress(content) if packed else content)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("place", ["", "raw", "MNIST/raw", "FashionMNIST/raw", "fashion-mnist"])
def test_files_are_found_where_libraries_leave_them(tmp_path, place, packed):
    write(tmp_path / place, packed=packed)
    found = load("idx", tmp_path)
    pixels, labels, test_pixels, test_labels = arrays()
    assert [len(found.fit), len(found.validation), len(found.test)] == [10, 5000, 20]
    assert found.size == 4
    joined = np.concatenate([found.fit.images, found.validation.images])
    assert joined.dtype == np.float32
    assert np.array_equal(np.rint(joined[:, 0] * 255), pixels)
    assert np.array_equal(np.concatenate([found.fit.labels, found.validation.labels]), labels)
    assert np.array_equal(np.rint(found.test.images[:, 0] * 255), test_pixels)
    assert np.array_equal(found.test.labels, test_labels)


def test_the_archive_of_keras_gives_the_same_with_the_same_digests(tmp_path):
    write(tmp_path / "idx")
    (tmp_path / "keras").mkdir()
    names = ("x_train", "y_train", "x_test", "y_test")
    np.savez(tmp_path / "keras" / "mnist.npz", **dict(zip(names, arrays(), strict=True)))
    one, other = load("idx", tmp_path / "idx"), load("idx", tmp_path / "keras")
    assert one.sources == other.sources
    assert np.array_equal(one.fit.images, other.fit.images)
    assert np.array_equal(one.test.labels, other.test.labels)


def test_digits_are_the_study_s():
    found = load("digits")
    assert [len(found.fit), len(found.validation), len(found.test)] == [1197, 240, 360]
    assert found.fit.images.shape == (1197, 1, 8, 8)
    assert found.fit.images.max() == 1
    assert found.sources == {}


def test_what_is_not_mnist_is_not_taken_for_it(tmp_path):
    write(tmp_path)
    with pytest.raises(InputError, match=r"train-images-idx3-ubyte in .*: is not the published file of MNIST"):
        load("mnist", tmp_path)


@pytest.mark.parametrize(
    ("name", "folder", "message"),
    [
        ("mnist", None, "data = 'mnist': needs the folder of its files, which are never downloaded"),
        ("digits", "here", "folder = 'here': digits come with scikit-learn, leave it out"),
        ("cifar", None, "data = 'cifar': "),
        ("mnist", "nowhere", "nowhere: has no train-images-idx3-ubyte or train-images-idx3-ubyte.gz"),
    ],
)
def test_what_is_not_there(name, folder, message):
    with pytest.raises(InputError, match=message):
        load(name, folder)


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4", "f4", "f8"])
def test_every_kind_of_numbers(dtype):
    array = np.arange(-6, 6).reshape(2, 3, 2).astype(dtype)
    kind = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}[dtype]
    content = bytes([0, 0, kind, 3]) + np.array([2, 3, 2], ">u4").tobytes() + array.astype(f">{dtype}").tobytes()
    found = parse_idx("any", content)
    assert found.dtype == array.dtype
    assert np.array_equal(found, array)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no IDX file"),
        (b"\0\0\x08", "is no IDX file"),
        (b"\0\1\x08\1\0\0\0\1x", "is no IDX file"),
        (b"\0\0\x07\1\0\0\0\1x", "is no IDX file"),
        (b"\0\0\x08\1\0\0\0\2x", "holds 9 bytes, must hold 10"),
        (b"\0\0\x08\1\0\0\0\1xy", "holds 10 bytes, must hold 9"),
        (b"\0\0\x08\2\0\0\0\1x", "holds 9 bytes, must hold"),
    ],
)
def test_damaged_files(content, message):
    with pytest.raises(InputError, match=f"any: {message}"):
        parse_idx("any", content)


def test_a_damaged_packed_file(tmp_path):
    write(tmp_path, packed=True)
    (tmp_path / f"{NAMES[2]}.gz").write_bytes(b"no gzip")
    with pytest.raises(InputError, match="cannot be read"):
        load("idx", tmp_path)


@pytest.mark.parametrize(
    ("place", "array", "message"),
    [
        (0, np.zeros((5010, 4, 5), np.uint8), "images of shape .* must be squares of bytes"),
        (1, np.zeros(5009, np.uint8), "labels of shape"),
        (3, np.full(20, 10, np.uint8), "must be a byte of 0..9 for each image"),
        (0, np.zeros((5000, 4, 4), np.uint8), "has 5000 training images, must have more than 5000"),
    ],
)
def test_arrays_that_are_something_else(tmp_path, place, array, message):
    write(tmp_path)
    (tmp_path / NAMES[place]).write_bytes(to_idx(array))
    with pytest.raises(InputError, match=message):
        load("idx", tmp_path)


def test_an_archive_without_the_arrays(tmp_path):
    np.savez(tmp_path / "mnist.npz", x_train=np.zeros(3))
    with pytest.raises(InputError, match=r"mnist.npz: cannot be read"):
        load("mnist", tmp_path)


def test_digests_of_mnist_are_of_its_four_files():
    assert set(images.PUBLISHED) == set(NAMES)
