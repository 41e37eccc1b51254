"""Verification: the RTL takes steps beside the emulator, in a simulator, and all that must agree is compared."""

import os
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from zimu.golden.errors import InputError, check_range
from zimu.golden.rule import RuleConfig
from zimu.golden.vectors import Memory, Stimulus, whole_memory
from zimu.sim.bench import DRIVERS, Episode, Finding, Job
from zimu.sim.simulators import DEFAULT_TIMEOUT, WAVES, choose_simulator, simulate
from zimu.sim.stimuli import MAX_STEPS, expect, random_episodes
from zimu.sim.verilog import Top, choose_top

Progress = Callable[[int, int], object]
"""Called with the steps compared and the steps there are."""

_PAUSE = 0.3


@dataclass(frozen=True)
class Verification:
    """What one run compared and found."""

    name: str
    """Of the configuration."""
    top: str
    bus: str
    simulator: str
    seed: int
    steps: int
    """Steps compared, all of them up to the first that differs."""
    failed: int
    """Steps that ended with an error of the system's memory, as STATUS said; not compared."""
    aborted: int
    """Steps that a reset stopped on purpose, not compared."""
    checked: int
    """Values compared."""
    mismatches: int
    cycles: int
    first: Finding | None
    """The first difference."""
    unwritten: str = ""
    """Why the waves that were asked for are not there."""

    @property
    def agreed(self) -> bool:
        """Whether something was compared and nothing differed."""
        return self.checked > 0 and self.mismatches == 0

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self) | {"agreed": self.agreed}

    def report(self, config_path: str | os.PathLike[str]) -> str:
        """The mismatch for the person who must find the bug, with the command that replays it; else empty."""
        if self.first is None:
            return ""
        return (
            f"{self.name} ({self.top}, {self.bus}) differs from the emulator under {self.simulator}\n"
            f"  step      {self.first.step} (counted from 0), clock {self.first.cycle}\n"
            f"  field     {self.first.field}\n"
            f"  expected  {self.first.expected}\n"
            f"  got       {self.first.got}\n"
            f"  seed      {self.seed} (the unit's own seed in this episode: {self.first.episode_seed:#018x})\n"
            f"  differing values in this step: {self.mismatches}\n"
            f"  replay    zimu verify {config_path} --simulator {self.simulator} --top {self.top} --bus {self.bus} "
            f"--steps {self.first.step + 1} --seed {self.seed} --waveform {self.name}{WAVES[self.simulator]}"
        )


def verify(
    config: RuleConfig,
    *,
    steps: int,
    seed: int,
    simulator: str | None = None,
    top: str | None = None,
    bus: str | None = None,
    errors: float = 0.0,
    timeout: float = DEFAULT_TIMEOUT,
    waveform: Path | None = None,
    progress: Progress = lambda done, total: None,
) -> Verification:
    """Compare RTL and emulator over random steps with random gaps and resets; all follows from ``seed``.

    Parameters
    ----------
    config : of any rule.
    steps : steps to compare, 1..10^6. The steps of a shorter run are the first ones of a longer run.
    simulator : by default the fastest there is.
    top, bus : the circuit: `zimu.sim.verilog.choose_top`.
    errors : probability, less than 1, of an error in each response of the system's memory, behind axi4 only. A step
        that meets one must say so; it is not compared, nor is the one that may follow it before the next seed.
    timeout : seconds the simulator may take, building included.
    waveform : where to write the waves, with the ending of the simulator's format.
    progress : told several times a second how many steps are compared and how many there are.

    Raises
    ------
    InputError, ToolError
        as `zimu.sim.simulators.simulate`.
    """
    chosen = choose_top(config, top, bus)
    if not 0 <= errors < 1 or (errors and chosen.bus != "axi4"):
        raise InputError(f"errors = {errors}: must be 0, or with --bus axi4 at least 0 and less than 1")
    check_range("steps", steps, 1, MAX_STEPS)
    check_range("seed", seed, 0, 2**64 - 1)
    simulator = _choose_simulator(simulator, timeout, waveform, chosen)
    progress(0, steps)
    # A step that fails ends its episode.
    episodes = random_episodes(config, seed, steps, longest=2) if errors else random_episodes(config, seed, steps)
    return _run(config, episodes, seed, simulator, chosen, errors, timeout, waveform, progress)


def verify_trace(
    config: RuleConfig,
    *,
    seed: int,
    memory: Memory,
    steps: Iterable[Stimulus],
    simulator: str | None = None,
    top: str | None = None,
    bus: str | None = None,
    timeout: float = DEFAULT_TIMEOUT,
    waveform: Path | None = None,
    progress: Progress = lambda done, total: None,
) -> Verification:
    """Replay recorded steps on the RTL from given weights and compare with the emulator.

    Parameters
    ----------
    seed : the unit's seed.
    memory : what the memory holds before the first step: ``weights``, and the configuration's memories by name, those
        left out as they are at first.
    steps : the inputs of the steps, as recorded.

    The other parameters are those of `verify`.
    """
    memory = whole_memory(config, memory)
    episode = Episode(seed, memory, expect(config, seed, memory, steps))
    chosen = choose_top(config, top, bus)
    simulator = _choose_simulator(simulator, timeout, waveform, chosen)
    return _run(config, [episode], seed, simulator, chosen, 0.0, timeout, waveform, progress)


def _choose_simulator(asked: str | None, timeout: float, waveform: Path | None, top: Top) -> str:
    """The simulator asked for, or the fastest under which what drives this circuit can work."""
    driver = DRIVERS[top]
    return choose_simulator(asked, timeout, waveform, driver.simulators, driver.models)


def _run(
    config: RuleConfig,
    episodes: list[Episode],
    seed: int,
    simulator: str,
    top: Top,
    errors: float,
    timeout: float,
    waveform: Path | None,
    progress: Progress,
) -> Verification:
    job = Job(top, config, seed, _PAUSE, episodes, errors)
    steps = sum(len(episode.steps) for episode in episodes)
    outcome = simulate(
        "zimu.sim.bench",
        job.to_json(),
        simulator=simulator,
        timeout=timeout,
        waveform=waveform,
        progress=lambda done: progress(done, steps),
    )
    mismatches = outcome.pop("mismatches")
    first = Finding(**mismatches[0]) if mismatches else None
    return Verification(config.name, *top, simulator, seed, mismatches=len(mismatches), first=first, **outcome)
