"""Ways to train the source's models: an optimizer, its schedule, and the one knob that validation chooses.

The knob sets how far a step goes: what a weight is worth for the integer unit, the learning rate for others. All have
as many settings to choose from. Used by ``study/experiment.py``. Needs PyTorch.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch

from zimu.golden.names import named
from zimu.golden.rule import RuleConfig
from zimu.study.optimizer import ZIM, quantize_
from zimu.study.source import SourceZIM

SCALES = (-9.0, -8.0, -7.0, -6.0, -5.0)
"""Settings of `Recipe.knob` ``"scale"``: s, where a weight of one is worth 2^s."""

RATES = (0.01, 0.03, 0.1, 0.3, 1.0)
"""Settings of ``"lr"``."""

KNOBS = {"scale": "log2 of the weight scale", "lr": "learning rate"}


@dataclass(frozen=True)
class Recipe(ABC):
    """One way to train.

    Parameters
    ----------
    label : for people.
    knob : of `KNOBS`, what is chosen from the grid; the optimizer's argument of that name.
    grid : the settings tried.
    falling : whether the learning rate falls linearly to 0 over the run.
    """

    label: str
    knob: str
    grid: tuple[float, ...]
    falling: bool

    @abstractmethod
    def optimizer(self, parameters: Sequence[torch.nn.Parameter], setting: float, seed: int) -> torch.optim.Optimizer:
        """Round the parameters to weights, and make what trains them."""

    @property
    @abstractmethod
    def fixed(self) -> dict[str, Any]:
        """All that fixes the bits of a run beside its setting and seed, ready for JSON."""


@dataclass(frozen=True)
class UnitRecipe(Recipe):
    """Training by an emulated unit for each parameter.

    Parameters
    ----------
    config : of the unit; its depth is that of each parameter.
    options : of `zimu.study.optimizer.ZIM`, beside the knob's.
    """

    DEFAULTS: ClassVar[dict[str, Any]] = {"lr": 1.0, "scale": -6}

    config: RuleConfig
    options: dict[str, Any] = field(default_factory=dict)

    def optimizer(self, parameters: Sequence[torch.nn.Parameter], setting: float, seed: int) -> ZIM:
        """Round the parameters to weights, and make what trains them."""
        options = self.DEFAULTS | self.options | {self.knob: type(self.DEFAULTS[self.knob])(setting)}
        quantize_(parameters, self.config, scale=options["scale"])
        return ZIM(parameters, self.config, seed=seed, **options)

    @property
    def fixed(self) -> dict[str, Any]:
        """The configuration, and what the optimizer is given."""
        return {"unit": self.config.to_toml(), "options": self.options, "knob": self.knob, "falling": self.falling}


@dataclass(frozen=True)
class SourceRecipe(Recipe):
    """Training by the source's own method, with real numbers; parameters as `SourceZIM`."""

    trials: float
    smoothing: float

    def optimizer(self, parameters: Sequence[torch.nn.Parameter], setting: float, seed: int) -> SourceZIM:
        """Round the parameters to weights of 8 bits, and make what trains them."""
        quantize_(parameters, "zim8", scale=int(setting))
        return SourceZIM(parameters, scale=int(setting), trials=self.trials, smoothing=self.smoothing, seed=seed)

    @property
    def fixed(self) -> dict[str, Any]:
        """What the optimizer is given."""
        return {"source": {"trials": self.trials, "smoothing": self.smoothing}, "falling": self.falling}


_FP32 = named("float_sgd:fp32")

RECIPES: dict[str, Recipe] = {
    "zim": UnitRecipe(
        "int8 ZIM with momentum, n = 0.0295 d falling to 0",
        "scale",
        SCALES,
        True,
        named("zim8").replace(momentum_bits=12),
        {"trials": 0.0295, "decay": 3},
    ),
    "zim_plain": UnitRecipe("int8 ZIM, n = 0.2 d falling to 0", "scale", SCALES, True, named("zim8"), {"trials": 0.2}),
    "paper": UnitRecipe(
        "int8 ZIM, n = d, c = 1 beside real gradients",
        "scale",
        SCALES,
        False,
        # Eight bits round many a small gradient to 0, whose sign is then lost. With more smoothing than this, W of
        # ResNet-18's largest layer leaves its 48 bits.
        named("zim8").replace(gradient_bits=16, smoothing_bits=26),
        {"trials": 1.0, "gradient_smoothing": 1.0},
    ),
    "paper_torch": SourceRecipe("the source's method in PyTorch, n = d, c = 1", "scale", SCALES, False, 1.0, 1.0),
    "sgd": UnitRecipe("FP32 SGD", "lr", RATES, False, _FP32),
    "sgd_falling": UnitRecipe("FP32 SGD, rate falling to 0", "lr", tuple(3 * rate for rate in RATES), True, _FP32),
}
"""By the names that commands take."""
