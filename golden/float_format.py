"""Floating-point formats: what a bit pattern means, and how an exact number is rounded to one.

Patterns and exact integers only. The update rule on top of them: ``golden/float_sgd.py``. Rules in words:
``docs/float_sgd.md``.
"""

from dataclasses import dataclass
from math import copysign, isfinite, isinf, isnan, ldexp
from numbers import Real
from typing import Literal

from zimu.golden.errors import InputError, check_choice, check_range

FormatName = Literal["fp32", "bf16", "fp16", "e4m3", "e5m2"]
"""The formats by name; see `FORMATS`."""

MAX_RANDOM_BITS = 24
"""The most random bits R of a stochastic rounding."""


@dataclass(frozen=True)
class FloatFormat:
    """A binary format: sign, biased exponent, fraction; subnormals and NaNs, infinities where it has them.

    Parameters
    ----------
    exponent_bits : width of the exponent field, 2..11.
    significand_bits : precision p in bits, the hidden bit **included** (24 for binary32), 2..53.
    infinities : whether the largest exponent field is kept for infinities and NaNs, as in IEEE 754. Otherwise it is one
        more binade of numbers, there are no infinities, and a magnitude of all ones is the only NaN (OCP E4M3).

    Raises
    ------
    InputError
        a width is out of range.
    """

    exponent_bits: int
    significand_bits: int
    infinities: bool = True

    def __post_init__(self) -> None:
        check_range("exponent_bits", self.exponent_bits, 2, 11)
        check_range("significand_bits", self.significand_bits, 2, 53)

    @property
    def width(self) -> int:
        """Bits of a number: the hidden bit is not stored, the sign is."""
        return self.exponent_bits + self.significand_bits

    @property
    def fraction_bits(self) -> int:
        """Stored bits of the significand, p - 1."""
        return self.significand_bits - 1

    @property
    def bias(self) -> int:
        """What is added to an exponent to make its field."""
        return (1 << self.exponent_bits - 1) - 1

    @property
    def ulp_exponent(self) -> int:
        """Exponent of the smallest subnormal: every finite number is an integer times 2 to this power."""
        return 1 - self.bias - self.fraction_bits

    @property
    def sign_bit(self) -> int:
        """The pattern of -0."""
        return 1 << self.width - 1

    @property
    def smallest_normal(self) -> int:
        """The pattern of the smallest normal number; smaller ones are zero and the subnormals."""
        return 1 << self.fraction_bits

    @property
    def max_finite(self) -> int:
        """The pattern of the largest finite number. The next one is infinity, or where there is none the NaN."""
        if self.infinities:
            return (((1 << self.exponent_bits) - 1) << self.fraction_bits) - 1
        return self.sign_bit - 2

    @property
    def quiet_nan(self) -> int:
        """The canonical NaN, the only one ever produced: positive, quiet, payload 0."""
        return (self.max_finite + 1) | (1 << (self.fraction_bits - 1))

    def is_nan(self, magnitude: int) -> bool:
        """Whether a pattern without its sign is a NaN."""
        return magnitude > self.max_finite and not self.is_infinite(magnitude)

    def is_infinite(self, magnitude: int) -> bool:
        """Whether a pattern without its sign is infinity."""
        return self.infinities and magnitude == self.max_finite + 1

    def overflow(self, negative: bool) -> int:
        """The pattern of what is too large: infinity, or where there is none the canonical NaN."""
        if not self.infinities:
            return self.quiet_nan
        return (self.max_finite + 1) | (self.sign_bit if negative else 0)

    def ulps(self, magnitude: int) -> int:
        """A finite, non-negative pattern as a multiple of the smallest subnormal."""
        exponent, fraction = divmod(magnitude, 1 << self.fraction_bits)
        return (fraction + (1 << self.fraction_bits)) << (exponent - 1) if exponent else fraction

    def round(
        self, negative: bool, magnitude: int, unit: int, *, flush: bool = False, random_bits: int = 0, random: int = 0
    ) -> int:
        """The pattern of ``(-1)^negative * magnitude * 2^unit``, rounded.

        Parameters
        ----------
        negative, magnitude, unit : the exact number; ``magnitude`` >= 0.
        flush : numbers smaller than the smallest normal one are made zero, before they are rounded.
        random_bits : R. With 0 the nearest pattern is taken, ties to the even one. Otherwise the distance to the next
            smaller one is truncated to R bits and ``random`` is added, and a carry out of them takes the next larger.
        random : the random bits, an integer in [0, 2^R).

        What rounds beyond the largest finite number gives `overflow`.
        """
        # 2^leading > number >= 2^(leading - 1)
        leading = magnitude.bit_length() + unit if magnitude else self.ulp_exponent
        if flush and leading <= 1 - self.bias:
            return self.sign_bit * negative
        exponent = max(leading - self.significand_bits, self.ulp_exponent)
        scaled = magnitude << max(unit - exponent, 0)
        shift = max(exponent - unit, 0)
        if random_bits:
            kept = (scaled << random_bits >> shift) + random >> random_bits
        else:
            kept = scaled >> shift
            rest, half = scaled - (kept << shift), 1 << shift >> 1
            kept += rest > half or (rest == half > 0 and kept & 1)
        # A normal number's hidden bit adds the 1 by which its exponent field exceeds that of a subnormal,
        # and a carry out of the significand adds the next.
        rounded = ((exponent - self.ulp_exponent) << self.fraction_bits) + kept
        return self.overflow(negative) if rounded > self.max_finite else rounded | (self.sign_bit if negative else 0)

    def from_float(self, value: float) -> int:
        """The pattern nearest to a Python float, ties to even."""
        if isnan(value):
            return self.quiet_nan
        negative = copysign(1.0, value) < 0
        if isinf(value):
            return self.overflow(negative)
        numerator, denominator = abs(value).as_integer_ratio()
        return self.round(negative, numerator, 1 - denominator.bit_length())

    def to_float(self, pattern: int) -> float:
        """The number a pattern stands for; exact."""
        magnitude = pattern & (self.sign_bit - 1)
        if self.is_nan(magnitude):
            return float("nan")
        value = float("inf") if self.is_infinite(magnitude) else ldexp(self.ulps(magnitude), self.ulp_exponent)
        return -value if pattern & self.sign_bit else value

    def encode(self, field: str, value: float) -> int:
        """The pattern nearest to a run-time value called ``field``.

        Raises
        ------
        InputError
            not a finite real number, or one that overflows the format, or one that is not 0 and would become 0.
        """
        if isinstance(value, bool) or not isinstance(value, Real):
            raise InputError(f"{field} = {value!r}: must be a real number")
        try:
            number = float(value)
        except OverflowError:  # an integer beyond all floats
            number = float("inf")
        pattern = self.from_float(number)
        magnitude = pattern & (self.sign_bit - 1)
        if magnitude > self.max_finite:
            largest = self.to_float(self.max_finite)
            wrong = f"overflows {self}, must be" if isfinite(number) else "must be a finite number"
            raise InputError(f"{field} = {number!r}: {wrong} in {-largest!r}..{largest!r}")
        if number and not magnitude:
            smallest = self.to_float(1)
            raise InputError(
                f"{field} = {number!r}: becomes 0 in {self}, must be 0 or at least {smallest!r} in magnitude"
            )
        return pattern

    def __str__(self) -> str:
        names = {fmt: name for name, fmt in FORMATS.items()}
        return names.get(self, repr(self))


FORMATS: dict[str, FloatFormat] = {
    "fp32": FloatFormat(exponent_bits=8, significand_bits=24),
    "bf16": FloatFormat(exponent_bits=8, significand_bits=8),
    "fp16": FloatFormat(exponent_bits=5, significand_bits=11),
    "e4m3": FloatFormat(exponent_bits=4, significand_bits=4, infinities=False),
    "e5m2": FloatFormat(exponent_bits=5, significand_bits=3),
}
"""IEEE binary32, bfloat16, IEEE binary16; E4M3 and E5M2 of the OCP 8-bit Floating Point Specification 1.0."""

TITLES: dict[FormatName, str] = {
    "fp32": "FP32",
    "bf16": "bfloat16",
    "fp16": "FP16",
    "e4m3": "FP8 E4M3",
    "e5m2": "FP8 E5M2",
}
"""What readers call them."""


def float_format(name: str) -> FloatFormat:
    """The format called ``name``; `InputError` naming the known ones if there is none."""
    return FORMATS[check_choice("format", name, FORMATS)]
