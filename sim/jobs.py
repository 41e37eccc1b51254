"""What a bench does and what it must see, as plain data in a file.

A bench needs nothing but its job, so it starts fast and a failing one can be kept and replayed.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain
from typing import Any, NamedTuple, Self

from zimu.golden.rule import RuleConfig
from zimu.golden.rules import from_toml
from zimu.golden.vectors import Stimulus, VectorSet

Memory = dict[str, list[int]]
"""What the user's memory holds: ``weights``, and ``velocities`` where there is momentum."""


@dataclass(frozen=True)
class Inputs:
    """What goes into one step of any rule."""

    gradients: Sequence[int]
    registers: dict[str, int]
    """The run-time values, by name."""
    memory: Memory = field(default_factory=dict)
    """What is written into the memory before the step; the rest stays."""

    @classmethod
    def of(cls, stimulus: Stimulus) -> Self:
        """The inputs of a step of a vector set."""
        gradients, *_ = stimulus
        return cls(gradients, {name: value for name, value in stimulus._asdict().items() if name != "gradients"})


class Difference(NamedTuple):
    """A value that is not as it must be."""

    field: str
    """``weights[i]``, ``velocities[i]`` or a counter's name."""
    expected: int
    got: int


@dataclass(frozen=True)
class Step:
    """One step: what goes in, and what must be there afterwards."""

    inputs: Inputs
    memory: Memory
    counters: dict[str, int]

    def differences(self, memory: Memory, counters: dict[str, int]) -> Iterator[Difference]:
        """What is not as it must be."""
        cells = (
            Difference(f"{name}[{i}]", *pair)
            for name, values in self.memory.items()
            for i, pair in enumerate(zip(values, memory[name], strict=True))
        )
        counts = (Difference(name, value, counters[name]) for name, value in self.counters.items())
        yield from (each for each in chain(cells, counts) if each.expected != each.got)


@dataclass(frozen=True)
class Episode:
    """From one seed to the next: the steps and their answers, and how the episode ends."""

    seed: int
    """The unit's own."""
    memory: Memory
    """What the memory holds at first."""
    steps: list[Step]
    abort: tuple[Inputs, int] | None = None
    """One more step, which a reset stops after so many clocks. Without it the next seed is written with no reset."""

    @classmethod
    def of(cls, vectors: VectorSet) -> Self:
        """A vector set as an episode."""
        steps = [
            Step(Inputs.of(stimulus), {"weights": list(weights)}, counters._asdict())
            for stimulus, weights, counters in vectors.steps
        ]
        return cls(vectors.seed, {"weights": list(vectors.weights)}, steps)


@dataclass(frozen=True)
class Job:
    """Everything one bench run needs.

    Parameters
    ----------
    top : ``"core"`` or ``"unit"``.
    config : the configuration, of any rule.
    seed : seeds the gaps.
    pause : probability of a pause in each transfer of a stream; benches also run stretches without any.
    episodes : at least one.
    """

    top: str
    config: RuleConfig
    seed: int
    pause: float
    episodes: list[Episode]

    def to_json(self) -> str:
        """The job as text."""
        plain = {"top": self.top, "config": self.config.to_toml(), "seed": self.seed, "pause": self.pause}
        return json.dumps(plain | {"episodes": [asdict(episode) for episode in self.episodes]})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The job a text holds."""
        plain = json.loads(text)
        episodes = [_episode(**fields) for fields in plain.pop("episodes")]
        return cls(**plain | {"config": from_toml(plain["config"]), "episodes": episodes})


def _episode(seed: int, memory: Memory, steps: list[dict[str, Any]], abort: list[Any] | None) -> Episode:
    """An episode from plain data."""
    whole = [Step(**step | {"inputs": Inputs(**step["inputs"])}) for step in steps]
    return Episode(seed, memory, whole, (Inputs(**abort[0]), abort[1]) if abort else None)
