"""The whole unit, one step at a time: the specification in executable form.

Plain Python integers, one trial after the other. Slow on purpose; ``emu/unit.py`` is the one for daily use.
Twins: ``emu/unit.py``, ``rtl/unit.py``.
"""

from itertools import chain

from zimu.golden.accumulator import accumulate
from zimu.golden.config import SAMPLERS, UnitConfig
from zimu.golden.gate import gate
from zimu.golden.prng import Stream, WordStream
from zimu.golden.rule import Reference
from zimu.golden.sampler import masses


class ReferenceUnit(Reference[UnitConfig]):
    """The scalar reference of the unit; its counters are `zimu.golden.config.Counters`.

    Parameters
    ----------
    config : the configuration.
    seed : 64-bit seed of all streams.
    """

    def __init__(self, config: UnitConfig, seed: int) -> None:
        super().__init__(config, seed)
        self.gate_stream = WordStream(config.prng, self.seed, Stream.GATE, config.gate_lanes)
        self.sampler = SAMPLERS[config.sampler](config, self.seed)

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
        weights, gradients = self.checked(weights, gradients)
        weight_masses = masses(gradients, smoothing)
        mass = sum(weight_masses)
        opened = self._open(trials, threshold) if mass else 0
        counts, rejected = self.sampler.draw(weight_masses, opened)
        updated = [accumulate(w, g, x, config.weight_bits) for w, g, x in zip(weights, gradients, counts, strict=True)]
        self.count(
            open_trials=opened,
            discarded_trials=sum(x for g, x in zip(gradients, counts, strict=True) if g == 0),
            rejected_draws=rejected,
            saturations=sum(lost for _, lost in updated),
            empty_steps=int(mass == 0),
            mass=mass,
        )
        return [weight for weight, _ in updated]

    def _open(self, trials: int, threshold: int) -> int:
        """Draw the gate: the number of trials that pass."""
        words = chain.from_iterable(self.gate_stream.rows())
        if self.config.gate == "step":
            return trials if gate(next(words), self.config.gate_bits, threshold) else 0
        return self.sampler.open(words, trials, threshold)


CONFIG, REFERENCE = UnitConfig, ReferenceUnit
