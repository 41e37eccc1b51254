"""The float unit's arithmetic as a netlist against the emulator: all of small formats, much of the named ones."""

from itertools import product

import numpy as np
import pytest

from zimu.emu.float_sgd import step
from zimu.golden.errors import InputError
from zimu.golden.float_format import FORMATS, FloatFormat
from zimu.golden.float_sgd import Arithmetic
from zimu.rtl.float_datapath import Datapath
from zimu.rtl.float_frame import Frame
from zimu.rtl.float_step import Step
from zimu.sim.bit_parallel import BitParallel
from zimu.sim.float_sgd import boundary_triples, random_triples

FINITE = {"infinities": False}
SMALL = {
    "2.2": (FloatFormat(2, 2), FloatFormat(2, 2)),
    "3.3": (FloatFormat(3, 3), FloatFormat(3, 3)),
    "4.2": (FloatFormat(4, 2), FloatFormat(4, 2)),
    "2.4": (FloatFormat(2, 4), FloatFormat(2, 4)),
    "3.3 finite": (FloatFormat(3, 3, **FINITE), FloatFormat(3, 3, **FINITE)),
    "3.3 + 2.4": (FloatFormat(3, 3), FloatFormat(2, 4)),
    "2.4 + 4.2": (FloatFormat(2, 4), FloatFormat(4, 2)),
    "2.3 + 5.2": (FloatFormat(2, 3), FloatFormat(5, 2)),
    "2.4 finite + 4.2": (FloatFormat(2, 4, **FINITE), FloatFormat(4, 2)),
    "4.2 + 2.4 finite": (FloatFormat(4, 2), FloatFormat(2, 4, **FINITE)),
}
"""Formats of weights and of gradients, by exponent and significand bits."""


def differing(circuit, arithmetic, rate, w, lr, g, random=None) -> list[str]:
    """Operands whose result is not the emulator's, as text; the rate as its port takes it."""
    random = np.zeros(len(w), np.int64) if random is None else random
    number = lr << arithmetic.weights.fraction_bits if rate == "power_of_two" else lr
    expected = step(arithmetic, w, number, g, random)
    ports = {"random": random} if arithmetic.random_bits else {}
    got = circuit(w=w, lr=lr, g=g, enable=np.zeros(len(w), np.uint8), **ports)["result"]
    names = ("w", "lr", "g", "random", "expected", "got")
    return [
        ", ".join(
            f"{name} {values[i]:#x}" for name, values in zip(names, (w, number, g, random, expected, got), strict=True)
        )
        for i in np.flatnonzero(got != expected)[:5]
    ]


@pytest.mark.parametrize("flush", [False, True], ids=["kept", "flushed"])
@pytest.mark.parametrize("fused", [True, False], ids=["fused", "separate"])
@pytest.mark.parametrize("formats", SMALL)
def test_all_operands_of_small_formats(formats, fused, flush):
    weights, gradients = SMALL[formats]
    arithmetic = Arithmetic(weights, gradients, fused, flush)
    circuit = BitParallel(Step(arithmetic))
    axes = np.meshgrid(*(np.arange(2**fmt.width) for fmt in (weights, weights, gradients)))
    assert differing(circuit, arithmetic, "any", *(axis.reshape(-1) for axis in axes)) == []


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "separate"])
@pytest.mark.parametrize("formats", SMALL)
def test_all_operands_of_small_formats_at_powers_of_two(formats, fused):
    weights, gradients = SMALL[formats]
    for bits in (0, 2):
        arithmetic = Arithmetic(weights, gradients, fused, flush=True, random_bits=bits)
        circuit = BitParallel(Step(arithmetic, rate="power_of_two"))
        widths = (weights.width, weights.exponent_bits, gradients.width, bits)
        axes = np.meshgrid(*(np.arange(2**width) for width in widths))
        assert differing(circuit, arithmetic, "power_of_two", *(axis.reshape(-1) for axis in axes)) == []


