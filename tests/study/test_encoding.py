"""Gradient scaling against exact rational arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zimu.study.encoding import to_integers

finite = st.floats(allow_nan=False, allow_infinity=False, width=64)


@given(st.lists(finite, min_size=1, max_size=20), st.integers(2, 32))
def test_every_integer_is_the_rounded_rational(values, bits):
    integers, exponent = to_integers(np.array(values), bits)
    limit = 2 ** (bits - 1) - 1
    for value, integer in zip(values, integers.tolist(), strict=True):
        # Python rounds a Fraction to nearest, ties to even.
        exact = round(Fraction(value) * Fraction(2) ** exponent)
        assert integer == min(max(exact, -limit), limit)


@given(st.lists(finite, min_size=1, max_size=20).filter(any), st.integers(2, 32))
def test_largest_gradient_uses_the_top_bit(values, bits):
    _, exponent = to_integers(np.array(values), bits)
    largest = max(abs(Fraction(value)) for value in values) * Fraction(2) ** exponent
    assert 2 ** (bits - 2) <= largest < 2 ** (bits - 1)


def test_ties_go_to_even_and_the_maximum_is_clipped_on_both_sides():
    integers, exponent = to_integers(np.array([127.75, -127.75, 2.5, 3.5, -0.5]), 8)
    assert (integers.tolist(), exponent) == ([127, -127, 2, 4, 0], 0)


def test_a_power_of_two_changes_the_exponent_alone():
    gradient = np.random.default_rng(0).normal(size=500)
    integers, exponent = to_integers(gradient, 8)
    smaller, larger_exponent = to_integers(gradient / 1024, 8)
    assert (integers == smaller).all()
    assert larger_exponent == exponent + 10


def test_a_zero_gradient_stays_zero():
    integers, exponent = to_integers(np.zeros(3), 8)
    assert (integers.tolist(), exponent) == ([0, 0, 0], 0)


@pytest.mark.parametrize(
    ("bits", "dtype"), [(2, np.int8), (8, np.int8), (9, np.int16), (16, np.int16), (17, np.int32), (32, np.int32)]
)
def test_the_narrowest_type_that_holds_the_bits(bits, dtype):
    assert to_integers(np.ones(1), bits)[0].dtype == dtype
    assert to_integers(np.zeros(1), bits)[0].dtype == dtype
