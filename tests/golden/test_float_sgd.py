"""The float unit's contract against numpy, the C library and a brute-force nearest-value search."""

import ctypes
from bisect import bisect_left
from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from zimu.golden.errors import InputError
from zimu.golden.float_sgd import FORMATS, FloatFormat, float_format, fused_step
from zimu.sim.float_operands import boundary_triples, random_triples

FP32, FP16 = FORMATS["fp32"], FORMATS["fp16"]
NAN, INF, NEG, ONE, MAX = 0x7FC00000, 0x7F800000, 0x80000000, 0x3F800000, 0x7F7FFFFF


@pytest.mark.parametrize(
    ("name", "width", "bias", "infinity", "quiet_nan", "third"),
    [
        ("fp32", 32, 127, INF, NAN, 0x3EAAAAAB),
        ("bf16", 16, 127, 0x7F80, 0x7FC0, 0x3EAB),
        ("fp16", 16, 15, 0x7C00, 0x7E00, 0x3555),
    ],
)
def test_published_encodings(name, width, bias, infinity, quiet_nan, third):
    fmt = float_format(name)
    assert (fmt.width, fmt.bias, fmt.infinity, fmt.quiet_nan) == (width, bias, infinity, quiet_nan)
    assert fmt.from_float(1 / 3) == third


@pytest.mark.parametrize(("fmt", "float_type", "bits_type"), [(FP32, "f4", "u4"), (FP16, "f2", "u2")])
def test_conversion_of_floats_is_numpys(fmt, float_type, bits_type):
    rng = np.random.default_rng(1)
    values = np.ldexp(rng.uniform(-1, 1, 4000), rng.integers(-160, 135, 4000))
    ties = (np.arange(1, 200) + 0.5) * 2.0**fmt.ulp_exponent
    values = np.concatenate([values, ties, [0.0, -0.0, np.inf, -np.inf, 5e-324, 65519.999, 65520.0]])
    with np.errstate(over="ignore"):
        expected = values.astype(float_type).view(bits_type)
    assert [fmt.from_float(value) for value in values.tolist()] == expected.tolist()
    assert fmt.from_float(float("nan")) == fmt.quiet_nan


@pytest.mark.parametrize(
    ("w", "lr", "g", "expected"),
    [
        pytest.param(ONE, ONE, ONE, 0, id="cancellation-is-plus-zero"),
        pytest.param(0, 0, ONE, 0, id="plus-zero-minus-plus-zero"),
        pytest.param(NEG, 0, ONE, NEG, id="minus-zero-minus-plus-zero"),
        pytest.param(NEG, 0, NEG | ONE, 0, id="minus-zero-plus-plus-zero"),
        pytest.param(0, 1, 1, NEG, id="underflow-keeps-the-sign-of-the-exact-result"),
        pytest.param(NEG, NEG | 1, 1, 0, id="underflow-keeps-the-sign-of-the-exact-result-2"),
        pytest.param(NEG | MAX, MAX, ONE, NEG | INF, id="overflow"),
        pytest.param(INF, MAX, MAX, INF, id="infinity-wins-over-a-product-beyond-all-numbers"),
        pytest.param(INF, INF, ONE, NAN, id="infinity-minus-infinity"),
        pytest.param(INF, INF, NEG | ONE, INF, id="infinity-plus-infinity"),
        pytest.param(0, 0, INF, NAN, id="zero-times-infinity"),
        pytest.param(NEG | NAN | 5, ONE, ONE, NAN, id="nan-is-canonical"),
        pytest.param(ONE, INF | 1, 0, NAN, id="signalling-nan-becomes-quiet"),
        pytest.param(0, 1, ONE, NEG | 1, id="smallest-subnormal"),
        pytest.param(0x00800000, 1, ONE, 0x007FFFFF, id="normal-to-subnormal"),
        pytest.param(ONE, ONE | 3, ONE | 3, 0xB5400002, id="one-rounding-not-two"),
    ],
)
def test_rules(w, lr, g, expected):
    assert fused_step(FP32, w, lr, g) == expected


