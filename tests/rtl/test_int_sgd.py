"""The integer rival's arithmetic: every operand of small widths, and the corners of the widest."""

import json
from itertools import product

import numpy as np
import pytest

from zimu.golden.int_sgd import IntSGDConfig, step
from zimu.golden.names import named
from zimu.golden.programs import yosys
from zimu.rtl.int_sgd import IntSGD, IntStep
from zimu.rtl.netlist import write_rtlil
from zimu.sim.bit_parallel import BitParallel


def differing(config: IntSGDConfig, operands: list[tuple[int, int, int, int]]) -> tuple[list[str], int]:
    """(w, eta, g, r) whose step is not the reference's, as text, and how many of all are clipped."""
    inputs = {name: np.array(column) for name, column in zip(_NAMES, zip(*operands, strict=True), strict=True)}
    # The law at a power of two: the low f - k bits of r, and 2^(f - k) in the place of 2^f.
    widths = (config.weight_bits, config.rate_bits, config.gradient_bits, config.fraction_bits)
    # A port of no width is none.
    ports = {name: inputs[name] & 2**bits - 1 for name, bits in zip(_NAMES, widths, strict=True) if bits}
    outputs = BitParallel(IntStep(config))(enable=np.zeros(len(operands), np.int64), **ports)
    wrong, lost = [], 0
    for i, (w, eta, g, r) in enumerate(operands):
        factor, f = (1, config.fraction_bits - eta) if config.rate else (eta, config.fraction_bits)
        weight, clipped = step(w, factor, g, r % 2**f, fraction_bits=f, weight_bits=config.weight_bits)
        got = int(outputs["updated"][i]), int(outputs["clipped"][i])
        lost += clipped
        if got != (weight & 2**config.weight_bits - 1, clipped):
            wrong.append(f"w {w}, eta {eta}, g {g}, r {r}: expected {weight}, {clipped}, got {got}")
    return wrong[:5], lost


_NAMES = ("weight", "rate", "gradient", "random")


def configure(weight_bits: int, rate_bits: int, gradient_bits: int, fraction_bits: int, rate=None) -> IntSGDConfig:
    widths = {"weight_bits": weight_bits, "rate_bits": rate_bits, "gradient_bits": gradient_bits}
    return IntSGDConfig(name="part", depth=1, fraction_bits=fraction_bits, rate=rate, **widths)


ANY = [(3, 3, 3, 2), (2, 3, 5, 0), (4, 2, 3, 5), (2, 4, 4, 1), (6, 1, 2, 3)]
"""Products narrower and wider than a weight with its fraction, no fraction, nothing but sign and one bit."""

POWERS = [(3, 2, 3, 3), (2, 1, 5, 1), (4, 2, 3, 5), (5, 2, 2, 6), (3, 1, 6, 2)]
"""Rates up to 1 and below, changes wider and narrower than a weight."""


@pytest.mark.parametrize(
    ("widths", "rate"), [*((each, None) for each in ANY), *((each, "power_of_two") for each in POWERS)], ids=str
)
def test_every_operand_of_small_widths(widths, rate):
    config = configure(*widths, rate)
    low, high = config.weight.limits
    axes = (
        range(low, high + 1),
        range(2**config.rate_bits),
        range(config.gradient.limits[0], config.gradient.limits[1] + 1),
        range(2**config.fraction_bits),
    )
    operands = list(product(*axes))
    wrong, clipped = differing(config, operands)
    assert wrong == []
    assert 0 < clipped < len(operands)


@pytest.mark.parametrize(
    ("widths", "rate"),
    [
        *(
            ((*each,), None)
            for each in [(32, 24, 32, 24), (2, 24, 32, 24), (32, 24, 32, 0), (32, 1, 2, 24), (8, 8, 8, 12)]
        ),
        *(((*each,), "power_of_two") for each in [(32, 4, 32, 24), (2, 4, 32, 15), (32, 1, 2, 24), (8, 2, 8, 8)]),
    ],
    ids=str,
)
def test_corners_and_random_operands_of_wide_ones(widths, rate):
    config = configure(*widths, rate)
    rng = np.random.default_rng(3)

    def values(low, high):
        corners = {low, low + 1, 0, 1, high // 2, high // 2 + 1, high - 1, high, -1, low // 2}
        return [*(value for value in corners if low <= value <= high), *map(int, rng.integers(low, high + 1, 3))]

    limits = (
        config.weight.limits,
        (0, 2**config.rate_bits - 1),
        config.gradient.limits,
        (0, 2**config.fraction_bits - 1),
    )
    wrong, _ = differing(config, list(product(*(values(*pair) for pair in limits))))
    assert wrong == []


def test_sixteen_lanes_at_a_power_of_two_are_small(tmp_path):
    """At most 60 cells a lane once they are placed, which adds some 4 for each of a lane's two carry chains."""
    write_rtlil(IntSGD(named("int_sgd:8:pow2:x16:lfsr128")), "top", tmp_path)
    yosys(["read_rtlil top.il", "synth_ecp5 -noiopad -top top", "tee -q -o top.json stat -json"], folder=tmp_path)
    cells = json.loads((tmp_path / "top.json").read_text())["design"]["num_cells_by_type"]
    assert "MULT18X18D" not in cells
    assert cells["LUT4"] + 2 * cells["CCU2C"] <= 52 * 16
