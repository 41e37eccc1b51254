"""The whole unit, one step at a time: the golden model in daily use.

Twins: ``golden/unit.py``, ``rtl/unit.py``.
"""

from typing import Any, NamedTuple

import numpy as np

from zimu.emu.accumulator import Integers
from zimu.emu.arrays import ArrayKind, ArrayPair, integer_dtype
from zimu.emu.momentum import means_in
from zimu.emu.prng import WordStream
from zimu.emu.reals import Counts
from zimu.emu.sampler import InverseSampler
from zimu.emu.split import SplitSampler
from zimu.emu.steps import Run, Sampler, Tally
from zimu.emu.update import UpdateUnit
from zimu.golden.rule import Integer
from zimu.golden.scaling import Scaling
from zimu.golden.unit import UnitConfig

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
    trials: int
    """n: as given, or as it follows from the mass."""


class ZimUnit(UpdateUnit[UnitConfig]):
    """The unit, bit for bit; its counters are `zimu.golden.unit.Counters`, ``mass`` of the last step taken whole.

    Parameters, attributes and errors are those of `zimu.emu.update.UpdateUnit`.
    """

    def __init__(self, config: UnitConfig, seed: int = 0, threads: int = 1) -> None:
        super().__init__(config, seed, threads)
        self._momentum = config.momentum
        self.arrays = arrays_of(config, config.depth)
        self.gradient_dtype = self.arrays.gradients.dtype
        self.sampler: Sampler = SAMPLERS[config.sampler](config, self.seed, self.threads)

    def streams(self) -> dict[str, WordStream]:
        """The streams by name, that of the gate included."""
        return dict(self.sampler.streams)

    def step(
        self,
        weights: Integers,
        gradients: Integers,
        *,
        trials: int,
        threshold: int,
        smoothing: int,
        decay: int | None = None,
        rate: int | None = None,
    ) -> StepResult:
        """Take one step: ``weights`` are updated in place.

        Parameters
        ----------
        weights : shape (depth,), dtype `weight_dtype`, C-contiguous, writeable; values of ``weight_bits``.
        gradients : shape (depth,), dtype `gradient_dtype`, C-contiguous; numbers that ``gradient_bits`` hold in the
            configuration's encoding.
        trials : n, 0..2^32-1; with ``trials_shift`` the most that n may be.
        threshold : T in 0..2^gate_bits; the gate opens with probability T / 2^gate_bits.
        smoothing : c in 0..2^smoothing_bits-1.
        decay : b in 0..min(7, momentum_bits-gradient_bits-1), of a unit with momentum.
        rate : T' in 0..65535, of a unit with ``trials_shift``: n is floor(W * T' / 2^trials_shift).

        Raises
        ------
        InputError
            an argument is refused, or the unit is torn; weights, state and counters are as before.
        """
        config = self.config
        run = Run(**config.registers(trials=trials, threshold=threshold, smoothing=smoothing, decay=decay, rate=rate))
        weights, gradients = self.arrays.checked(weights, gradients)
        self.begin()
        means = means_in(self._momentum, self.memories, gradients, run.decay)
        return self.record(self.sampler.step(weights, gradients, run, means))

    def encoding(self, scale: int, scaling: Scaling) -> Counts:
        return Counts(self.config.weight, scale, self.config.gradient_bits, scaling)

    def step_patterns(self, weights: list[int], gradients: list[int], **registers: int) -> list[int]:
        """`step` on gradients as the hardware holds them; returns the new weights."""
        return super().step_patterns(weights, from_patterns(self.config, gradients), **registers)

    def record(self, row: Tally) -> StepResult:
        """Count what a step did and return it; the step is then whole."""
        opened, discarded, rejected, saturations, empty, mass, trials = row
        self.count(opened, discarded, rejected, saturations, empty, mass)
        return StepResult(opened, discarded, rejected, saturations, bool(empty), mass, trials)


def arrays_of(config: UnitConfig, *shape: int) -> ArrayPair:
    """What weights and gradients of a shape must be, for the kernels to take them."""
    return ArrayPair(
        ArrayKind("weights", shape, weight_dtype(config), config.weight.limits),
        ArrayKind("gradients", shape, gradient_dtype(config), config.encoding.limits),
    )


def weight_dtype(config: UnitConfig) -> np.dtype[Any]:
    """The smallest of int8, int16 and int32 that holds ``weight_bits``."""
    return integer_dtype(config.weight)


def gradient_dtype(config: UnitConfig) -> np.dtype[Any]:
    """The smallest of int8, int16 and int32 that holds ``gradient_bits``."""
    return integer_dtype(Integer(config.gradient_bits, signed=True))


def from_patterns(config: UnitConfig, gradients: list[int]) -> list[int]:
    """Gradients as numbers, from what the hardware holds."""
    if config.gradient.signed:  # in two's complement: a number itself
        return gradients
    sign = 1 << (config.gradient_bits - 1)
    return [sign - pattern if pattern & sign else pattern for pattern in gradients]


UNIT = ZimUnit
