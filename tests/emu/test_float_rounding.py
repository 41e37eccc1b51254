"""Stochastic rounding: every random word, and the probability of rounding up as the exact rational it must be."""

from fractions import Fraction

import numpy as np
import pytest

from zimu.emu import float_sgd as emu
from zimu.golden import float_sgd as golden
from zimu.golden.errors import InputError
from zimu.golden.float_format import FORMATS
from zimu.golden.float_sgd import Arithmetic
from zimu.sim.float_sgd import random_triples

CASES = [("fp32", 8), ("bf16", 1), ("bf16", 8), ("bf16", 12), ("fp16", 10), ("e4m3", 4), ("e5m2", 7)]


def exact(arithmetic, w, lr, g):
    """The exact w - lr*g; of two roundings, with the product rounded to nearest."""
    fmt, factor = arithmetic.weights, arithmetic.gradients
    product = Fraction(fmt.to_float(lr)) * Fraction(factor.to_float(g))
    if not arithmetic.fused:
        nearest = golden.step(Arithmetic(fmt, factor), fmt.sign_bit, lr ^ fmt.sign_bit, g)
        if nearest & fmt.sign_bit - 1 > fmt.max_finite:
            return None
        product = Fraction(fmt.to_float(nearest))
    return Fraction(fmt.to_float(w)) - product


def neighbours(fmt, size):
    """The pattern at or below a size, and the distance to it in units of that to the next; None where it overflows."""
    low, high = 0, fmt.max_finite + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if Fraction(fmt.to_float(middle)) <= size else (low, middle)
    if high == fmt.max_finite + 1:
        return None
    below, above = (Fraction(fmt.to_float(pattern)) for pattern in (low, high))
    return low, (size - below) / (above - below)


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "separate"])
@pytest.mark.parametrize(("name", "bits"), CASES)
def test_the_probability_of_rounding_up_is_the_truncated_fraction(name, bits, fused):
    fmt = FORMATS[name]
    arithmetic = Arithmetic(fmt, fmt, fused, random_bits=bits)
    words = np.arange(2**bits)
    seen = set()
    for w, lr, g in zip(*(x.tolist() for x in random_triples(arithmetic, 300, seed=6)), strict=True):
        if max(x & fmt.sign_bit - 1 for x in (w, lr, g)) > fmt.max_finite:
            continue
        number = exact(arithmetic, w, lr, g)
        place = number and neighbours(fmt, abs(number))
        if not place:
            continue
        low, fraction = place
        sign = fmt.sign_bit * (number < 0)
        ups = fraction * 2**bits // 1
        # Words that carry are the largest ones.
        expected = low + (words >= 2**bits - ups) | sign
        np.testing.assert_array_equal(emu.step(arithmetic, w, lr, g, words), expected)
        for word in (0, 2**bits - 1 - ups, 2**bits - ups, 2**bits - 1):
            if 0 <= word < 2**bits:
                assert golden.step(arithmetic, w, lr, g, int(word)) == expected[word]
        seen.add(0 < ups < 2**bits)
    assert seen == {False, True}


@pytest.mark.parametrize(
    ("weights", "gradients"), [("bf16", "fp32"), ("fp16", "e4m3"), ("fp16", "e5m2"), ("e4m3", "e5m2")]
)
@pytest.mark.parametrize("flush", [False, True], ids=["kept", "flushed"])
@pytest.mark.parametrize("fused", [True, False], ids=["fused", "separate"])
@pytest.mark.parametrize("bits", [0, 3, 24])
def test_emulator_and_contract_agree_in_every_mode(weights, gradients, fused, flush, bits):
    arithmetic = Arithmetic(FORMATS[weights], FORMATS[gradients], fused, flush, bits)
    triples = random_triples(arithmetic, 1500, seed=7)
    random = np.random.default_rng(8).integers(0, 2**bits, 1500)
    columns = [values.tolist() for values in (*triples, random)]
    expected = [golden.step(arithmetic, *column) for column in zip(*columns, strict=True)]
    np.testing.assert_array_equal(emu.step(arithmetic, *triples, random), expected)


def test_refusals():
    bf16 = FORMATS["bf16"]
    with pytest.raises(InputError, match=r"^random_bits = 25: must be in 0\.\.24$"):
        Arithmetic(bf16, bf16, random_bits=25)
    with pytest.raises(InputError, match=r"^random = 8: must be in 0\.\.7$"):
        golden.step(Arithmetic(bf16, bf16, random_bits=3), 0, 0, 0, 8)
    with pytest.raises(InputError, match=r"^random has values in 8\.\.8: must be in 0\.\.7$"):
        emu.step(Arithmetic(bf16, bf16, random_bits=3), [0], [0], [0], [8])
    with pytest.raises(InputError, match=r"^w has values in 0\.\.65536: must be in 0\.\.65535$"):
        emu.step(Arithmetic(bf16, bf16), [0, 65536], 0, 0)
    with pytest.raises(InputError, match=r"^g is an array of float64: must be bit patterns"):
        emu.step(Arithmetic(bf16, bf16), [0], [0], [0.5])
