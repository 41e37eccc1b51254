"""Records what the unit of one layer is given during real training, so that another rendering can replay it.

Uses ``study/train.py``; replayed by ``study/demo.py`` on the circuit and by the tests on the scalar reference.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from zimu.golden.config import UnitConfig
from zimu.golden.errors import check_range
from zimu.study.digits import Digits
from zimu.study.methods import EPOCHS, UnitMethod
from zimu.study.network import DEPTHS
from zimu.study.train import TraceStep, UnitRule, iterate, start_weights, steps_per_epoch, unit_seed


@dataclass(frozen=True)
class Trace:
    """The first steps of one layer's unit in a training run.

    Parameters
    ----------
    config : the unit.
    seed : the 64-bit seed it was given before the first step.
    weights : int8, shape (depth,): the weights before the first step.
    steps : gradients (int8, shape (depth,)), run-time values, and the weights after each step.
    """

    config: UnitConfig
    seed: int
    weights: NDArray[np.int8]
    steps: tuple[TraceStep, ...]

    def __iter__(self) -> Iterator[TraceStep]:
        return iter(self.steps)


def record(
    method: UnitMethod,
    scale_log2: float,
    seed: int,
    data: Digits,
    *,
    layer: int,
    steps: int,
    epochs: int = EPOCHS,
) -> Trace:
    """Train for ``steps`` steps of a run of ``epochs`` epochs and keep what the unit of ``layer`` (0 or 1) saw.

    Raises
    ------
    InputError
        there is no such layer, or the run has fewer steps.
    """
    check_range("layer", layer, 0, len(DEPTHS) - 1)
    check_range("steps", steps, 1, epochs * steps_per_epoch(data))
    kept: list[TraceStep] = []

    def observe(updated: int, step: TraceStep) -> None:
        if updated == layer:
            kept.append(step)

    rule = UnitRule(method, scale_log2, seed, observe)
    for _ in islice(iterate(rule, data, seed, epochs), steps):
        pass
    return Trace(rule.configs[layer], unit_seed(seed, layer), start_weights(seed)[layer], tuple(kept))
