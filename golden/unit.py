"""The whole unit, one step at a time: the specification in executable form.

Plain Python integers, one trial after the other. Slow on purpose; ``emu/unit.py`` is the one for daily use.
Twins: ``emu/unit.py``, ``rtl/unit.py``.
"""

from itertools import chain
from typing import NamedTuple

from zimu.golden.accumulator import accumulate
from zimu.golden.config import UnitConfig
from zimu.golden.errors import check_range
from zimu.golden.gate import gate
from zimu.golden.prng import Stream, WordStream
from zimu.golden.rule import check_vector
from zimu.golden.sampler import InverseSampler, masses
from zimu.golden.split import SplitSampler, binomial


class Counters(NamedTuple):
    """What the unit counts. In registers all but ``mass`` are 32 bits wide, wrap, and count since the last seed."""

    steps: int
    """Steps taken, empty ones included."""
    open_trials: int
    """Trials that passed the gate."""
    discarded_trials: int
    """Open trials that landed on a weight whose gradient is 0."""
    rejected_draws: int
    """Draws u >= W that came before an accepted one."""
    saturations: int
    """Trials whose unit of change was lost at a rail."""
    empty_steps: int
    """Steps with W = 0, in which nothing is drawn."""
    mass: int
    """W of the last step."""

    def since(self, before: "Counters") -> "Counters":
        """What the steps between ``before`` and now counted; ``mass`` is that of the last step."""
        deltas = (new - old & 2**32 - 1 for new, old in zip(self, before, strict=True))
        return Counters(*deltas)._replace(mass=self.mass)


ZERO_COUNTERS = Counters(0, 0, 0, 0, 0, 0, 0)

SAMPLERS: dict[str, type[InverseSampler] | type[SplitSampler]] = {"inverse": InverseSampler, "split": SplitSampler}


class ReferenceUnit:
    """The scalar reference of the unit.

    Parameters
    ----------
    config : the configuration.
    seed : 64-bit seed of all streams.
    """

    def __init__(self, config: UnitConfig, seed: int) -> None:
        seed = check_range("seed", seed, 0, 2**64 - 1)
        self.config = config
        self.gate_stream = WordStream(config.prng, seed, Stream.GATE, config.gate_lanes)
        self.sampler = SAMPLERS[config.sampler](config, seed)
        self.counters = ZERO_COUNTERS

    def step(
        self, weights: list[int], gradients: list[int], *, trials: int, threshold: int, smoothing: int
    ) -> list[int]:
        """Take one step and return the new weights (``depth`` integers of ``weight_bits``).

        ``trials`` is n, ``threshold`` T in [0, 2^gate_bits], ``smoothing`` c. A refused argument changes nothing.
        """
        config = self.config
        # Plain ints from here on: those of other libraries wrap.
        trials, threshold, smoothing = config.registers(
            trials=trials, threshold=threshold, smoothing=smoothing
        ).values()
        weights = check_vector("weights", weights, config.depth, *config.weight_range)
        gradients = check_vector("gradients", gradients, config.depth, *config.gradient_range)
        weight_masses = masses(gradients, smoothing)
        mass = sum(weight_masses)
        opened = self._open(trials, threshold) if mass else 0
        counts, rejected = self.sampler.draw(weight_masses, opened)
        updated = [accumulate(w, g, x, config.weight_bits) for w, g, x in zip(weights, gradients, counts, strict=True)]

        discarded = sum(x for g, x in zip(gradients, counts, strict=True) if g == 0)

        old = self.counters
        self.counters = Counters(
            steps=old.steps + 1 & 2**32 - 1,
            open_trials=old.open_trials + opened & 2**32 - 1,
            discarded_trials=old.discarded_trials + discarded & 2**32 - 1,
            rejected_draws=old.rejected_draws + rejected & 2**32 - 1,
            saturations=old.saturations + sum(lost for _, lost in updated) & 2**32 - 1,
            empty_steps=old.empty_steps + (mass == 0) & 2**32 - 1,
            mass=mass,
        )
        return [weight for weight, _ in updated]

    def _open(self, trials: int, threshold: int) -> int:
        """Draw the gate: the number of trials that pass."""
        config, words = self.config, chain.from_iterable(self.gate_stream.rows())
        if config.gate == "step":
            return trials if gate(next(words), config.gate_bits, threshold) else 0
        if config.sampler == "split":
            return binomial(words, trials, threshold, config.max_threshold)
        return sum(gate(next(words), config.gate_bits, threshold) for _ in range(trials))
