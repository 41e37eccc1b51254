"""The update rules that the study compares, and the grid each one's single knob is chosen from.

The unit's knob is the weight scale (what one count is worth), the float rule's is the learning rate: both set the size
of a step. Everything else is fixed here, in advance. Used by ``study/train.py``.
"""

from dataclasses import dataclass
from fractions import Fraction

from zimu.golden.config import UnitConfig
from zimu.study.network import DEPTHS

EPOCHS = 30

BATCH = 64
"""Images of one step; the last batch of an epoch is what is left."""

START_RANGE = 20
"""Weights start uniform in -20..20 counts."""

START_SCALE_LOG2 = -6
"""What one count of the start is worth to the float rules: 2^-6, the middle of the unit's own grid."""

WEIGHT_BITS = GRADIENT_BITS = 8


def layer_config(layer: int) -> UnitConfig:
    """The unit that trains a layer (0 or 1): layer 1 in the small form of the circuit, layer 2 in the fast one."""
    return UnitConfig(
        name=f"digits_layer{layer + 1}",
        weight_bits=WEIGHT_BITS,
        gradient_bits=GRADIENT_BITS,
        smoothing_bits=1,
        depth=DEPTHS[layer],
        lanes=8,
        gate="trial",
        gate_bits=16,
        form=("search", "tree")[layer],
    )


@dataclass(frozen=True)
class UnitMethod:
    """Weights kept as int8 and changed by nothing but the unit.

    Parameters
    ----------
    key, label : names for programs and for people.
    trials_per_weight : n / d of the first step.
    falling : what falls linearly to 0 over the run: ``"trials"`` n, ``"threshold"`` T, or nothing (``""``).
    smoothing : c.
    grid : values tried for log2 of the weight scale.
    """

    key: str
    label: str
    trials_per_weight: Fraction
    falling: str
    smoothing: int
    grid: tuple[float, ...] = (-9, -8, -7, -6, -5, -4)

    def schedule(self, config: UnitConfig, step: int, steps: int) -> dict[str, int]:
        """Run-time values of ``step`` in 0..steps-1; a falling value is floor(first * (steps - step) / steps)."""
        values = {
            "trials": int(self.trials_per_weight * config.depth),
            "threshold": config.max_threshold,
            "smoothing": self.smoothing,
        }
        if self.falling:
            values[self.falling] = values[self.falling] * (steps - step) // steps
        return values

    def describe(self, setting: float) -> str:
        """The settings in one line."""
        share = self.trials_per_weight
        trials = f"n = {'' if share == 1 else f'{float(share):g} '}d"
        trials += " falling linearly to 0" if self.falling == "trials" else ""
        gate = "T falling linearly from 2^k to 0" if self.falling == "threshold" else "T = 2^k"
        return f"{trials}, {gate}, c = {self.smoothing}, weight scale 1/{2 ** -int(setting)}"


@dataclass(frozen=True)
class FloatMethod:
    """Weights kept in floating point and changed by a unit of the rule ``float_sgd``.

    Parameters
    ----------
    key, label : names for programs and for people.
    falling : whether lr falls linearly to 0 over the run.
    grid : values tried for lr, or its first value.
    unit : the unit, by its name in `zimu.golden.names`.
    momentum : of a unit that has it.
    """

    key: str
    label: str
    falling: bool
    grid: tuple[float, ...] = (0.01, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
    unit: str = "float_sgd:fp32"
    momentum: float | None = None

    def learning_rate(self, setting: float, step: int, steps: int) -> float:
        """The rate of ``step`` in 0..steps-1."""
        return setting * (steps - step) / steps if self.falling else setting

    def describe(self, setting: float) -> str:
        """The settings in one line."""
        return f"learning rate {setting:g}" + (" falling linearly to 0" if self.falling else "")


@dataclass(frozen=True)
class IntegerMethod:
    """Weights kept as integers and changed by a unit of the rule ``int_sgd``.

    Parameters
    ----------
    key, label : names for programs and for people.
    grid : values tried for eta, the learning rate in units of 2^-f.
    unit : the unit, by its name in `zimu.golden.names`.
    """

    key: str
    label: str
    grid: tuple[float, ...] = (1, 2, 4, 8, 16, 32)
    unit: str = "int_sgd:8"

    def describe(self, setting: float) -> str:
        """The settings in one line."""
        return f"eta = {int(setting)}, weight scale 1/{2**-START_SCALE_LOG2}"


Method = UnitMethod | FloatMethod | IntegerMethod

HEADLINE = UnitMethod("unit", "int8 unit", Fraction(1, 5), "trials", 0)
"""The unit at its best known settings: what the study's claim is about, and whose gradients are recorded."""

RIVAL = FloatMethod("float", "FP32 SGD", False)
"""What the claim is measured against: FP32 SGD at its best learning rate."""

METHODS: tuple[Method, ...] = (
    HEADLINE,
    UnitMethod("unit_smoothed", "int8 unit, smoothed", Fraction(1, 5), "trials", 1),
    UnitMethod("unit_gated", "int8 unit, gate as learning rate", Fraction(1, 5), "threshold", 0),
    UnitMethod("unit_full", "int8 unit, n = d throughout", Fraction(1), "", 1),
    RIVAL,
    FloatMethod("float_falling", "FP32 SGD, falling rate", True),
)
