"""Whole steps of the units that hardware is built from, counted in simulation, beside the model that prices them."""

import random

import pytest

from zimu.golden.names import preset
from zimu.golden.vectors import Stimulus, whole_memory
from zimu.rtl.unit import step_cycles
from zimu.sim.bench import Episode, Job
from zimu.sim.simulators import simulate, why_missing
from zimu.sim.stimuli import expect
from zimu.sim.verilog import Top

CASES = {
    "zim8_wide": (649, 1),
    "zim8_momentum": (round(0.015 * 421_642), 1),
    "zim8_dense": (round(0.1 * 421_642), 1),
    "zim8_small": (32, 4),
}
"""n at which a preset is priced, and how many times eight steps to take."""

OCTAVE = 8
"""Steps, whose W are spread evenly over an octave on a log scale, as the model assumes."""


def cycles(config, steps) -> int:
    """Clocks of a run of so many steps, the seed's expansion among them; the emulator's answers are checked."""
    memory = whole_memory(config, {"weights": [0] * config.depth})
    episode = Episode(1, memory, expect(config, 1, memory, steps))
    job = Job(Top("core", "ports"), config, 1, 0.0, [episode])
    outcome = simulate("zimu.sim.bench", job.to_json(), simulator="verilator", timeout=3000)
    assert outcome["mismatches"] == []
    return outcome["cycles"]


@pytest.mark.nightly
@pytest.mark.parametrize("name", CASES)
def test_whole_steps_take_the_clocks_that_are_priced(name):
    if reason := why_missing("verilator"):
        pytest.skip(reason)
    config = preset(name)
    trials, times = CASES[name]
    rng = random.Random(name)
    values = {"trials": trials, "threshold": config.max_threshold, "smoothing": 0} | (
        {"decay": 0} if config.momentum else {}
    )
    steps = []
    for number in range(times * OCTAVE + 1):
        scale = 2 ** -(number % OCTAVE / OCTAVE)
        steps.append(Stimulus([round(scale * rng.randint(-128, 127)) for _ in range(config.depth)], values))
    measured = (cycles(config, steps) - cycles(config, steps[:1])) / (len(steps) - 1)
    print(name, measured, config.depth / measured)
    assert measured == pytest.approx(step_cycles(config, trials=trials), rel=0.02)
