"""The kernels of the float units: w - lr*g on bit patterns, by way of binary64.

In binary64 the product of two numbers of these formats is exact. The sum is rounded to odd there and then once to the
format. Rounding to odd keeps the second rounding innocent, be it to nearest or by random bits, as long as the wide
format has two bits more than the narrow one with its random bits (Boldo, Melquiond, "Emulation of a FMA and correctly
rounded sums", IEEE TC 57(4), 2008): 24 + 24 + 2 < 53. Nothing branches, so that LLVM can make vectors.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import numpy as np
from numba.extending import intrinsic
from numpy.typing import NDArray

from zimu.emu.kernel import kernel
from zimu.golden.float_format import FloatFormat

Reals = NDArray[np.float64]

Patterns = NDArray[Any]
"""Bit patterns: uint8, uint16 or uint32, whichever is the smallest that holds one."""


BLOCK = 4096
"""Weights worked on at a time: what lies between two passes over them stays in cache."""


class Shape(NamedTuple):
    """What the kernels know of a format; magnitudes are patterns without their sign."""

    fraction_bits: int
    bias: int
    sign_bit: int
    max_finite: int
    above: int
    """Larger magnitudes are NaNs."""
    least: int
    """Smaller magnitudes are read, and written, as 0: the smallest normal number where subnormals are flushed."""
    nan: int


def shape_of(fmt: FloatFormat, flush: bool) -> Shape:
    """The kernels' view of a format."""
    above = fmt.max_finite + 1 if fmt.infinities else fmt.max_finite
    least = fmt.smallest_normal if flush else 0
    return Shape(fmt.fraction_bits, fmt.bias, fmt.sign_bit, fmt.max_finite, above, least, fmt.quiet_nan)


@kernel
def widen(pattern: Any, shape: Any) -> Any:
    """The binary64 number a pattern stands for; exact."""
    magnitude = np.int64(pattern) & (shape.sign_bit - 1)
    magnitude = 0 if magnitude < shape.least else magnitude
    # With its fields moved to their places in binary64 a number is off by a power of two, a subnormal one too.
    scale = np.int64((2046 - shape.bias) << 52).view(np.float64)
    value: Any = np.int64(magnitude << (52 - shape.fraction_bits)).view(np.float64) * scale
    value = np.inf if magnitude > shape.max_finite else value
    value = np.nan if magnitude > shape.above else value
    return -value if np.int64(pattern) & shape.sign_bit else value


@kernel
def add_to_odd(a: Any, b: Any) -> Any:
    """The sum rounded to odd: if inexact, the one of the two neighbours whose last bit is 1."""
    total = a + b
    b_seen = total - a
    error = (a - (total - b_seen)) + (b - b_seen)  # exact: Knuth's TwoSum
    bits: Any = np.float64(total).view(np.int64)
    step = np.int64(1) if (error > 0) == (total > 0) else np.int64(-1)
    # An infinite or NaN total has a NaN error, which is neither above nor below 0.
    inexact = (error > 0) | (error < 0)
    return np.int64(bits + (step if inexact & ((bits & 1) == 0) else np.int64(0))).view(np.float64)


@kernel
def narrow(number: Any, shape: Any, random_bits: int, random: Any) -> Any:
    """The pattern of a binary64 number, rounded to nearest even, or by the random bits if ``random_bits`` > 0."""
    wide: Any = np.float64(number).view(np.int64)
    sign = shape.sign_bit if wide < 0 else np.int64(0)
    field = (wide >> 52) & 2047
    fraction = wide & ((np.int64(1) << 52) - 1)
    # Dropped bits: those beyond the fraction, and more where the result is subnormal.
    exponent = field - (1023 - shape.bias)
    drop = 52 - shape.fraction_bits + max(1 - exponent, 0)
    significand = fraction | (np.int64(field != 0) << 52)
    significand = significand >> min(max(drop - 62, 0), 63)
    drop = min(drop, 62)
    if random_bits > 0:
        addend = np.int64(random) << (drop - random_bits)
    else:
        addend = (np.int64(1) << (drop - 1)) - 1 + ((significand >> drop) & 1)
    # The hidden bit adds the 1 by which a normal number's exponent field exceeds that of a subnormal.
    magnitude = (max(exponent - 1, 0) << shape.fraction_bits) + ((significand + addend) >> drop)
    tiny = (exponent < 1) & (shape.least > 0)
    magnitude = np.int64(0) if tiny else magnitude
    overflow = shape.above | sign if shape.above > shape.max_finite else shape.nan
    pattern = overflow if magnitude > shape.max_finite else magnitude | sign
    return shape.nan if number != number else pattern


