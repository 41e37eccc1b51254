"""One unit's weights spread over many machines: each applies the trials that land on its own; the bits are the same.

Every machine draws the words of the whole unit and keeps the draws in its own part of [0, W). All it needs of the
others is two numbers: the mass before its weights and the mass of all.
"""

from typing import Self

from zimu.emu.accumulator import Integers
from zimu.emu.states import Resumable
from zimu.emu.steps import Run
from zimu.emu.unit import StepResult, ZimUnit, arrays_of
from zimu.emu.update import UnitState
from zimu.golden.errors import check_range
from zimu.golden.unit import UnitConfig


class Shard(Resumable):
    """The weights ``first .. last - 1`` of a unit.

    Parameters
    ----------
    config : the configuration of the whole unit, with ``sampler = "inverse"`` and without momentum.
    seed : 64-bit seed of the unit, the same on every shard.
    first, last : the weights held here, 0 <= first < last <= depth.
    threads : the most threads a step may use.

    Raises
    ------
    InputError
        another sampler, momentum, or a range, seed or number of threads that is refused.
    """

    def __init__(self, config: UnitConfig, seed: int, first: int, last: int, threads: int = 1) -> None:
        self.first = check_range("first", first, 0, config.depth - 1)
        self.last = check_range("last", last, first + 1, config.depth)
        self.unit = ZimUnit(config, seed, threads)
        self._arrays = arrays_of(config, self.last - self.first)
        self._sampler = self.unit.sampler.sharding()

    def mass(self, gradients: Integers, smoothing: int) -> int:
        """The sum of |g| + c over the shard: what the other machines have to be told; arguments as for `step`."""
        config = self.unit.config
        smoothing = check_range("smoothing", smoothing, 0, config.max_smoothing)
        gradients = self._arrays.gradients.checked(gradients)
        return int(self._sampler.masses(gradients, smoothing).bounds[-1])

    @property
    def torn(self) -> bool:
        """Whether a step was broken off: see `Resumable.torn`."""
        return self.unit.torn

    def step(
        self,
        weights: Integers,
        gradients: Integers,
        *,
        trials: int,
        threshold: int,
        smoothing: int,
        before: int,
        mass: int,
        rate: int | None = None,
    ) -> StepResult:
        """Take one step of the unit: the shard's ``weights`` are updated in place.

        Parameters
        ----------
        weights, gradients : shape (last - first,); otherwise as for `ZimUnit.step`.
        trials, threshold, smoothing, rate : of the whole unit, as for `ZimUnit.step`.
        before : exclusive prefix: the mass of all weights before ``first``.
        mass : W, the mass of all weights.

        Returns
        -------
        What the step did. Discarded trials and saturations are those of the shard, so that they add up over the
        shards; everything else is the unit's.

        Raises
        ------
        InputError
            an argument is refused, or the shard is torn; weights and state are as before.
        """
        config = self.unit.config
        run = Run(**config.registers(trials=trials, threshold=threshold, smoothing=smoothing, rate=rate))
        weights, gradients = self._arrays.checked(weights, gradients)
        masses = self._sampler.masses(gradients, run.smoothing)
        own = int(masses.bounds[-1])
        mass = check_range("mass", mass, own, config.max_mass)
        before = check_range("before", before, 0, mass - own)
        self.unit.begin()
        return self.unit.record(self._sampler.step_shard(weights, masses, run, before=before, mass=mass))

    def state(self) -> UnitState:
        """The state between two steps, for `restore`; the streams are those of the whole unit."""
        self.check_whole()
        return self.unit.state()

    @classmethod
    def restore(cls, config: UnitConfig, state: UnitState, first: int, last: int, threads: int = 1) -> Self:
        """A shard that continues from a saved state; errors as in `ZimUnit.restore`."""
        shard = cls(config, 0, first, last, threads)
        shard.unit.resume(state)
        return shard
