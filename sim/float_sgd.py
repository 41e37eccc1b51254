"""Operands of the floating-point SGD unit, which make it fail if they can, whatever the formats.

Boundary values, bit patterns with structure, weights near the step and where it cancels them. The mixture follows the
idea of Berkeley TestFloat (J. Hauser): exponents and significands are drawn from the corners as often as uniformly, so
that the rare paths are not rare, and every pair of classes of numbers meets. The unit: ``rtl/float_sgd.py``.
"""

import random
from itertools import product

import numpy as np
from numpy.typing import NDArray

from zimu.emu.float_sgd import step
from zimu.golden.float_format import FloatFormat
from zimu.golden.float_sgd import Arithmetic, FloatSGDConfig
from zimu.golden.vectors import Memory, Stimulus
from zimu.sim.stimuli import Deck

Patterns = NDArray[np.int64]


def boundary_values(fmt: FloatFormat) -> list[int]:
    """Patterns at the ends of every class, both signs: 0, subnormal, normal, about 1, largest, infinite, NaN."""
    unit, one = 1 << fmt.fraction_bits, fmt.bias << fmt.fraction_bits
    sizes = {0, 1, 2, unit // 2, unit - 1, unit, unit + 1, one - 1, one, one + 1}
    sizes |= {
        fmt.max_finite - 1,
        fmt.max_finite,
        fmt.max_finite + 1,
        fmt.max_finite + 2,
        fmt.quiet_nan,
        fmt.sign_bit - 1,
    }
    return [size | sign for size in sorted(sizes) if size < fmt.sign_bit for sign in (0, fmt.sign_bit)]


def boundary_triples(arithmetic: Arithmetic) -> tuple[Patterns, Patterns, Patterns]:
    """Every triple (w, lr, g) of `boundary_values`."""
    values, factors = boundary_values(arithmetic.weights), boundary_values(arithmetic.gradients)
    w, lr, g = np.array(list(product(values, values, factors)), np.int64).T
    return w, lr, g


def random_triples(arithmetic: Arithmetic, count: int, seed: int) -> tuple[Patterns, Patterns, Patterns]:
    """``count`` triples (w, lr, g) of bit patterns.

    Half of the w stand so near to lr*g that both matter; an eighth is lr*g but for a few units in the last place.
    """
    rng = np.random.default_rng(seed)
    w, lr = (patterns(arithmetic.weights, count, rng) for _ in range(2))
    g = patterns(arithmetic.gradients, count, rng)
    kind = rng.integers(0, 8, count)
    w = np.where(kind < 4, _near_product(arithmetic, w, lr, g, rng), w)
    w = np.where(kind == 0, _cancelling(arithmetic, lr, g, rng), w)
    return w, lr, g


def patterns(fmt: FloatFormat, count: int, rng: np.random.Generator) -> Patterns:
    """Patterns with exponents and fractions from the corners as often as from anywhere."""
    top, bits = 2**fmt.exponent_bits - 1, fmt.fraction_bits
    corners = np.array([0, 0, 1, 2, fmt.bias - 1, fmt.bias, fmt.bias + 1, top - 2, top - 1, top]).clip(0, top)
    field: Patterns = np.where(rng.random(count) < 0.4, rng.choice(corners, count), rng.integers(0, top + 1, count))

    anything = rng.integers(0, 2**bits, count)
    single = np.int64(1) << rng.integers(0, bits, count)
    ones_below = (np.int64(1) << rng.integers(0, bits + 1, count)) - 1
    few = (anything >> rng.integers(0, bits + 1, count)) ^ (ones_below * rng.integers(0, 2, count))
    forms = np.array([anything, anything, np.zeros_like(anything), single, ones_below, (2**bits - 1) ^ ones_below, few])
    fraction: Patterns = forms[rng.integers(0, len(forms), count), np.arange(count)]
    return (rng.integers(0, 2, count) << (fmt.width - 1)) | (field << bits) | fraction


def _near_product(arithmetic: Arithmetic, w: Patterns, lr: Patterns, g: Patterns, rng: np.random.Generator) -> Patterns:
    """The weights with the exponent of lr*g, or one near it."""
    a, b = arithmetic.weights, arithmetic.gradients
    top, p = 2**a.exponent_bits - 1, a.significand_bits
    factor_field = ((g >> b.fraction_bits) & (2**b.exponent_bits - 1)) - b.bias
    field = ((lr >> a.fraction_bits) & top) + factor_field
    near: Patterns = np.clip(field + rng.integers(-p - b.significand_bits - 4, p + 5, len(w)), 0, top)
    return (w & ~np.int64(top << a.fraction_bits)) | (near << a.fraction_bits)


def _cancelling(arithmetic: Arithmetic, lr: Patterns, g: Patterns, rng: np.random.Generator) -> Patterns:
    """The numbers lr*g, but for a few units in the last place."""
    fmt = arithmetic.weights
    exact = Arithmetic(fmt, arithmetic.gradients)
    negated = step(exact, np.zeros_like(lr), lr, g).astype(np.int64)
    size: Patterns = np.clip((negated & (fmt.sign_bit - 1)) + rng.integers(-3, 4, len(lr)), 0, fmt.sign_bit - 1)
    return size | ((negated & fmt.sign_bit) ^ fmt.sign_bit)


class Operands:
    """See `zimu.sim.stimuli.OperandSource`."""

    def __init__(self, config: FloatSGDConfig) -> None:
        self.config = config
        self._numbers = config.arithmetic
        # One learning rate serves a whole step, and few of its patterns leave most weights both finite and changed.
        self._rates = Deck(["ordinary", "boundary", "ordinary", "any"])
        fmt = self._numbers.weights
        near_infinity = sorted(
            boundary_values(fmt), key=lambda bits: abs((bits & (fmt.sign_bit - 1)) - (fmt.max_finite + 1))
        )
        self._boundaries = Deck(near_infinity)

    def memory(self, rng: random.Random) -> Memory:
        weights, _, _ = random_triples(self._numbers, self.config.depth, rng.getrandbits(32))
        # A unit that was just seeded begins with velocities of 0.
        velocities = {"velocity": [0] * self.config.depth} if self.config.momentum else {}
        return {"weights": weights.tolist()} | velocities

    def stimulus(self, rng: random.Random) -> Stimulus:
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
            rate = ((fmt.bias - rng.randrange(4)) << fmt.fraction_bits) | rng.getrandbits(fmt.fraction_bits)
        registers = {"learning_rate": rate}
        if self.config.rate == "power_of_two":
            field = min(rate & (fmt.sign_bit - 1), fmt.max_finite) >> fmt.fraction_bits
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
            memory["velocity"] = (patterns(numbers.gradients, len(weights), chance) * moving).tolist()
        return Stimulus(gradients.tolist(), registers, memory)

    def clocks(self, rng: random.Random) -> int:
        return rng.randint(1, 2 * self.config.beats + 40)

    def _near_step(self, rate: int, gradients: Patterns, chance: np.random.Generator) -> Patterns:
        """Weights equal to lr*g but for a few units in the last place, or but for their exponents."""
        fmt, count = self._numbers.weights, len(gradients)
        once = Arithmetic(fmt, self._numbers.gradients)
        negated = step(once, np.zeros(count, np.int64), rate, gradients).astype(np.int64)
        reach = 2 * fmt.significand_bits
        steps = [chance.integers(-3, 4, count), chance.integers(-reach, reach, count) << fmt.fraction_bits]
        moved = (negated & (fmt.sign_bit - 1)) + np.where(chance.random(count) < 0.5, *steps)
        size: Patterns = np.clip(moved, 0, fmt.sign_bit - 1)
        return size | (~negated & fmt.sign_bit)


OPERANDS = Operands
