"""The saturating integer accumulator.

Twins: ``golden/accumulator.py``, ``rtl/accumulator.py``.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zimu.emu.kernel import int64, kernel

Integers = NDArray[Any]
"""A vector of int8, int16 or int32, whichever is the smallest that holds the values."""


@kernel
def accumulate(
    weights: Integers, gradients: Integers, shift: int | None, indices: NDArray[np.int64], low: int, high: int
) -> tuple[int, int]:
    """Move ``weights[i]`` by one against the sign of ``gradients[i]``, for each time that i is among ``indices``.

    Gradients are without ``shift`` lower bits, where it is not None. Returns the trials that met a gradient of 0, and
    those lost at the rails ``low`` and ``high``. Within a step a weight only ever moves one way, so that one by one or
    all at once is the same.
    """
    both = 0  # in halves of one number: two would not stay in registers
    for at in range(indices.size):
        i = np.uintp(indices[np.uintp(at)])
        gradient, weight = int64(gradients[i]), int64(weights[i])
        if shift is not None:
            gradient >>= shift
        # Signs are random: branches would be mispredicted.
        moved = weight - int64(gradient > 0) + int64(gradient < 0)
        kept = min(max(moved, low), high)
        weights[i] = kept
        both += int64(gradient == 0) + (int64(kept != moved) << 32)
    return both & 0xFFFFFFFF, both >> 32


@kernel
def accumulate_run(
    weights: Integers, gradients: Integers, start: int, landed: NDArray[Any], low: int, high: int
) -> tuple[int, int]:
    """Move the weights from ``start`` on, each by its count against the sign of its gradient.

    ``-landed[j]`` are the trials that landed on the weight j or on one after it. Returns as `accumulate`.
    """
    discarded = saturations = following = 0
    for j in range(landed.size - 1, -1, -1):
        count, following = following - int64(landed[j]), int64(landed[j])
        gradient, weight = gradients[start + j], int64(weights[start + j])
        moved = weight
        if gradient > 0:
            moved -= count
        elif gradient < 0:
            moved += count
        else:
            discarded += count
        kept = min(max(moved, low), high)
        weights[start + j] = kept
        saturations += abs(moved - kept)
    return discarded, saturations
