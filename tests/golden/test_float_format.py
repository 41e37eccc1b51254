"""The formats' encodings against what is published, and rounding against numpy and ml_dtypes."""

from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

from zimu.golden.errors import InputError
from zimu.golden.float_format import FORMATS, FloatFormat, float_format

DTYPES = {
    "fp32": np.float32,
    "bf16": ml_dtypes.bfloat16,
    "fp16": np.float16,
    "e4m3": ml_dtypes.float8_e4m3fn,
    "e5m2": ml_dtypes.float8_e5m2,
}


@pytest.mark.parametrize(
    ("name", "width", "bias", "largest", "smallest", "beyond", "quiet_nan", "third"),
    [
        ("fp32", 32, 127, (2 - 2**-23) * 2.0**127, 2.0**-149, 0x7F800000, 0x7FC00000, 0x3EAAAAAB),
        ("bf16", 16, 127, (2 - 2**-7) * 2.0**127, 2.0**-133, 0x7F80, 0x7FC0, 0x3EAB),
        ("fp16", 16, 15, 65504.0, 2.0**-24, 0x7C00, 0x7E00, 0x3555),
        ("e4m3", 8, 7, 448.0, 2.0**-9, 0x7F, 0x7F, 0x2B),
        ("e5m2", 8, 15, 57344.0, 2.0**-16, 0x7C, 0x7E, 0x35),
    ],
)
def test_published_encodings(name, width, bias, largest, smallest, beyond, quiet_nan, third):
    fmt = float_format(name)
    assert (fmt.width, fmt.bias, fmt.max_finite + 1, fmt.quiet_nan) == (width, bias, beyond, quiet_nan)
    assert (fmt.to_float(fmt.max_finite), fmt.to_float(1)) == (largest, smallest)
    assert fmt.from_float(1 / 3) == third
    assert str(fmt) == name


@pytest.mark.parametrize("name", FORMATS)
def test_every_number_survives_and_means_what_others_say(name):
    fmt, dtype = FORMATS[name], np.dtype(DTYPES[name])
    count = 2 ** min(fmt.width, 16)
    patterns = np.arange(count) if fmt.width <= 16 else np.random.default_rng(1).integers(0, 2**32, count)
    with np.errstate(invalid="ignore"):
        values = patterns.astype(f"u{dtype.itemsize}").view(dtype).astype(np.float64)
    for pattern, value in zip(patterns.tolist(), values.tolist(), strict=True):
        if np.isnan(value):
            assert np.isnan(fmt.to_float(pattern))
            assert fmt.from_float(value) == fmt.quiet_nan
        else:
            assert fmt.to_float(pattern) == value
            assert fmt.from_float(value) == pattern


@pytest.mark.parametrize("name", FORMATS)
def test_conversion_of_floats_is_that_of_others(name):
    fmt, dtype = FORMATS[name], np.dtype(DTYPES[name])
    rng = np.random.default_rng(1)
    # 24 bits: ml_dtypes goes by way of binary32.
    values = np.ldexp(rng.integers(-(2**24), 2**24, 4000) * 2.0**-24, rng.integers(-155, 128, 4000))
    ties = (np.arange(1, 200) + 0.5) * 2.0**fmt.ulp_exponent
    if name == "fp32":
        values = np.concatenate([values, ties, [5e-324]])
    elif name != "bf16":
        values = np.concatenate([values, ties, np.linspace(-70000, 70000, 4001)])
    values = np.concatenate([values, [0.0, -0.0, np.inf, -np.inf, 464.0, 465.0, 65519.0, 65520.0]])
    with np.errstate(over="ignore"):
        rounded = values.astype(dtype)
        expected = rounded.view(f"u{dtype.itemsize}").astype(np.int64)
    expected = np.where(np.isnan(rounded.astype(np.float64)), fmt.quiet_nan, expected)
    assert [fmt.from_float(value) for value in values.tolist()] == expected.tolist()
    assert fmt.from_float(float("nan")) == fmt.quiet_nan


@pytest.mark.parametrize("infinities", [True, False])
@pytest.mark.parametrize("flush", [True, False])
@pytest.mark.parametrize("random_bits", [0, 1, 3])
def test_rounding_finds_the_neighbours_of_every_size(infinities, flush, random_bits):
    fmt = FloatFormat(3, 3, infinities)
    numbers = [Fraction(fmt.to_float(size)) for size in range(fmt.max_finite + 1)]
    for magnitude in range(2**13):
        size = Fraction(magnitude, 2**8)
        for random in range(2**random_bits):
            below = max(i for i, number in enumerate(numbers) if number <= size)
            ladder = [*numbers, 2 * numbers[-1] - numbers[-2]]
            if size >= ladder[-1]:
                expected = fmt.overflow(True)
            elif flush and size < numbers[fmt.smallest_normal]:
                expected = fmt.sign_bit
            else:
                part = (size - numbers[below]) / (ladder[below + 1] - numbers[below])
                if random_bits:
                    up = part * 2**random_bits // 1 + random >= 2**random_bits
                else:
                    up = part > Fraction(1, 2) or (part == Fraction(1, 2) and below % 2)
                place = below + up
                expected = fmt.overflow(True) if place == len(numbers) else place | fmt.sign_bit
            got = fmt.round(True, magnitude, -8, flush=flush, random_bits=random_bits, random=random)
            assert got == expected, (size, random)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("fp32", 1e39, r"overflows fp32, must be in -3\.4028234663852886e\+38\.\.3\.4028234663852886e\+38"),
        ("e4m3", -465, r"overflows e4m3, must be in -448\.0\.\.448\.0"),
        ("e5m2", float("inf"), r"must be a finite number in -57344\.0\.\.57344\.0"),
        ("e4m3", float("nan"), r"must be a finite number in -448\.0\.\.448\.0"),
        ("e4m3", 1e-4, r"becomes 0 in e4m3, must be 0 or at least 0\.001953125 in magnitude"),
        ("fp16", "1", "must be a real number"),
        ("fp16", True, "must be a real number"),
        ("fp16", 10**400, r"must be a finite number in -65504\.0\.\.65504\.0"),
    ],
)
def test_a_run_time_value_that_the_format_cannot_hold(name, value, message):
    with pytest.raises(InputError, match=rf"^learning_rate = \S+: {message}$"):
        FORMATS[name].encode("learning_rate", value)


def test_refusals():
    with pytest.raises(InputError, match=r"^format = 'fp31': must be one of 'fp32', 'bf16', 'fp16', 'e4m3', 'e5m2'$"):
        float_format("fp31")
    with pytest.raises(InputError, match=r"^significand_bits = 1: must be in 2\.\.53$"):
        FloatFormat(8, 1)
    with pytest.raises(InputError, match=r"^exponent_bits = 12: must be in 2\.\.11$"):
        FloatFormat(12, 24)
