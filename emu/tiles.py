"""The draws inside the tiles of the ``split`` sampler.

Every tile has few weights and few trials, so its draws are compared with all its prefix sums at once.
Twin: ``rtl/tiles.py``.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zimu.emu.accumulator import Integers, accumulate_run
from zimu.emu.generators import Generators, fill
from zimu.emu.intrinsics import LANES, bit_length, count_below, scan_masses
from zimu.emu.kernel import int64, kernel
from zimu.emu.prng import Words
from zimu.emu.steps import Masses
from zimu.golden.unit import UnitConfig

BUFFER = 256
"""Words generated ahead for a stream, a multiple of every row."""

CHUNK = 2048
"""Trials of a tile drawn at a time, so that counts fit 16 bits together with an 8-bit weight."""


class Scratch(NamedTuple):
    """What one thread draws tiles with."""

    saved: Words
    """The state of each stream of draws before its words were generated."""
    buffers: Words
    """Words generated ahead for each stream of draws."""
    prefix: NDArray[Any]
    """This and the next two are of ``uint16`` where draws have 16 bits, else of ``uint64``."""
    landed: NDArray[Any]
    draws: NDArray[Any]
    low: NDArray[Any]
    """The rails, one each; see `accumulate_run`."""
    high: NDArray[Any]

    @classmethod
    def make(cls, config: UnitConfig, state_words: int) -> "Scratch":
        """Scratch for streams of so many words of state each."""
        shape, bits = config.split, config.weight_bits
        dtype = np.uint16 if config.draw_bits == 16 else np.uint64
        size = -(-shape.tile // LANES) * LANES
        wide = np.int16 if bits <= 8 else np.int32 if bits <= 16 else np.int64
        return cls(
            np.empty((shape.tile_streams, state_words), np.uint32),
            np.empty((shape.tile_streams, BUFFER), np.uint32),
            np.empty(size, dtype),
            np.empty(size, dtype),
            np.empty(CHUNK + 1, dtype),
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
    code, lanes = generators
    gradients, smoothing, tile, _ = masses
    saved, buffers, prefix, landed, values, low, high = scratch
    streams = states.shape[0]
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
        total = _prefix_sums(gradients, start, size, smoothing, prefix)
        cut = prefix.dtype.type((1 << bit_length(total - 1)) - 1)
        bound = prefix.dtype.type(total)
        position = (at[k] + row - 1) & -row
        while left:
            chunk = min(left, CHUNK)
            left -= chunk
            done, wanted = np.uintp(0), np.uintp(chunk)
            while done < wanted:
                if position == span:
                    saved[k] = states[k]
                    fill(code, states[k], lanes, buffers[k])
                    position = 0
                here, end = np.uintp(k * span + position), np.uintp((k + 1) * span)
                begun = here
                if draw_bits == 16:
                    done, here = _accept(halves, here, end, cut, bound, values, done, wanted)
                else:
                    done, here = _accept(words, here, end, cut, bound, values, done, wanted)
                position += int64(here - begun)
                rejected += int64(here - begun)
            rejected -= chunk
            for j in range(landed.size):
                landed[np.uintp(j)] = 0
            count_below(prefix, values, chunk, landed)
            lost = accumulate_run(weights, gradients, start, size, landed, low, high)
            discarded += lost[0]
            saturations += lost[1]
        at[k] = position
    for k in range(streams):
        if at[k] < span:
            states[k] = saved[k]
            fill(code, states[k], lanes, buffers[k, : (at[k] + row - 1) // row * lanes])
    return rejected, discarded, saturations


@kernel
def _prefix_sums(gradients: Integers, start: int, size: int, smoothing: int, prefix: NDArray[Any]) -> int:
    """Inclusive prefix sums of a tile's masses; what lies beyond ``size`` is 0, below which nothing is."""
    if size == prefix.size:
        return scan_masses(gradients, start, size, smoothing, prefix)
    total = 0
    for j in range(size):
        gradient = int64(gradients[start + j])
        total += max(gradient, -gradient) + smoothing
        prefix[j] = total
    prefix[size:] = 0
    return total


@kernel
def _accept(
    candidates: NDArray[Any],
    here: Any,
    end: Any,
    mask: Any,
    bound: Any,
    draws: NDArray[Any],
    done: Any,
    wanted: Any,
) -> tuple[Any, Any]:
    """Append what is accepted of ``candidates[here:end]`` until ``wanted``; returns how many there are, and the next.

    Written always and kept or not, two at a time while both may be wanted: branches would be mispredicted.
    """
    one = np.uintp(1)
    kept = draws.dtype.type
    while done + one < wanted and here + one < end:
        first, second = kept(candidates[here]) & mask, kept(candidates[here + one]) & mask
        here += np.uintp(2)
        draws[done] = first
        done += np.uintp(first < bound)
        draws[done] = second
        done += np.uintp(second < bound)
    while done < wanted and here < end:
        candidate = kept(candidates[here]) & mask
        here += one
        draws[done] = candidate
        done += np.uintp(candidate < bound)
    return done, here
