"""The ``inverse`` sampler: masked rejection, and the weight of a draw by its place among the prefix sums of the masses.

Which weight a draw lands on depends on its value alone, so draws may be looked up in any order, and by any number of
threads; ``emu/landing.py`` does.
Twins: ``golden/sampler.py``, ``rtl/sampler.py``.
"""

from collections.abc import Iterator, Mapping
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zimu.emu.accumulator import Integers, accumulate
from zimu.emu.gate import count_open, count_open_in_kernel
from zimu.emu.generators import Generators, fill
from zimu.emu.intrinsics import bit_length
from zimu.emu.kernel import int64, kernel, plain
from zimu.emu.landing import (
    BLOCK,
    FAR,
    GROUP,
    GROUPS,
    SLICE,
    Draws,
    Sums,
    find_starts,
    land,
    look_up,
    sort_roughly,
    sum_groups,
)
from zimu.emu.momentum import Means, sampled_of
from zimu.emu.parallel import spread
from zimu.emu.prng import TRIALS_STREAM, Words, WordStream
from zimu.emu.steps import Masses, Run, Sampler, Tally, put_row
from zimu.golden.errors import InputError
from zimu.golden.unit import UnitConfig

CHUNK = 2**16
"""Draws of a step taken at a time, or an eighth as many as there are weights: that bounds the extra memory."""

_BUFFER_WORDS = 2**14


