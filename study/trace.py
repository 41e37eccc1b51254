"""Records what the unit of one layer is given during real training, so that another rendering can replay it.

Uses ``study/train.py``; replayed by ``study/demo.py`` on the circuit and by the tests on the scalar reference.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from zimu.emu.arrays import Array
from zimu.golden.errors import check_range
from zimu.golden.rule import RuleConfig
from zimu.study.digits import Digits
from zimu.study.methods import EPOCHS, Method
from zimu.study.network import DEPTHS
from zimu.study.train import TraceStep, Trainee, iterate, steps_per_epoch, unit_seed


@dataclass(frozen=True)
class Trace:
    """The first steps of one layer's unit in a training run.

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
    steps: tuple[TraceStep, ...]

    def __iter__(self) -> Iterator[TraceStep]:
        return iter(self.steps)


def record(
    method: Method,
    setting: float,
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

    trainee = Trainee(method, setting, seed, observe)
    before = [weights.copy() for weights in trainee.weights]
    for _ in islice(iterate(trainee, data, seed, epochs), steps):
        pass
    return Trace(trainee.configs[layer], unit_seed(seed, layer), before[layer], tuple(kept))
