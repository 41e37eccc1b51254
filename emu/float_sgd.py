"""The floating-point rival, fast: w - lr*g over arrays, bit for bit what the contract says.

Computes in binary64, where the product of two numbers of a narrower format is exact, rounds the sum to odd there and
then once to the format. Rounding to odd keeps the second rounding innocent as long as the wide format has two bits
more than the narrow one (Boldo, Melquiond, "Emulation of a FMA and correctly rounded sums", IEEE TC 57(4), 2008).
Twins: ``golden/float_sgd.py``, ``rtl/float_sgd.py``.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from zimu.emu.kernel import kernel
from zimu.golden.errors import InputError
from zimu.golden.float_sgd import FloatFormat, float_format

_MAX_EXPONENT_BITS = 8
_MAX_SIGNIFICAND_BITS = 24

_NATIVE: dict[str, DTypeLike] = {"fp32": np.float32, "fp16": np.float16}


class FloatSGD:
    """The float unit's arithmetic over whole arrays.

    Parameters
    ----------
    format_name : a name of `zimu.golden.float_sgd.FORMATS`.

    Attributes
    ----------
    dtype : what weights and gradients are made of: ``float32`` for ``fp32``, ``float16`` for ``fp16``, and for a
        format numpy lacks the bit patterns as ``uint16``.
    """

    def __init__(self, format_name: str) -> None:
        self.format = float_format(format_name)
        self.dtype: np.dtype[Any] = np.dtype(_NATIVE.get(format_name, pattern_dtype(self.format)))

    def step(self, weights: NDArray[Any], gradients: NDArray[Any], *, learning_rate: float) -> None:
        """Replace ``weights`` by weights - learning_rate * gradients, each rounded once to nearest even.

        Parameters
        ----------
        weights, gradients : contiguous arrays of `dtype`, of one shape.
        learning_rate : rounded to the format first.

        Raises
        ------
        InputError
            a wrong dtype, shape or memory layout; the weights are untouched.
        """
        if not isinstance(learning_rate, (float, int, np.floating)):
            raise InputError(f"learning_rate = {learning_rate!r}: must be a real number")
        for field, array in (("weights", weights), ("gradients", gradients)):
            if not isinstance(array, np.ndarray) or array.dtype != self.dtype:
                raise InputError(f"{field} is {_kind(array)}: must be a numpy array of {self.dtype}")
            if not array.flags.c_contiguous:
                raise InputError(f"{field} is not contiguous in memory: pass numpy.ascontiguousarray({field})")
        if weights.shape != gradients.shape:
            raise InputError(f"gradients has shape {gradients.shape}: must be that of weights, {weights.shape}")
        if not weights.flags.writeable:
            raise InputError("weights is read-only: must be writable, it is updated in place")
        patterns = pattern_dtype(self.format)
        rate = np.array([self.format.from_float(float(learning_rate))], dtype=patterns)
        flat = weights.reshape(-1).view(patterns)
        _step(flat, rate, gradients.reshape(-1).view(patterns), flat, *_widths(self.format))


def fused_step(fmt: FloatFormat, w_bits: ArrayLike, lr_bits: ArrayLike, g_bits: ArrayLike) -> NDArray[Any]:
    """The bit patterns of w - lr*g; the arguments are broadcast.

    Parameters
    ----------
    fmt : at most 8 exponent and 24 significand bits.
    w_bits, lr_bits, g_bits : unsigned integers in [0, 2^width).

    Returns
    -------
    An array of `pattern_dtype(fmt)`.

    Raises
    ------
    InputError
        the format is too wide for this emulator, or an array is not of unsigned integers of the format's width.
    """
    if fmt.exponent_bits > _MAX_EXPONENT_BITS or fmt.significand_bits > _MAX_SIGNIFICAND_BITS:
        raise InputError(
            f"{fmt}: must have at most {_MAX_EXPONENT_BITS} exponent and {_MAX_SIGNIFICAND_BITS} significand bits"
        )
    checked = [_patterns(fmt, *item) for item in (("w_bits", w_bits), ("lr_bits", lr_bits), ("g_bits", g_bits))]
    w, lr, g = (np.ascontiguousarray(array) for array in np.broadcast_arrays(*checked))
    result = np.empty_like(w)
    _step(w.reshape(-1), lr.reshape(-1), g.reshape(-1), result.reshape(-1), *_widths(fmt))
    return result


def pattern_dtype(fmt: FloatFormat) -> np.dtype[Any]:
    """The smallest unsigned dtype that holds a pattern, of at least 16 bits."""
    return np.dtype(np.uint16 if fmt.width <= 16 else np.uint32)


def _patterns(fmt: FloatFormat, field: str, bits: ArrayLike) -> NDArray[Any]:
    array = np.asarray(bits)
    if array.dtype.kind not in "ui":
        raise InputError(f"{field} is {_kind(array)}: must be bit patterns, of an integer dtype")
    if array.size and not 0 <= int(array.min()) <= int(array.max()) < 2**fmt.width:
        raise InputError(f"{field} has values in {array.min()}..{array.max()}: must be in 0..{2**fmt.width - 1}")
    return array.astype(pattern_dtype(fmt))


def _kind(value: object) -> str:
    return f"an array of {value.dtype}" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"


def _widths(fmt: FloatFormat) -> tuple[int, int]:
    return fmt.exponent_bits, fmt.fraction_bits


@kernel
def _step(
    w: NDArray[Any],
    lr: NDArray[Any],
    g: NDArray[Any],
    out: NDArray[Any],
    exponent_bits: int,
    fraction_bits: int,
) -> None:
    """``out[i] = w[i] - lr[i] * g[i]``; ``lr`` may hold one pattern for all, ``out`` may be ``w``."""
    if lr.size == 1:
        rate = _widen(lr[0], exponent_bits, fraction_bits)
        for i in range(w.size):
            product = -(rate * _widen(g[i], exponent_bits, fraction_bits))
            total = _add_to_odd(_widen(w[i], exponent_bits, fraction_bits), product)
            out[i] = _narrow(total, exponent_bits, fraction_bits)
    else:
        for i in range(w.size):
            rate = _widen(lr[i], exponent_bits, fraction_bits)
            product = -(rate * _widen(g[i], exponent_bits, fraction_bits))
            total = _add_to_odd(_widen(w[i], exponent_bits, fraction_bits), product)
            out[i] = _narrow(total, exponent_bits, fraction_bits)


@kernel
def _widen(pattern: Any, exponent_bits: int, fraction_bits: int) -> Any:
    """The binary64 number a pattern stands for; exact."""
    bias = (1 << exponent_bits - 1) - 1
    bits = np.int64(pattern)
    sign = bits >> exponent_bits + fraction_bits
    field = bits >> fraction_bits & (1 << exponent_bits) - 1
    fraction = bits & (1 << fraction_bits) - 1
    special = field == (1 << exponent_bits) - 1
    if field == 0:
        ulp = np.int64(1023 + 1 - bias - fraction_bits << 52).view(np.float64)
        size = np.float64(fraction) * ulp
    else:
        wide_field = 2047 if special else field + 1023 - bias
        size = np.int64(wide_field << 52 | fraction << 52 - fraction_bits).view(np.float64)
    return -size if sign else size


@kernel
def _add_to_odd(a: Any, b: Any) -> Any:
    """The sum rounded to odd: if inexact, the one of the two neighbours whose last bit is 1."""
    total = a + b
    b_seen = total - a
    error = (a - (total - b_seen)) + (b - b_seen)  # exact: Knuth's TwoSum
    bits: Any = np.float64(total).view(np.int64)
    # An infinite or NaN total has a NaN error, which is neither above nor below 0.
    inexact = (error > 0) | (error < 0)
    if inexact and bits & 1 == 0:
        bits += 1 if (error > 0) == (total > 0) else -1
    return np.int64(bits).view(np.float64)


@kernel
def _narrow(number: Any, exponent_bits: int, fraction_bits: int) -> Any:
    """The pattern nearest to a binary64 number, ties to even."""
    bias = (1 << exponent_bits - 1) - 1
    infinity = (1 << exponent_bits) - 1 << fraction_bits
    wide: Any = np.float64(number).view(np.int64)
    sign = wide >> 63 & 1
    field = wide >> 52 & 2047
    fraction = wide & (1 << 52) - 1
    if field == 2047:
        return infinity | (1 << fraction_bits - 1 if fraction else sign << exponent_bits + fraction_bits)
    # Dropped bits: those beyond the fraction, and more where the result is subnormal.
    below = max(1023 + 1 - bias - field, 0)
    drop = min(52 - fraction_bits + below, 62)
    significand = (np.int64(1) << 52 if field else 0) | fraction
    kept = significand >> drop
    rest = significand - (kept << drop)
    half = np.int64(1) << drop - 1
    if rest > half or (rest == half and kept & 1):
        kept += 1
    # The hidden bit adds the 1 by which a normal number's exponent field exceeds that of a subnormal.
    exponent = max(field - (1023 - bias) - 1, 0)
    return min((exponent << fraction_bits) + kept, infinity) | sign << exponent_bits + fraction_bits
