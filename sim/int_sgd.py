"""Operands of the integer SGD unit: weights and steps at the rails, products of all sizes.

The unit: ``rtl/int_sgd.py``.
"""

import random

from zimu.golden.int_sgd import IntSGDConfig
from zimu.golden.vectors import Memory, Stimulus
from zimu.sim.stimuli import near_rails


class Operands:
    """See `zimu.sim.stimuli.OperandSource`."""

    def __init__(self, config: IntSGDConfig) -> None:
        self.config = config

    def memory(self, rng: random.Random) -> Memory:
        return {"weights": near_rails(rng, self.config.weight.limits, self.config.depth)}

    def stimulus(self, rng: random.Random) -> Stimulus:
        config = self.config
        top = config.largest_rate
        rate = rng.choice([0, 1, top, 1 << rng.randrange(config.rate_bits), rng.randint(0, top), rng.randint(0, top)])
        # Steps that add up over small numbers too: rounding matters most there.
        scale = rng.randrange(config.gradient_bits)
        gradients = near_rails(rng, config.gradient.limits, config.depth)
        memory = self.memory(rng) if rng.random() < 0.5 else {}
        return Stimulus([g >> scale for g in gradients], {"rate": rate}, memory)

    def clocks(self, rng: random.Random) -> int:
        return rng.randint(1, 2 * self.config.beats + 16)


OPERANDS = Operands
