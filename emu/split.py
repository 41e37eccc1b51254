"""The ``split`` sampler: exact binomials down the tree of tiles, then draws inside each tile.

A subtree has streams of its own, so threads take subtrees as they like and the bits are the same.
Twins: ``golden/split.py``, ``rtl/split.py``.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zimu.emu.accumulator import Integers
from zimu.emu.generators import KINDS, fill
from zimu.emu.intrinsics import ones
from zimu.emu.kernel import int64, kernel
from zimu.emu.parallel import spread
from zimu.emu.prng import DRAW_STREAM, SPLIT_STREAM, TOP_STREAM, Words, WordStream
from zimu.emu.sampler import running_sums, sum_tiles
from zimu.emu.tiles import BUFFER, Scratch, draw_tiles, scratch
from zimu.golden.config import UnitConfig

Counts = NDArray[np.int64]

_LEVELS = 32
"""More than a tree has levels: the most nodes that wait for their turn."""


class SplitSampler:
    """The streams of the ``split`` sampler, and steps taken with them.

    Parameters
    ----------
    config : a configuration with ``sampler = "split"``.
    seed : 64-bit seed.
    threads : the most threads a step may use; they change no bit.

    Attributes
    ----------
    streams : the streams by name, those of all subtrees one after the other.
    """

    def __init__(self, config: UnitConfig, seed: int, threads: int) -> None:
        shape, lanes = config.split, config.prng_lanes
        self.config, self.threads = config, threads
        self.streams = {
            "top": WordStream(config.prng, seed, TOP_STREAM, lanes),
            "split": WordStream(config.prng, seed, SPLIT_STREAM, lanes * shape.subtrees),
            "draw": WordStream(config.prng, seed, DRAW_STREAM, lanes * shape.subtrees * shape.tile_streams),
        }

    def bounds(self, gradients: Integers, smoothing: int) -> Counts:
        """Exclusive prefix sums of the tiles' masses, and W from the last tile on: ``leaves + 1`` values."""
        config, tile = self.config, self.config.split.tile
        bounds = np.zeros(config.leaves + 1, np.int64)
        sum_tiles(gradients, smoothing, tile, bounds[1 : config.tiles + 1])
        running_sums(bounds)
        return bounds

    def open(self, gate: WordStream, trials: int, threshold: int) -> int:
        """How many of ``trials`` pass the gate of every trial."""
        return binomial(gate, trials, threshold, self.config.max_threshold)

    def step(
        self, weights: Integers, gradients: Integers, smoothing: int, bounds: Counts, trials: int
    ) -> tuple[int, int, int]:
        """Draw ``trials`` and move the weights.

        Returns the draws rejected, the trials that met a gradient of 0, and the trials lost at the rails.
        """
        config, shape = self.config, self.config.split
        kind, lanes = self.streams["top"].generators.code, config.prng_lanes
        leaves = config.leaves // shape.subtrees
        of_subtrees = np.zeros(shape.subtrees, np.int64)
        work = Work.make(config, leaves)
        top = self.streams["top"].state
        split_counts(kind, lanes, top, work.words, bounds[::leaves], trials, of_subtrees, work.waiting)
        splits = self.streams["split"].state.reshape(shape.subtrees, -1)
        draws = self.streams["draw"].state.reshape(shape.subtrees, shape.tile_streams, -1)
        lost = np.zeros((shape.subtrees, 3), np.int64)

        def part(first: int, last: int) -> None:
            draw_subtrees(
                kind,
                lanes,
                shape.tile,
                config.draw_bits,
                first,
                splits[first:last],
                draws[first:last],
                bounds,
                of_subtrees[first:last],
                gradients,
                smoothing,
                weights,
                Work.make(config, leaves),
                scratch(shape.tile, config.draw_bits, config.weight_range, config.weight_bits),
                lost[first:last],
            )

        spread(part, shape.subtrees, trials, self.threads)
        rejected, discarded, saturations = (int(total) for total in lost.sum(axis=0))
        return rejected, discarded, saturations


