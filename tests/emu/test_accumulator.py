"""The accumulator exhaustively at a small width, and at the rails of the widest."""

from itertools import product

import numpy as np
import pytest

from zimu.emu.accumulator import accumulate
from zimu.golden import accumulator as golden


@pytest.mark.parametrize("bits", [2, 3, 4])
def test_every_weight_sign_and_count_of_a_small_width(bits):
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    for weight, gradient, count in product(range(low, high + 1), (low, -1, 0, 1, high), range(2**bits + 2)):
        weights = np.array([99, weight], np.int8)
        discarded, lost = accumulate(
            weights,
            np.array([0, gradient], np.int8),
            np.array([1], np.uint32),
            np.array([count], np.uint32),
            low,
            high,
        )
        expected, expected_lost = golden.accumulate(weight, gradient, count, bits)
        assert weights.tolist() == [99, expected]
        assert discarded == (count if gradient == 0 else 0)
        assert lost == expected_lost


def test_counts_beyond_32_bits_of_room_do_not_overflow():
    weights = np.array([2**31 - 1, -(2**31), 2**31 - 1, -(2**31)], np.int32)
    gradients = np.array([-(2**31), 2**31 - 1, 1, -1], np.int32)
    counts = np.full(4, 2**32 - 1, np.uint32)
    assert accumulate(weights, gradients, np.arange(4, dtype=np.uint32), counts, -(2**31), 2**31 - 1) == (0, 2**33 - 2)
    assert weights.tolist() == [2**31 - 1, -(2**31), -(2**31), 2**31 - 1]


def test_a_count_in_two_parts_is_the_same():
    whole, parts = np.array([-6], np.int8), np.array([-6], np.int8)
    gradient, index = np.array([1], np.int8), np.zeros(1, np.uint32)
    _, lost = accumulate(whole, gradient, index, np.array([5], np.uint32), -8, 7)
    lost_in_parts = [accumulate(parts, gradient, index, np.array([n], np.uint32), -8, 7)[1] for n in (1, 4)]
    assert (whole.tolist(), lost) == (parts.tolist(), sum(lost_in_parts)) == ([-8], 3)