@kernel
def step_patterns(
    w: Patterns,
    lr: Patterns,
    g: Patterns,
    out: Patterns,
    random: NDArray[np.uint32],
    fused: bool,
    shape: Shape,
    gradient_shape: Shape,
    random_bits: int,
) -> None:
    """``out[i] = w[i] - lr[i]*g[i]``; ``out`` may be ``w`` or ``g``.

    ``lr`` holds a learning rate per weight or one for all, ``random`` the random bits of each weight or nothing.
    """
    products, sums = np.empty(BLOCK), np.empty(BLOCK)
    rates = np.full(BLOCK, widen(lr[0], shape))
    for first in range(0, w.size, BLOCK):
        last = min(first + BLOCK, w.size)
        some = slice(0, last - first)
        if lr.size > 1:
            widen_all(lr[first:last], shape, rates[some])
        widen_all(g[first:last], gradient_shape, products[some])
        _multiply_all(rates[some], products[some])
        if not fused:
            _round_all(products[some], shape)
        widen_all(w[first:last], shape, sums[some])
        _subtract_all(sums[some], products[some])
        if random_bits > 0:
            _narrow_by(sums[some], shape, random_bits, random[first:last], out[first:last])
        else:
            narrow_all(sums[some], shape, out[first:last])


# Each pass by itself becomes vector instructions; in one loop they would not.


@kernel
def widen_all(patterns: Patterns, shape: Shape, numbers: Reals) -> None:
    for i in range(numbers.size):
        numbers[i] = widen(patterns[i], shape)


@kernel
def _multiply_all(rates: Reals, products: Reals) -> None:
    for i in range(products.size):
        products[i] *= rates[i]


@kernel
def _round_all(numbers: Reals, shape: Shape) -> None:
    for i in range(numbers.size):
        numbers[i] = widen(narrow(numbers[i], shape, 0, 0), shape)


@kernel
def _subtract_all(sums: Reals, products: Reals) -> None:
    for i in range(sums.size):
        sums[i] = add_to_odd(sums[i], -products[i])


@kernel
def narrow_all(numbers: Reals, shape: Shape, out: Patterns) -> None:
    for i in range(numbers.size):
        out[i] = narrow(numbers[i], shape, 0, 0)


@kernel
def _narrow_by(numbers: Reals, shape: Shape, random_bits: int, random: NDArray[np.uint32], out: Patterns) -> None:
    for i in range(numbers.size):
        out[i] = narrow(numbers[i], shape, random_bits, random[i])


@cast(Callable[..., Any], intrinsic)
def _fma(_context: Any, a: Any, b: Any, c: Any) -> Any:
    """a*b + c with one rounding, by the machine's own instruction where it has one."""

    def codegen(_: Any, builder: Any, __: Any, args: Any) -> Any:
        return builder.fma(*args)

    return a(a, b, c), codegen


@kernel
def step_binary32(
    w: NDArray[np.float32], rate: Any, g: NDArray[np.float32], out: NDArray[np.float32], fused: bool, nan: Any
) -> None:
    """``out[i] = w[i] - rate*g[i]`` in binary32 with subnormals kept, by the machine's own arithmetic.

    ``out`` may be ``w`` or ``g``.
    """
    # Results wait in an array that is surely none of the others: a loop that may overwrite its operands stays scalar.
    waiting = np.empty(BLOCK, np.float32)
    for first in range(0, w.size, BLOCK):
        last = min(first + BLOCK, w.size)
        if fused:
            _fused(w[first:last], -rate, g[first:last], waiting, nan)
        else:
            _separate(w[first:last], -rate, g[first:last], waiting, nan)
        _copy(waiting, out[first:last])


@kernel
def _copy(source: NDArray[np.float32], target: NDArray[np.float32]) -> None:
    for i in range(target.size):
        target[i] = source[i]


@kernel
def _fused(w: NDArray[np.float32], rate: Any, g: NDArray[np.float32], out: NDArray[np.float32], nan: Any) -> None:
    for i in range(w.size):
        value = _fma(rate, g[i], w[i])
        out[i] = value if value == value else nan


@kernel
def _separate(w: NDArray[np.float32], rate: Any, g: NDArray[np.float32], out: NDArray[np.float32], nan: Any) -> None:
    for i in range(w.size):
        value = w[i] + np.float32(rate * g[i])
        out[i] = value if value == value else nan