class Work(NamedTuple):
    """What one thread splits with."""

    words: Words
    """Words generated ahead."""
    counts: Counts
    """Trials of each tile of a subtree."""
    waiting: NDArray[np.int64]
    """Nodes that wait for their turn: first part, parts, trials."""
    saved: Words
    """The state of each stream of draws before its words were generated."""
    buffers: Words
    """Words generated ahead for each stream of draws."""

    @classmethod
    def make(cls, config: UnitConfig, leaves: int) -> "Work":
        """Scratch for subtrees of ``leaves`` tiles."""
        streams, lanes = config.split.tile_streams, config.prng_lanes
        return cls(
            np.empty(BUFFER, np.uint32),
            np.empty(leaves, np.int64),
            np.empty((_LEVELS, 3), np.int64),
            np.empty((streams, lanes * KINDS[config.prng].saved), np.uint32),
            np.empty((streams, BUFFER), np.uint32),
        )


def binomial(stream: WordStream, trials: int, a: int, b: int) -> int:
    """How many of ``trials`` succeed, each with probability a / b exactly, 0 <= a <= b < 2^62."""
    counts = np.zeros(2, np.int64)
    bounds = np.array([0, a, b], np.int64)
    waiting = np.empty((_LEVELS, 3), np.int64)
    words = np.empty(BUFFER, np.uint32)
    split_counts(stream.generators.code, stream.lanes, stream.state, words, bounds, trials, counts, waiting)
    return int(counts[0])


@kernel
def draw_subtrees(
    kind: int,
    lanes: int,
    tile: int,
    draw_bits: int,
    first: int,
    splits: Words,
    draws: Words,
    bounds: Counts,
    trials: Counts,
    gradients: Integers,
    smoothing: int,
    weights: Integers,
    work: Work,
    tiles: Scratch,
    lost: NDArray[np.int64],
) -> None:
    """Split and draw the trials of the subtrees from ``first`` on; one row of ``lost`` each."""
    leaves = work.counts.size
    for s in range(trials.size):
        leaf = (first + s) * leaves
        if trials[s]:
            own = bounds[leaf : leaf + leaves + 1]
            split_counts(kind, lanes, splits[s], work.words, own, trials[s], work.counts, work.waiting)
            lost[s, 0], lost[s, 1], lost[s, 2] = draw_tiles(
                kind,
                lanes,
                draws[s],
                work.saved,
                work.buffers,
                tile,
                draw_bits,
                leaf,
                work.counts,
                gradients,
                smoothing,
                weights,
                tiles,
            )


@kernel
def split_counts(
    kind: int,
    lanes: int,
    state: Words,
    buffer: Words,
    bounds: Counts,
    trials: int,
    counts: Counts,
    waiting: NDArray[np.int64],
) -> None:
    """Split ``trials`` over the parts between ``bounds``: one count for each, in preorder.

    ``state`` is the stream's and stands at its next row afterwards; ``buffer`` and ``waiting`` are scratch.
    """
    saved = state.copy()
    position = buffer.size
    part, parts, left, depth, done = 0, counts.size, trials, 0, 0
    while True:
        if parts > 1 and left > 0:
            half = parts >> 1
            remainder = bounds[part + half] - bounds[part]
            whole = bounds[part + parts] - bounds[part]
            successes = 0
            undecided = left
            if remainder == whole:
                successes, undecided = left, 0
            while undecided > 0 and remainder > 0:
                remainder <<= 1
                ones_drawn = 0
                bits = undecided
                while bits > 0:
                    if position == buffer.size:
                        saved[:] = state
                        fill(kind, state, lanes, buffer)
                        position = 0
                    if bits >= 32:
                        take = min(bits >> 5, buffer.size - position)
                        for i in range(take):
                            ones_drawn += int64(ones(buffer[np.uintp(position + i)]))
                        position += take
                        bits -= take << 5
                    else:
                        ones_drawn += int64(ones(buffer[np.uintp(position)] & np.uint32((1 << bits) - 1)))
                        position += 1
                        bits = 0
                if remainder >= whole:
                    remainder -= whole
                    successes += undecided - ones_drawn
                    undecided = ones_drawn
                else:
                    undecided -= ones_drawn
            waiting[depth, 0], waiting[depth, 1], waiting[depth, 2] = part + half, half, left - successes
            depth += 1
            parts, left = half, successes
            continue
        for _ in range(parts):
            counts[done] = left
            done += 1
        if depth == 0:
            break
        depth -= 1
        part, parts, left = waiting[depth, 0], waiting[depth, 1], waiting[depth, 2]
    if position < buffer.size:
        state[:] = saved
        fill(kind, state, lanes, buffer[: (position + lanes - 1) // lanes * lanes])
