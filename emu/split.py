"""The ``split`` sampler: exact binomials down the tree of tiles, then draws inside each tile.

A subtree has streams of its own, so threads take subtrees as they like and the bits are the same. The draws inside
tiles are in ``emu/tiles.py``.
Twins: ``golden/split.py``, ``rtl/split.py``.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zimu.emu.accumulator import Integers
from zimu.emu.gate import count_open_in_kernel
from zimu.emu.generators import Generators, fill
from zimu.emu.intrinsics import ones
from zimu.emu.kernel import int64, kernel
from zimu.emu.momentum import Means
from zimu.emu.parallel import spread
from zimu.emu.prng import DRAW_STREAM, SPLIT_STREAM, TOP_STREAM, Words
from zimu.emu.steps import Masses, Run, Sampler, Tally, put_row, sum_blocks
from zimu.emu.tiles import BUFFER, Scratch, draw_tiles
from zimu.golden.unit import MAX_TRIALS, UnitConfig

Counts = NDArray[np.int64]

LEVELS = 32
"""More than a tree has levels: the most nodes that wait for their turn."""


class SplitSettings(NamedTuple):
    """What kernels take of a configuration."""

    generators: Generators
    tile: int
    draw_bits: int
    step_gate: bool
    gate_bits: int


class States(NamedTuple):
    """States of the streams."""

    gate: Words
    top: Words
    split: Words
    """A row for each subtree."""
    draw: Words
    """For each subtree a row for each stream that its tiles take in turn."""


class Plan(NamedTuple):
    """A step between its two parts: what is known before the subtrees take their turns, and what they leave."""

    bounds: Counts
    """Prefix sums of the masses of all tiles."""
    trials: Counts
    """Of each subtree."""
    lost: NDArray[np.int64]
    """For each subtree: draws rejected, trials that met a gradient of 0, and trials lost at the rails."""


class Work(NamedTuple):
    """What one thread splits with."""

    words: Words
    """Words generated ahead."""
    waiting: NDArray[np.int64]
    """Nodes that wait for their turn: first part, parts, trials."""
    counts: Counts
    """Trials of each tile of a subtree."""


class SplitSampler(Sampler):
    """The sampler of a configuration with ``sampler = "split"``; parameters as for `Sampler`.

    The stream ``split`` is those of all subtrees one after the other; so is the stream ``draw``.
    """

    SMALL: ClassVar[int] = 2**14
    FEW: ClassVar[int] = MAX_TRIALS

    def __init__(self, config: UnitConfig, seed: int, threads: int) -> None:
        tree, lanes = config.split, config.prng_lanes
        streams = {
            "top": (TOP_STREAM, lanes),
            "split": (SPLIT_STREAM, lanes * tree.subtrees),
            "draw": (DRAW_STREAM, lanes * tree.subtrees * tree.tile_streams),
        }
        super().__init__(config, seed, threads, streams)
        self._settings = SplitSettings(
            self.streams["top"].generators, tree.tile, config.draw_bits, config.gate == "step", config.gate_bits
        )

    def _step_in_parts(self, weights: Integers, gradients: Integers, run: Run, _means: Means | None) -> Tally:
        settings, plan = self._settings, self._plan
        states = self._arranged({name: stream.state for name, stream in self.streams.items()})
        masses = Masses(gradients, None, run.smoothing, settings.tile, plan.bounds)
        opened = _begin(settings, run, states, masses, plan, self._scratch[0])

        def part(first: int, last: int) -> None:
            _draw_subtrees(settings, first, last, states, masses, plan, weights, *self._new_scratch())

        if opened:
            spread(part, plan.trials.size, opened, self.threads)
        rejected, discarded, saturations = plan.lost.sum(axis=0).tolist()
        mass = int(plan.bounds[-1])
        return opened, discarded, rejected, saturations, mass == 0, mass, run.trials

    def _step_rows(
        self,
        states: Mapping[str, Words],
        weights: Integers,
        gradients: Integers,
        run: Run,
        _means: Means | None,
        rows: NDArray[np.int64],
    ) -> None:
        units = self._arranged(states, len(rows))
        weights, gradients = (array.reshape(len(rows), -1) for array in (weights, gradients))
        _step_small(self._settings, run, units, weights, gradients, self._plan, *self._scratch, rows)

    def _arranged(self, states: Mapping[str, Words], *units: int) -> States:
        """States of one unit, or of several with a further dimension in front."""
        tree = self.config.split
        split = states["split"].reshape(*units, tree.subtrees, -1)
        draw = states["draw"].reshape(*units, tree.subtrees, tree.tile_streams, -1)
        gate, top = (states[name].reshape(*units, -1) for name in ("gate", "top"))
        return States(gate, top, split, draw)

    @cached_property
    def _plan(self) -> Plan:
        subtrees = self.config.split.subtrees
        bounds = np.zeros(self.config.leaves + 1, np.int64)
        return Plan(bounds, np.zeros(subtrees, np.int64), np.zeros((subtrees, 3), np.int64))

    @cached_property
    def _scratch(self) -> tuple[Work, Scratch]:
        return self._new_scratch()

    def _new_scratch(self) -> tuple[Work, Scratch]:
        """Scratch for a thread."""
        words, waiting = np.empty(BUFFER, np.uint32), np.empty((LEVELS, 3), np.int64)
        tiles = self.config.leaves // self.config.split.subtrees
        work = Work(words, waiting, np.empty(tiles, np.int64))
        return work, Scratch.make(self.config, self.streams["top"].state.size)


@kernel
def _step_small(
    settings: SplitSettings,
    run: Run,
    units: States,
    weights: Integers,
    gradients: Integers,
    plan: Plan,
    work: Work,
    scratch: Scratch,
    rows: NDArray[np.int64],
) -> None:
    """One step for each row of weights; ``units`` holds the states of a unit a row, and ``rows`` what was done."""
    lost = plan.lost
    for row in range(weights.shape[0]):
        states = States(units.gate[row], units.top[row], units.split[row], units.draw[row])
        masses = Masses(gradients[row], None, run.smoothing, settings.tile, plan.bounds)
        opened = _begin(settings, run, states, masses, plan, work)
        if opened:
            _draw_subtrees(settings, 0, plan.trials.size, states, masses, plan, weights[row], work, scratch)
        put_row(rows[row], opened, lost[:, 1].sum(), lost[:, 0].sum(), lost[:, 2].sum(), plan.bounds[-1], run.trials)


@kernel
def _begin(settings: SplitSettings, run: Run, states: States, masses: Masses, plan: Plan, work: Work) -> int:
    """The step as far as the roots of the subtrees: sums, gate, trials of each subtree; how many trials are open."""
    generators, bounds, trials = settings.generators, plan.bounds, run.trials
    plan.lost[:] = 0
    sum_blocks(masses)
    opened = 0
    if bounds[-1] > 0 and settings.step_gate:
        opened = trials * count_open_in_kernel(
            generators, states.gate, settings.gate_bits, run.threshold, 1, work.words
        )
    elif bounds[-1] > 0:
        whole = 1 << settings.gate_bits
        opened = binomial(generators, states.gate, trials, run.threshold, whole, work.words, work.waiting)
    if opened:
        roots = bounds[:: work.counts.size]
        split_counts(generators, states.top, roots, opened, plan.trials, work.words, work.waiting)
    return opened


@kernel
def _draw_subtrees(
    settings: SplitSettings,
    first: int,
    last: int,
    states: States,
    masses: Masses,
    plan: Plan,
    weights: Integers,
    work: Work,
    scratch: Scratch,
) -> None:
    """Split and draw the trials of the subtrees ``first .. last - 1``."""
    generators, counts, lost = settings.generators, work.counts, plan.lost
    for s in range(first, last):
        trials, leaf = plan.trials[s], s * counts.size
        if trials:
            own = plan.bounds[leaf : leaf + counts.size + 1]
            split_counts(generators, states.split[s], own, trials, counts, work.words, work.waiting)
            lost[s, 0], lost[s, 1], lost[s, 2] = draw_tiles(
                generators, settings.draw_bits, states.draw[s], leaf, counts, masses, weights, scratch
            )


@kernel
def binomial(
    generators: Generators, state: Words, trials: int, a: int, b: int, buffer: Words, waiting: NDArray[np.int64]
) -> int:
    """How many of ``trials`` succeed, each with probability a / b exactly, 0 <= a <= b < 2^62; see `split_counts`."""
    counts, bounds = np.empty(2, np.int64), np.array([0, a, b])
    split_counts(generators, state, bounds, trials, counts, buffer, waiting)
    return int64(counts[0])


@kernel
def split_counts(
    generators: Generators,
    state: Words,
    bounds: Counts,
    trials: int,
    counts: Counts,
    buffer: Words,
    waiting: NDArray[np.int64],
) -> None:
    """Split ``trials`` over the parts between ``bounds``: one count for each, in preorder.

    ``state`` is the stream's and stands at its next row afterwards; ``buffer`` and ``waiting`` are scratch.
    """
    code, lanes, _ = generators
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
                        fill(code, state, lanes, buffer)
                        position = 0
                    if bits > 32:
                        take = min(bits >> 5, buffer.size - position)
                        for i in range(take):
                            ones_drawn += int64(ones(buffer[np.uintp(position + i)]))
                        position += take
                        bits -= take << 5
                    else:
                        mask = np.uint32((np.uint64(1) << np.uint64(bits)) - np.uint64(1))
                        ones_drawn += int64(ones(buffer[np.uintp(position)] & mask))
                        position += 1
                        bits = 0
                # Without branches, which would be mispredicted every other time.
                bit = int64(remainder >= whole)
                zeros_drawn = undecided - ones_drawn
                remainder -= whole & -bit
                successes += zeros_drawn & -bit
                undecided = zeros_drawn ^ ((zeros_drawn ^ ones_drawn) & -bit)
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
        fill(code, state, lanes, buffer[: (position + lanes - 1) // lanes * lanes])
