"""The ``inverse`` sampler: masked rejection, then all trials of a step at once.

Which weight a draw lands on depends on its value alone, so accepted draws may be sorted and merged with the
prefix sums of the masses |g_i| + c. Blocks of weights are summed first; only those hit are read again.
Twins: ``golden/sampler.py``, ``rtl/sampler.py``.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zimu.emu.accumulator import Integers, accumulate
from zimu.emu.gate import count_open
from zimu.emu.kernel import int64, kernel
from zimu.emu.prng import TRIALS_STREAM, Words, WordStream
from zimu.golden.config import UnitConfig

BLOCK = 128
"""Weights per partial sum."""

TILE = 8
"""Weights compared with a draw at a time: one vector register of 64-bit sums."""

SORTED_DRAWS = 2**24
"""Draws sorted at a time: bounds the extra memory."""

SLICE = 2**14
"""Draws landed at a time: their hits stay in the first levels of cache."""

Draws = NDArray[Any]
"""Accepted draws: uint32 where W <= 2^32, else uint64."""

Hits = tuple[NDArray[np.uint32], NDArray[np.uint32]]
"""Indices of weights and how many trials landed on each."""


_BUFFER_WORDS = 2**14


class InverseSampler:
    """The stream of the ``inverse`` sampler, and steps taken with it.

    Parameters
    ----------
    config : a configuration with ``sampler = "inverse"``.
    seed : 64-bit seed.
    threads : the most threads a step may use; they change no bit.

    Attributes
    ----------
    streams : the streams by name.
    """

    def __init__(self, config: UnitConfig, seed: int, threads: int) -> None:
        self.config, self.threads = config, threads
        self.streams = {"trials": WordStream(config.prng, seed, TRIALS_STREAM, config.prng_lanes)}
        self._buffer: Words = np.empty(_BUFFER_WORDS, np.uint32)

    def bounds(self, gradients: Integers, smoothing: int) -> NDArray[np.int64]:
        """Exclusive prefix sums of the blocks' masses, and W at the end."""
        return block_bounds(gradients, smoothing)

    def open(self, gate: WordStream, trials: int, threshold: int) -> int:
        """How many of ``trials`` pass the gate of every trial."""
        return count_open(gate, self.config.gate_bits, threshold, trials)

    def step(
        self, weights: Integers, gradients: Integers, smoothing: int, bounds: NDArray[np.int64], trials: int
    ) -> tuple[int, int, int]:
        """Draw ``trials`` and move the weights.

        Returns the draws rejected, the trials that met a gradient of 0, and the trials lost at the rails.
        """
        config = self.config
        rejected = discarded = saturations = 0
        mass = int(bounds[-1])
        for draws, more in draw(self.streams["trials"], config.draw_words, mass, trials, self._buffer):
            rejected += more
            for indices, counts in land(gradients, smoothing, bounds, draws):
                lost = accumulate(weights, gradients, indices, counts, *config.weight_range)
                discarded += lost[0]
                saturations += lost[1]
        return rejected, discarded, saturations


