"""The whole unit, one step at a time: the golden model in daily use.

Twins: ``golden/unit.py``, ``rtl/unit.py``.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zimu.emu import small
from zimu.emu.accumulator import Integers
from zimu.emu.arrays import check_limits, checked_array, checked_pair, integer_dtype
from zimu.emu.gate import count_open
from zimu.emu.prng import GATE_STREAM, WordStream
from zimu.emu.sampler import InverseSampler
from zimu.emu.split import SplitSampler
from zimu.emu.update import UpdateUnit
from zimu.golden.config import UnitConfig

Landing = Callable[[Integers, Integers, int, NDArray[np.int64], int], tuple[int, int, int]]
"""A sampler's step: weights, gradients, smoothing, bounds, open trials -> rejected, discarded, saturations."""

SAMPLERS: dict[str, type[InverseSampler] | type[SplitSampler]] = {"inverse": InverseSampler, "split": SplitSampler}


class StepResult(NamedTuple):
    """What one step did."""

    open_trials: int
    """Trials that passed the gate: N."""
    discarded_trials: int
    """Open trials that landed on a weight whose gradient is 0."""
    rejected_draws: int
    """Draws u >= W that came before an accepted one."""
    saturations: int
    """Trials whose unit of change was lost at a rail."""
    empty: bool
    """Whether W was 0, so that nothing was drawn."""
    mass: int
    """W."""


class ZimUnit(UpdateUnit[UnitConfig]):
    """The unit, bit for bit; its counters are `zimu.golden.config.Counters`, ``mass`` of the last step taken whole.

    Parameters, attributes and errors are those of `zimu.emu.update.UpdateUnit`.
    """

    def __init__(self, config: UnitConfig, seed: int = 0, threads: int = 1) -> None:
        super().__init__(config, seed, threads)
        self.gate_stream = WordStream(config.prng, self.seed, GATE_STREAM, config.gate_lanes)
        self.sampler = SAMPLERS[config.sampler](config, self.seed, self.threads)

    def streams(self) -> dict[str, WordStream]:
        """The streams by name, that of the gate included."""
        return {"gate": self.gate_stream, **self.sampler.streams}

    def step(
        self, weights: Integers, gradients: Integers, *, trials: int, threshold: int, smoothing: int
    ) -> StepResult:
        """Take one step: ``weights`` are updated in place.

        Parameters
        ----------
        weights : shape (depth,), dtype `weight_dtype`, C-contiguous, writeable; values of ``weight_bits``.
        gradients : shape (depth,), dtype `gradient_dtype`, C-contiguous; values of ``gradient_bits``.
        trials : n, 0..2^32-1.
        threshold : T in 0..2^gate_bits; the gate opens with probability T / 2^gate_bits.
        smoothing : c in 0..2^smoothing_bits-1.

        Raises
        ------
        InputError
            an argument is refused, or the unit is torn; weights, state and counters are as before.
        """
        config = self.config
        trials, threshold, smoothing = config.registers(
            trials=trials, threshold=threshold, smoothing=smoothing
        ).values()
        weights, gradients = checked_arrays(config, (config.depth,), weights, gradients)
        if small.suits(config, trials):
            return self._small_step(weights, gradients, trials, threshold, smoothing)
        bounds = self.sampler.bounds(gradients, smoothing)
        mass = int(bounds[-1])
        return self.apply(weights, gradients, bounds, self.sampler.step, trials, threshold, smoothing, mass)

    def _small_step(
        self, weights: Integers, gradients: Integers, trials: int, threshold: int, smoothing: int
    ) -> StepResult:
        streams = {name: stream.state[np.newaxis] for name, stream in self.streams().items()}
        row = np.empty((1, small.RESULTS), np.int64)
        run = trials, threshold, smoothing
        self.begin()
        small.small_steps(self.config, streams["gate"], streams, weights[np.newaxis], gradients[np.newaxis], *run, row)
        return self.record(row[0])

    def apply(
        self,
        weights: Integers,
        gradients: Integers,
        bounds: NDArray[np.int64],
        land: Landing,
        trials: int,
        threshold: int,
        smoothing: int,
        mass: int,
    ) -> StepResult:
        """The rest of a step whose arguments have been checked, once W is known: gate, draws by ``land``, counters."""
        self.begin()
        opened = self._open(trials, threshold) if mass else 0
        rejected = discarded = saturations = 0
        if opened:
            rejected, discarded, saturations = land(weights, gradients, smoothing, bounds, opened)
        return self.record((opened, discarded, rejected, saturations, mass == 0, mass))

    def record(self, row: Iterable[Any]) -> StepResult:
        """Count what a step did, given in the order of `StepResult`, and return it; the step is then whole."""
        opened, discarded, rejected, saturations, empty, mass = row
        result = StepResult(int(opened), int(discarded), int(rejected), int(saturations), bool(empty), int(mass))
        self.count(
            open_trials=result.open_trials,
            discarded_trials=result.discarded_trials,
            rejected_draws=result.rejected_draws,
            saturations=result.saturations,
            empty_steps=result.empty,
            mass=result.mass,
        )
        return result

    def _open(self, trials: int, threshold: int) -> int:
        if self.config.gate == "step":
            return trials * count_open(self.gate_stream, self.config.gate_bits, threshold, 1)
        return self.sampler.open(self.gate_stream, trials, threshold)


def checked_arrays(
    config: UnitConfig, shape: tuple[int, ...], weights: Integers, gradients: Integers
) -> tuple[Integers, Integers]:
    """The two arrays of ``shape`` as the kernels take them, once nothing is left to refuse."""
    weights = checked_array("weights", weights, shape, weight_dtype(config))
    check_limits("weights", weights, config.weight_range)
    return checked_pair(weights, checked_gradients(config, shape, gradients))


def checked_gradients(config: UnitConfig, shape: tuple[int, ...], gradients: Integers) -> Integers:
    """The gradients of ``shape`` as the kernels take them."""
    gradients = checked_array("gradients", gradients, shape, gradient_dtype(config))
    check_limits("gradients", gradients, config.gradient_range)
    return gradients


def weight_dtype(config: UnitConfig) -> np.dtype[Any]:
    """The smallest of int8, int16 and int32 that holds ``weight_bits``."""
    return integer_dtype(config.weight)


def gradient_dtype(config: UnitConfig) -> np.dtype[Any]:
    """The smallest of int8, int16 and int32 that holds ``gradient_bits``."""
    return integer_dtype(config.gradient)


UNIT = ZimUnit
