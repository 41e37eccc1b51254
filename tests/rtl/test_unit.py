"""The core's clocks: the samplers' model against simulation, and the rates of the fast circuits."""

import random

import pytest

from zimu.golden.unit import ReferenceUnit
from zimu.golden.vectors import Stimulus, whole_memory
from zimu.rtl.unit import ZimCore, step_cycles
from zimu.rtl.update import seed_cycles
from zimu.sim.drivers import CoreDriver
from zimu.sim.worker import simulate_component

NIGHTLY = pytest.mark.nightly


def clocks_of(config, trials, threshold, steps) -> tuple[float, float]:
    """Mean clocks of a step under memories that answer in the next clock, and what the model says for the same N."""
    rng = random.Random(str(config))
    low, high = config.encoding.limits
    options = {name: most for name, most in {"decay": 2, "rate": 65535}.items() if name in config.values}
    # W spread evenly on a log scale, as the model assumes.
    inputs = []
    for number in range(steps):
        scale = 2 ** -(number / steps)
        gradients = [round(scale * rng.randint(low // 2, high)) for _ in range(config.depth)]
        patterns = [config.encoding.encode(gradient) for gradient in gradients]
        inputs.append(Stimulus(patterns, {"trials": trials, "threshold": threshold, "smoothing": 1} | options))

    async def bench(pins):
        driver = CoreDriver(pins, config, random.Random(1), 0.0)
        await driver.reset()
        await driver.begin(5, whole_memory(config, {"weights": [0] * config.depth}))
        clocks = 0
        for step in inputs:
            before = pins.cycles
            await driver.step(step)
            clocks += pins.cycles - before - 1  # `busy` shows a clock after it fell
        return clocks, *await driver.read()

    clocks, memory, counters = simulate_component(ZimCore(config), bench)
    unit, expected, modelled = ReferenceUnit(config, 5), [0] * config.depth, 0.0
    for step in inputs:
        opened = unit.counters.open_trials
        expected = unit.step(expected, step.gradients, **step.registers)
        modelled += step_cycles(config, trials=trials, opened=unit.counters.open_trials - opened)
    assert (memory, counters) == ({"weights": expected} | unit.memories, unit.counters._asdict())
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
    "tree with slices": (1.0, {"form": "tree", "depth": 500, "lanes": 64, "probe": 8}),
    "momentum": (1.0, {"form": "tree", "depth": 500, "lanes": 8, "momentum_bits": 12}),
    "trials from the mass": (1.0, {"form": "tree", "depth": 100, "lanes": 16, "trials_shift": 0}),
    "search with slices": (1.0, {"form": "search", "depth": 200, "lanes": 16, "probe": 2}),
}

SPLIT = {"sampler": "split", "tile": 16}

SPLIT_CASES = {
    "one engine": (64, 1.0, {"tile": 8}),
    "few trials": (12, 1.0, {"depth": 256, "lanes": 8, "prng_lanes": 2}),
    "half open": (300, 0.5, {"depth": 256, "lanes": 8, "prng_lanes": 2, "tile_streams": 2}),
    "four engines": (512, 1.0, {"depth": 512, "lanes": 8, "prng_lanes": 4, "tile_streams": 4}),
    "nothing open": (64, 0.0, {}),
    "many trials": (1000, 1.0, {"tile": 8}),
    "draws of 32 bits": (300, 1.0, {"depth": 256, "lanes": 8, "prng_lanes": 4, "gradient_bits": 16}),
    "streams that take turns": (512, 1.0, {"depth": 512, "lanes": 8, "prng_lanes": 4, "tile_streams": 4, "engines": 2}),
    "subtrees": (512, 0.7, {"depth": 512, "lanes": 8, "prng_lanes": 2, "tile_streams": 2, "subtrees": 4}),
}


BY_NIGHT = {
    "search by probes",
    "tree",
    "tree, two words a draw",
    "search, words in blocks",
    "tree, half open, words in blocks",
    "tree, four generators, words in blocks",
    "tree, two words of blocks a draw",
    "search with slices",
}


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=NIGHTLY if case in BY_NIGHT else ()) for case in CASES], ids=list(CASES)
)
def test_the_model_of_a_steps_clocks_holds(configure, case):
    opening, fields = CASES[case]
    config = configure(**{"depth": 64} | fields)
    measured, modelled = clocks_of(config, 64, round(opening * config.max_threshold), 24)
    assert measured == pytest.approx(modelled, rel=0.06)


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=NIGHTLY if number > 4 else ()) for number, case in enumerate(SPLIT_CASES)]
)
def test_the_model_of_a_steps_clocks_holds_for_split(configure, case):
    trials, opening, fields = SPLIT_CASES[case]
    config = configure(**SPLIT | {"depth": 64} | fields)
    measured, modelled = clocks_of(config, trials, round(opening * config.max_threshold), 4)
    assert measured == pytest.approx(modelled, rel=0.06)


@pytest.mark.parametrize(
    ("opening", "lanes"), [(1.0, 32), pytest.param(0.5, 32, marks=NIGHTLY), pytest.param(1.0, 64, marks=NIGHTLY)]
)
def test_four_engines_take_more_than_two_and_a_half_trials_a_clock(configure, opening, lanes):
    trials = depth = 4096
    config = configure(sampler="split", depth=depth, lanes=lanes, tile=64, tile_streams=4, engines=4, prng_lanes=4)
    measured, modelled = clocks_of(config, trials, round(opening * config.max_threshold), 1)
    assert trials / measured >= 2.5
    assert measured == pytest.approx(modelled, rel=0.1)


def test_a_step_of_the_step_gate_that_stays_shut_costs_no_trials(configure):
    config = configure(gate="step")
    (many, _), (one, _) = (clocks_of(config, trials, 0, 2) for trials in (500, 1))
    assert many == one


def test_a_tree_sustains_a_trial_a_clock(configure):
    # Deep enough that a weight is seldom still under way when it is hit again.
    config = configure(depth=4096, lanes=64, form="tree", prng_lanes=4)
    full, _ = clocks_of(config, 4000, config.max_threshold, 1)
    less, _ = clocks_of(config, 400, config.max_threshold, 1)
    assert 3600 / (full - less) >= 0.95


@pytest.mark.nightly
def test_a_whole_step_of_a_tree_takes_a_trial_a_clock(configure):
    config = configure(depth=16384, lanes=64, form="tree", prng_lanes=16)
    # A step of one trial is the sum pass, the pipeline's depth and a clock.
    overhead, _ = clocks_of(config, 1, config.max_threshold, 1)
    trials = 24 * round(overhead)
    measured, _ = clocks_of(config, trials, config.max_threshold, 1)
    assert trials / measured >= 0.95
    assert trials / (measured - overhead) >= 0.99


def test_a_sum_pass_longer_than_the_seeds_expansion_begins_when_it_is_told_to(configure):
    # Beats asked for before would be taken for those of the step.
    config = configure(depth=512, lanes=1, form="tree")
    assert config.beats > seed_cycles(config.prng, 2)
    clocks_of(config, 9, config.max_threshold, 2)