def block_bounds(gradients: Integers, smoothing: int) -> NDArray[np.int64]:
    """Exclusive prefix sums of the masses, one for each block of `BLOCK` weights, and W at the end."""
    bounds = np.zeros(-(-gradients.size // BLOCK) + 1, np.int64)
    _sum_blocks(gradients, smoothing, BLOCK, bounds[1:])
    return np.cumsum(bounds, out=bounds)


def draw(stream: WordStream, draw_words: int, mass: int, wanted: int, buffer: Words) -> Iterator[tuple[Draws, int]]:
    """Yield ``wanted`` accepted values below ``mass``, `SORTED_DRAWS` at a time, with those rejected.

    A draw takes ``draw_words`` words, the low one first, and keeps the low ceil(log2 mass) bits. ``buffer``
    is scratch, a multiple of 16 words. In the end the stream stands at the next row.
    """
    mask = 2 ** (mass - 1).bit_length() - 1
    words, at = buffer[:0], 0
    while wanted:
        accepted = np.empty(min(wanted, SORTED_DRAWS), np.uint32 if mass <= 2**32 else np.uint64)
        done = rejected = 0
        while done < accepted.size:
            if at == words.size:
                # The fewest rows that can do, so that the stream never runs ahead of its last accepted draw.
                rows = -(-(wanted - done) * draw_words // stream.lanes)
                words, at = buffer[: rows * stream.lanes], 0
                stream.read(words)
            at, done, more = _accept(words, at, draw_words, mask, mass, accepted, done)
            rejected += more
        wanted -= done
        yield accepted, rejected


def land(gradients: Integers, smoothing: int, bounds: NDArray[np.int64], draws: Draws) -> Iterator[Hits]:
    """Yield, slice by slice, the weights that ``draws`` land on; sorts ``draws`` in place.

    A weight whose draws lie in two slices comes up twice. The next slice overwrites the arrays yielded.
    """
    draws.sort()
    # One more than there can be hits: every weight is written down, and overwritten if nothing landed on it.
    indices, counts = np.empty((2, min(SLICE, draws.size) + 1), np.uint32)
    prefix, below = np.zeros((2, TILE), np.int64)
    block = 0
    for start in range(0, draws.size, SLICE):
        part = draws[start : start + SLICE]
        hits, block = _merge(gradients, smoothing, BLOCK, bounds, block, part, indices, counts, prefix, below)
        yield indices[:hits], counts[:hits]


@kernel
def _sum_blocks(gradients: Integers, smoothing: int, block: int, sums: NDArray[np.int64]) -> None:
    for b in range(sums.size):
        part = gradients[b * block : (b + 1) * block]
        total = 0
        for i in range(part.size):
            gradient = int64(part[i])
            total += max(gradient, -gradient)
        sums[b] = total + smoothing * part.size


@kernel
def _accept(
    words: Words, at: int, draw_words: int, mask: int, mass: int, accepted: Draws, done: int
) -> tuple[int, int, int]:
    """Append what is accepted of ``words[at:]`` until ``accepted`` is full.

    Returns the next word, how many values are in ``accepted``, and how many draws were rejected.
    """
    rejected = 0
    while at < words.size and done < accepted.size:
        u = int64(words[at])
        if draw_words == 2:
            u |= int64(words[at + 1]) << 32
        u &= mask
        # Written always and kept or not: a branch here would be mispredicted at every other rejection.
        accepted[done] = u
        done += u < mass
        rejected += u >= mass
        at += draw_words
    return at, done, rejected


@kernel
def _merge(
    gradients: Integers,
    smoothing: int,
    block: int,
    bounds: NDArray[np.int64],
    first: int,
    draws: Draws,
    indices: NDArray[np.uint32],
    counts: NDArray[np.uint32],
    prefix: NDArray[np.int64],
    below: NDArray[np.int64],
) -> tuple[int, int]:
    """Walk sorted draws and prefix sums together from block ``first``; return the hits and the last block.

    Within a tile of weights each draw is compared with every prefix sum at once: that is faster than walking on, whose
    branches cannot be predicted. ``prefix`` and ``below`` are scratch of one tile.
    """
    tile = prefix.size
    hits = at = 0
    b = first
    while True:
        while bounds[b + 1] <= int64(draws[at]):
            b += 1
        base = int64(bounds[b])
        end = min((b + 1) * block, gradients.size)
        for start in range(b * block, end, tile):
            size = min(tile, end - start)
            mass = 0
            for j in range(size):
                gradient = int64(gradients[start + j])
                mass += max(gradient, -gradient) + smoothing
                prefix[j] = mass
                below[j] = 0
            while at < draws.size and int64(draws[at]) - base < mass:
                u = int64(draws[at]) - base
                for j in range(tile):
                    below[j] += u < prefix[j]
                at += 1
            # Of the draws of this tile below[j] lie under prefix[j], so the differences are the counts.
            landed = 0
            for j in range(size):
                indices[hits] = start + j
                counts[hits] = below[j] - landed
                hits += below[j] > landed
                landed = int64(below[j])
            base += mass
        if at == draws.size:
            return hits, b
