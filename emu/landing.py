"""Where draws land: sums of masses, and the weight of each draw by its place among them.

Weights are summed in groups and blocks. A draw looks for its block near where a table of the upper bits of draws says,
then for its group and its weight by comparing all of them at once. Each is a loop over many draws, whose memory
accesses overlap. Used by ``emu/sampler.py``.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zimu.emu.accumulator import Integers, accumulate
from zimu.emu.arrays import aligned
from zimu.emu.intrinsics import bit_length
from zimu.emu.kernel import int64, kernel
from zimu.emu.momentum import Means, update_means
from zimu.emu.steps import Bounds, Masses
from zimu.emu.vectors import EIGHTS, NEAR, count_reached, find_of_8, last_reached, sum_eights

GROUP = 8
"""Weights of a group."""

GROUPS = EIGHTS
"""Groups of a block."""

BLOCK = GROUPS * GROUP
"""Weights per partial sum."""

AHEAD = 16
"""Blocks whose means are moved before their masses are added up, an even number: what was just written is slow to
read."""

SORTED_BITS = 16
"""Upper bits of draws by which they are sorted at most, before they are looked up."""

FAR = 2**20
"""Weights beyond which that is worth it: fewer are near whatever the order."""

SLICE = 2**10
"""Draws looked up at a time."""

Draws = NDArray[Any]
"""Accepted draws: uint32 where W <= 2^32, else uint64."""


class Sums(NamedTuple):
    """Of the masses of a unit or a shard."""

    groups: NDArray[Any]
    """The mass before each group in its block; of the dtype in which that of a block is held."""
    bounds: Bounds
    """Prefix sums of the masses of blocks, then W, `NEAR` + 1 times."""
    starts: NDArray[np.int32]
    """Scratch of `find_starts`."""

    @classmethod
    def of(cls, blocks: int, dtype: np.dtype[Any]) -> "Sums":
        """Sums of so many blocks, not yet made."""
        return cls(
            aligned(GROUPS * blocks, dtype),
            np.zeros(blocks + NEAR + 1, np.int64),
            np.zeros(2 ** max(blocks.bit_length() - 1, 0) + 1, np.int32),
        )


@kernel
def sum_groups(masses: Masses, sums: Sums, means: Means | None, unit: int, first: int, last: int) -> int:
    """Set the groups of the blocks ``first .. last - 1``, and their bounds as though nothing were before; their mass.

    If there are ``means``, those of the ``unit`` are first brought up to date.
    """
    gradients, shift, smoothing, block, bounds = masses
    groups, reached = sums.groups, 0
    kept = groups.dtype.type
    whole = first + (min(gradients.size // block, last) - first) // 2 * 2
    begin = unit * gradients.size
    for start in range(first, last, AHEAD):
        stop = min(start + AHEAD, last)
        if means is not None:
            update_means(means, begin + start * block, begin + min(stop * block, gradients.size))
        for b in range(start, min(stop, whole), 2):
            one, other = sum_eights(gradients, b * block, shift, kept(GROUP * smoothing), groups, b * GROUPS)
            bounds[np.uintp(b)] = reached
            bounds[np.uintp(b + 1)] = reached + one
            reached += one + other
        for b in range(max(start, whole), stop):
            bounds[b] = reached
            for group in range(b * GROUPS, (b + 1) * GROUPS):
                groups[group] = reached - bounds[b]
                for i in range(group * GROUP, min((group + 1) * GROUP, gradients.size)):
                    reached += size_of(int64(gradients[i]), shift) + smoothing
    return reached


@kernel
def size_of(gradient: int, shift: int | None) -> int:
    """|g|, where g is ``gradient`` without so many lower bits."""
    if shift is not None:
        gradient >>= shift
    return max(gradient, -gradient)


@kernel
def find_starts(bounds: Bounds, draws: int, starts: NDArray[np.int32]) -> int:
    """Set ``starts[j]`` to the last block, or the one before, that begins at or below j 2^shift, while that is below W.

    Returns the shift. For less than two draws there is but one start.
    """
    most = int64(bounds[-1]) - 1
    if most < 0:
        return 0
    bits = bit_length(starts.size - 1) - 1 if draws > 1 else 0
    shift: int = max(bit_length(most) - bits, 0)
    last = most >> shift
    starts[: last + 1] = 0
    for b in range(0, bounds.size - NEAR - 1, 2):
        # The first j that reaches the block; where that is beyond W, it is the last of all or without mass.
        starts[np.uintp((bounds[np.uintp(b)] + (1 << shift) - 1) >> shift)] = b
    b = 0
    for j in range(last + 1):
        b = max(b, int64(starts[np.uintp(j)]))
        starts[np.uintp(j)] = b
    return shift


@kernel
def find_block(bounds: Bounds, b: int, u: int) -> int:
    """The last block that begins at or below ``u``, which is below W; it is not before ``b``."""
    while True:
        reached = count_reached(bounds, b + 1, u)
        b += reached
        if reached < NEAR:
            return b


@kernel
def sort_roughly(draws: Draws, below: int, ordered: Draws) -> None:
    """Set ``ordered`` to the draws, which are below ``below``, by about as many upper bits as tell them apart."""
    bits = min(bit_length(draws.size), SORTED_BITS)
    shift = max(bit_length(below - 1) - bits, 0)
    places = np.zeros((1 << bits) + 1, np.int32)
    for i in range(draws.size):
        places[np.uintp((draws[np.uintp(i)] >> shift) + 1)] += 1
    for j in range(1 << bits):
        places[j + 1] += places[j]
    for i in range(draws.size):
        draw = draws[np.uintp(i)]
        bucket = np.uintp(draw >> shift)
        ordered[np.uintp(places[bucket])] = draw
        places[bucket] += 1


@kernel
def land(
    weights: Integers,
    masses: Masses,
    sums: Sums,
    shift: int,
    draws: Draws,
    first: int,
    last: int,
    low: int,
    high: int,
) -> tuple[int, int]:
    """Apply the trials of ``draws`` that land in the blocks ``first .. last - 1``; returns as `accumulate`.

    ``shift`` is that of the starts.
    """
    indices, rests = np.empty(SLICE, np.int64), np.empty(SLICE, sums.groups.dtype)
    own = np.empty(SLICE, draws.dtype)
    begin, end = masses.bounds[first], masses.bounds[last]
    discarded = saturations = 0
    for start in range(0, draws.size, SLICE):
        size = 0
        for i in range(start, min(start + SLICE, draws.size)):
            u = int64(draws[np.uintp(i)])
            own[np.uintp(size)] = u
            size += (u >= begin) & (u < end)
        found = indices[:size]
        look_up(masses, sums, shift, own, found, rests)
        more = accumulate(weights, masses.gradients, masses.shift, found, low, high)
        discarded += more[0]
        saturations += more[1]
    return discarded, saturations


@kernel
def look_up(
    masses: Masses, sums: Sums, shift: int, draws: Draws, indices: NDArray[np.int64], rests: NDArray[Any]
) -> None:
    """Set ``indices`` to the weights that the first of ``draws`` land on.

    ``shift`` is that of the starts; ``rests`` is scratch of as many.
    """
    gradients, lower, smoothing, _, bounds = masses
    groups, _, starts = sums
    kept = groups.dtype.type
    for i in range(indices.size):
        u = int64(draws[np.uintp(i)])
        block = find_block(bounds, int64(starts[np.uintp(u >> shift)]), u)
        indices[np.uintp(i)] = block
        rests[np.uintp(i)] = u - bounds[np.uintp(block)]
    for i in range(indices.size):
        first = indices[np.uintp(i)] * GROUPS
        group = first + last_reached(groups, first, rests[np.uintp(i)])
        indices[np.uintp(i)] = group * GROUP
        rests[np.uintp(i)] -= groups[np.uintp(group)]
    for i in range(indices.size):
        first, rest = indices[np.uintp(i)], rests[np.uintp(i)]
        if first + GROUP <= gradients.size:
            indices[np.uintp(i)] = first + find_of_8(gradients, first, lower, kept(smoothing), rest)
            continue
        # In the last group, which is not whole, one by one.
        left = int64(rest)
        while True:
            left -= size_of(int64(gradients[first]), lower) + smoothing
            if left < 0:
                break
            first += 1
        indices[np.uintp(i)] = first
