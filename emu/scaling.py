"""Real gradients as integers, fast.

Twin: ``golden/scaling.py``.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zimu.emu.arrays import Array
from zimu.emu.kernel import kernel
from zimu.emu.vectors import RUN, largest_run
from zimu.golden.errors import InputError
from zimu.golden.scaling import ScaleState, Scaling

Floats = NDArray[Any]
"""A vector of float32 or float64."""


class Scaler:
    """Makes integers of the gradients of one step after the other.

    Parameters
    ----------
    scaling : where e comes from.
    bits : width of the integers, two's complement, 2..32.

    Attributes
    ----------
    state : what is kept between steps.
    """

    def __init__(self, scaling: Scaling, bits: int) -> None:
        self.scaling, self.bits = scaling, bits
        self.state = ScaleState()

    def integers(self, gradients: Floats) -> tuple[Array, int]:
        """The integers of a step, and its e.

        Parameters
        ----------
        gradients : float32 or float64, shape (d,), contiguous.

        Returns
        -------
        The smallest of int8, int16 and int32 that holds the bits, shape (d,); e.

        Raises
        ------
        InputError
            a gradient is not finite; the state is as before.
        """
        exponent, state = self.scaling.step(self.state, fitting_exponent(gradients, self.bits))
        integers = to_integers(gradients, exponent, self.bits)
        self.state = state
        return integers, exponent


def fitting_exponent(gradients: Floats, bits: int) -> int | None:
    """The e with 2^(bits-2) <= max|g| 2^e < 2^(bits-1); None where all are 0; errors as `check_finite`."""
    largest = check_finite(gradients)
    return bits - 1 - int(np.frexp(largest)[1]) if largest else None


def check_finite(gradients: Floats) -> float:
    """The largest |g|; `InputError` naming the first gradient that is not finite."""
    flat = gradients.reshape(-1)
    patterns = flat.view(f"u{gradients.itemsize}")
    largest = float(np.array([largest_pattern(patterns)], patterns.dtype).view(gradients.dtype)[0])
    if not np.isfinite(largest):
        at = int(np.argmin(np.isfinite(flat)))
        raise InputError(f"gradients[{at}] = {flat[at]}: must be finite")
    return largest


def to_integers(gradients: Floats, exponent: int, bits: int) -> Array:
    """Finite gradients times 2^exponent, rounded to nearest, ties to even, and clipped to +-(2^(bits-1) - 1)."""
    container = np.dtype(f"int{max(8, 1 << (bits - 1).bit_length())}")
    integers = np.empty(gradients.shape, container)
    # In binary32 the product is exact, or beyond the clip, or far below a half; unless 2^e is no normal number.
    narrow = gradients.dtype == np.float32 and abs(exponent) <= 126 and bits <= 24
    with np.errstate(over="ignore"):  # infinity is clipped like all that is too large
        values = gradients if narrow else np.ldexp(gradients.astype(np.float64), exponent)
    factor = values.dtype.type(2.0**exponent if narrow else 1)
    limit = values.dtype.type(2 ** (bits - 1) - 1)
    round_all(values.reshape(-1), factor, limit, integers.reshape(-1))
    return integers


@kernel
def largest_pattern(patterns: NDArray[Any]) -> Any:
    """The largest of patterns of binary32 or binary64 without their signs; infinities and NaN are beyond all others."""
    whole = patterns.size // RUN * RUN
    most = np.uint64(0)
    for at in range(0, whole, RUN):
        most = max(most, largest_run(patterns, at))
    mask = np.uint64((1 << (8 * patterns.itemsize - 1)) - 1)
    for at in range(whole, patterns.size):
        most = max(most, np.uint64(patterns[at]) & mask)
    return most


@kernel
def round_all(values: Floats, factor: Any, limit: Any, integers: Array) -> None:
    """Each value times ``factor``, rounded to nearest and clipped to +-``limit``."""
    for i in range(values.size):
        integers[i] = min(max(np.rint(values[i] * factor), -limit), limit)