@pytest.mark.parametrize("widths", [(2, 3), (3, 2)], ids=str)
def test_every_triple_of_a_small_format_gives_the_nearest_number(widths):
    fmt = FloatFormat(*widths)
    numbers = _numbers(fmt)
    ascending = sorted((value, bits) for bits, value in numbers.items() if bits < fmt.infinity)
    for w, lr, g in product(numbers, repeat=3):
        exact = numbers[w] - numbers[lr] * numbers[g]
        result = fused_step(fmt, w, lr, g)
        if exact == 0:
            product_negative = (lr ^ g) & fmt.sign_bit == 0
            assert result == (fmt.sign_bit if w & fmt.sign_bit and product_negative else 0)
        else:
            assert result == _nearest(fmt, ascending, abs(exact)) | (fmt.sign_bit if exact < 0 else 0)


def test_agrees_with_numpy_where_numpy_rounds_once():
    w, lr, g = random_triples(FP32, 20_000, seed=2)
    a, b, c = (values.astype(np.uint32).view(np.float32) for values in (w, lr, g))
    with np.errstate(all="ignore"):
        differences, products = _canonical(a - c), _canonical(-(b * c))
    assert [fused_step(FP32, x, ONE, z) for x, z in zip(w.tolist(), g.tolist(), strict=True)] == differences
    assert [fused_step(FP32, NEG, y, z) for y, z in zip(lr.tolist(), g.tolist(), strict=True)] == products


def test_agrees_with_the_c_library():
    try:
        fmaf = ctypes.CDLL(None).fmaf
    except (AttributeError, OSError, TypeError):
        pytest.skip("no fmaf in this Python's C library: run on Linux with glibc to have this check")
    fmaf.restype, fmaf.argtypes = ctypes.c_float, [ctypes.c_float] * 3
    triples = [
        np.concatenate(pair) for pair in zip(boundary_triples(FP32), random_triples(FP32, 20_000, 3), strict=True)
    ]
    columns = [values.tolist() for values in triples]
    with np.errstate(invalid="ignore"):  # signalling NaNs become quiet
        floats = [values.astype(np.uint32).view(np.float32).astype(float).tolist() for values in triples]
    got = [fused_step(FP32, w, lr, g) for w, lr, g in zip(*columns, strict=True)]
    expected = np.array([fmaf(-lr, g, w) for w, lr, g in zip(*floats, strict=True)], np.float32)
    assert got == _canonical(expected)


def test_refusals():
    with pytest.raises(InputError, match=r"^format = 'fp31': must be one of 'fp32', 'bf16', 'fp16'$"):
        float_format("fp31")
    with pytest.raises(InputError, match=r"^significand_bits = 1: must be in 2\.\.53$"):
        FloatFormat(8, 1)
    with pytest.raises(InputError, match=r"^exponent_bits = 12: must be in 2\.\.11$"):
        FloatFormat(12, 24)
    with pytest.raises(InputError, match=r"^lr = 4294967296: must be in 0\.\.4294967295$"):
        fused_step(FP32, 0, 2**32, 0)


def _canonical(values):
    bits = values.view(np.uint32)
    return np.where(np.isnan(values), np.uint32(NAN), bits).tolist()


def _numbers(fmt):
    """Every finite pattern with its value, by the formula of IEEE 754-2019, section 3.4."""
    numbers = {}
    for bits in range(2**fmt.width):
        sign, field = bits >> (fmt.width - 1), bits >> fmt.fraction_bits & 2**fmt.exponent_bits - 1
        fraction = Fraction(bits & 2**fmt.fraction_bits - 1, 2**fmt.fraction_bits)
        if field == 2**fmt.exponent_bits - 1:
            continue
        size = (1 + fraction) * Fraction(2) ** (field - fmt.bias) if field else fraction * Fraction(2) ** (1 - fmt.bias)
        numbers[bits] = (-1) ** sign * size
    return numbers


def _nearest(fmt, ascending, exact):
    """The nearest of all numbers, found by looking; 2^(e_max + 1) stands for infinity when distances are compared."""
    beyond = Fraction(2) ** (2**fmt.exponent_bits - 1 - fmt.bias)
    numbers = [*ascending, (beyond, fmt.infinity)]
    above = bisect_left(numbers, (exact, 0))
    if above == len(numbers):
        return fmt.infinity
    near = numbers[max(above - 1, 0) : above + 1]
    closest = min(abs(value - exact) for value, _ in near)
    ties = [bits for value, bits in near if abs(value - exact) == closest]
    return ties[0] if len(ties) == 1 else next(bits for bits in ties if bits % 2 == 0)
