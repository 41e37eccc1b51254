"""Energy of an update: what it is measured on, and whole measurements where there is a cell library."""

import os
from math import log

import numpy as np
import pytest

from zimu.cost.energy import Energy
from zimu.cost.liberty import VARIABLE, find_libraries
from zimu.cost.memory import ALADDIN, HOROWITZ
from zimu.golden.names import named
from zimu.rtl.unit import step_cycles
from zimu.sim.activity import Activity
from zimu.sim.drivers import Access
from zimu.sim.netlist import RAM
from zimu.study.digits import load
from zimu.study.energy import SCALE, MemoryEnergy, UpdateEnergy, measure_update, memory_energy, recorded_steps
from zimu.study.methods import HEADLINE
from zimu.study.train import record


def test_deep_unit_is_given_the_gradients_of_several_steps():
    config = named("zim8_small").replace(depth=5000)
    memory, (first, second) = recorded_steps(config, 2, 1, trials=70, octave=True)
    trace = record(HEADLINE, SCALE, 1, load(), layer=0, steps=3)
    recorded = np.concatenate([step.gradients for step in trace])[:10000].tolist()
    assert first.gradients == recorded[:5000]
    assert second.gradients == [round(2 ** -(1 / 8) * gradient) for gradient in recorded[5000:]]
    assert memory["weights"] == np.concatenate([step.weights for step in trace])[:5000].tolist()
    assert first.registers == {"trials": 70, "threshold": config.max_threshold, "smoothing": 0}


@pytest.mark.parametrize("name", ["zim8_small", "zim8_momentum"])
def test_draws_are_repeated_as_often_as_in_the_mean(name):
    config = named(name).replace(depth=2048)
    _, stimuli = recorded_steps(config, 3, 1, trials=70)
    for stimulus in stimuli:
        totals = stimulus.gradients
        if config.momentum:  # means of nothing but this step
            totals = [
                config.momentum.sample(config.momentum.half + (g * 2 ** (config.momentum.shift) >> 3)) for g in totals
            ]
        total = sum(map(abs, totals))
        assert total / 2 ** total.bit_length() == pytest.approx(log(2), rel=0.05)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("int_sgd:8", {"rate": 8}),
        ("int_sgd:8:pow2", {"rate": 3}),
        ("int_sgd:4", {"rate": 1}),
        ("int_sgd:16", {"rate": 2**11}),
        ("int_sgd:16:pow2", {"rate": 3}),
        ("float_sgd:fp32", {"learning_rate": 0x3E000000}),
        ("float_sgd:fp16", {"learning_rate": 0x3000}),
        ("float_sgd:e5m2", {"learning_rate": 0x30}),
        ("float_sgd:bf16:momentum", {"learning_rate": 0x3E00, "momentum": 0x3F66}),
    ],
)
def test_units_of_other_rules_are_given_patterns_they_take(name, fields):
    config = named(name).replace(depth=1000)
    memory, (stimulus,) = recorded_steps(config, 1, 1)
    assert stimulus.registers == fields
    for values, kind in ((stimulus.gradients, config.gradient), (memory["weights"], config.weight)):
        low, high = kind.limits
        assert len(values) == 1000
        assert all(isinstance(value, int) and low <= value <= high for value in values)
        assert len(set(values)) > 3


@pytest.mark.parametrize(("bits", "decay"), [(16, 3), (12, 3), (11, 2), (10, 1)])
def test_means_move_as_fast_as_their_width_allows(bits, decay):
    config = named("zim8").replace(depth=1000, momentum_bits=bits)
    _, (stimulus,) = recorded_steps(config, 1, 1, trials=10)
    assert stimulus.registers["decay"] == decay


def _update(accesses: dict[str, Access], rams: list[RAM], scattered: set[str]) -> UpdateEnergy:
    """Of two steps of 50 weights."""
    activity = Activity(2, 100, accesses, np.zeros(2), np.zeros(2), rams)
    bits = dict.fromkeys(accesses, 8)
    return UpdateEnergy("x", 50, None, 1.0, Energy(), Energy(), activity, bits, frozenset(scattered))


def test_memories_walked_come_in_whole_accesses_and_others_one_by_one():
    accesses = {"gradient_request": Access(800, 8), "weight_write": Access(10, 8)}
    found = memory_energy(_update(accesses, [], {"weight_write"}), HOROWITZ, 1000)
    # 800 bytes are 100 accesses, and each of 10 bytes is one.
    assert found == MemoryEnergy(0, 0, (100 + 10) * 10 / 100, (110 * 1300 / 100, 110 * 2600 / 100), 0)


def test_memories_inside_are_read_at_every_enable_or_where_the_address_moves():
    ram = RAM("a", 64, 32, reads=100, moves=30, writes=10)
    found = memory_energy(_update({}, [ram, ram], set()), ALADDIN, 1)
    assert found.inside == pytest.approx(2 * (100 * 1.78 + 10 * 1.73) / 100)
    assert found.inside_moved == pytest.approx(2 * (30 * 1.78 + 10 * 1.73) / 100)
    assert (found.area, found.dram) == (2 * 1620, None)


def test_memory_larger_than_any_of_the_table_has_no_figure():
    found = memory_energy(_update({"gradient_request": Access(8, 8)}, [], set()), HOROWITZ, 2**20 + 1)
    assert (found.sram, found.area) == (None, 0)


LIBRARY = pytest.mark.skipif(
    VARIABLE not in os.environ, reason=f"no cell library: set {VARIABLE} to a .lib or .lib.gz file"
)


@pytest.mark.nightly
@LIBRARY
@pytest.mark.parametrize(
    ("name", "trials", "clocks"),
    [("int_sgd:8", None, 1024), ("float_sgd:bf16", None, 1024), ("float_sgd:fp32", None, 1024), ("zim8_small", 32, 0)],
)
def test_updates_are_measured_in_a_real_library(name, trials, clocks):
    library = next(library for library in find_libraries() if library.complete)
    config = named(name)
    update = measure_update(config, library, steps=4, trials=trials)
    parts = update.energy.parts()
    print(name, update.activity.clocks_per_step, update.energy.total, parts, update.activity.traffic())
    assert all(value > 0 for value in parts.values())
    # The walk fills and empties a pipeline; the integer unit's model is an expectation.
    assert update.activity.clocks_per_step == pytest.approx(clocks or step_cycles(config, trials=trials), rel=0.07)
    # Its clock does not rest: at least half of a unit that is mostly flip-flops.
    assert parts["clock_internal"] + parts["clock_switching"] > 0.4 * update.energy.total
    sparse = update.activity.traffic()["weight_write"] < 0.1 * config.depth
    assert update.datapath.total > update.random_words.total > 0 or trials is None
    assert sparse == (trials is not None)
