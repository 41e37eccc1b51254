"""The floating-point rival's contract: w - lr*g in an IEEE 754 binary format, rounded once.

Bit patterns in, bit patterns out, exact integers between. Slow on purpose; ``emu/float_sgd.py`` is for daily use.
Twins: ``emu/float_sgd.py``, ``rtl/float_sgd.py``. Rules in words: ``docs/float_sgd.md``.
"""

from dataclasses import dataclass
from math import copysign, isinf, isnan

from zimu.golden.errors import check_choice, check_range


@dataclass(frozen=True)
class FloatFormat:
    """An IEEE 754 binary interchange format: sign, biased exponent, fraction; subnormals, infinities and NaNs.

    Parameters
    ----------
    exponent_bits : width of the exponent field, 2..11.
    significand_bits : precision p in bits, the hidden bit **included** (24 for binary32), 2..53.

    Raises
    ------
    InputError
        a width is out of range.
    """

    exponent_bits: int
    significand_bits: int

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
    def infinity(self) -> int:
        """The pattern of +infinity; larger magnitudes are NaNs."""
        return (1 << self.exponent_bits) - 1 << self.fraction_bits

    @property
    def quiet_nan(self) -> int:
        """The canonical NaN, the only one ever produced: positive, quiet, payload 0."""
        return self.infinity | 1 << self.fraction_bits - 1

    def nearest(self, negative: bool, magnitude: int, unit: int) -> int:
        """The pattern nearest to ``(-1)^negative * magnitude * 2^unit``.

        Ties go to the even one, what rounds beyond the largest finite number to infinity.
        """
        leading = magnitude.bit_length() + unit if magnitude else self.ulp_exponent
        exponent = max(leading - self.significand_bits, self.ulp_exponent)
        shift = max(exponent - unit, 0)
        kept = magnitude << max(unit - exponent, 0) >> shift
        rest = magnitude - (kept << shift) if shift else 0
        half = 1 << shift >> 1
        kept += rest > half or (rest == half > 0 and kept & 1)
        # A normal number's hidden bit adds the 1 by which its exponent field exceeds that of a subnormal,
        # and a carry out of the significand adds the next.
        pattern = (exponent - self.ulp_exponent << self.fraction_bits) + kept
        return min(pattern, self.infinity) | self.sign_bit * negative

    def from_float(self, value: float) -> int:
        """The pattern nearest to a Python float, ties to even."""
        if isnan(value):
            return self.quiet_nan
        negative = copysign(1.0, value) < 0
        if isinf(value):
            return self.infinity | self.sign_bit * negative
        numerator, denominator = abs(value).as_integer_ratio()
        return self.nearest(negative, numerator, 1 - denominator.bit_length())


FORMATS = {
    "fp32": FloatFormat(exponent_bits=8, significand_bits=24),
    "bf16": FloatFormat(exponent_bits=8, significand_bits=8),
    "fp16": FloatFormat(exponent_bits=5, significand_bits=11),
}
"""Formats by name: IEEE binary32, bfloat16, IEEE binary16."""


def float_format(name: str) -> FloatFormat:
    """The format called ``name``; `InputError` naming the known ones if there is none."""
    return FORMATS[check_choice("format", name, FORMATS)]


def fused_step(fmt: FloatFormat, w: int, lr: int, g: int) -> int:
    """The pattern of w - lr*g, rounded once to nearest even.

    ``w``, ``lr`` and ``g`` are bit patterns of ``fmt``, as integers in [0, 2^width); `InputError` outside.
    """
    for field, bits in (("w", w), ("lr", lr), ("g", g)):
        check_range(field, bits, 0, 2**fmt.width - 1)
    w_negative, lr_negative, g_negative = (bool(bits & fmt.sign_bit) for bits in (w, lr, g))
    w_size, lr_size, g_size = (bits & fmt.sign_bit - 1 for bits in (w, lr, g))
    product_negative = lr_negative == g_negative  # the sign of -lr*g

    if max(w_size, lr_size, g_size) > fmt.infinity:
        return fmt.quiet_nan
    if fmt.infinity in (lr_size, g_size):
        if 0 in (lr_size, g_size) or (w_size == fmt.infinity and w_negative != product_negative):
            return fmt.quiet_nan
        return fmt.infinity | fmt.sign_bit * product_negative
    if w_size == fmt.infinity:
        return w

    # Units: the square of the smallest subnormal, of which every product is a multiple.
    product = _ulps(fmt, lr_size) * _ulps(fmt, g_size)
    addend = _ulps(fmt, w_size) << -fmt.ulp_exponent
    exact = (-addend if w_negative else addend) + (-product if product_negative else product)
    both_negative = w_negative and product_negative
    return fmt.nearest(exact < 0 or (exact == 0 and both_negative), abs(exact), 2 * fmt.ulp_exponent)


def _ulps(fmt: FloatFormat, size: int) -> int:
    """A finite, non-negative pattern as a multiple of the smallest subnormal."""
    exponent, fraction = size >> fmt.fraction_bits, size & (1 << fmt.fraction_bits) - 1
    return fraction + (1 << fmt.fraction_bits) << exponent - 1 if exponent else fraction
