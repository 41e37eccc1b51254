"""BOLD's circuit: a beat a clock, and what it keeps of each weight."""

import random

from zimu.golden.bold import BoldConfig, ReferenceBold
from zimu.rtl.bold import BoldCore
from zimu.sim.bold import Operands
from zimu.sim.drivers import CoreDriver
from zimu.sim.worker import simulate_component


def test_a_step_takes_a_clock_a_beat_and_leaves_what_the_reference_does():
    widths = {"accumulator_bits": 8, "fraction_bits": 5, "vote_bits": 8, "retention_bits": 8}
    config = BoldConfig(name="flips", depth=200, lanes=4, **widths)
    rng = random.Random(1)
    operands = Operands(config)
    memory, stimulus = operands.memory(rng), operands.stimulus(rng)

    async def bench(pins):
        driver = CoreDriver(pins, config, random.Random(2), 0.0)
        await driver.reset()
        await driver.begin(0, memory)
        before = pins.cycles
        await driver.step(stimulus)
        return pins.cycles - before, *await driver.read()

    clocks, left, counters = simulate_component(BoldCore(config), bench)
    unit = ReferenceBold(config, 0)
    start = memory | stimulus.memory
    unit.memories["accumulator"] = start["accumulator"]
    weights = unit.step(start["weights"], stimulus.gradients, **stimulus.registers)
    assert left == {"weights": weights, "accumulator": unit.memories["accumulator"]}
    assert counters == unit.counters._asdict()
    assert clocks <= config.beats + 20
