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
from zimu.emu.intrinsics import RUN, sum_run, sum_sizes
from zimu.emu.kernel import int64, kernel
from zimu.emu.parallel import spread
from zimu.emu.prng import TRIALS_STREAM, Words, WordStream
from zimu.golden.config import UnitConfig

BLOCK = 128
"""Weights per partial sum."""

TILE = 8
"""Weights compared with a draw at a time: one vector register of 64-bit sums."""

SORTED_DRAWS = 6 * 2**20
"""Draws sorted at a time, by all threads together: bounds the extra memory."""

SPARSE = 4
"""Draws a block below which weights are walked one by one from the beginning of a block to the draw."""

SLICE = 2**14
"""Draws landed at a time: their hits stay in the first levels of cache."""

Draws = NDArray[Any]
"""Accepted draws: uint32 where W <= 2^32, else uint64."""

Bounds = NDArray[np.int64]

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
        self._bounds: Bounds = np.zeros(0, np.int64)

    def bounds(self, gradients: Integers, smoothing: int) -> Bounds:
        """Exclusive prefix sums of the masses, one for each block of `BLOCK` weights, and W at the end.

        The next call overwrites them.
        """
        size = -(-gradients.size // BLOCK) + 1
        if self._bounds.size != size:
            self._bounds = np.zeros(size, np.int64)
        bounds = self._bounds
        bounds[0] = 0
        sum_tiles(gradients, smoothing, BLOCK, bounds[1:])
        running_sums(bounds)
        return bounds

    def open(self, gate: WordStream, trials: int, threshold: int) -> int:
        """How many of ``trials`` pass the gate of every trial."""
        return count_open(gate, self.config.gate_bits, threshold, trials)

    def step(
        self, weights: Integers, gradients: Integers, smoothing: int, bounds: Bounds, trials: int
    ) -> tuple[int, int, int]:
        """Draw ``trials`` and move the weights.

        Returns the draws rejected, the trials that met a gradient of 0, and the trials lost at the rails.
        """
        return self.step_shard(weights, gradients, smoothing, bounds, trials, before=0, mass=int(bounds[-1]))

    def step_shard(
        self,
        weights: Integers,
        gradients: Integers,
        smoothing: int,
        bounds: Bounds,
        trials: int,
        before: int,
        mass: int,
    ) -> tuple[int, int, int]:
        """Draw the ``trials`` of a unit and apply those that land on a shard of its weights.

        Parameters
        ----------
        weights, gradients, bounds : of the shard.
        trials : open trials of the whole unit.
        before : mass of the weights before the shard.
        mass : W of the whole unit.
        """
        config, lost = self.config, [(0, 0)]
        rejected = 0
        own = int(bounds[-1])
        chunk = SORTED_DRAWS if self.threads == 1 else SORTED_DRAWS // 2
        taken = draw(
            self.streams["trials"], config.draw_words, mass, trials, self._buffer, chunk=chunk, before=before, own=own
        )
        for draws, more in taken:
            rejected += more

            def part(first: int, last: int, draws: Draws = draws) -> None:
                if last - first < bounds.size - 1:
                    draws = _between(draws, int(bounds[first]), int(bounds[last]))
                for indices, counts in land(gradients, smoothing, bounds, first, draws):
                    lost.append(accumulate(weights, gradients, indices, counts, *config.weight_range))

            spread(part, bounds.size - 1, draws.size, self.threads)
        discarded, saturations = (sum(column) for column in zip(*lost, strict=True))
        return rejected, discarded, saturations


def draw(
    stream: WordStream,
    draw_words: int,
    mass: int,
    wanted: int,
    buffer: Words,
    *,
    chunk: int,
    before: int = 0,
    own: int | None = None,
) -> Iterator[tuple[Draws, int]]:
    """Take ``wanted`` accepted values below ``mass``; yield those in ``before .. before + own - 1``, less ``before``.

    They come in arrays of at most ``chunk``, each with the draws rejected on the way. A draw takes ``draw_words``
    words, the low one first, and keeps the low ceil(log2 mass) bits. ``own`` is all of ``mass`` unless given;
    ``buffer`` is scratch, a multiple of 16 words. In the end the stream stands at the next row.
    """
    own = mass - before if own is None else own
    mask = 2 ** (mass - 1).bit_length() - 1
    words, at = buffer[:0], 0
    while wanted:
        # One more than there can be: every draw is written down, and overwritten if it is not kept.
        kept = np.empty(min(wanted, chunk) + 1, np.uint32 if own <= 2**32 else np.uint64)
        size = rejected = 0
        while wanted and size < kept.size - 1:
            if at == words.size:
                # The fewest rows that can do, so that the stream never runs ahead of its last accepted draw.
                rows = -(-wanted * draw_words // stream.lanes)
                words, at = buffer[: rows * stream.lanes], 0
                stream.read(words)
            at, taken, size, more = _accept(words, at, draw_words, mask, mass, before, own, wanted, kept, size)
            wanted -= taken
            rejected += more
        yield kept[:size], rejected


def land(gradients: Integers, smoothing: int, bounds: Bounds, block: int, draws: Draws) -> Iterator[Hits]:
    """Yield, slice by slice, the weights that ``draws`` land on; sorts ``draws`` in place.

    No draw lies before the block ``block``. A weight whose draws lie in two slices comes up twice. The next slice
    overwrites the arrays yielded.
    """
    draws.sort()
    sparse = draws.size < SPARSE * bounds.size
    # One more than there can be hits: every weight is written down, and overwritten if nothing landed on it.
    indices, counts = np.empty((2, min(SLICE, draws.size) + 1), np.uint32)
    prefix, below = np.zeros((2, TILE), np.int64)
    for start in range(0, draws.size, SLICE):
        part = draws[start : start + SLICE]
        if sparse:
            hits, block = _walk(gradients, smoothing, BLOCK, bounds, block, part, indices, counts)
        else:
            hits, block = _merge(gradients, smoothing, BLOCK, bounds, block, part, indices, counts, prefix, below)
        yield indices[:hits], counts[:hits]


@kernel
def sum_tiles(gradients: Integers, smoothing: int, tile: int, sums: Bounds) -> None:
    """The mass of each run of ``tile`` weights, the last of which may be shorter."""
    whole = gradients.size // tile if tile % RUN == 0 else 0
    for t in range(whole):
        total = 0
        for start in range(t * tile, (t + 1) * tile, RUN):
            total += sum_run(gradients, start)
        sums[np.uintp(t)] = total + smoothing * tile
    for t in range(whole, sums.size):
        start, stop = t * tile, min((t + 1) * tile, gradients.size)
        sums[t] = sum_sizes(gradients, start, stop) + smoothing * (stop - start)


@kernel
def running_sums(sums: Bounds) -> None:
    """Replace ``sums`` by their running sums, several times as fast as numpy does."""
    total = 0
    for i in range(sums.size):
        total += sums[i]
        sums[i] = total


@kernel
def _accept(
    words: Words,
    at: int,
    draw_words: int,
    mask: int,
    mass: int,
    before: int,
    own: int,
    wanted: int,
    kept: Draws,
    size: int,
) -> tuple[int, int, int, int]:
    """Accept up to ``wanted`` draws of ``words[at:]``; append those in the shard to ``kept`` until it is full.

    Returns the next word, how many were accepted, the size of ``kept``, and how many were rejected.
    """
    accepted = rejected = 0
    while at < words.size and accepted < wanted and size < kept.size - 1:
        u = int64(words[at])
        if draw_words == 2:
            u |= int64(words[at + 1]) << 32
        u &= mask
        # Written always and kept or not: a branch here would be mispredicted at every other rejection.
        kept[size] = u - before
        size += (u >= before) & (u < before + own)
        accepted += u < mass
        rejected += u >= mass
        at += draw_words
    return at, accepted, size, rejected


@kernel
def _between(draws: Draws, low: int, high: int) -> Draws:
    """The draws in ``low .. high - 1``, in their order."""
    size = 0
    for u in draws:
        size += (int64(u) >= low) & (int64(u) < high)
    found = np.empty(size + 1, draws.dtype)
    at = 0
    for u in draws:
        found[at] = u
        at += (int64(u) >= low) & (int64(u) < high)
        if at == size:
            break
    return found[:size]


@kernel
def _walk(
    gradients: Integers,
    smoothing: int,
    block: int,
    bounds: Bounds,
    first: int,
    draws: Draws,
    indices: NDArray[np.uint32],
    counts: NDArray[np.uint32],
) -> tuple[int, int]:
    """Find the weights of sorted draws one after the other from block ``first`` on; return the hits and the last block.

    Weights are only looked at in blocks that are hit, up to the last hit of each.
    """
    hits, b, i, reached = -1, first, first * block - 1, int64(bounds[first])
    for at in range(draws.size):
        u = int64(draws[at])
        if u < reached:
            counts[hits] += 1
            continue
        if u >= bounds[b + 1]:
            while bounds[b + 1] <= u:
                b += 1
            i, reached = b * block - 1, int64(bounds[b])
        # Whole runs first, by vectors; then weight by weight.
        while i + RUN < gradients.size:
            run = sum_run(gradients, i + 1) + RUN * smoothing
            if reached + run > u:
                break
            reached += run
            i += RUN
        place = np.uintp(i)
        while reached <= u:
            place += np.uintp(1)
            gradient = int64(gradients[place])
            reached += max(gradient, -gradient) + smoothing
        i = int64(place)
        hits += 1
        indices[hits] = i
        counts[hits] = 1
    return hits + 1, b


@kernel
def _merge(
    gradients: Integers,
    smoothing: int,
    block: int,
    bounds: Bounds,
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
