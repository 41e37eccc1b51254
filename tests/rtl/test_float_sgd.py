"""The float unit between its streams: how long a beat takes, what it says, and its price."""

import json

import pytest

from zimu.golden.float_sgd import FloatSGDConfig, step
from zimu.golden.programs import yosys
from zimu.rtl.float_sgd import FloatSGD
from zimu.rtl.netlist import write_rtlil
from zimu.sim.worker import simulate_component


def configure(**fields) -> FloatSGDConfig:
    return FloatSGDConfig(name="part", **{"depth": 4, "weights": "bf16"} | fields)


LATENCIES = {
    "at once": (configure(stages="comb"), 2),
    "momentum at once": (configure(stages="comb", momentum=True, multiply="separate"), 2),
    "a rounding": (configure(), 14),
    "two roundings": (configure(multiply="separate"), 22),
    "velocities": (configure(momentum=True), 26),
}


@pytest.mark.parametrize("name", LATENCIES)
def test_a_beat_takes_as_long_as_is_said(name):
    config, clocks = LATENCIES[name]
    unit = FloatSGD(config)
    assert unit.latency == clocks
    numbers = config.arithmetic
    one, rate, gradient = (numbers.weights.from_float(value) for value in (1.0, 0.375, 0.5))

    async def bench(pins):
        pins.set("updated__ready", 1)
        pins.set("learning_rate", rate)
        pins.set("operands__payload", one | gradient << numbers.weights.width * (1 + config.momentum))
        pins.set("operands__valid", 1)
        await pins.tick()
        pins.set("operands__valid", 0)
        for clock in range(1, 40):
            await pins.tick()
            if pins.get("updated__valid"):
                return clock, pins.get("updated__payload") & 2**numbers.weights.width - 1
        return None

    assert simulate_component(unit, bench) == (clocks, step(numbers, one, rate, gradient))


@pytest.mark.parametrize(
    ("name", "logic", "multipliers"),
    [pytest.param("fp32", 3456, 4, marks=pytest.mark.nightly), ("bf16", 1113, 1)],
)
def test_a_fifth_smaller_than_the_best_public_unit(name, logic, multipliers, tmp_path):
    """Berkeley HardFloat's fused multiply-add, wrapped the same way: see docs/float_sgd.md."""
    cells, taken = cells_of(configure(weights=name, stages="comb"), tmp_path)
    assert taken == multipliers
    assert cells <= 0.8 * logic


@pytest.mark.parametrize(
    ("fields", "logic", "multipliers"),
    [
        ({"multiply": "separate"}, 451, 1),
        pytest.param({"multiply": "separate", "weights": "fp32"}, 1045, 4, marks=pytest.mark.nightly),
        ({"rate": "power_of_two"}, 392, 0),
        ({"rate": "power_of_two", "multiply": "separate"}, 392, 0),
    ],
    ids=str,
)
def test_no_larger_than_a_unit_with_an_ordinary_adder(fields, logic, multipliers, tmp_path):
    """What such a unit takes once it is placed, which adds some 4 cells for each carry chain."""
    config = configure(subnormals="flushed", stages="comb", **fields)
    cells, taken = cells_of(config, tmp_path)
    assert taken == multipliers
    assert cells <= 0.96 * logic


def cells_of(config, folder) -> tuple[int, int]:
    """Combinational cells of an ECP5, and multipliers."""
    write_rtlil(FloatSGD(config), "top", folder)
    yosys(["read_rtlil top.il", "synth_ecp5 -noiopad -top top", "tee -q -o top.json stat -json"], folder=folder)
    cells = json.loads((folder / "top.json").read_text())["design"]["num_cells_by_type"]
    return cells["LUT4"] + 2 * cells["CCU2C"], cells.get("MULT18X18D", 0)


@pytest.mark.parametrize("rate", ["any", "power_of_two"])
def test_only_a_power_of_two_needs_no_multiplier(rate, tmp_path):
    write_rtlil(FloatSGD(configure(weights="e5m2", rate=rate)), "top", tmp_path)
    yosys(
        ["read_rtlil top.il", "hierarchy -top top", "proc", "flatten", "tee -q -o top.json stat -json"], folder=tmp_path
    )
    cells = json.loads((tmp_path / "top.json").read_text())["design"]["num_cells_by_type"]
    assert ("$mul" in cells) == (rate == "any")
