"""A step as both samplers take it: the interface of a sampler, and the sums of masses that a step begins with.

Calls between kernels may take longer than the work. So a sampler goes one of two ways through a step, with the same
bits: in one kernel call, of many units at once where there are many, or part by part, on threads.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from zimu.emu.accumulator import Integers
from zimu.emu.kernel import kernel
from zimu.emu.momentum import Means, rows_of
from zimu.emu.parallel import spread
from zimu.emu.prng import GATE_STREAM, Words, WordStream
from zimu.emu.vectors import RUN, sum_run, sum_sizes
from zimu.golden.errors import InputError
from zimu.golden.unit import UnitConfig

Bounds = NDArray[np.int64]
"""Exclusive prefix sums of masses, and W at the end."""

Tally = Sequence[int]
"""What a step did: the values of `zimu.emu.unit.StepResult`, in its order."""

_RESULTS = 7
"""Values of a `Tally`."""


class Run(NamedTuple):
    """The values of a step."""

    trials: int
    """n; where it follows from the mass, the most it may be."""
    threshold: int
    smoothing: int
    decay: int = 0
    rate: int = 0


class Masses(NamedTuple):
    """The masses |g| + c of a unit or a shard."""

    gradients: Integers
    shift: int | None
    """Lower bits that are none of the gradients'; None where there are none, which are means."""
    smoothing: int
    block: int
    """Weights of a partial sum."""
    bounds: Bounds
    """Prefix sums before each block; further blocks may follow, which have no mass."""


class Sharding(Protocol):
    """What a sampler can do that needs but two numbers of the weights of other machines."""

    def masses(self, gradients: Integers, smoothing: int) -> Masses:
        """The masses of a shard, those of blocks summed; the next call overwrites the sums."""

    def step_shard(self, weights: Integers, masses: Masses, run: Run, *, before: int, mass: int) -> Tally:
        """Take a step of the whole unit and apply the trials that land on a shard of its weights.

        Parameters
        ----------
        weights, masses : of the shard.
        run : values of the whole unit.
        before : mass of the weights before the shard.
        mass : W of the whole unit.
        """


class Sampler(ABC):
    """The streams of a unit, and steps taken with them.

    Parameters
    ----------
    config : a configuration with this sampler.
    seed : 64-bit seed.
    threads : the most threads a step may use; they change no bit.
    streams : number and lanes of each stream beside the gate's, by name.

    Attributes
    ----------
    streams : the streams by name, that of the gate first.
    """

    SMALL: ClassVar[int]
    """The largest depth for which a step is taken in one call."""
    FEW: ClassVar[int]
    """The largest number of trials for which it is."""

    def __init__(self, config: UnitConfig, seed: int, threads: int, streams: Mapping[str, tuple[int, int]]) -> None:
        self.config, self.threads = config, threads
        numbered = {"gate": (GATE_STREAM, config.gate_lanes), **streams}
        self.streams = {
            name: WordStream(config.prng, seed, number, lanes) for name, (number, lanes) in numbered.items()
        }
        self._row = np.empty((1, _RESULTS), np.int64)

    def step(self, weights: Integers, gradients: Integers, run: Run, means: Means | None) -> Tally:
        """Take one step, the arguments of which have been checked; ``weights`` are updated in place.

        Parameters
        ----------
        weights : shape (depth,).
        gradients : shape (depth,).
        means : of the gradients, where the unit has some.
        run : the run-time values.
        """
        if not self.is_small(run):
            return self._step_in_parts(weights, gradients, run, means)
        states = {name: stream.state for name, stream in self.streams.items()}
        self._step_rows(states, weights, gradients, run, means, self._row)
        row: list[int] = self._row[0].tolist()
        return row

    def is_small(self, run: Run) -> bool:
        """Whether a step is best taken in one call."""
        return self.config.depth <= self.SMALL and self.most_trials(run) <= self.FEW

    def most_trials(self, run: Run) -> int:
        """No fewer than the n of a step, whatever its W."""
        return run.trials

    def sharding(self) -> Sharding:
        """The sampler, for a shard of the weights; `InputError` where it cannot work on one."""
        raise InputError(f"sampler = {self.config.sampler!r}: must be 'inverse' to be sharded")

    @abstractmethod
    def _step_in_parts(self, weights: Integers, gradients: Integers, run: Run, means: Means | None) -> Tally:
        """Take one step in several kernel calls."""

    @abstractmethod
    def _step_rows(
        self,
        states: Mapping[str, Words],
        weights: Integers,
        gradients: Integers,
        run: Run,
        means: Means | None,
        rows: NDArray[np.int64],
    ) -> None:
        """Take one step of each of several units in one kernel call.

        Parameters
        ----------
        states : those of the streams, by name, of one unit after the other; advanced in place.
        weights, gradients, means : of one unit after the other.
        rows : shape (units, values of a `Tally`), written.
        """


class SamplerGroup:
    """The samplers of many units of one configuration, which step together.

    From now on the states of their streams lie side by side.

    Parameters
    ----------
    samplers : one at least.
    threads : the most threads a step may use.
    """

    def __init__(self, samplers: Sequence[Sampler], threads: int) -> None:
        self._samplers, self._threads = samplers, threads
        self._states = {
            name: np.stack([sampler.streams[name].state for sampler in samplers]) for name in samplers[0].streams
        }
        for number, sampler in enumerate(samplers):
            for name, stream in sampler.streams.items():
                stream.state = self._states[name][number]

    def step(self, weights: Integers, gradients: Integers, run: Run, means: Means | None) -> Iterator[Tally]:
        """Take one step of each unit and yield what it did; as `Sampler.step`, of the shape (units, depth)."""
        samplers = self._samplers
        if not samplers[0].is_small(run):
            for number, sampler in enumerate(samplers):
                yield sampler.step(weights[number], gradients[number], run, rows_of(means, number))
            return
        rows = np.empty((len(samplers), _RESULTS), np.int64)

        def part(first: int, last: int) -> None:
            # Each part works in the scratch of its own first sampler.
            own = slice(first, last)
            states = {name: state[own].reshape(-1) for name, state in self._states.items()}
            arrays = weights[own].reshape(-1), gradients[own].reshape(-1)
            samplers[first]._step_rows(states, *arrays, run, rows_of(means, own), rows[own])

        spread(part, len(samplers), max(weights.size, samplers[0].most_trials(run) * len(samplers)), self._threads)
        yield from rows.tolist()


@kernel
def put_row(
    row: NDArray[np.int64], opened: int, discarded: int, rejected: int, saturations: int, mass: int, trials: int
) -> None:
    """Write a `Tally`."""
    row[0], row[1], row[2], row[3] = opened, discarded, rejected, saturations
    row[4], row[5], row[6] = mass == 0, mass, trials


@kernel
def sum_blocks(masses: Masses) -> None:
    """Set the bounds from the gradients."""
    gradients, _, smoothing, block, bounds = masses
    sums = bounds[1:]
    blocks = (gradients.size + block - 1) // block
    whole = gradients.size // block if block % RUN == 0 else 0
    for b in range(whole):
        total = 0
        for start in range(b * block, (b + 1) * block, RUN):
            total += sum_run(gradients, start)
        sums[np.uintp(b)] = total + smoothing * block
    for b in range(whole, blocks):
        start, stop = b * block, min((b + 1) * block, gradients.size)
        sums[b] = sum_sizes(gradients, start, stop) + smoothing * (stop - start)
    sums[blocks:] = 0
    # Several times as fast as numpy does it.
    total = 0
    bounds[0] = 0
    for b in range(sums.size):
        total += sums[b]
        sums[b] = total
