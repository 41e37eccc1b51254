"""The data: fixed parts that share no image."""

import sys

import numpy as np
import pytest

from zimu.golden.errors import MissingToolError
from zimu.golden.programs import how_to_install
from zimu.study import digits as module


def test_parts_have_their_sizes_and_share_no_image(digits):
    assert [len(part) for part in (digits.fit, digits.validation, digits.test)] == [1197, 240, 360]
    images = np.vstack([digits.fit.images, digits.validation.images, digits.test.images])
    assert len(np.unique(images, axis=0)) == 1797


def test_classes_are_in_proportion(digits):
    counts = [np.bincount(part.labels, minlength=10) for part in (digits.fit, digits.validation, digits.test)]
    total = sum(counts)
    for part, size in zip(counts, (1197, 240, 360), strict=True):
        assert (abs(part - total * size / 1797) < 2).all()


def test_pixels_are_sixteenths(digits):
    assert set(np.unique(digits.fit.images * 16)) == set(range(17))


def test_missing_scikit_learn_is_said_in_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(MissingToolError) as caught:
        module.load.__wrapped__()
    assert str(caught.value) == f"scikit-learn is not installed: it brings the digits; {how_to_install('scikit-learn')}"
