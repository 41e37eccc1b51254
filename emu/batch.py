"""Many independent units of one configuration, stepped together.

A batch gives each unit exactly the bits it would have alone. What it saves is time: the units share kernel calls and
threads, which for small units take longer than the steps.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zimu.emu import small
from zimu.emu.parallel import check_threads, spread
from zimu.emu.unit import StepResult, ZimUnit, checked_arrays
from zimu.golden.config import UnitConfig
from zimu.golden.errors import InputError


class Batch:
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

    def __init__(self, config: UnitConfig, seeds: Sequence[int], threads: int = 1) -> None:
        self.config, self.threads = config, check_threads(threads)
        self.units = [ZimUnit(config, seed, threads) for seed in seeds]
        if not self.units:
            raise InputError("seeds is empty: must hold a seed for each unit")
        self._states = {
            name: np.stack([unit.streams()[name].state for unit in self.units]) for name in self.units[0].streams()
        }
        for row, unit in enumerate(self.units):
            for name, stream in unit.streams().items():
                stream.state = self._states[name][row]

    def step(
        self, weights: NDArray[Any], gradients: NDArray[Any], *, trials: int, threshold: int, smoothing: int
    ) -> list[StepResult]:
        """Take one step of every unit: ``weights`` are updated in place.

        Parameters
        ----------
        weights, gradients : shape (units, depth); otherwise as for `ZimUnit.step`.
        trials, threshold, smoothing : n, T and c of every unit.

        Raises
        ------
        InputError
            an argument is refused; weights, states and counters are as before.
        """
        config = self.config
        values = config.registers(trials=trials, threshold=threshold, smoothing=smoothing)
        trials, threshold, smoothing = values.values()
        shape = (len(self.units), config.depth)
        weights, gradients = checked_arrays(config, shape, weights, gradients)
        if not small.suits(config, trials):
            arrays = zip(self.units, weights, gradients, strict=True)
            return [unit.step(w, g, **values) for unit, w, g in arrays]
        rows = np.empty((len(self.units), small.RESULTS), np.int64)

        def part(first: int, last: int) -> None:
            states = {name: state[first:last] for name, state in self._states.items()}
            arrays = weights[first:last], gradients[first:last]
            run = trials, threshold, smoothing
            small.small_steps(config, states["gate"], states, *arrays, *run, rows[first:last])

        spread(part, len(self.units), max(weights.size, trials * len(self.units)), self.threads)
        return [unit.record(row) for unit, row in zip(self.units, rows, strict=True)]

    def steps(
        self, weights: NDArray[Any], gradients: NDArray[Any], *, trials: int, threshold: int, smoothing: int
    ) -> list[list[StepResult]]:
        """Take several steps of every unit, one after the other.

        Parameters
        ----------
        weights : shape (units, depth), updated in place.
        gradients : shape (steps, units, depth).
        trials, threshold, smoothing : n, T and c of every step.

        Raises
        ------
        InputError
            an argument is refused; nothing has been done.
        """
        if not isinstance(gradients, np.ndarray) or gradients.ndim != 3:
            raise InputError("gradients must be a numpy array of three dimensions: steps, units, depth")
        for one in gradients:
            checked_arrays(self.config, (len(self.units), self.config.depth), weights, one)
        return [self.step(weights, one, trials=trials, threshold=threshold, smoothing=smoothing) for one in gradients]
