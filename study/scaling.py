"""How a real-valued gradient becomes integers for the unit: a power of two per layer and step, chosen from its maximum.

Used by ``study/train.py``; described for readers in ``docs/training.md``.
"""

import numpy as np
from numpy.typing import NDArray


def to_integers(gradient: NDArray[np.float64], bits: int) -> tuple[NDArray[np.signedinteger], int]:
    """Scale by 2^e, round to nearest (ties to even), clip to +-(2^(bits-1) - 1).

    e is the integer with 2^(bits-2) <= max|g| * 2^e < 2^(bits-1), so the largest gradient always uses the top bit and
    no division is needed anywhere. The clip only acts where rounding carries the maximum to 2^(bits-1). The unit's
    probabilities depend on ratios of gradients alone, so e itself never has to reach the unit.

    Parameters
    ----------
    gradient : finite float64, any shape.
    bits : width of the integers, two's complement, 2..32.

    Returns
    -------
    integers : int8, int16 or int32, the narrowest that holds ``bits``; the same shape.
    e : the exponent; 0 where the gradient is zero throughout.
    """
    container = np.dtype(f"int{max(8, 1 << (bits - 1).bit_length())}")
    largest = np.abs(gradient).max()
    if largest == 0:
        return np.zeros(gradient.shape, container), 0
    exponent = bits - 1 - int(np.frexp(largest)[1])
    limit = 2 ** (bits - 1) - 1
    return np.clip(np.rint(np.ldexp(gradient, exponent)), -limit, limit).astype(container), exponent
