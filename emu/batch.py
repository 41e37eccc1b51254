"""Many independent units of one configuration, stepped together.

A batch gives each unit exactly the bits it would have alone. What it saves is time: the units share kernel calls and
threads, which for small units take longer than the steps.
"""

from collections.abc import Iterable
from typing import Any, Self, TypedDict

import numpy as np
from numpy.typing import NDArray

from zimu.emu.momentum import means_in
from zimu.emu.parallel import check_threads
from zimu.emu.states import Resumable, check_intact, checksum
from zimu.emu.steps import Run, SamplerGroup
from zimu.emu.unit import StepResult, ZimUnit, arrays_of
from zimu.emu.update import UnitState
from zimu.golden.errors import InputError, check_range
from zimu.golden.rule import CONTRACT_VERSION
from zimu.golden.unit import UnitConfig


class BatchState(TypedDict):
    """All there is to save between two steps; plain values that JSON carries unchanged."""

    contract_version: int
    units: list[UnitState]
    checksum: str
    """As `zimu.emu.states.checksum`."""


class Batch(Resumable):
    """Units that differ in their seeds.

    Parameters
    ----------
    config : the configuration of each unit.
    seeds : a 64-bit seed for each unit.
    threads : the most threads a step may use, 1..256; they change no bit.

    Attributes
    ----------
    units : the units, in order; their counters and states are always up to date.

    Raises
    ------
    InputError
        no seed, a seed or a number of threads out of range.
    """

    def __init__(self, config: UnitConfig, seeds: Iterable[int], threads: int = 1) -> None:
        self.config, self.threads = config, check_threads(threads)
        try:
            numbered = list(enumerate(seeds))
        except TypeError:
            raise InputError(f"seeds = {seeds!r}: must hold a seed for each unit, such as range(8)") from None
        if not numbered:
            raise InputError("seeds is empty: must hold a seed for each unit")
        self.units = [ZimUnit(config, check_range(f"seeds[{i}]", seed, 0, 2**64 - 1), threads) for i, seed in numbered]
        self._momentum = config.momentum
        self._arrays = arrays_of(config, len(self.units), config.depth)
        self._samplers = SamplerGroup([unit.sampler for unit in self.units], self.threads)
        # From now on what the units keep lies side by side.
        self._memories = {name: np.stack([unit.memories[name] for unit in self.units]) for name in config.memories}
        for name, rows in self._memories.items():
            for unit, row in zip(self.units, rows, strict=True):
                unit.memories[name] = row

    @property
    def torn(self) -> bool:
        """Whether a step was broken off, of one of the units or between two of them: see `Resumable.torn`."""
        return self._torn or any(unit.torn for unit in self.units)

    def step(
        self,
        weights: NDArray[Any],
        gradients: NDArray[Any],
        *,
        trials: int,
        threshold: int,
        smoothing: int,
        decay: int | None = None,
        rate: int | None = None,
    ) -> list[StepResult]:
        """Take one step of every unit: ``weights`` are updated in place.

        Parameters
        ----------
        weights, gradients : shape (units, depth); otherwise as for `ZimUnit.step`.
        trials, threshold, smoothing, decay, rate : as for `ZimUnit.step`, the same of every unit.

        Raises
        ------
        InputError
            an argument is refused, or a unit is torn; weights, states and counters are as before.
        """
        config = self.config
        run = Run(**config.registers(trials=trials, threshold=threshold, smoothing=smoothing, decay=decay, rate=rate))
        weights, gradients = self._arrays.checked(weights, gradients)
        self.begin()
        for unit in self.units:
            unit.begin()
        means = means_in(self._momentum, self._memories, gradients, run.decay)
        rows = self._samplers.step(weights, gradients, run, means)
        results = [unit.record(row) for unit, row in zip(self.units, rows, strict=True)]
        self._torn = False
        return results

    def steps(self, weights: NDArray[Any], gradients: NDArray[Any], **values: int) -> list[list[StepResult]]:
        """Take several steps of every unit, one after the other.

        Parameters
        ----------
        weights : shape (units, depth), updated in place.
        gradients : shape (steps, units, depth).
        values : the run-time values of every step, as for `step`.

        Raises
        ------
        InputError
            an argument is refused, or a unit is torn; nothing has been done.
        """
        if not isinstance(gradients, np.ndarray) or gradients.ndim != 3:
            raise InputError("gradients must be a numpy array of three dimensions: steps, units, depth")
        for number, one in enumerate(gradients):
            try:
                self._arrays.checked(weights, one)
            except InputError as error:
                raise InputError(f"{error} (step {number})") from None
        return [self.step(weights, one, **values) for one in gradients]

    def state(self) -> BatchState:
        """The states of all units between two steps, for `restore`; `InputError` if one is torn."""
        self.check_whole()
        state = BatchState(contract_version=CONTRACT_VERSION, units=[unit.state() for unit in self.units], checksum="")
        state["checksum"] = checksum(state)
        return state

    @classmethod
    def restore(cls, config: UnitConfig, state: BatchState, threads: int = 1) -> Self:
        """A batch that continues from a saved state with the same bits; errors as in `ZimUnit.restore`."""
        check_intact(state, BatchState.__annotations__)
        if not isinstance(state["units"], list):
            raise InputError("state units is damaged: must be a list of a state for each unit")
        batch = cls(config, range(len(state["units"])), threads)
        for number, (unit, saved) in enumerate(zip(batch.units, state["units"], strict=True)):
            try:
                unit.resume(saved)
            except InputError as error:
                raise InputError(f"units[{number}]: {error}") from None
        return batch
