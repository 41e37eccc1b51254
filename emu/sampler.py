"""The ``inverse`` sampler: masked rejection, and the weight of a draw by its place among the prefix sums of the masses.

Which weight a draw lands on depends on its value alone, so draws may be looked up in any order, and by any number of
threads; ``emu/landing.py`` does. Few draws of a small unit, `_step_small`, need no sums of groups.
Twins: ``golden/sampler.py``, ``rtl/sampler.py``.
"""

from collections.abc import Iterator, Mapping
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zimu.emu.accumulator import Integers
from zimu.emu.gate import count_open, count_open_in_kernel
from zimu.emu.generators import Generators, fill
from zimu.emu.kernel import int64, kernel
from zimu.emu.landing import BLOCK, FAR, GROUPS, Draws, Sums, find_starts, land, sort_roughly, sum_groups
from zimu.emu.parallel import spread
from zimu.emu.prng import TRIALS_STREAM, Words, WordStream
from zimu.emu.steps import Masses, Run, Sampler, Tally, put_row
from zimu.golden.errors import InputError
from zimu.golden.unit import UnitConfig

CHUNK = 2**16
"""Draws of a step taken at a time, or an eighth as many as there are weights: that bounds the extra memory."""

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
    """The sampler of a configuration with ``sampler = "inverse"``; parameters as for `Sampler`.

    Attributes
    ----------
    sums : those of the masses that were asked for last.
    """

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
        # The smallest in which the masses of a block can be added up.
        self.sums = Sums.of(0, np.dtype(np.min_scalar_type(-BLOCK * config.max_weight_mass - 1)))

    def most_trials(self, run: Run) -> int:
        return trials_of_step(run.trials, self._most_mass, run.rate, self._settings.trials_shift)

    def sharding(self) -> "InverseSampler":
        """The sampler itself."""
        if self.config.momentum_bits is not None:
            raise InputError(f"momentum_bits = {self.config.momentum_bits}: must be left out where weights are sharded")
        return self

    def masses(self, gradients: Integers, smoothing: int) -> Masses:
        """The masses of a unit or a shard, those of `BLOCK` weights summed; the next call overwrites the sums."""
        blocks = -(-gradients.size // BLOCK)
        if self.sums.groups.size != GROUPS * blocks:
            self.sums = Sums.of(blocks, self.sums.groups.dtype)
        masses = Masses(gradients, smoothing, BLOCK, self.sums.bounds)
        sum_groups(masses, self.sums)
        return masses

    def step_shard(self, weights: Integers, masses: Masses, run: Run, *, before: int, mass: int) -> Tally:
        """Take a step of the whole unit on a shard of its weights; see `Sharding.step_shard`."""
        trials = trials_of_step(run.trials, mass, run.rate, self._settings.trials_shift)
        opened = self._open(trials, run.threshold) if mass else 0
        rejected, lost = 0, [(0, 0)]
        bounds, low, high = masses.bounds, self._settings.low, self._settings.high
        blocks = self.sums.groups.size // GROUPS
        draws_wanted = draw(
            self.streams["trials"],
            self._settings.draw_words,
            mass,
            opened,
            self._buffer,
            chunk=max(CHUNK, masses.gradients.size // 8),
            before=before,
            own=int(bounds[-1]),
        )
        for found, more in draws_wanted:
            rejected += more
            if weights.size > FAR:
                in_order = np.empty_like(found)
                sort_roughly(found, int(bounds[-1]), in_order)
                found = in_order
            shift = find_starts(bounds, found.size, self.sums.starts)

            def part(first: int, last: int, draws: Draws = found, shift: int = shift) -> None:
                lost.append(land(weights, masses, self.sums, shift, draws, first, last, low, high))

            spread(part, blocks, found.size, self.threads)
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
        # As many as can be taken before any of the three can end.
        candidates = min((words.size - at) // draw_words, wanted - accepted, kept.size - 1 - size)
        for _ in range(candidates):
            u = int64(words[np.uintp(at)])
            if draw_words == 2:
                u |= int64(words[np.uintp(at + 1)]) << 32
            u &= mask
            # Written always and kept or not: a branch here would be mispredicted at every other rejection.
            kept[np.uintp(size)] = u - before
            size += (u >= before) & (u < before + own)
            accepted += u < mass
            at += draw_words
        rejected += candidates
    return at, accepted, size, rejected - accepted


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
