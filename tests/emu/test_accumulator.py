"""The accumulator exhaustively at a small width, and at the rails of the widest."""

from itertools import product

import numpy as np
import pytest

from zimu.emu.accumulator import accumulate, accumulate_run
from zimu.golden import accumulator as golden


@pytest.mark.parametrize("bits", [2, 3, 4])
def test_every_weight_sign_and_count_of_a_small_width(bits):
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    for weight, gradient, count in product(range(low, high + 1), (low, -1, 0, 1, high), range(2**bits + 2)):
        expected, expected_lost = golden.accumulate(weight, gradient, count, bits)
        idle = count if gradient == 0 else 0
        one_by_one, in_a_run = np.array([99, weight], np.int8), np.array([99, weight], np.int8)
        gradients = np.array([0, gradient], np.int8)
        indices = np.full(count, 1, np.int64)
        assert accumulate(one_by_one, gradients, None, indices, low, high) == (idle, expected_lost)
        assert one_by_one.tolist() == [99, expected]
        assert accumulate_run(in_a_run, gradients, 1, np.array([-count], np.int16), low, high) == (idle, expected_lost)
        assert in_a_run.tolist() == [99, expected]


def test_the_rails_of_the_widest_weights_hold():
    weights = np.array([2**31 - 1, -(2**31), 2**31 - 1, -(2**31)], np.int32)
    gradients = np.array([-(2**31), 2**31 - 1, 1, -1], np.int32)
    assert accumulate(weights, gradients, None, np.arange(4), -(2**31), 2**31 - 1) == (0, 2)
    assert weights.tolist() == [2**31 - 1, -(2**31), 2**31 - 2, -(2**31) + 1]


def test_lower_bits_that_are_left_out_give_no_sign():
    weights, gradients = np.zeros(6, np.int8), np.array([-9, -8, -1, 0, 7, 8], np.int16)
    assert accumulate(weights, gradients, 3, np.arange(6), -8, 7) == (2, 0)
    assert weights.tolist() == [1, 1, 1, 0, 0, -1]


def test_counts_of_a_run_are_differences():
    """Three trials on the first weight, none on the second, two on the third."""
    weights = np.zeros(3, np.int8)
    landed = np.array([-5, -2, -2], np.int16)
    assert accumulate_run(weights, np.array([1, 1, -1], np.int8), 0, landed, -8, 7) == (0, 0)
    assert weights.tolist() == [-3, 0, 2]
