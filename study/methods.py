"""The update rules that the study compares, and the grid each one's single knob is chosen from.

A method is a configuration for each layer, a knob with its grid and a schedule of run-time values: any rule trains that
has these. The unit's knob is the weight scale (what one count is worth), SGD's is the learning rate:
both set the size of a step. Everything else is fixed here, in advance. Used by ``study/train.py``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

from zimu.emu.reals import Encoding
from zimu.emu.update import UpdateUnit
from zimu.golden.names import named
from zimu.golden.rule import RuleConfig
from zimu.golden.scaling import Tensor
from zimu.golden.unit import UnitConfig
from zimu.study.network import DEPTHS

EPOCHS = 30

BATCH = 64
"""Images of one step; the last batch of an epoch is what is left."""

START_RANGE = 20
"""Weights start uniform in -20..20 counts."""

WEIGHT_BITS = GRADIENT_BITS = 8

MOMENTUM_BITS = 12
"""Width of a mean of gradients, where there is one: the narrowest that takes b = 3, and as good as 16 bits."""


START_SCALE = -6
"""What one count of the start is worth where no setting says it: 2^-6."""


def _start_scale(setting: float) -> int:
    return START_SCALE


def _encoding(unit: UpdateUnit[Any], scale: int) -> Encoding:
    """Gradients become integers by an exponent that fits those of the step."""
    return unit.encoding(scale, Tensor())


@dataclass(frozen=True)
class Method:
    """One way to train; its functions are of modules, so that other processes can have it.

    Parameters
    ----------
    key, label : names for programs and for people.
    knob : what is chosen from the grid.
    grid : the settings tried.
    config : the unit of a layer (0 or 1).
    schedule : the run-time values of a step: configuration, setting, step in 0..steps-1, steps -> `step`'s arguments.
    describe : a setting in one line.
    scale : of a setting: log2 of what a count of the start is worth, and of a weight where weights are integers.
    encoding : of a unit and that scale.
    """

    key: str
    label: str
    knob: str
    grid: tuple[float, ...]
    config: Callable[[int], RuleConfig]
    schedule: Callable[[Any, float, int, int], dict[str, Any]]
    describe: Callable[[float], str]
    scale: Callable[[float], int] = _start_scale
    encoding: Callable[[Any, int], Encoding] = _encoding


def mean_trials(method: Method) -> int:
    """The n of layer 1 on average over a run of a method of the unit; where n falls linearly, that of its middle."""
    return int(method.schedule(method.config(0), method.grid[0], 1, 2)["trials"])


def layer_config(layer: int, momentum_bits: int | None = None) -> UnitConfig:
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
        momentum_bits=momentum_bits,
    )


def layer_of(name: str, layer: int) -> RuleConfig:
    """The unit of that name with the weights of a layer."""
    return named(name).replace(depth=DEPTHS[layer])


def integer_unit(
    key: str, label: str, trials_per_weight: Fraction, falling: str, smoothing: int, decay: int | None = None
) -> Method:
    """Weights kept as int8 and changed by nothing but the unit.

    Parameters
    ----------
    key, label : names for programs and for people.
    trials_per_weight : n / d of the first step.
    falling : what falls linearly to 0 over the run: ``"trials"`` n, ``"threshold"`` T, or nothing (``""``).
    smoothing : c.
    decay : b of means of `MOMENTUM_BITS` bits; None samples the gradients themselves.
    """
    fixed: dict[str, Any] = {"share": trials_per_weight, "falling": falling, "smoothing": smoothing, "decay": decay}
    return Method(
        key,
        label,
        knob="log2 of the weight scale",
        grid=(-9, -8, -7, -6, -5, -4),
        config=layer_config if decay is None else partial(layer_config, momentum_bits=MOMENTUM_BITS),
        schedule=partial(_unit_schedule, **fixed),
        describe=partial(_describe_unit, **fixed),
        scale=int,
    )


def _unit_schedule(
    config: UnitConfig,
    setting: float,
    step: int,
    steps: int,
    *,
    share: Fraction,
    falling: str,
    smoothing: int,
    decay: int | None,
) -> dict[str, int]:
    """A falling value is floor(first * (steps - step) / steps)."""
    values = {"trials": int(share * config.depth), "threshold": config.max_threshold, "smoothing": smoothing}
    if falling:
        values[falling] = values[falling] * (steps - step) // steps
    return values if decay is None else values | {"decay": decay}


def _describe_unit(setting: float, *, share: Fraction, falling: str, smoothing: int, decay: int | None) -> str:
    trials = "n = d" if share == 1 else f"n = {float(share):g} d"
    trials += " falling linearly to 0" if falling == "trials" else ""
    gate = "T falling linearly from 2^k to 0" if falling == "threshold" else "T = 2^k"
    mean = "" if decay is None else f"means of {MOMENTUM_BITS} bits with b = {decay}, "
    return f"{trials}, {gate}, c = {smoothing}, {mean}weight scale 1/{2 ** -int(setting)}"


def float_unit(
    key: str,
    label: str,
    *,
    falling: bool = False,
    grid: tuple[float, ...] = (0.01, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0),
    unit: str = "float_sgd:fp32",
    momentum: float | None = None,
) -> Method:
    """Weights kept in floating point and changed by a unit of the rule ``float_sgd``.

    Parameters
    ----------
    key, label : names for programs and for people.
    falling : whether lr falls linearly to 0 over the run.
    grid : values tried for lr, or its first value.
    unit : the unit, by its name in `zimu.golden.names`.
    momentum : of a unit that has it.
    """
    fixed = {} if momentum is None else {"momentum": momentum}
    return Method(
        key,
        label,
        knob="learning rate",
        grid=grid,
        config=partial(layer_of, unit),
        schedule=partial(_rate, falling=falling, fixed=fixed),
        describe=partial(_describe_rate, falling=falling),
    )


def _rate(
    config: RuleConfig, setting: float, step: int, steps: int, *, falling: bool, fixed: dict[str, float]
) -> dict[str, float]:
    return {"learning_rate": setting * (steps - step) / steps if falling else setting} | fixed


def _describe_rate(setting: float, *, falling: bool) -> str:
    return f"learning rate {setting:g}" + (" falling linearly to 0" if falling else "")


def plain_integer_unit(key: str, label: str, *, grid: tuple[float, ...] = (1, 2, 4, 8, 16, 32)) -> Method:
    """Weights kept as int8 and changed by a unit of the rule ``int_sgd``; the grid is of eta, in units of 2^-f."""
    return Method(
        key,
        label,
        knob="eta",
        grid=grid,
        config=partial(layer_of, "int_sgd:8"),
        schedule=_eta,
        describe=_describe_eta,
    )


def _eta(config: RuleConfig, setting: float, step: int, steps: int) -> dict[str, int]:
    return {"rate": int(setting)}


def _describe_eta(setting: float) -> str:
    return f"eta = {int(setting)}, weight scale 1/{2**-START_SCALE}"


HEADLINE = integer_unit("unit", "int8 unit", Fraction(1, 5), "trials", 0)
"""The unit with nothing beside its weights: the one whose gradients are recorded, and that is replayed and priced."""

MOMENTUM = integer_unit("unit_momentum", "int8 unit with momentum", Fraction(3, 100), "trials", 0, decay=3)
"""Means of about eight gradients are sampled, which takes a seventh of the trials."""

RIVAL = float_unit("float", "FP32 SGD")
"""What the claims are measured against: FP32 SGD at its best learning rate."""

METHODS: tuple[Method, ...] = (
    HEADLINE,
    MOMENTUM,
    integer_unit("unit_smoothed", "int8 unit, smoothed", Fraction(1, 5), "trials", 1),
    integer_unit("unit_gated", "int8 unit, gate as learning rate", Fraction(1, 5), "threshold", 0),
    integer_unit("unit_full", "int8 unit, n = d throughout", Fraction(1), "", 1),
    RIVAL,
    float_unit("float_falling", "FP32 SGD, falling rate", falling=True),
)
