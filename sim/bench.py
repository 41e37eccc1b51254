"""The bench of the unit: runs a job on any pins and compares every weight and every counter.

The same coroutine runs under cocotb (Verilator, Icarus) and under Amaranth's simulator.
"""

import random
from dataclasses import asdict, dataclass, field
from typing import Any

from amaranth.lib import wiring

from zimu.golden.unit import Counters
from zimu.sim.drivers import CoreDriver, HangError, UnitDriver
from zimu.sim.jobs import Episode, Job, Step
from zimu.sim.pins import Pins, PortError
from zimu.sim.verilog import TOPS

DRIVERS = {"core": CoreDriver, "unit": UnitDriver}


def build(job: str) -> wiring.Component:
    """The circuit a job is for."""
    plan = Job.from_json(job)
    return TOPS[plan.top](plan.config)


async def run(pins: Pins, job: str) -> dict[str, Any]:
    """Run a job; the result is an `Outcome` as plain data."""
    return asdict(await run_job(pins, Job.from_json(job)))


@dataclass
class Mismatch:
    """The first difference, for the person who must find the bug."""

    step: int
    field: str
    index: int | None
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
    """Values compared: every weight and every counter after every step."""
    aborted: int = 0
    """Steps a reset stopped on purpose."""
    cycles: int = 0
    mismatches: list[Mismatch] = field(default_factory=list)


async def run_job(pins: Pins, job: Job) -> Outcome:
    """Run all episodes; stop after the first step that differs."""
    outcome = Outcome()
    rng = random.Random(f"{job.seed} gaps")
    try:
        for number, episode in enumerate(job.episodes):
            # Every third episode runs without pauses: full rate has bugs of its own.
            driver = DRIVERS[job.top](pins, job.config, rng, 0.0 if number % 3 == 2 else job.pause)
            if not await _run_episode(pins, driver, episode, outcome):
                break
    finally:
        outcome.cycles = pins.cycles
    return outcome


async def _run_episode(pins: Pins, driver, episode: Episode, outcome: Outcome) -> bool:
    try:
        await driver.reset()
        await driver.begin(episode.seed, episode.weights)
        for step in episode.steps:
            await driver.step(step.inputs)
            weights, counters = await driver.read()
            differences = _compare(step, weights, counters)
            outcome.steps += 1
            outcome.checked += len(weights) + len(counters)
            outcome.mismatches += [Mismatch(outcome.steps - 1, *d, episode.seed, pins.cycles) for d in differences]
            if differences:
                return False
        if episode.abort:
            inputs, clocks = episode.abort
            await driver.start(inputs)
            await driver.clocks(clocks)
            outcome.aborted += 1
    except (HangError, PortError) as error:
        field, expected = ("time", "an end") if isinstance(error, HangError) else ("port", "a legal value")
        outcome.mismatches.append(Mismatch(outcome.steps, field, None, expected, str(error), episode.seed, pins.cycles))
        return False
    return True


def _compare(step: Step, weights: list[int], counters: Counters) -> list[tuple[str, int | None, int, int]]:
    """Differences as (field, index, expected, got)."""
    pairs = zip(step.weights, weights, strict=True)
    differences: list[tuple[str, int | None, int, int]] = [
        ("weights", i, want, got) for i, (want, got) in enumerate(pairs) if want != got
    ]
    for name, want, got in zip(Counters._fields, step.counters, counters, strict=True):
        if want != got:
            differences.append((name, None, want, got))
    return differences
