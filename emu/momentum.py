"""Integer momentum: running means of the gradients, whose upper bits the sampler takes.

The upper bits are nowhere written down: what works on gradients works on means and the bits to leave out.
Twin: ``golden/momentum.py``.
"""

from collections.abc import Mapping
from typing import NamedTuple

from zimu.emu.accumulator import Integers
from zimu.emu.arrays import Array
from zimu.emu.kernel import int64, kernel
from zimu.emu.vectors import FOLLOWED, follow, follow_wide
from zimu.golden.momentum import Momentum


class Means(NamedTuple):
    """Running means that a step is yet to bring up to date: of one unit, or of several one after the other."""

    values: Integers
    """m of each weight."""
    gradients: Integers
    """What they follow."""
    bits: int
    """Of m."""
    shift: int
    """s."""
    decay: int
    """b."""


def means_in(momentum: Momentum | None, memories: Mapping[str, Array], gradients: Integers, decay: int) -> Means | None:
    """Those of a unit that has some, from its memories; or of many, with a row for each, for `rows_of`."""
    if momentum is None:
        return None
    return Means(memories["momentum"], gradients, momentum.bits, momentum.shift, decay)


def rows_of(means: Means | None, rows: int | slice) -> Means | None:
    """Those of one unit among several, or of some."""
    if means is None:
        return None
    values, gradients = means.values[rows].reshape(-1), means.gradients[rows].reshape(-1)
    return means._replace(values=values, gradients=gradients)


def sampled_of(gradients: Integers, means: Means | None) -> tuple[Integers, int | None]:
    """What a sampler goes by, and how many lower bits to leave out: the means, or else the gradients whole."""
    return (gradients, None) if means is None else (means.values, means.shift)


@kernel
def update_means(means: Means, first: int, last: int) -> None:
    """Move the means ``first .. last - 1``, counted over all units, towards their gradients."""
    values, gradients, bits, shift, decay = means
    half = int64(1) << (shift - 1)
    whole = first + ((last - first) // FOLLOWED * FOLLOWED if bits < 16 or decay > 0 else 0)
    if bits < 16:
        for at in range(first, whole, FOLLOWED):
            follow(values, gradients, at, shift, decay)
    else:
        for at in range(first, whole, FOLLOWED):
            follow_wide(values, gradients, at, shift, decay)
    for i in range(whole, last):
        mean = int64(values[i])
        values[i] = mean + (((int64(gradients[i]) << shift) + half - mean) >> decay)
