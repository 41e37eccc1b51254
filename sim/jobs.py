"""What a bench does and what it must see: inputs, and the answers of the emulator, as plain data in a file.

A bench needs nothing but its job, so it starts fast and a failing one can be kept and replayed.
"""

import json
from dataclasses import asdict, dataclass
from typing import NamedTuple

from zimu.golden.config import UnitConfig


class StepInputs(NamedTuple):
    """The inputs of one step; `gradients` has depth integers."""

    gradients: list[int]
    trials: int
    threshold: int
    smoothing: int


@dataclass(frozen=True)
class Step:
    """One step and what it must lead to."""

    inputs: StepInputs
    weights: list[int]
    """The weights after the step."""
    counters: list[int]
    """The counters after the step, in the order of `zimu.golden.unit.Counters`."""


@dataclass(frozen=True)
class Episode:
    """From a reset and a seed to the next reset."""

    seed: int
    weights: list[int]
    steps: list[Step]
    abort: tuple[StepInputs, int] | None = None
    """One more step that a reset stops after so many clocks."""


@dataclass(frozen=True)
class Job:
    """Everything one bench run needs."""

    config: UnitConfig
    top: str
    """``"core"`` or ``"unit"``."""
    seed: int
    """Seeds the gaps."""
    pause: float
    """Probability of a pause in each transfer of a stream; benches also run stretches without any."""
    episodes: list[Episode]

    def to_json(self) -> str:
        """The job as text."""
        return json.dumps(asdict(self) | {"config": self.config.to_toml()})

    @classmethod
    def from_json(cls, text: str) -> "Job":
        """The job a text holds."""
        raw = json.loads(text)
        episodes = [
            Episode(
                e["seed"],
                e["weights"],
                [Step(StepInputs(*s["inputs"]), s["weights"], s["counters"]) for s in e["steps"]],
                (StepInputs(*e["abort"][0]), e["abort"][1]) if e["abort"] else None,
            )
            for e in raw["episodes"]
        ]
        return cls(UnitConfig.from_toml(raw["config"]), raw["top"], raw["seed"], raw["pause"], episodes)
