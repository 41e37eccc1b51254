"""Every triple (w, lr, g) of the FP8 formats, against rational arithmetic and a search for the nearest number.

Nothing here is shared with the contract's code: a number's value is the formula of the OCP 8-bit Floating Point
Specification 1.0, and rounding is done by looking among all numbers. The result depends on lr and g through their exact
product alone, of which there are some thousands, so each pair (w, product) is computed once and stands for all triples
that have it.
"""

from bisect import bisect_left, bisect_right
from fractions import Fraction
from functools import cache
from itertools import product

import numpy as np
import pytest

from zimu.emu import float_sgd as emu
from zimu.golden import float_sgd as golden
from zimu.golden.float_format import FORMATS
from zimu.golden.float_sgd import Arithmetic

NAN = "nan"
FIELDS = {"e4m3": (3, 7), "e5m2": (2, 15)}
"""Fraction bits and bias; tables 1 and 2 of the specification."""


class Number:
    """An exact number with a sign, an infinity, or a NaN."""

    def __init__(self, size, negative):
        self.size, self.negative = size, negative  # size: a Fraction, "inf" or "nan"

    @property
    def key(self):
        return self.size, self.negative and self.size != NAN

    @property
    def value(self):
        return -self.size if self.negative else self.size


@cache
def decode(name, pattern, flush):
    fraction_bits, bias = FIELDS[name]
    size, negative = pattern & 127, pattern > 127
    field, fraction = size >> fraction_bits, Fraction(size % 2**fraction_bits, 2**fraction_bits)
    if name == "e4m3" and size == 127:
        return Number(NAN, False)
    if name == "e5m2" and field == 31:
        return Number(NAN if fraction else "inf", negative and not fraction)
    if field == 0:
        return Number(Fraction(0) if flush else fraction * Fraction(2) ** (1 - bias), negative)
    return Number((1 + fraction) * Fraction(2) ** (field - bias), negative)


@cache
def numbers(name):
    """Sizes of all finite numbers, ascending; the place of each is its pattern."""
    sizes = [decode(name, pattern, False).size for pattern in range(128)]
    return [size for size in sizes if not isinstance(size, str)]


def encode(name, number, flush):
    """The pattern nearest to ``number``, ties to the even one."""
    if number.size == NAN:
        return 0x7F if name == "e4m3" else 0x7E
    overflow = 0x7F if name == "e4m3" else 0x7C + 128 * number.negative
    if number.size == "inf":
        return overflow
    sizes = numbers(name)
    smallest_normal = Fraction(2) ** (1 - FIELDS[name][1])
    if flush and number.size < smallest_normal:
        return 128 * number.negative
    # The number after the largest one, had it a pattern, would be as far from it as the one before.
    ladder = [*sizes, 2 * sizes[-1] - sizes[-2]]
    above = bisect_left(ladder, number.size)
    if above == len(ladder):
        return overflow
    below = bisect_right(ladder, number.size) - 1
    up, down = ladder[above] - number.size, number.size - ladder[below]
    place = above if up < down or (up == down and above % 2 == 0) else below
    return overflow if place == len(sizes) else place + 128 * number.negative


def multiply(a, b):
    if NAN in (a.size, b.size):
        return Number(NAN, False)
    negative = a.negative != b.negative
    if "inf" in (a.size, b.size):
        return Number(NAN, False) if 0 in (a.size, b.size) else Number("inf", negative)
    return Number(a.size * b.size, negative)


def subtract(a, b):
    if NAN in (a.size, b.size):
        return Number(NAN, False)
    if b.size == "inf":
        if a.size == "inf" and a.negative == b.negative:
            return Number(NAN, False)
        return Number("inf", not b.negative)
    if a.size == "inf":
        return a
    if a.size == b.size == 0:
        return Number(Fraction(0), a.negative and not b.negative)
    difference = a.value - b.value
    return Number(abs(difference), difference < 0)


def answers(weights, gradients, fused, flush):
    """``table[w, index[lr, g]]``: the pattern of w - lr*g."""
    places, products = {}, []
    index = np.empty((256, 256), np.int64)
    for lr in range(256):
        for g in range(256):
            product = multiply(decode(weights, lr, flush), decode(gradients, g, flush))
            if not fused:
                product = decode(weights, encode(weights, product, flush), flush)
            place = places.setdefault(product.key, len(products))
            if place == len(products):
                products.append(product)
            index[lr, g] = place
    table = np.array(
        [[encode(weights, subtract(decode(weights, w, flush), p), flush) for p in products] for w in range(256)]
    )
    return table, index


PAIRS = [("e4m3", "e4m3"), ("e5m2", "e5m2"), ("e4m3", "e5m2"), ("e5m2", "e4m3")]


def every_arithmetic():
    """Each pair of formats with each rounding and kind of subnormals: four at every change, the others by night."""
    for pair, (fused, flush) in product(PAIRS, product([True, False], repeat=2)):
        often = pair == PAIRS[2 * flush + fused]
        name = "-".join([*pair, "fused" if fused else "separate", "flushed" if flush else "kept"])
        yield pytest.param(*pair, fused, flush, id=name, marks=[] if often else [pytest.mark.nightly])


@pytest.mark.parametrize(("weights", "gradients", "fused", "flush"), list(every_arithmetic()))
def test_every_triple(weights, gradients, fused, flush):
    table, index = answers(weights, gradients, fused, flush)
    arithmetic = Arithmetic(FORMATS[weights], FORMATS[gradients], fused, flush)
    every = np.arange(256)
    for w in range(256):
        got = emu.step(arithmetic, w, every[:, np.newaxis], every)
        np.testing.assert_array_equal(got, table[w, index], err_msg=f"w = {w:#x}")

    rng = np.random.default_rng(3)
    for w, lr, g in rng.integers(0, 256, (2000, 3)).tolist():
        assert golden.step(arithmetic, w, lr, g) == table[w, index[lr, g]]


def test_the_ladders_are_the_published_ones():
    assert [float(numbers("e4m3")[i]) for i in (1, 7, 8, -1)] == [2.0**-9, 0.875 * 2**-6, 2.0**-6, 448.0]
    assert [float(numbers("e5m2")[i]) for i in (1, 3, 4, -1)] == [2.0**-16, 0.75 * 2**-14, 2.0**-14, 57344.0]
