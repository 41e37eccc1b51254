"""Ways to train the source's models: a unit, its schedule, and the one knob that validation chooses.

The knob sets how far a step goes: what a weight is worth for the integer unit, the learning rate for others. All have
as many settings to choose from. Used by ``study/experiment.py``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from zimu.golden.names import named
from zimu.golden.rule import RuleConfig


@dataclass(frozen=True)
class Recipe:
    """One way to train.

    Parameters
    ----------
    label : for people.
    config : of the unit; its depth is that of each parameter.
    knob : what is chosen from the grid.
    grid : the settings tried.
    options : of a setting: what `zimu.study.optimizer.ZIM` takes, ``lr`` and ``scale`` among it.
    falling : whether the learning rate falls linearly to 0 over the run.
    """

    label: str
    config: RuleConfig
    knob: str
    grid: tuple[float, ...]
    options: Callable[[float], dict[str, Any]]
    falling: bool


def _scaled(setting: float, **values: Any) -> dict[str, Any]:
    """The setting is the weight scale."""
    return {"lr": 1.0, "scale": int(setting)} | values


def _rated(setting: float, **values: Any) -> dict[str, Any]:
    """The setting is the learning rate."""
    return {"lr": setting, "scale": -6} | values


SCALES = (-9.0, -8.0, -7.0, -6.0, -5.0)

_MOMENTUM = named("zim8").replace(momentum_bits=12)
_SMOOTHED = named("zim8").replace(smoothing_bits=28)

RECIPES = {
    "zim": Recipe(
        "int8 ZIM with momentum, n = 0.0295 d falling to 0",
        _MOMENTUM,
        "log2 of the weight scale",
        SCALES,
        partial(_scaled, trials=0.0295, decay=3),
        falling=True,
    ),
    "zim_plain": Recipe(
        "int8 ZIM, n = 0.2 d falling to 0",
        named("zim8"),
        "log2 of the weight scale",
        SCALES,
        partial(_scaled, trials=0.2),
        falling=True,
    ),
    "paper": Recipe(
        "int8 ZIM, n = d^(1/dim), c = 1 beside real gradients",
        _SMOOTHED,
        "log2 of the weight scale",
        SCALES,
        partial(_scaled, trials="root", gradient_smoothing=1.0),
        falling=False,
    ),
    "sgd": Recipe(
        "FP32 SGD",
        named("float_sgd:fp32"),
        "learning rate",
        (0.01, 0.03, 0.1, 0.3, 1.0),
        _rated,
        falling=False,
    ),
    "sgd_falling": Recipe(
        "FP32 SGD, rate falling to 0",
        named("float_sgd:fp32"),
        "learning rate",
        (0.03, 0.1, 0.3, 1.0, 3.0),
        _rated,
        falling=True,
    ),
}
"""By the names that commands take."""
