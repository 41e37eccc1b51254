"""Operands of the floating-point SGD unit: patterns of every class, weights near the step and where it cancels them.

The unit: ``rtl/float_sgd.py``.
"""

import random

import numpy as np

from zimu.emu.float_sgd import step
from zimu.golden.float_sgd import Arithmetic, FloatSGDConfig
from zimu.sim.float_operands import Patterns, boundary_values, patterns, random_triples
from zimu.sim.jobs import Inputs, Memory
from zimu.sim.unit import Deck


class Operands:
    """See `zimu.sim.operands.OperandSource`."""

    def __init__(self, config: FloatSGDConfig) -> None:
        self.config = config
        self._numbers = config.arithmetic
        # One learning rate serves a whole step, and few of its patterns leave most weights both finite and changed.
        self._rates = Deck(["ordinary", "boundary", "ordinary", "any"])
        fmt = self._numbers.weights
        near_infinity = sorted(boundary_values(fmt), key=lambda bits: abs((bits & fmt.sign_bit - 1) - fmt.beyond))
        self._boundaries = Deck(near_infinity)

    def memory(self, rng: random.Random) -> Memory:
        weights, _, _ = random_triples(self._numbers, self.config.depth, rng.getrandbits(32))
        # A unit that was just seeded begins with velocities of 0.
        velocities = {"velocities": [0] * self.config.depth} if self.config.momentum else {}
        return {"weights": weights.tolist()} | velocities

    def inputs(self, rng: random.Random) -> Inputs:
        numbers, fmt = self._numbers, self._numbers.weights
        chance = np.random.default_rng(rng.getrandbits(64))
        weights, rates, gradients = random_triples(numbers, self.config.depth, rng.getrandbits(32))
        # Zeros of both signs, which are rare among patterns and not among gradients.
        gradients = np.where(chance.random(len(gradients)) < 1 / 12, gradients & numbers.gradients.sign_bit, gradients)
        rate = int(rates[0])
        kind = self._rates.deal(rng)
        if kind == "boundary":
            rate = self._boundaries.deal(rng)
        elif kind == "ordinary":
            rate = fmt.bias - rng.randrange(4) << fmt.fraction_bits | rng.getrandbits(fmt.fraction_bits)
        registers = {"learning_rate": rate}
        if self.config.rate == "power_of_two":
            field = min(rate & fmt.sign_bit - 1, fmt.beyond - 1) >> fmt.fraction_bits
            rate, registers = field << fmt.fraction_bits, {"learning_rate": field}
        if self.config.momentum:
            factors = [0, numbers.gradients.from_float(0.9), int(patterns(numbers.gradients, 1, chance)[0])]
            registers["momentum"] = rng.choice(factors)
        # Weights that were updated a few times are infinite or no numbers: mostly there are new ones.
        memory: Memory = {}
        if rng.random() < 0.8:
            near = chance.random(len(weights)) < 0.5
            memory["weights"] = np.where(near, self._near_step(rate, gradients, chance), weights).tolist()
        if memory and self.config.momentum:
            moving = chance.random(len(weights)) < 0.5
            memory["velocities"] = (patterns(numbers.gradients, len(weights), chance) * moving).tolist()
        return Inputs(gradients.tolist(), registers, memory)

    def clocks(self, rng: random.Random) -> int:
        return rng.randint(1, 2 * self.config.beats + 40)

    def _near_step(self, rate: int, gradients: Patterns, chance: np.random.Generator) -> Patterns:
        """Weights equal to lr*g but for a few units in the last place, or but for their exponents."""
        fmt, count = self._numbers.weights, len(gradients)
        once = Arithmetic(fmt, self._numbers.gradients)
        negated = step(once, np.zeros(count, np.int64), rate, gradients).astype(np.int64)
        reach = 2 * fmt.significand_bits
        steps = [chance.integers(-3, 4, count), chance.integers(-reach, reach, count) << fmt.fraction_bits]
        moved = (negated & fmt.sign_bit - 1) + np.where(chance.random(count) < 0.5, *steps)
        size: Patterns = np.clip(moved, 0, fmt.sign_bit - 1)
        return size | ~negated & fmt.sign_bit
