"""The data of the study: the 1797 handwritten digits that scikit-learn brings along, split once and for all.

Source: Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI repository, 1998; 8x8 pixels of 0..16.
Nothing is downloaded. Used by ``study/train.py``.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from zimu.golden.errors import MissingToolError
from zimu.golden.programs import how_to_install

PIXELS = 64
"""Inputs of one image."""

CLASSES = 10

VALIDATION, TEST = 240, 360
"""Images set aside to choose settings, and to report accuracy; the other 1197 are fitted."""

_SPLIT_SEED = 0


@dataclass(frozen=True)
class Part:
    """Images and labels.

    Parameters
    ----------
    images : float64, shape (images, 64), pixels divided by 16 (exact), so in 0..1.
    labels : int64, shape (images,), 0..9.
    """

    images: NDArray[np.float64]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def select(self, rows: NDArray[np.int64]) -> "Part":
        """The images with these numbers, in this order."""
        return Part(self.images[rows], self.labels[rows])


@dataclass(frozen=True)
class Digits:
    """The three parts: ``fit`` trains, ``validation`` chooses settings, ``test`` is only reported."""

    fit: Part
    validation: Part
    test: Part


@cache
def load() -> Digits:
    """Load and split the digits: 1197 fit, 240 validation, 360 test, each with the classes in proportion.

    Raises
    ------
    MissingToolError
        scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split
    except ImportError:
        raise MissingToolError(
            f"scikit-learn is not installed: it brings the digits; {how_to_install('scikit-learn')}"
        ) from None
    pixels, labels = load_digits(return_X_y=True)
    images = pixels / 16
    images, test_images, labels, test_labels = train_test_split(
        images, labels, test_size=TEST, stratify=labels, random_state=_SPLIT_SEED
    )
    images, check_images, labels, check_labels = train_test_split(
        images, labels, test_size=VALIDATION, stratify=labels, random_state=_SPLIT_SEED
    )
    return Digits(Part(images, labels), Part(check_images, check_labels), Part(test_images, test_labels))
