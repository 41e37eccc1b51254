"""Operands that make a float unit fail if it can: boundary values, bit patterns with structure, near cancellations.

The mixture follows Berkeley TestFloat's idea (J. Hauser): exponents and significands are drawn from the corners as
often as uniformly, so that the rare paths are not rare.
"""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from zimu.emu.float_sgd import fused_step
from zimu.golden.float_sgd import FloatFormat

Patterns = NDArray[np.int64]


def boundary_triples(fmt: FloatFormat) -> tuple[Patterns, Patterns, Patterns]:
    """Every triple (w, lr, g) of the boundary values of all classes, both signs."""
    unit, one = 1 << fmt.fraction_bits, fmt.bias << fmt.fraction_bits
    sizes = [0, 1, unit - 1, unit, unit + 1, one - 1, one, one + 1]
    sizes += [fmt.infinity - 2, fmt.infinity - 1, fmt.infinity, fmt.infinity + 1, fmt.quiet_nan, fmt.sign_bit - 1]
    values = [size | sign for size in sizes for sign in (0, fmt.sign_bit)]
    w, lr, g = np.array(list(product(values, repeat=3)), np.int64).T
    return w, lr, g


def random_triples(fmt: FloatFormat, count: int, seed: int) -> tuple[Patterns, Patterns, Patterns]:
    """``count`` triples (w, lr, g) of bit patterns.

    Half of the w stand so near to lr*g that both matter; an eighth is lr*g but for a few units in the last place.
    """
    rng = np.random.default_rng(seed)
    w, lr, g = (_patterns(fmt, count, rng) for _ in range(3))
    kind = rng.integers(0, 8, count)
    w = np.where(kind < 4, _near_product(fmt, w, lr, g, rng), w)
    w = np.where(kind == 0, _cancelling(fmt, lr, g, rng), w)
    return w, lr, g


def _patterns(fmt: FloatFormat, count: int, rng: np.random.Generator) -> Patterns:
    top, bits = 2**fmt.exponent_bits - 1, fmt.fraction_bits
    corners = np.array([0, 0, 1, 2, fmt.bias - 1, fmt.bias, fmt.bias + 1, top - 2, top - 1, top]).clip(0, top)
    field = np.where(rng.random(count) < 0.4, rng.choice(corners, count), rng.integers(0, top + 1, count))

    anything = rng.integers(0, 2**bits, count)
    single = np.int64(1) << rng.integers(0, bits, count)
    ones_below = (np.int64(1) << rng.integers(0, bits + 1, count)) - 1
    few = (anything >> rng.integers(0, bits + 1, count)) ^ (ones_below * rng.integers(0, 2, count))
    forms = np.array([anything, anything, np.zeros_like(anything), single, ones_below, (2**bits - 1) ^ ones_below, few])
    fraction = forms[rng.integers(0, len(forms), count), np.arange(count)]
    return rng.integers(0, 2, count) << (fmt.width - 1) | field << bits | fraction


def _near_product(fmt: FloatFormat, w: Patterns, lr: Patterns, g: Patterns, rng: np.random.Generator) -> Patterns:
    top, p = 2**fmt.exponent_bits - 1, fmt.significand_bits
    product_field = (lr >> fmt.fraction_bits & top) + (g >> fmt.fraction_bits & top) - fmt.bias
    field = np.clip(product_field + rng.integers(-2 * p - 4, p + 5, len(w)), 0, top)
    return w & ~np.int64(top << fmt.fraction_bits) | field << fmt.fraction_bits


def _cancelling(fmt: FloatFormat, lr: Patterns, g: Patterns, rng: np.random.Generator) -> Patterns:
    negated = fused_step(fmt, np.zeros_like(lr), lr, g).astype(np.int64)
    size = np.clip((negated & (fmt.sign_bit - 1)) + rng.integers(-3, 4, len(lr)), 0, fmt.sign_bit - 1)
    return size | (negated & fmt.sign_bit ^ fmt.sign_bit)