@pytest.mark.parametrize("rate", ["any", "power_of_two"])
@pytest.mark.parametrize("flush", [False, pytest.param(True, marks=pytest.mark.nightly)], ids=["kept", "flushed"])
@pytest.mark.parametrize("fused", [True, pytest.param(False, marks=pytest.mark.nightly)], ids=["fused", "separate"])
def test_all_random_words(fused, flush, rate):
    formats = [(2, 2, True, 2, 2), (2, 3, False, 2, 3), (3, 2, True, 2, 3)]
    for (a, b, infinities, c, d), bits in product(formats, (0, 1, 2, 3)):
        weights, gradients = FloatFormat(a, b, infinities), FloatFormat(c, d)
        arithmetic = Arithmetic(weights, gradients, fused, flush, bits)
        circuit = BitParallel(Step(arithmetic, rate=rate))
        rates = weights.width if rate == "any" else weights.exponent_bits
        axes = np.meshgrid(*(np.arange(2**width) for width in (weights.width, rates, gradients.width, bits)))
        assert differing(circuit, arithmetic, rate, *(axis.reshape(-1) for axis in axes)) == []


def check_many(arithmetic, rate="any", count=30_000):
    """Compare boundary values and random operands."""
    circuit = BitParallel(Step(arithmetic, rate=rate))
    rng = np.random.default_rng(9)
    for w, lr, g in (boundary_triples(arithmetic), random_triples(arithmetic, count, seed=6)):
        if rate == "power_of_two":
            lr = lr >> arithmetic.weights.fraction_bits & 2**arithmetic.weights.exponent_bits - 1
        random = rng.integers(0, 2**arithmetic.random_bits, len(w))
        assert differing(circuit, arithmetic, rate, w, lr, g, random) == []


PAIRS = ["fp32", "bf16", "fp16", "bf16+fp32", "fp32+bf16", "fp16+e4m3", "fp16+e5m2", "e4m3+e5m2", "e5m2+e4m3"]


@pytest.mark.parametrize(
    ("fused", "flush"),
    [
        (True, False),
        (False, False),
        (False, True),
        pytest.param(True, True, marks=pytest.mark.nightly),
    ],
    ids=["fused", "separate", "separate-flushed", "fused-flushed"],
)
@pytest.mark.parametrize("name", PAIRS)
def test_named_formats(name, fused, flush):
    weights, gradients = (FORMATS[part] for part in (name.split("+") * 2)[:2])
    check_many(Arithmetic(weights, gradients, fused, flush), count=200_000)


@pytest.mark.parametrize(("fused", "flush"), [(True, False), (False, True)], ids=["fused", "separate-flushed"])
@pytest.mark.parametrize(
    ("name", "bits", "rate"),
    [
        ("bf16", 8, "any"),
        ("bf16", 0, "power_of_two"),
        ("fp16+e5m2", 13, "any"),
        ("fp16+e4m3", 5, "power_of_two"),
        ("bf16+fp32", 16, "any"),
        ("e4m3", 24, "any"),
    ],
)
def test_variants_of_named_formats(name, bits, rate, fused, flush):
    weights, gradients = (FORMATS[part] for part in (name.split("+") * 2)[:2])
    check_many(Arithmetic(weights, gradients, fused, flush, bits), rate)


@pytest.mark.parametrize("bits", [0, 24])
@pytest.mark.parametrize(
    ("fused", "flush", "rate"),
    [(True, False, "any"), (False, False, "any"), (False, True, "any"), (True, True, "power_of_two")],
    ids=["fused", "separate", "separate-flushed", "flushed-power_of_two"],
)
@pytest.mark.parametrize(
    "widths",
    [
        *((2, 24, 2, 24), (3, 24, 8, 3), (2, 9, 8, 2)),
        *(pytest.param(each, marks=pytest.mark.nightly) for each in ((4, 20, 4, 20), (8, 3, 2, 24), (5, 19, 3, 7))),
    ],
    ids=str,
)
def test_lopsided_formats(widths, fused, flush, rate, bits):
    a, b, c, d = widths
    check_many(Arithmetic(FloatFormat(a, b), FloatFormat(c, d), fused, flush, bits), rate, count=50_000)


def test_a_register_after_an_unknown_step_is_refused():
    fmt = FORMATS["bf16"]
    with pytest.raises(InputError, match=r"^registers = 'divide': must be one of 'unpack', "):
        Datapath(Frame(fmt, fmt, flush=False, random_bits=0), ["divide"])
