"""Whole steps counted: the clocks they take at full rate, and what goes through the memories around the unit.

A bench as ``sim/bench.py`` is one; the steps are given, and every weight and counter must come to the emulator's.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from zimu.golden.errors import InputError, ToolError
from zimu.golden.rule import RuleConfig
from zimu.golden.vectors import Memory, Step, Stimulus, whole_memory
from zimu.sim.bench import Episode, Job, build
from zimu.sim.drivers import Access, CoreDriver, HangError
from zimu.sim.pins import Pins, PortError
from zimu.sim.simulators import DEFAULT_TIMEOUT, choose_simulator, simulate
from zimu.sim.stimuli import expect
from zimu.sim.verilog import choose_top

__all__ = ["Count", "build", "count_steps", "run", "take_steps"]


@dataclass(frozen=True)
class Count:
    """Counts over whole steps; the seed's expansion is not among them.

    Parameters
    ----------
    steps, clocks : how many there were.
    accesses : by the names of the core's ports, what went through each port of the memories around it.
    """

    steps: int
    clocks: int
    accesses: dict[str, Access]

    @property
    def clocks_per_step(self) -> float:
        """The mean."""
        return self.clocks / self.steps

    def traffic(self) -> dict[str, float]:
        """Bytes a step through each port of the memories around the core."""
        return {name: access.transfers * access.bits / 8 / self.steps for name, access in self.accesses.items()}


def count_steps(
    config: RuleConfig,
    *,
    seed: int,
    memory: Memory,
    steps: Iterable[Stimulus],
    simulator: str | None = None,
    timeout: float = DEFAULT_TIMEOUT,
) -> Count:
    """Simulate whole steps of a unit's core and count.

    Parameters
    ----------
    config : of any rule.
    seed : the unit's.
    memory : what the memory holds before the first step, as `zimu.golden.vectors.whole_memory` takes it.
    steps : at least one; their inputs.
    simulator : by default the fastest there is.
    timeout : seconds the simulator may take, building included.

    Raises
    ------
    InputError
        there is no step.
    ToolError
        the simulator failed, or the circuit differs from the emulator.
    """
    expected = expected_steps(config, seed, memory, steps)
    job = Job(choose_top(config, "core"), config, seed, 0.0, [Episode(seed, whole_memory(config, memory), expected)])
    seen = simulate("zimu.sim.count", job.to_json(), simulator=choose_simulator(simulator), timeout=timeout)
    if error := seen.get("error"):
        raise ToolError(f"{config.name}: {error}")
    return Count(seen["steps"], seen["clocks"], {name: Access(*port) for name, port in seen["accesses"].items()})


def expected_steps(config: RuleConfig, seed: int, memory: Memory, steps: Iterable[Stimulus]) -> list[Step]:
    """The steps with the emulator's answers; errors and parameters as `count_steps`."""
    expected = expect(config, seed, whole_memory(config, memory), steps)
    if not expected:
        raise InputError("steps is empty: must have at least one step")
    return expected


async def run(pins: Pins, job: str, done: Callable[[], object]) -> dict[str, Any]:
    """Run a job; a `Count` as plain data, or the error."""
    plan = Job.from_json(job)
    (episode,) = plan.episodes
    try:
        return asdict(await take_steps(pins, plan.config, episode.seed, episode.memory, episode.steps, done=done))
    except ToolError as error:
        return {"error": str(error)}


async def take_steps(
    pins: Pins,
    config: RuleConfig,
    seed: int,
    memory: Memory,
    steps: Sequence[Step],
    *,
    begin: Callable[[], object] = lambda: None,
    done: Callable[[], object] = lambda: None,
) -> Count:
    """Let a core take steps from a seed and a memory, without pauses.

    Parameters
    ----------
    steps : with the answers there must be.
    begin : called between the seed's expansion and the first step.
    done : called after each step.

    Raises
    ------
    ToolError
        the circuit differs: what was counted would be of another one.
    """
    driver = CoreDriver(pins, config, random.Random(f"{seed} gaps"), 0.0)
    try:
        await driver.reset()
        await driver.begin(seed, memory)
        begin()
        before, first = driver.accesses, pins.cycles
        for number, step in enumerate(steps):
            await driver.step(step.stimulus)
            for field, want, got in step.differences(*await driver.read()):
                raise ToolError(f"the circuit differs in step {number}, {field}: {want} became {got}")
            done()
    except (HangError, PortError) as error:
        raise ToolError(f"the circuit differs: {error}") from None
    accesses = {name: Access(now.transfers - before[name].transfers, now.bits) for name, now in driver.accesses.items()}
    return Count(len(steps), pins.cycles - first, accesses)
