"""The ``inverse`` sampler: masked rejection, and the weight of a draw by its place among the prefix sums of the masses.

Which weight a draw lands on depends on its value alone, so draws may be looked up in any order, and by any number of
threads. Weights are summed in groups and blocks first: a draw looks for its block by halving, then for its group and
its weight by comparing all of them at once. Each of the three is a loop over many draws, whose memory accesses overlap.
Few draws of a small unit, `_step_small`, need no sums of groups.
Twins: ``golden/sampler.py``, ``rtl/sampler.py``.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zimu.emu.accumulator import Integers, accumulate
from zimu.emu.gate import count_open, count_open_in_kernel
from zimu.emu.generators import Generators, fill
from zimu.emu.intrinsics import LANES, bit_length, count_reached, find_of_8, find_of_16, sum_lanes
from zimu.emu.kernel import int64, kernel
from zimu.emu.parallel import spread
from zimu.emu.prng import TRIALS_STREAM, Words, WordStream
from zimu.emu.steps import Bounds, Masses, Run, Sampler, Tally, put_row
from zimu.golden.errors import InputError
from zimu.golden.unit import UnitConfig

GROUPS = 8
"""Groups of a block, which are of `LANES` weights each."""

BLOCK = GROUPS * LANES
"""Weights per partial sum."""

CHUNK = 2**16
"""Draws of a step taken at a time, or an eighth as many as there are weights: that bounds the extra memory."""

SORTED_BITS = 11
"""Upper bits of draws by which they are sorted before they are looked up."""

SLICE = 2**10
"""Draws looked up at a time."""

Draws = NDArray[Any]
"""Accepted draws: uint32 where W <= 2^32, else uint64."""

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


class Sums(NamedTuple):
    """Of the masses of a unit or a shard."""

    groups: NDArray[Any]
    """The mass of each group; of the dtype in which those of a block are added up."""
    ladder: Bounds
    """The bounds last: prefix sums before each block, then W, as often as it takes to fill `LANES`. Before them every
    `LANES`-th of the bounds, filled up in the same way, before these every `LANES`-th of those, up to `LANES` alone."""
    rungs: NDArray[np.int64]
    """Where each of these parts of the ladder begins."""

    @classmethod
    def of(cls, blocks: int, dtype: np.dtype[Any]) -> "Sums":
        """Sums of so many blocks, not yet made."""
        sizes = [-(-(blocks + 1) // LANES) * LANES]
        while sizes[0] > LANES:
            sizes.insert(0, -(-sizes[0] // LANES // LANES) * LANES)
        rungs = np.cumsum([0, *sizes])
        return cls(np.zeros(GROUPS * blocks, dtype), np.zeros(rungs[-1], np.int64), rungs[:-1])

    @property
    def bounds(self) -> Bounds:
        """Prefix sums of the masses of blocks."""
        return self.ladder[self.rungs[-1] :]


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
        self.sums = Sums.of(0, _sum_dtype(config))

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
            sorted_draws = sort_roughly(found, int(bounds[-1]))

            def part(first: int, last: int, draws: Draws = sorted_draws) -> None:
                if last - first < bounds.size - 1:
                    draws = _between(draws, int(bounds[first]), int(bounds[last]))
                lost.append(land(weights, masses, self.sums, draws, low, high))

            spread(part, bounds.size - 1, found.size, self.threads)
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


def _sum_dtype(config: UnitConfig) -> np.dtype[Any]:
    """The smallest dtype in which the masses of a block are added up."""
    return np.dtype(np.min_scalar_type(-BLOCK * config.max_weight_mass - 1))


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
def sum_groups(masses: Masses, sums: Sums) -> None:
    """Set the sums, and with them the bounds, from the gradients."""
    gradients, smoothing, block, bounds = masses
    groups, ladder, rungs = sums
    whole, reached = gradients.size // block, 0
    for b in range(whole):
        bounds[np.uintp(b)] = reached
        for group in range(b * GROUPS, (b + 1) * GROUPS):
            total = sum_lanes(gradients, group * LANES) + LANES * smoothing
            groups[np.uintp(group)] = total
            reached += total
    for b in range(whole, groups.size // GROUPS):
        bounds[b] = reached
        for group in range(b * GROUPS, (b + 1) * GROUPS):
            total = 0
            for i in range(group * LANES, min((group + 1) * LANES, gradients.size)):
                gradient = int64(gradients[i])
                total += max(gradient, -gradient) + smoothing
            groups[group] = total
            reached += total
    bounds[groups.size // GROUPS :] = reached
    for part in range(rungs.size - 2, -1, -1):
        first, following = rungs[part], rungs[part + 1]
        end = rungs[part + 2] if part + 2 < rungs.size else ladder.size
        for j in range(following - first):
            at = following + j * LANES
            ladder[first + j] = ladder[at] if at < end else reached


@kernel
def sort_roughly(draws: Draws, below: int) -> Draws:
    """The draws, which are below ``below``, by their upper `SORTED_BITS` bits: neighbours land near each other."""
    shift = max(bit_length(below - 1) - SORTED_BITS, 0)
    places = np.zeros(2**SORTED_BITS + 1, np.int64)
    for i in range(draws.size):
        places[np.uintp((draws[np.uintp(i)] >> shift) + 1)] += 1
    for j in range(2**SORTED_BITS):
        places[j + 1] += places[j]
    ordered = np.empty_like(draws)
    for i in range(draws.size):
        draw = draws[np.uintp(i)]
        bucket = np.uintp(draw >> shift)
        ordered[np.uintp(places[bucket])] = draw
        places[bucket] += 1
    return ordered


@kernel
def land(weights: Integers, masses: Masses, sums: Sums, draws: Draws, low: int, high: int) -> tuple[int, int]:
    """Apply the trials of ``draws``, which are below the last bound; returns as `accumulate`."""
    indices, rests = np.empty(SLICE, np.int64), np.empty(SLICE, sums.groups.dtype)
    discarded = saturations = 0
    for start in range(0, draws.size, SLICE):
        found = indices[: min(SLICE, draws.size - start)]
        look_up(masses, sums, draws[start:], found, rests)
        more = accumulate(weights, masses.gradients, found, low, high)
        discarded += more[0]
        saturations += more[1]
    return discarded, saturations


@kernel
def look_up(masses: Masses, sums: Sums, draws: Draws, indices: NDArray[np.int64], rests: NDArray[Any]) -> None:
    """Set ``indices`` to the weights that the first of ``draws`` land on; ``rests`` is scratch of as many."""
    gradients, smoothing, _, bounds = masses
    groups, ladder, rungs = sums
    kept = groups.dtype.type
    for i in range(indices.size):
        u = int64(draws[np.uintp(i)])
        block = 0
        for part in range(rungs.size):
            block *= LANES
            block += count_reached(ladder, rungs[np.uintp(part)] + block, u) - 1
        indices[np.uintp(i)] = block
        rests[np.uintp(i)] = u - bounds[np.uintp(block)]
    for i in range(indices.size):
        first = indices[np.uintp(i)] * GROUPS
        group, rest = find_of_8(groups, first, kept(0), rests[np.uintp(i)])
        indices[np.uintp(i)] = (first + group) * LANES
        rests[np.uintp(i)] = rest
    for i in range(indices.size):
        first, rest = indices[np.uintp(i)], rests[np.uintp(i)]
        if first + LANES <= gradients.size:
            indices[np.uintp(i)] = first + find_of_16(gradients, first, kept(smoothing), rest)[0]
            continue
        # In the last group, which is not whole, one by one.
        left = int64(rest)
        while True:
            gradient = int64(gradients[first])
            left -= max(gradient, -gradient) + smoothing
            if left < 0:
                break
            first += 1
        indices[np.uintp(i)] = first


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
