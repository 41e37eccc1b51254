"""The bench of all rules: runs a job on any pins and compares every weight, velocity and counter.

The same coroutine runs under cocotb (Verilator, Icarus) and under Amaranth's simulator.
"""

import random
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from amaranth.lib import wiring

from zimu.sim.drivers import CoreDriver, Driver, HangError, UnitDriver
from zimu.sim.jobs import Episode, Job
from zimu.sim.pins import Pins, PortError
from zimu.sim.verilog import circuit

DRIVERS: dict[str, Any] = {"core": CoreDriver, "unit": UnitDriver}


def build(job: str) -> wiring.Component:
    """The circuit a job is for."""
    plan = Job.from_json(job)
    return circuit(plan.config, plan.top)


async def run(pins: Pins, job: str, done: Callable[[], object]) -> dict[str, Any]:
    """Run a job; the result is an `Outcome` as plain data."""
    return asdict(await run_job(pins, Job.from_json(job), done))


@dataclass
class Mismatch:
    """The first difference, for the person who must find the bug."""

    step: int
    field: str
    """``weights[i]``, ``velocities[i]``, a counter's name, ``time`` or ``port``."""
    expected: int | str
    got: int | str
    episode_seed: int
    cycle: int


@dataclass
class Outcome:
    """What a bench saw."""

    steps: int = 0
    """Steps compared."""
    checked: int = 0
    """Values compared: every weight, velocity and counter after every step."""
    aborted: int = 0
    """Steps a reset stopped on purpose."""
    cycles: int = 0
    mismatches: list[Mismatch] = field(default_factory=list)


async def run_job(pins: Pins, job: Job, done: Callable[[], object]) -> Outcome:
    """Run all episodes; stop after the first step that differs. ``done`` is called after each step that agrees."""
    outcome = Outcome()
    rng = random.Random(f"{job.seed} gaps")
    reset = True
    try:
        for number, episode in enumerate(job.episodes):
            # Every third episode runs without pauses: full rate has bugs of its own.
            driver = DRIVERS[job.top](pins, job.config, rng, 0.0 if number % 3 == 2 else job.pause)
            if not await _run_episode(pins, driver, episode, outcome, reset, done):
                break
            reset = episode.abort is not None
    finally:
        outcome.cycles = pins.cycles
    return outcome


async def _run_episode(
    pins: Pins, driver: Driver, episode: Episode, outcome: Outcome, reset: bool, done: Callable[[], object]
) -> bool:
    try:
        if reset:
            await driver.reset()
        await driver.begin(episode.seed, episode.memory)
        for step in episode.steps:
            await driver.step(step.inputs)
            memory, counters = await driver.read()
            found = [
                Mismatch(outcome.steps, *difference, episode.seed, pins.cycles)
                for difference in step.differences(memory, counters)
            ]
            outcome.mismatches += found
            outcome.steps += 1
            outcome.checked += sum(map(len, step.memory.values())) + len(step.counters)
            if found:
                return False
            done()
        if episode.abort:
            inputs, clocks = episode.abort
            await driver.start(inputs)
            await driver.clocks(clocks)
            outcome.aborted += 1
    except (HangError, PortError) as error:
        field, expected = ("time", "an end") if isinstance(error, HangError) else ("port", "a legal value")
        outcome.mismatches.append(Mismatch(outcome.steps, field, expected, str(error), episode.seed, pins.cycles))
        return False
    return True
