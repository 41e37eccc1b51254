"""Units behind buses, by public models of these; the system's memory with and without errors."""

import pytest

from zimu.golden.errors import InputError
from zimu.golden.unit import UnitConfig
from zimu.sim.simulators import why_missing
from zimu.sim.verify import verify

SEED = 11

SHAPE = {"weight_bits": 5, "gradient_bits": 6, "smoothing_bits": 3, "depth": 21, "lanes": 4, "gate_bits": 8}
SPLIT = {"sampler": "split", "tile": 8, "subtrees": 2, "tile_streams": 2, "engines": 1}


def small(**fields) -> UnitConfig:
    return UnitConfig(name="compact", **SHAPE | fields)


def need(simulator: str) -> str:
    if reason := why_missing(simulator):
        pytest.skip(reason)
    return simulator


BUSES = {
    "search": small(form="search", weight_bits=13, gradient_bits=11),
    "momentum": small(form="tree", momentum_bits=12, prng_lanes=2),
    "split": small(**SPLIT, lanes=2),
}


@pytest.mark.parametrize(
    ("bus", "simulator", "kind"),
    [
        pytest.param(*case, marks=[pytest.mark.nightly] * (number not in (0, 4)))
        for number, case in enumerate(
            (bus, simulator, kind)
            for bus, simulators in (("axi4lite", ("verilator", "icarus")), ("wishbone", ("verilator",)))
            for simulator in simulators
            for kind in BUSES
        )
    ],
)
def test_units_behind_other_buses_agree_with_the_emulator(bus, simulator, kind):
    need(simulator)
    result = verify(BUSES[kind], steps=60, seed=SEED, simulator=simulator, bus=bus)
    assert result.agreed, result.report("compact.toml")
    assert (result.steps, result.bus) == (60, bus)
    assert result.aborted


EXTERNAL = {
    "single numbers": small(depth=37, lanes=1, form="search", weight_bits=8),
    "beats of two words": small(depth=300, lanes=64, gradient_bits=12, form="tree", momentum_bits=15),
    "split": small(**SPLIT, depth=90, lanes=8, weight_bits=20),
    "several pages": small(depth=6000, lanes=8, gradient_bits=8, form="tree", momentum_bits=12, weight_bits=17),
}


@pytest.mark.parametrize("simulator", ["verilator", pytest.param("icarus", marks=pytest.mark.nightly)])
@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[pytest.mark.nightly] * (number > 0)) for number, kind in enumerate(EXTERNAL)]
)
def test_units_with_external_memory_agree_with_the_emulator(kind, simulator):
    need(simulator)
    steps = 10 if kind == "several pages" else 50
    result = verify(EXTERNAL[kind], steps=steps, seed=SEED, simulator=simulator, bus="axi4")
    assert result.agreed, result.report("compact.toml")
    assert (result.steps, result.top, result.failed) == (steps, "core", 0)


FAILING = {
    "momentum": {"form": "tree", "momentum_bits": 10},
    "search": {"form": "search"},
    "split": SPLIT,
}


def fails_and_agrees(fields, steps, seed=SEED):
    """Steps that were taken, and of these those that failed, of a run with errors in 1 of 100 responses."""
    config = small(depth=24, lanes=4, weight_bits=8, gradient_bits=8, **fields)
    result = verify(config, steps=steps, seed=seed, simulator=need("verilator"), bus="axi4", errors=0.01, timeout=3000)
    assert result.agreed, result.report("compact.toml")
    return result.steps + result.failed, result.failed


@pytest.mark.parametrize(("kind", "least"), [("momentum", 0.1), pytest.param("split", 0.08, marks=pytest.mark.nightly)])
def test_errors_of_the_memory_fail_a_step_and_nothing_else(kind, least):
    taken, failed = fails_and_agrees(FAILING[kind], 150)
    assert taken > 100
    # `split` has the fewest responses.
    assert least < failed / taken < 0.8


@pytest.mark.nightly
@pytest.mark.parametrize("part", range(4))
@pytest.mark.parametrize("kind", FAILING)
def test_ten_thousand_steps_with_errors_of_the_memory(kind, part):
    taken, failed = fails_and_agrees(FAILING[kind], 3400, SEED + part)
    assert taken >= 2500
    assert failed > 300


@pytest.mark.parametrize(("errors", "bus"), [(-0.1, "axi4"), (1.0, "axi4"), (0.1, "apb")])
def test_errors_that_cannot_be_are_refused(errors, bus):
    with pytest.raises(InputError, match=rf"errors = {errors}: must be 0, or with --bus axi4"):
        verify(small(), steps=1, seed=SEED, bus=bus, errors=errors)


@pytest.mark.parametrize(("bus", "simulator"), [("axi4lite", "amaranth"), ("wishbone", "icarus")])
def test_a_simulator_under_which_a_buss_model_does_not_work_is_refused(bus, simulator):
    with pytest.raises(InputError, match=rf"simulator = '{simulator}': what drives this bus .* under verilator"):
        verify(small(), steps=1, seed=SEED, simulator=simulator, bus=bus)
