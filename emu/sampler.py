"""The ``inverse`` sampler: masked rejection, and the weight of a draw by its place among the prefix sums of the masses.

Which weight a draw lands on depends on its value alone, so accepted draws may be sorted and merged with the prefix
sums. Blocks of weights are summed first; only those hit are read again. Few draws of a small unit, `_step_small`, are
each looked up by itself instead.
Twins: ``golden/sampler.py``, ``rtl/sampler.py``.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zimu.emu.accumulator import Integers, accumulate
from zimu.emu.gate import count_open, count_open_in_kernel
from zimu.emu.generators import Generators, fill
from zimu.emu.intrinsics import RUN, sum_run
from zimu.emu.kernel import int64, kernel
from zimu.emu.parallel import spread
from zimu.emu.prng import TRIALS_STREAM, Words, WordStream
from zimu.emu.steps import Bounds, Masses, Run, Sampler, Tally, put_row, sum_blocks
from zimu.golden.errors import InputError
from zimu.golden.unit import UnitConfig

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

Hits = tuple[NDArray[np.uint32], NDArray[np.uint32]]
"""Indices of weights and how many trials landed on each."""

_BUFFER_WORDS = 2**14

_FEW_WORDS = 256
"""Words generated ahead where draws are few."""


class InverseSettings(NamedTuple):
    """What kernels take of a configuration."""

    generators: Generators
    """Of the draws."""
    draw_words: int
    step_gate: bool
    gate_bits: int
    low: int
    """The smallest weight."""
    high: int
    trials_shift: int
    """k' where n follows from the mass, else -1."""


class InverseSampler(Sampler):
    """The sampler of a configuration with ``sampler = "inverse"``; parameters as for `Sampler`."""

    FEW: ClassVar[int] = 256

    def __init__(self, config: UnitConfig, seed: int, threads: int) -> None:
        super().__init__(config, seed, threads, {"trials": (TRIALS_STREAM, config.prng_lanes)})
        self._settings = InverseSettings(
            self.streams["trials"].generators,
            config.draw_words,
            config.gate == "step",
            config.gate_bits,
            *config.weight.limits,
            -1 if config.trials_shift is None else config.trials_shift,
        )
        self._most_mass = config.max_mass
        self._buffer: Words = np.empty(_BUFFER_WORDS, np.uint32)
        self._bounds: Bounds = np.zeros(0, np.int64)

    def most_trials(self, run: Run) -> int:
        return trials_of_step(run.trials, self._most_mass, run.rate, self._settings.trials_shift)

    def sharding(self) -> "InverseSampler":
        """The sampler itself."""
        if self.config.momentum_bits is not None:
            raise InputError(f"momentum_bits = {self.config.momentum_bits}: must be left out where weights are sharded")
        return self

    def masses(self, gradients: Integers, smoothing: int) -> Masses:
        """The masses of a unit or a shard, those of `BLOCK` weights summed; the next call overwrites the sums."""
        size = -(-gradients.size // BLOCK) + 1
        if self._bounds.size != size:
            self._bounds = np.zeros(size, np.int64)
        masses = Masses(gradients, smoothing, BLOCK, self._bounds)
        sum_blocks(masses)
        return masses

    def step_shard(self, weights: Integers, masses: Masses, run: Run, *, before: int, mass: int) -> Tally:
        """Take a step of the whole unit on a shard of its weights; see `Sharding.step_shard`."""
        trials = trials_of_step(run.trials, mass, run.rate, self._settings.trials_shift)
        opened = self._open(trials, run.threshold) if mass else 0
        rejected, lost = 0, [(0, 0)]
        bounds, low, high = masses.bounds, self._settings.low, self._settings.high
        draws_wanted = draw(
            self.streams["trials"],
            self._settings.draw_words,
            mass,
            opened,
            self._buffer,
            chunk=SORTED_DRAWS if self.threads == 1 else SORTED_DRAWS // 2,
            before=before,
            own=int(bounds[-1]),
        )
        for draws, more in draws_wanted:
            rejected += more

            def part(first: int, last: int, draws: Draws = draws) -> None:
                if last - first < bounds.size - 1:
                    draws = _between(draws, int(bounds[first]), int(bounds[last]))
                for indices, counts in land(masses, first, draws):
                    lost.append(accumulate(weights, masses.gradients, indices, counts, low, high))

            spread(part, bounds.size - 1, draws.size, self.threads)
        discarded, saturations = (sum(column) for column in zip(*lost, strict=True))
        return opened, discarded, rejected, saturations, mass == 0, mass, trials

    def _step_in_parts(self, weights: Integers, gradients: Integers, run: Run) -> Tally:
        masses = self.masses(gradients, run.smoothing)
        return self.step_shard(weights, masses, run, before=0, mass=int(masses.bounds[-1]))

    def _step_rows(
        self, states: Mapping[str, Words], weights: Integers, gradients: Integers, run: Run, rows: NDArray[np.int64]
    ) -> None:
        _step_small(self._settings, run, states["gate"], states["trials"], weights, gradients, rows)

    def _open(self, trials: int, threshold: int) -> int:
        """How many trials pass the gate."""
        gate, bits = self.streams["gate"], self._settings.gate_bits
        if self._settings.step_gate:
            return trials * count_open(gate, bits, threshold, 1)
        return count_open(gate, bits, threshold, trials)


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
    rule = draw_words, 2 ** (mass - 1).bit_length() - 1, mass, before, own
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
            at, taken, size, more = _accept(words, at, rule, wanted, kept, size)
            wanted -= taken
            rejected += more
        yield kept[:size], rejected


def land(masses: Masses, block: int, draws: Draws) -> Iterator[Hits]:
    """Yield, slice by slice, the weights that ``draws`` land on; sorts ``draws`` in place.

    No draw lies before the block ``block``. A weight whose draws lie in two slices comes up twice. The next slice
    overwrites the arrays yielded.
    """
    draws.sort()
    sparse = draws.size < SPARSE * masses.bounds.size
    # One more than there can be hits: every weight is written down, and overwritten if nothing landed on it.
    indices, counts = np.empty((2, min(SLICE, draws.size) + 1), np.uint32)
    prefix, below = np.zeros((2, TILE), np.int64)
    for start in range(0, draws.size, SLICE):
        part = draws[start : start + SLICE]
        if sparse:
            hits, block = _walk(masses, block, part, indices, counts)
        else:
            hits, block = _merge(masses, block, part, indices, counts, prefix, below)
        yield indices[:hits], counts[:hits]


@kernel
def trials_of_step(limit: int, mass: int, rate: int, shift: int) -> int:
    """How many trials a step takes: n, or floor(mass * rate / 2^shift) where ``shift`` is not -1, at most ``limit``."""
    if shift < 0:
        return limit
    # 48 and 16 bits: the product fits without a sign.
    wanted = (np.uint64(mass) * np.uint64(rate)) >> np.uint64(shift)
    return int64(min(wanted, np.uint64(limit)))


@kernel
def _accept(
    words: Words, at: int, rule: tuple[int, int, int, int, int], wanted: int, kept: Draws, size: int
) -> tuple[int, int, int, int]:
    """Accept up to ``wanted`` draws of ``words[at:]``; append those in the shard to ``kept`` until it is full.

    ``rule`` is words of a draw, mask, W, mass before the shard, mass of the shard: plain, as this is called for every
    buffer and a named tuple takes a microsecond longer. Returns the next word, how many were accepted, the size of
    ``kept``, and how many were rejected.
    """
    draw_words, mask, mass, before, own = rule
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
    masses: Masses,
    first: int,
    draws: Draws,
    indices: NDArray[np.uint32],
    counts: NDArray[np.uint32],
) -> tuple[int, int]:
    """Find the weights of sorted draws one after the other from block ``first`` on; return the hits and the last block.

    Weights are only looked at in blocks that are hit, up to the last hit of each.
    """
    gradients, smoothing, block, bounds = masses
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
    masses: Masses,
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
    gradients, smoothing, block, bounds = masses
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