class InverseSettings(NamedTuple):
    """What kernels take of a configuration."""

    code: int
    """Of the kind of generators."""
    lanes: int
    """Generators of draws."""
    jumps: Words
    """Of that kind."""
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

    SMALL: ClassVar[int] = FAR
    FEW: ClassVar[int] = 2**16

    def __init__(self, config: UnitConfig, seed: int, threads: int) -> None:
        super().__init__(config, seed, threads, {"trials": (TRIALS_STREAM, config.prng_lanes)})
        self._settings = InverseSettings(
            *self.streams["trials"].generators,
            config.draw_words,
            config.gate == "step",
            config.gate_bits,
            *config.weight.limits,
            -1 if config.trials_shift is None else config.trials_shift,
        )
        self._plain_settings = plain(self._settings)
        self._most_mass = config.max_mass
        self._buffer: Words = np.empty(_BUFFER_WORDS, np.uint32)
        # The smallest in which the masses of a block can be added up.
        self.sums = Sums.of(0, np.dtype(np.min_scalar_type(-BLOCK * config.max_weight_mass - 1)))

    def most_trials(self, run: Run) -> int:
        shift = self._settings.trials_shift
        return run.trials if shift < 0 else trials_of_step(run.trials, self._most_mass, run.rate, shift)

    def sharding(self) -> "InverseSampler":
        """The sampler itself."""
        if self.config.momentum_bits is not None:
            raise InputError(f"momentum_bits = {self.config.momentum_bits}: must be left out where weights are sharded")
        return self

    def masses(self, gradients: Integers, smoothing: int, means: Means | None = None) -> Masses:
        """The masses of a unit or a shard, those of `BLOCK` weights summed; the next call overwrites the sums."""
        sums = self._sums_of(gradients.size)
        masses = Masses(*sampled_of(gradients, means), smoothing, BLOCK, sums.bounds)
        blocks = sums.groups.size // GROUPS
        parts = {}

        def part(first: int, last: int) -> None:
            parts[first, last] = sum_groups(masses, sums, means, 0, first, last)

        spread(part, blocks, gradients.size // GROUP, self.threads)  # eight weights take as long as a trial
        reached = 0
        for (first, last), mass in sorted(parts.items()):
            sums.bounds[first:last] += reached
            reached += mass
        sums.bounds[blocks:] = reached
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

    def _step_in_parts(self, weights: Integers, gradients: Integers, run: Run, means: Means | None) -> Tally:
        masses = self.masses(gradients, run.smoothing, means)
        return self.step_shard(weights, masses, run, before=0, mass=int(masses.bounds[-1]))

    def _step_rows(
        self,
        states: Mapping[str, Words],
        weights: Integers,
        gradients: Integers,
        run: Run,
        means: Means | None,
        rows: NDArray[np.int64],
    ) -> None:
        sampled, lower = sampled_of(gradients, means)
        _step_rows(
            self._plain_settings,
            plain(run),
            means and plain(means),
            plain(self._sums_of(self.config.depth)),
            states["gate"],
            states["trials"],
            weights,
            sampled,
            lower,
            rows,
        )

    def _sums_of(self, depth: int) -> Sums:
        """Sums for so many weights, not yet made."""
        blocks = -(-depth // BLOCK)
        if self.sums.groups.size != GROUPS * blocks:
            self.sums = Sums.of(blocks, self.sums.groups.dtype)
        return self.sums

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
        of_all = words[at : at + candidates * draw_words]
        now = _keep(of_all, draw_words, mask, before, own, kept, size)
        accepted += now - size if own == mass else _count(of_all, draw_words, mask, mass)
        size = now
        at += of_all.size
        rejected += candidates
    return at, accepted, size, rejected - accepted


@kernel
def _keep(words: Words, draw_words: int, mask: int, before: int, own: int, kept: Draws, size: int) -> int:
    """Append the draws of ``words`` that are in ``before .. before + own - 1``, less ``before``; the size after that.

    All are written, and overwritten if they are not kept: a branch would be mispredicted at every other rejection.
    """
    for at in range(0, words.size, draw_words):
        u = (_candidate(words, at, draw_words) & mask) - before
        kept[np.uintp(size)] = u
        size += int64(np.uint64(u) < np.uint64(own))
    return size


@kernel
def _count(words: Words, draw_words: int, mask: int, mass: int) -> int:
    """The draws of ``words`` that are below ``mass``."""
    accepted = 0
    for at in range(0, words.size, draw_words):
        accepted += (_candidate(words, at, draw_words) & mask) < mass
    return accepted


@kernel
def _candidate(words: Words, at: int, draw_words: int) -> int:
    u = int64(words[np.uintp(at)])
    if draw_words == 2:
        u |= int64(words[np.uintp(at + 1)]) << 32
    return u


@kernel
def _step_rows(
    settings: InverseSettings,
    run: Run,
    means: Means | None,
    scratch: Sums,
    gates: Words,
    streams: Words,
    weights: Integers,
    sampled: Integers,
    lower: int | None,
    rows: NDArray[np.int64],
) -> None:
    """One step of each of several units, whose arrays and states lie one after the other; ``rows`` is what was done.

    The records may be `plain`.
    """
    code, lanes, jumps, draw_words, step_gate, gate_bits, low, high, trials_shift = settings
    most, threshold, smoothing, _, rate = run
    groups, bounds, starts = scratch
    sums, blocks = Sums(groups, bounds, starts), groups.size // GROUPS
    buffer, kept = np.empty(SLICE, np.uint32), np.empty(SLICE + 1, np.uint64)
    indices, rests = np.empty(SLICE, np.int64), np.empty(SLICE, groups.dtype)
    units = rows.shape[0]
    depth, of_gate, of_draws = weights.size // units, gates.size // units, streams.size // units
    for unit in range(units):
        own, gate = weights[unit * depth : (unit + 1) * depth], gates[unit * of_gate : (unit + 1) * of_gate]
        stream = streams[unit * of_draws : (unit + 1) * of_draws]
        masses = Masses(sampled[unit * depth : (unit + 1) * depth], lower, smoothing, BLOCK, bounds)
        mass = sum_groups(masses, sums, means, unit, 0, blocks)
        bounds[blocks:] = mass
        trials = trials_of_step(most, mass, rate, trials_shift)
        opened = 0
        if mass > 0:
            draws, worth = (1, trials) if step_gate else (trials, 1)
            opened = worth * count_open_in_kernel(Generators(code, 1, jumps), gate, gate_bits, threshold, draws, buffer)
        shift = find_starts(bounds, opened, starts)
        rule = draw_words, (1 << bit_length(max(mass - 1, 0))) - 1, mass, 0, mass
        wanted, rejected, discarded, saturations = opened, 0, 0, 0
        while wanted > 0:
            # The fewest rows that can do, as in `draw`.
            words = buffer[: min((wanted * draw_words + lanes - 1) // lanes * lanes, SLICE)]
            fill(code, stream, lanes, words)
            _, taken, size, more = _accept(words, 0, rule, wanted, kept, 0)
            found = indices[:size]
            look_up(masses, sums, shift, kept, found, rests)
            none, lost = accumulate(own, masses.gradients, lower, found, low, high)
            wanted -= taken
            rejected += more
            discarded += none
            saturations += lost
        put_row(rows[unit], opened, discarded, rejected, saturations, mass, trials)
