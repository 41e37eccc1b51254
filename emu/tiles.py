"""The draws inside the tiles of the ``split`` sampler.

Every tile has few weights and few trials, so a draw is compared with many of its prefix sums at once: with the first
one of each block of weights, then with all of a block. Numbers of 16 bits are held less 2^15 - 1, since the vectors of
many machines compare only numbers with signs.
Twin: ``rtl/tiles.py``.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zimu.emu.accumulator import Integers, accumulate_run
from zimu.emu.generators import Generators, fill
from zimu.emu.intrinsics import LANES, bit_length, ones
from zimu.emu.kernel import int64, kernel
from zimu.emu.prng import Words
from zimu.emu.steps import Masses
from zimu.emu.tile_vectors import BLOCK, BLOCKS, count_over, move, stage
from zimu.emu.vectors import scan
from zimu.golden.unit import UnitConfig

BUFFER = 512
"""Words generated ahead for a stream, a multiple of every row."""

CHUNK = 2048
"""Trials of a tile drawn at a time, so that counts fit 16 bits together with an 8-bit weight."""


class Scratch(NamedTuple):
    """What one thread draws tiles with; "values" are of ``int16`` where draws have 16 bits, else of ``int64``."""

    saved: Words
    """The state of each stream of draws before its words were generated."""
    buffers: Words
    """Words generated ahead for each stream of draws."""
    values: NDArray[Any]
    """Draws, those to be rejected among them."""
    accepted: NDArray[np.uint64]
    """A bit for each of them: whether it is accepted."""
    bounds: NDArray[Any]
    """Values: what a draw for a weight, or for one after it, is over; the largest where there is no weight."""
    starts: NDArray[Any]
    """Values: the bounds of the blocks of a tile but the first, as `count_over` takes them."""
    landed: NDArray[Any]
    """Of the dtype of values: less the trials that landed on a weight, or after it in its block."""
    low: NDArray[Any]
    """The rails, one each; see `move`."""
    high: NDArray[Any]

    @classmethod
    def make(cls, config: UnitConfig, state_words: int) -> "Scratch":
        """Scratch for streams of so many words of state each."""
        shape, bits = config.split, config.weight_bits
        dtype = np.int16 if config.draw_bits == 16 else np.int64
        size = -(-shape.tile // LANES) * LANES
        wide = np.int16 if bits <= 8 else np.int32 if bits <= 16 else np.int64
        return cls(
            np.empty((shape.tile_streams, state_words), np.uint32),
            np.empty((shape.tile_streams, BUFFER), np.uint32),
            np.empty(CHUNK, dtype),
            np.empty(CHUNK // 64, np.uint64),
            np.empty(size, dtype),
            np.empty(BLOCKS, dtype),
            np.empty(size, dtype),
            *(np.array([rail], wide) for rail in config.weight.limits),
        )


@kernel
def draw_tiles(
    generators: Generators,
    draw_bits: int,
    states: Words,
    first: int,
    counts: NDArray[np.int64],
    masses: Masses,
    weights: Integers,
    scratch: Scratch,
) -> tuple[int, int, int]:
    """Draw ``counts[t]`` trials in tile ``first + t``, for every t, and move its weights.

    ``states`` are the streams of draws the tiles take in turn, one a row. Returns the draws rejected, the trials that
    met a gradient of 0, and the trials lost at the rails.
    """
    code, lanes, _ = generators
    gradients, _, smoothing, tile, sums = masses
    saved, buffers, values, accepted, bounds, starts, landed, low, high = scratch
    streams, bias = states.shape[0], 1 - (1 << 15) if draw_bits == 16 else 0
    words = buffers.reshape(-1)
    halves = words.view(np.uint16)
    # Positions count draws: half words or whole words.
    per_word = 32 // draw_bits
    span, row = per_word * buffers.shape[1], per_word * lanes  # powers of two
    at = np.full(streams, span, np.int64)
    rejected = discarded = saturations = 0
    k = -1
    for t in range(counts.size):
        k = k + 1 if k + 1 < streams else 0
        left = counts[t]
        if left == 0:
            continue
        start = (first + t) * tile
        size = min(tile, gradients.size - start)
        total = sums[first + t + 1] - sums[first + t]
        cut, bound = (1 << bit_length(total - 1)) - 1, total + bias
        _find_bounds(gradients, start, size, smoothing, bias, bounds, starts)
        position = (at[k] + row - 1) & -row
        rejected -= left
        while left:
            wanted = min(left, CHUNK)
            left -= wanted
            for j in range(landed.size):
                landed[j] = 0
            while wanted:
                if position == span:
                    for j in range(states.shape[1]):
                        saved[k, j] = states[k, j]
                    fill(code, states[k], lanes, buffers[k])
                    position = 0
                here, end = k * span + position, (k + 1) * span
                if draw_bits == 16:
                    taken, wanted = _take(halves, here, end, cut, bias, bound, values, accepted, wanted)
                else:
                    taken, wanted = _take(words, here, end, cut, bias, bound, values, accepted, wanted)
                position += taken
                rejected += taken
                for i in range((taken + 63) // 64):
                    count_over(values, 64 * i, accepted[i], starts, bounds, landed)
            whole = size // LANES * LANES
            lost = move(weights, gradients, start, whole, landed, low, high)
            discarded += lost & (2**32 - 1)
            saturations += lost >> 32
            for at_block in range(whole, size, BLOCK):
                part = landed[at_block : min(at_block + BLOCK, size)]
                more = accumulate_run(weights, gradients, start + at_block, part, low[0], high[0])
                discarded += more[0]
                saturations += more[1]
        at[k] = position
    for k in range(streams):
        if at[k] < span:
            states[k] = saved[k]
            fill(code, states[k], lanes, buffers[k, : (at[k] + row - 1) // row * lanes])
    return rejected, discarded, saturations


@kernel
def _find_bounds(
    gradients: Integers, start: int, size: int, smoothing: int, bias: int, bounds: NDArray[Any], starts: NDArray[Any]
) -> None:
    """The masses before each weight of a tile, less one, plus ``bias``."""
    value, most = bounds.dtype.type, np.iinfo(bounds.dtype).max
    reached, whole = int64(bias - 1), size // LANES * LANES
    for at in range(0, whole, LANES):
        reached += scan(gradients, start + at, value(smoothing), value(reached), bounds, at)
    for at in range(whole, size):
        bounds[at] = reached
        gradient = int64(gradients[start + at])
        reached += max(gradient, -gradient) + smoothing
    for at in range(size, bounds.size):
        bounds[at] = most
    for block in range(1, BLOCKS + 1):
        starts[block - 1] = bounds[block * BLOCK] if block * BLOCK < bounds.size else most


@kernel
def _take(
    candidates: NDArray[Any],
    here: int,
    end: int,
    cut: int,
    bias: int,
    bound: int,
    values: NDArray[Any],
    accepted: NDArray[np.uint64],
    wanted: int,
) -> tuple[int, int]:
    """Put ``candidates[here:end]``, cut and biased, into ``values``, up to the last one wanted if they have so many.

    Accepted are those below ``bound``. Returns how many were put there, and how many are still wanted.
    """
    word, kept = candidates.dtype.type, values.dtype.type
    taken, most = 0, min(values.size, end - here)
    while wanted and taken < most:
        if taken + LANES <= most:
            found = stage(candidates, here + taken, word(cut), kept(bias), kept(bound), values, taken)
            step = LANES
        else:
            values[taken] = (int64(candidates[here + taken]) & cut) + bias
            found, step = np.uint64(values[taken] < bound), 1
        size = int64(ones(found))
        if size >= wanted:
            beyond = found
            for _ in range(wanted):
                beyond &= beyond - np.uint64(1)
            found ^= beyond
            size, step = wanted, bit_length(int64(found))
        place = np.uintp(taken >> 6)
        accepted[place] = found if taken & 63 == 0 else accepted[place] | found << np.uint64(taken & 63)
        wanted -= size
        taken += step
    return taken, wanted
