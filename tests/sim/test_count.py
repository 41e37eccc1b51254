"""Whole steps counted in a simulator: the clocks they take, the traffic, and the answers they must come to."""

import random

import pytest

from zimu.golden.errors import InputError, ToolError
from zimu.golden.names import named
from zimu.golden.vectors import whole_memory
from zimu.sim import count
from zimu.sim.count import Count, count_steps, expected_steps, take_steps
from zimu.sim.drivers import Access
from zimu.sim.stimuli import operands_of
from zimu.sim.verilog import Top
from zimu.sim.worker import simulate_component


def _steps(config, number: int):
    rng = random.Random(7)
    source = operands_of(config)
    return source.memory(rng), [source.stimulus(rng) for _ in range(number)]


def test_rival_reads_and_writes_every_weight_once():
    config = named("int_sgd:4").replace(depth=16)
    memory, steps = _steps(config, 3)
    one, three = (
        count_steps(config, seed=3, memory=memory, steps=steps[:number], simulator="amaranth") for number in (1, 3)
    )
    assert three.accesses == {name: Access(48, 4) for name in ("gradient_request", "weight_read", "weight_write")}
    assert three.traffic() == {"gradient_request": 8, "weight_read": 8, "weight_write": 8}
    # The seed's expansion is not counted; the pipeline fills and empties in every step.
    assert three.clocks == 3 * one.clocks
    assert 16 < one.clocks_per_step < 16 + 12


def test_circuit_that_differs_is_refused():
    config = named("int_sgd:4").replace(depth=16)
    memory, steps = _steps(config, 2)
    memory = whole_memory(config, memory)
    (first, second) = expected_steps(config, 3, memory, steps)
    wrong = [(weight + 8) % 16 - 8 for weight in (value + 1 for value in second.memory["weights"])]
    planted = type(second)(second.stimulus, second.memory | {"weights": wrong}, second.counters)
    core = count.build(count.Job(Top("core", "ports"), config, 3, 0.0, [count.Episode(3, memory, [first])]).to_json())
    with pytest.raises(ToolError, match=r"step 1, weights\[0\]"):
        simulate_component(core, lambda pins: take_steps(pins, config, 3, memory, [first, planted]))


def test_no_step_is_refused():
    config = named("int_sgd:4").replace(depth=16)
    with pytest.raises(InputError, match="at least one step"):
        count_steps(config, seed=1, memory={"weights": [0] * 16}, steps=[])


def test_means_are_over_steps():
    seen = Count(4, 100, {"weight_read": Access(8, 12)})
    assert seen.clocks_per_step == 25
    assert seen.traffic() == {"weight_read": 3}
