"""What a unit was given during real training, so that another rendering can replay it.

Recorded by ``study/train.py`` and ``study/optimizer.py``; replayed on the circuit by ``study/replay.py``, and by tests
on the scalar reference.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from zimu.emu.arrays import Array
from zimu.golden.rule import RuleConfig


class TraceStep(NamedTuple):
    """What one step gave a unit, and the weights it left."""

    gradients: Array
    values: dict[str, Any]
    """The run-time values, by name."""
    weights: Array


Observer = Callable[[int, TraceStep], None]
"""Called with the number of a unit after each of its steps."""


@dataclass(frozen=True)
class Trace:
    """The first steps of one unit in a training run.

    Parameters
    ----------
    config : the unit.
    seed : the 64-bit seed it was given before the first step.
    weights : shape (depth,): the weights before the first step.
    steps : gradients, shape (depth,), run-time values, and the weights after each step.
    """

    config: RuleConfig
    seed: int
    weights: Array
    steps: list[TraceStep]

    def __iter__(self) -> Iterator[TraceStep]:
        return iter(self.steps)
