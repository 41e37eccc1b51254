"""The bench of all rules: what it does and must see, as plain data in a file, and how it runs that on any pins.

A bench needs nothing but its job, so it starts fast and a failing one can be kept and replayed. The same coroutine runs
under cocotb (Verilator, Icarus) and under Amaranth's simulator. It compares the whole memory and every counter after
every step.
"""

import json
import random
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from amaranth.lib import wiring

from zimu.golden.rule import RuleConfig, from_toml
from zimu.golden.vectors import Memory, Step, Stimulus, VectorSet
from zimu.sim.buses import AxiLiteDriver, WishboneDriver
from zimu.sim.drivers import CoreDriver, Driver, HangError, StepError
from zimu.sim.external import ExternalDriver
from zimu.sim.onchip import UnitDriver
from zimu.sim.pins import Pins, PortError
from zimu.sim.verilog import Top, circuit

DRIVERS: dict[Top, Any] = {
    Top("core", "ports"): CoreDriver,
    Top("core", "axi4"): ExternalDriver,
    Top("unit", "apb"): UnitDriver,
    Top("unit", "axi4lite"): AxiLiteDriver,
    Top("unit", "wishbone"): WishboneDriver,
}


@dataclass(frozen=True)
class Episode:
    """From one seed to the next: the steps and their answers, and how the episode ends."""

    seed: int
    """The unit's own."""
    memory: Memory
    """What the memory holds at first."""
    steps: list[Step]
    abort: tuple[Stimulus, int] | None = None
    """One more step, which a reset stops after so many clocks. Without it the next seed is written with no reset."""

    @classmethod
    def of(cls, vectors: VectorSet) -> Self:
        """A vector set as an episode."""
        return cls(vectors.seed, vectors.memory, list(vectors.steps))


@dataclass(frozen=True)
class Job:
    """Everything one bench run needs.

    Parameters
    ----------
    top : which circuit.
    config : the configuration, of any rule.
    seed : seeds the gaps.
    pause : probability of a pause in each transfer of a stream; benches also run stretches without any.
    episodes : at least one.
    errors : probability of an error in each response of the system's memory, where the circuit has its memories there.
    """

    top: Top
    config: RuleConfig
    seed: int
    pause: float
    episodes: list[Episode]
    errors: float = 0.0

    def to_json(self) -> str:
        """The job as text."""
        plain = {"top": self.top, "config": self.config.to_toml(), "seed": self.seed, "pause": self.pause}
        plain["errors"] = self.errors
        return json.dumps(plain | {"episodes": [asdict(episode) for episode in self.episodes]})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The job a text holds."""
        plain = json.loads(text)
        episodes = [_episode(**fields) for fields in plain.pop("episodes")]
        config, top = from_toml(plain["config"]), Top(*plain["top"])
        return cls(**plain | {"config": config, "top": top, "episodes": episodes})


def _episode(seed: int, memory: Memory, steps: list[dict[str, Any]], abort: list[Any] | None) -> Episode:
    """An episode from plain data."""
    whole = [Step(**step | {"stimulus": Stimulus(**step["stimulus"])}) for step in steps]
    return Episode(seed, memory, whole, (Stimulus(**abort[0]), abort[1]) if abort else None)


def build(job: str) -> wiring.Component:
    """The circuit a job is for."""
    plan = Job.from_json(job)
    return circuit(plan.config, *plan.top)


async def run(pins: Pins, job: str, done: Callable[[], object]) -> dict[str, Any]:
    """Run a job; the result is an `Outcome` as plain data."""
    return asdict(await run_job(pins, Job.from_json(job), done))


@dataclass
class Finding:
    """The first difference, for the person who must find the bug."""

    step: int
    field: str
    """``weights[i]``, a place of another memory, a counter's name, ``time`` or ``port``."""
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
    """Values compared: the whole memory and every counter after every step."""
    failed: int = 0
    """Steps that ended with an error of the system's memory; the rest of such an episode is left out."""
    aborted: int = 0
    """Steps a reset stopped on purpose."""
    cycles: int = 0
    mismatches: list[Finding] = field(default_factory=list)


async def run_job(pins: Pins, job: Job, done: Callable[[], object]) -> Outcome:
    """Run all episodes; stop after the first step that differs. ``done`` is called after each step that agrees."""
    outcome = Outcome()
    rng = random.Random(f"{job.seed} gaps")
    reset = True
    try:
        for number, episode in enumerate(job.episodes):
            # Every third episode runs without pauses: full rate has bugs of its own.
            driver = DRIVERS[job.top](pins, job.config, rng, 0.0 if number % 3 == 2 else job.pause)
            driver.errors = job.errors
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
            await driver.step(step.stimulus)
            memory, counters = await driver.read()
            found = [
                Finding(outcome.steps, *difference, episode.seed, pins.cycles)
                for difference in step.differences(memory, counters)
            ]
            outcome.mismatches += found
            outcome.steps += 1
            outcome.checked += sum(map(len, step.memory.values())) + len(step.counters)
            if found:
                return False
            done()
        if episode.abort:
            stimulus, clocks = episode.abort
            await driver.start(stimulus)
            await driver.clocks(clocks)
            outcome.aborted += 1
    except StepError:
        outcome.failed += 1
    except (HangError, PortError) as error:
        field, expected = ("time", "an end") if isinstance(error, HangError) else ("port", "a legal value")
        outcome.mismatches.append(Finding(outcome.steps, field, expected, str(error), episode.seed, pins.cycles))
        return False
    return True
