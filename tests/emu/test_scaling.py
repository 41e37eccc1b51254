"""Gradient scaling, fast: against exact rational arithmetic, and what cannot be scaled."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zimu.emu.scaling import Scaler, check_finite, fitting_exponent, to_integers
from zimu.golden import scaling as golden
from zimu.golden.errors import InputError
from zimu.golden.scaling import ScaleState, scaling


def floats(width: int):
    return st.lists(st.floats(allow_nan=False, allow_infinity=False, width=width), min_size=1, max_size=20)


@pytest.mark.parametrize("width", [32, 64])
@settings(deadline=None)  # the first call compiles
@given(data=st.data(), bits=st.integers(2, 32), exponent=st.integers(-300, 300))
def test_every_integer_is_the_rounded_rational(width, data, bits, exponent):
    values = data.draw(floats(width))
    array = np.array(values, f"f{width // 8}")
    assert to_integers(array, exponent, bits).tolist() == golden.to_integers(values, exponent, bits)


@pytest.mark.parametrize("width", [32, 64])
@settings(deadline=None)
@given(data=st.data(), bits=st.integers(2, 32))
def test_the_fitting_exponent_is_the_references(width, data, bits):
    values = data.draw(floats(width))
    assert fitting_exponent(np.array(values, f"f{width // 8}"), bits) == golden.fitting_exponent(values, bits)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1, 63, 64, 65, 1000])
def test_the_largest_is_found_wherever_it_is(dtype, size):
    for place in {0, size // 2, size - 1}:
        values = np.linspace(-1, 1, size, dtype=dtype)
        values[place] = -3
        assert check_finite(values) == 3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("wrong", [np.nan, -np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 70, 99])
def test_what_is_not_finite_is_refused_and_changes_nothing(dtype, wrong, place):
    scaler = Scaler(scaling("running:0"), 8)
    scaler.integers(np.ones(100, dtype))
    before = scaler.state
    values = np.ones(100, dtype)
    values[place] = wrong
    with pytest.raises(InputError, match=rf"gradients\[{place}\] = -?(nan|inf): must be finite"):
        scaler.integers(values)
    assert scaler.state == before


@pytest.mark.parametrize("name", ["fixed:3", "tensor", "running:1"])
def test_a_scaler_goes_step_by_step_as_the_reference(name):
    rng = np.random.default_rng(5)
    scaler, state = Scaler(scaling(name), 8), ScaleState()
    for step in range(40):
        values = rng.normal(scale=2.0 ** (-abs(step - 20)), size=30).astype(np.float32)
        exponent, state = scaling(name).step(state, golden.fitting_exponent(values.tolist(), 8))
        integers, found = scaler.integers(values)
        assert found == exponent
        assert integers.tolist() == golden.to_integers(values.tolist(), exponent, 8)
        assert scaler.state == state


@pytest.mark.parametrize(
    ("bits", "dtype"), [(2, np.int8), (8, np.int8), (9, np.int16), (16, np.int16), (17, np.int32), (32, np.int32)]
)
def test_the_narrowest_type_that_holds_the_bits(bits, dtype):
    assert to_integers(np.ones(1), 0, bits).dtype == dtype


def test_the_most_negative_integer_never_comes():
    values = np.array([-128.0, 127.75, -127.75], np.float32)
    assert to_integers(values, 0, 8).tolist() == [-127, 127, -127]
