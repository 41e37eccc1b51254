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
    weights: Integers,
    gradients: Integers,
    indices: NDArray[np.uint32],
    counts: NDArray[np.uint32],
    low: int,
    high: int,
) -> tuple[int, int]:
    """Move ``weights[i]`` by its count against the sign of ``gradients[i]``, for every i of ``indices``.

    Returns the trials that met a gradient of 0, and the trials lost at the rails ``low`` and ``high``. Within
    a step a weight only ever moves one way, so an index may come up again with the rest of its count.
    """
    discarded = saturations = 0
    for at in range(indices.size):
        i, count = indices[at], int64(counts[at])
        gradient, weight = int64(gradients[i]), int64(weights[i])
        if gradient > 0:
            moved = max(weight - count, low)
            saturations += count - (weight - moved)
            weights[i] = moved
        elif gradient < 0:
            moved = min(weight + count, high)
            saturations += count - (moved - weight)
            weights[i] = moved
        else:
            discarded += count
    return discarded, saturations


@kernel
def accumulate_run(
    weights: Integers,
    gradients: Integers,
    start: int,
    size: int,
    landed: NDArray[Any],
    low: NDArray[Any],
    high: NDArray[Any],
) -> tuple[int, int]:
    """Move ``size`` weights from ``start`` on, each by its count against the sign of its gradient.

    ``landed[j]`` are the trials that landed on the first j + 1 of them. ``low`` and ``high`` hold one rail each, in a
    dtype that also holds a weight and a count beyond it: the sums are taken in that dtype. Returns the trials that met
    a gradient of 0, and those lost at the rails.
    """
    discarded = saturations = 0
    wide = low.dtype.type
    bottom, top = low[0], high[0]
    before = wide(0)
    at = np.uintp(start)
    for j in range(size):
        upto = wide(landed[np.uintp(j)])
        count = wide(upto - before)
        before = upto
        gradient, weight = gradients[at], wide(weights[at])
        moved = weight
        if gradient > 0:
            moved = wide(weight - count)
        elif gradient < 0:
            moved = wide(weight + count)
        else:
            discarded += int64(count)
        kept = min(max(moved, bottom), top)
        weights[at] = kept
        saturations += int64(abs(moved - kept))
        at += np.uintp(1)
    return discarded, saturations
