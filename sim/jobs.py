"""What a bench does and what it must see, as plain data in a file.

A bench needs nothing but its job, so it starts fast and a failing one can be kept and replayed.
"""

import json
from dataclasses import dataclass
from typing import Self

from zimu.golden.config import UnitConfig
from zimu.golden.vectors import Stimulus, VectorSet


@dataclass(frozen=True)
class Episode:
    """From one seed to the next: the steps and their answers, and how the episode ends."""

    vectors: VectorSet
    abort: tuple[Stimulus, int] | None = None
    """One more step, which a reset stops after so many clocks. Without it the next seed is written with no reset."""


@dataclass(frozen=True)
class Job:
    """Everything one bench run needs.

    Parameters
    ----------
    top : ``"core"`` or ``"unit"``.
    seed : seeds the gaps.
    pause : probability of a pause in each transfer of a stream; benches also run stretches without any.
    episodes : at least one, all of one configuration.
    """

    top: str
    seed: int
    pause: float
    episodes: list[Episode]

    @property
    def config(self) -> UnitConfig:
        """The configuration of all episodes."""
        return self.episodes[0].vectors.config

    def to_json(self) -> str:
        """The job as text; the vectors are in their own format."""
        episodes = [{"vectors": episode.vectors.to_text(), "abort": episode.abort} for episode in self.episodes]
        return json.dumps({"top": self.top, "seed": self.seed, "pause": self.pause, "episodes": episodes})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The job a text holds."""
        fields = json.loads(text)
        episodes = []
        for raw in fields.pop("episodes"):
            abort = (Stimulus(*raw["abort"][0]), raw["abort"][1]) if raw["abort"] else None
            episodes.append(Episode(VectorSet.from_bytes(raw["vectors"].encode()), abort))
        return cls(**fields, episodes=episodes)