@kernel
def _step_small(
    settings: InverseSettings,
    run: Run,
    gates: Words,
    streams: Words,
    weights: Integers,
    gradients: Integers,
    rows: NDArray[np.int64],
) -> None:
    """One step for each row of weights; ``gates`` and ``streams`` hold a state a row, and ``rows`` what was done."""
    depth = weights.shape[1]
    code, lanes = settings.generators
    prefix, buffer = np.empty(depth, np.int64), np.empty(_FEW_WORDS, np.uint32)
    saved = np.empty(streams.shape[1], np.uint32)
    for row in range(weights.shape[0]):
        mass = 0
        for i in range(depth):
            gradient = int64(gradients[row, i])
            mass += max(gradient, -gradient) + run.smoothing
            prefix[i] = mass
        trials = trials_of_step(run.trials, mass, run.rate, settings.trials_shift)
        opened = 0
        if mass > 0:
            draws, worth = (1, trials) if settings.step_gate else (trials, 1)
            of_gate = Generators(code, 1)
            opened = worth * count_open_in_kernel(of_gate, gates[row], settings.gate_bits, run.threshold, draws, buffer)
        mask = 1
        while mask < mass:
            mask <<= 1
        mask -= 1
        accepted = rejected = discarded = saturations = 0
        at = buffer.size
        while accepted < opened:
            if at == buffer.size:
                saved[:] = streams[row]
                fill(code, streams[row], lanes, buffer)
                at = 0
            u = int64(buffer[at])
            if settings.draw_words == 2:
                u |= int64(buffer[at + 1]) << 32
            at += settings.draw_words
            u &= mask
            if u >= mass:
                rejected += 1
                continue
            accepted += 1
            # The first weight whose prefix sum exceeds u, by halving.
            first, size = 0, depth
            while size > 1:
                half = size >> 1
                first += half * (prefix[first + half - 1] <= u)
                size -= half
            gradient, weight = int64(gradients[row, first]), int64(weights[row, first])
            if gradient == 0:
                discarded += 1
            elif weight == (settings.low if gradient > 0 else settings.high):
                saturations += 1
            else:
                weights[row, first] = weight - (1 if gradient > 0 else -1)
        if at < buffer.size:
            streams[row] = saved
            fill(code, streams[row], lanes, buffer[: (at + lanes - 1) // lanes * lanes])
        put_row(rows[row], opened, discarded, rejected, saturations, mass, trials)
