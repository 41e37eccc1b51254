"""The core's clocks: the model in rtl/unit.py against simulation, and the rate of the tree."""

import random

import pytest

from zimu.golden.unit import ReferenceUnit
from zimu.golden.vectors import Stimulus
from zimu.rtl.cycles import step_cycles
from zimu.rtl.unit import ZimCore
from zimu.sim.drivers import CoreDriver
from zimu.sim.worker import simulate_component


def clocks_of(config, trials, threshold, steps) -> tuple[float, float]:
    """Mean clocks of a step under memories that answer in the next clock, and what the model says for the same N."""
    rng = random.Random(f"{config} {trials}")
    low, high = config.gradient_range
    # W spread evenly on a log scale, as the model assumes.
    inputs = []
    for number in range(steps):
        scale = 2 ** -(number / steps)
        gradients = [round(scale * rng.randint(low // 2, high)) for _ in range(config.depth)]
        inputs.append(Stimulus(gradients, trials, threshold, 1))

    async def bench(pins):
        driver = CoreDriver(pins, config, random.Random(1), 0.0)
        await driver.reset()
        await driver.begin(5, [0] * config.depth)
        clocks = 0
        for step in inputs:
            before = pins.cycles
            await driver.step(step)
            clocks += pins.cycles - before - 1  # `busy` shows a clock after it fell
        weights, counters = await driver.read()
        return clocks, weights, counters

    clocks, weights, counters = simulate_component(ZimCore(config), bench)
    unit, expected, modelled = ReferenceUnit(config, 5), [0] * config.depth, 0.0
    for step in inputs:
        opened = unit.counters.open_trials
        rest = {"trials": step.trials, "threshold": step.threshold, "smoothing": step.smoothing}
        expected = unit.step(expected, step.gradients, **rest)
        modelled += step_cycles(config, trials=trials, opened=unit.counters.open_trials - opened)
    assert (weights, counters) == (expected, unit.counters)
    return clocks / steps, modelled / steps


CASES = {
    "search by probes": (1.0, {"form": "search", "lanes": 1}),
    "search by lanes": (1.0, {"form": "search", "lanes": 8}),
    "search, a quarter open": (0.25, {"form": "search", "lanes": 8}),
    "tree": (1.0, {"form": "tree", "lanes": 8}),
    "tree, a quarter open": (0.25, {"form": "tree", "lanes": 1}),
    "tree, four generators": (1.0, {"form": "tree", "lanes": 8, "prng_lanes": 4}),
    "tree, two words a draw": (1.0, {"form": "tree", "lanes": 8, "gradient_bits": 32, "smoothing_bits": 16}),
    "search, words in blocks": (0.25, {"form": "search", "lanes": 8, "prng": "philox4x32-10"}),
    "tree, half open, words in blocks": (0.5, {"form": "tree", "lanes": 8, "prng": "philox4x32-10"}),
    "tree, four generators, words in blocks": (0.5, {"form": "tree", "prng": "philox4x32-10", "prng_lanes": 4}),
    "tree, two words of blocks a draw": (
        1.0,
        {"form": "tree", "lanes": 8, "gradient_bits": 32, "smoothing_bits": 16, "prng": "philox4x32-10"},
    ),
    "nothing open": (0.0, {"form": "tree", "lanes": 8}),
}


@pytest.mark.parametrize("case", CASES)
def test_the_model_of_a_steps_clocks_holds(configure, case):
    opening, fields = CASES[case]
    config = configure(depth=32, **fields)
    measured, modelled = clocks_of(config, 64, round(opening * config.max_threshold), 6)
    assert measured == pytest.approx(modelled, rel=0.06)


def test_a_step_of_the_step_gate_that_stays_shut_costs_no_trials(configure):
    config = configure(gate="step")
    measured, _ = clocks_of(config, 500, 0, 2)
    assert measured < 30


def test_a_tree_sustains_a_trial_a_clock(configure):
    config = configure(depth=64, lanes=8, form="tree", prng_lanes=4)
    depth_of_pipeline = 3 + 3 + 7
    trials = 8 * depth_of_pipeline
    full, _ = clocks_of(config, 9 * trials, config.max_threshold, 2)
    less, _ = clocks_of(config, trials, config.max_threshold, 2)
    assert 8 * trials / (full - less) >= 0.95
