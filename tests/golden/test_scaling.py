"""Gradients as integers: names of scalings, exponents step by step, and rounding against what Python rounds."""

from fractions import Fraction

import pytest

from zimu.golden.errors import InputError
from zimu.golden.scaling import Running, ScaleState, fitting_exponent, scaling, to_integers


@pytest.mark.parametrize("name", ["fixed:0", "fixed:-256", "fixed:256", "tensor", "running:0", "running:16"])
def test_a_name_gives_a_scaling_of_that_name(name):
    assert str(scaling(name)) == name


def test_patience_has_a_default():
    assert str(scaling("running")) == "running:6"


@pytest.mark.parametrize("name", ["", "fixed", "fixed:", "tensor:3", "running:x", "mean", "fixed:1.5"])
def test_other_names_are_refused(name):
    with pytest.raises(InputError, match=r"scaling = '.*': must be fixed:E, tensor, or running\[:H\]"):
        scaling(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [("fixed:257", "exponent = 257: must be in -256..256"), ("running:17", "patience = 17: must be in 0..16")],
)
def test_numbers_out_of_range_are_refused(name, message):
    with pytest.raises(InputError, match=message):
        scaling(name)


@pytest.mark.parametrize(
    ("largest", "bits", "exponent"),
    [(1.0, 8, 6), (127.0, 8, 0), (128.0, 8, -1), (0.75, 8, 7), (2.0**-149, 8, 155), (1.0, 2, 0), (1.0, 32, 30)],
)
def test_the_fitting_exponent_brings_the_largest_to_the_top_bit(largest, bits, exponent):
    assert fitting_exponent([0.0, -largest, largest / 3], bits) == exponent
    assert 2 ** (bits - 2) <= Fraction(largest) * Fraction(2) ** exponent < 2 ** (bits - 1)


def test_zeros_have_no_fitting_exponent():
    assert fitting_exponent([0.0, -0.0], 8) is None
    assert scaling("tensor").step(ScaleState(), None) == (0, ScaleState())


def test_ties_go_to_even_and_the_rest_is_clipped():
    assert to_integers([0.5, 1.5, 2.5, -0.5, -1.5, 126.5, 127.5, -127.5, 1e30], 0, 8) == [
        0,
        2,
        2,
        0,
        -2,
        126,
        127,
        -127,
        127,
    ]
    assert to_integers([3.0, -3.0], -1, 8) == [2, -2]


def exponents(patience: int, fitting: list[int | None]) -> list[int]:
    """The e of each step of a running scaling."""
    state, found = ScaleState(), []
    for fits in fitting:
        exponent, state = Running(patience).step(state, fits)
        found.append(exponent)
    return found


def test_a_running_exponent_begins_with_the_first_gradients():
    assert exponents(2, [None, None, 5, 5]) == [0, 0, 5, 5]


def test_larger_gradients_count_from_the_next_step():
    """The step itself is clipped: its gradients are read only once."""
    assert exponents(2, [5, 2, 2, 2]) == [5, 5, 2, 2]


def test_smaller_gradients_count_after_enough_steps_in_a_row():
    assert exponents(1, [5, 9, 9, 9, 9, 9]) == [5, 5, 5, 6, 6, 7]
    assert exponents(1, [5, 9, 5, 9, 5, 9, 9, 9]) == [5, 5, 5, 5, 5, 5, 5, 6]
    assert exponents(0, [5, None, None]) == [5, 5, 6]
