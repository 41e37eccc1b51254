"""The accuracy that each trial, bit and generator buys, beside what it costs: variations of one unit, and its rivals.

Every variation is trained by the bits of the unit that is priced. They are of one unit, `CENTRE`, in one respect each,
so that a difference has one cause; runs of one seed begin alike and see the same images, so that differences are
between pairs. Uses ``study/experiment.py`` and ``study/cost_run.py``; shown by ``study/tradeoff_report.py``, called by
``zimu tradeoff``. Needs PyTorch.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, get_args

from zimu.cost.metrics import ENERGY, MEMORY_BYTES
from zimu.cost.rows import Row
from zimu.cost.silicon import AREA, Silicon
from zimu.cost.targets import find_targets
from zimu.cost.units import PricedUnit, priced
from zimu.golden.errors import InputError
from zimu.golden.names import named, preset
from zimu.golden.rule import PrngKind, RuleConfig
from zimu.golden.unit import UnitConfig
from zimu.study.cost_run import StageProgress, run_study
from zimu.study.experiment import Outcome, compare
from zimu.study.recipes import RATES, SCALES, UnitRecipe
from zimu.study.summary import Spread
from zimu.study.sweep import Group

CENTRE = preset("zim8_momentum")
"""What variations are of: 8 bits, means of 12 bits with b = `DECAY`, n = `TRIALS` d falling linearly to 0."""

TRIALS, DECAY = 0.0295, 3

NEAR = 0.005
"""Accuracy that may be lost to FP32 SGD: 0.5 points."""

_FIELDS = {"area_delay": f"{AREA.name}_ns_per_weight", "energy": ENERGY.name, "bytes": MEMORY_BYTES.name}


@dataclass(frozen=True)
class Variant:
    """One value of what is varied.

    Parameters
    ----------
    axis : what is varied, or `VARIED`, or `RIVALS`.
    value : for people; of rivals their name.
    recipe : how it trains.
    """

    axis: str
    value: str
    recipe: UnitRecipe


VARIED, RIVALS = "the unit varied", "rivals"
"""Axes that are none."""


def variants() -> list[Variant]:
    """All of them; `CENTRE` itself comes first, and is one on most axes."""
    varied = [Variant(axis, value, recipe) for axis, values in _AXES.items() for value, recipe in values()]
    rivals = [Variant(RIVALS, recipe.label, recipe) for recipe in _rivals()]
    return [Variant(VARIED, CENTRE.name, _zim()), *varied, *rivals]


def _zim(options: dict[str, Any] | None = None, *, falling: bool = True, **fields: Any) -> UnitRecipe:
    """A unit like `CENTRE` but for its fields and what its optimizer is given; None leaves an option out."""
    config = CENTRE.replace(**fields)
    given = {"trials": TRIALS} | ({} if config.momentum_bits is None else {"decay": DECAY}) | (options or {})
    # Coarser weights have as wide a range, finer ones as large a step.
    scales = tuple(scale + max(8 - config.weight_bits, 0) for scale in SCALES)
    return UnitRecipe("", "scale", scales, falling, config, given)


def _trials(shares: Sequence[float], **fields: Any) -> Iterator[tuple[str, UnitRecipe]]:
    for share in shares:
        yield f"{share:g} d", _zim({"trials": share}, **fields)


def _momentum() -> Iterator[tuple[str, UnitRecipe]]:
    yield "none", _zim(momentum_bits=None)
    for bits, decay in ((10, 1), (11, 2), (12, 3), (13, 4), (16, 3), (16, 4)):
        yield f"{bits} bits, b = {decay}", _zim({"decay": decay}, momentum_bits=bits)


def _weight_bits() -> Iterator[tuple[str, UnitRecipe]]:
    for bits in (4, 5, 6, 7, 8, 10, 12, 16):
        yield str(bits), _zim(weight_bits=bits)


def _gradient_bits() -> Iterator[tuple[str, UnitRecipe]]:
    for bits in (2, 3, 4, 5, 6, 8, 12):
        yield str(bits), _zim(gradient_bits=bits, momentum_bits=bits + 4)


def _smoothing() -> Iterator[tuple[str, UnitRecipe]]:
    for c in (0, 1, 4, 16, 64):
        yield str(c), _zim({"smoothing": c} if c else {}, smoothing_bits=c.bit_length() if c > 15 else 4)


def _gates() -> Iterator[tuple[str, UnitRecipe]]:
    yield "each trial, n falls", _zim()
    yield "each trial, T falls", _zim({"drives": "threshold"})
    yield "each step, T falls", _zim({"drives": "threshold"}, gate="step")


def _samplers() -> Iterator[tuple[str, UnitRecipe]]:
    """Without momentum, which ``split`` has none of."""
    yield "inverse, 0.1 d", _zim({"trials": 0.1}, momentum_bits=None)
    yield "split, 0.1 d", _zim({"trials": 0.1}, momentum_bits=None, sampler="split", form=None, probe=None)


def _generators() -> Iterator[tuple[str, UnitRecipe]]:
    for kind in get_args(PrngKind):
        yield kind, _zim(prng=kind)


_AXES: dict[str, Callable[[], Iterator[tuple[str, UnitRecipe]]]] = {
    "trials at first, with momentum": partial(_trials, (0.003, 0.01, TRIALS, 0.1, 0.3, 1.0)),
    "trials at first, without momentum": partial(_trials, (0.01, TRIALS, 0.1, 0.3, 1.0), momentum_bits=None),
    "momentum": _momentum,
    "weight bits": _weight_bits,
    "gradient bits": _gradient_bits,
    "smoothing c": _smoothing,
    "gate": _gates,
    "sampler, without momentum": _samplers,
    "generator": _generators,
}


def _rivals() -> Iterator[UnitRecipe]:
    def rival(label: str, unit: str, grid: Sequence[float], falling: bool, **options: Any) -> UnitRecipe:
        return UnitRecipe(label, "lr", tuple(grid), falling, named(unit), options)

    falling_rates = [3 * rate for rate in RATES]
    plain = {"FP32 SGD": "fp32", "bfloat16 SGD": "bf16", "bfloat16 SGD, stochastic rounding": "bf16:sr8:lfsr128"}
    for label, form in plain.items():
        yield rival(f"{label}, falling", f"float_sgd:{form}", falling_rates, True)
    for label, form in (("FP32", "fp32"), ("bfloat16", "bf16")):
        rates = [rate / 10 for rate in falling_rates]
        yield rival(f"{label} SGD with momentum, falling", f"float_sgd:{form}:momentum", rates, True, momentum=0.9)
    etas = [eta / 256 for eta in (1, 2, 4, 8, 16)]
    yield rival("int8 SGD, 16 lanes, falling", "int_sgd:8:x16:lfsr128", [2 * eta for eta in etas], True, scale=-7)
    yield rival("int8 SGD, 16 lanes, rates of 2^k", "int_sgd:8:pow2:x16:lfsr128", etas[:4], False, scale=-7)


@dataclass(frozen=True)
class Point:
    """A variation with its accuracy and its cost.

    Parameters
    ----------
    variant : what it is.
    setting : what validation images chose.
    accuracies : on the test images, one for each seed.
    validation : mean accuracy on the validation images.
    trials : n in the mean over a run; None of rivals.
    unit : the name that its costs stand under.
    costs : of a weight's update: ``area_delay`` in um2 ns, ``energy`` in pJ, ``bytes`` through the memories around it;
        None where the reason says why.
    reasons : by the same names.
    """

    variant: Variant
    setting: float
    accuracies: tuple[float, ...]
    validation: float
    trials: int | None
    unit: str
    costs: dict[str, float | None]
    reasons: dict[str, str]

    @property
    def is_centre(self) -> bool:
        """Whether it is what the others are variations of."""
        return self.variant.recipe == _zim()

    @property
    def accuracy(self) -> Spread:
        """Over the seeds."""
        return Spread.of(self.accuracies)

    def less(self, other: "Point") -> tuple[float, float | None]:
        """The mean difference in accuracy between runs of one seed, and its standard error."""
        each = [mine - theirs for mine, theirs in zip(self.accuracies, other.accuracies, strict=True)]
        return fmean(each), stdev(each) / math.sqrt(len(each)) if len(each) > 1 else None

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and text, ready for JSON and CSV."""
        accuracy = self.accuracy
        return {
            "axis": self.variant.axis,
            "value": self.variant.value,
            "setting": self.setting,
            "trials": self.trials,
            "accuracy": accuracy.mean,
            "deviation": accuracy.deviation,
            "runs": len(self.accuracies),
            "area_delay_um2_ns": self.costs["area_delay"],
            "energy_pj": self.costs["energy"],
            "bytes": self.costs["bytes"],
            "unit": self.unit,
            "note": "; ".join(dict.fromkeys(self.reasons.values())),
        }


@dataclass(frozen=True)
class Tradeoff:
    """The study: points in the order of `variants`, and where they were priced."""

    model: str
    data: str
    weights: int
    epochs: int
    runs: int
    target: str
    points: list[Point]

    def axis(self, name: str) -> list[Point]:
        """Points of one axis."""
        return [point for point in self.points if point.variant.axis == name]

    @property
    def axes(self) -> list[str]:
        """What was varied."""
        return [axis for axis in dict.fromkeys(one.variant.axis for one in self.points) if axis not in (VARIED, RIVALS)]

    @property
    def rival(self) -> Point:
        """The FP32 rival that validation images prefer."""
        single = [point for point in self.axis(RIVALS) if point.variant.value.startswith("FP32")]
        return max(single, key=lambda point: round(point.validation, 12))

    @property
    def centre(self) -> Point:
        """What the others are variations of."""
        return self.axis(VARIED)[0]

    def answers(self) -> list[str]:
        """What was asked, answered in sentences from the points."""
        rival = self.rival
        bar = rival.accuracy.mean or 0.0
        found = [
            f"{rival.variant.value} reaches {100 * bar:.2f} %, the unit that all others are variations of "
            f"{100 * (self.centre.accuracy.mean or 0):.2f} %: {_difference(*self.centre.less(rival))}."
        ]
        for axis in self.axes:
            points = self.axis(axis)
            near = [point for point in points if (point.accuracy.mean or 0.0) >= bar - NEAR]
            told = f"within {100 * NEAR:g} points " + (", ".join(point.variant.value for point in near) or "none")
            if apart := max((point.less(self.centre) for point in near), key=lambda each: abs(each[0]), default=None):
                told += f"; of these the largest difference to the unit varied is {_difference(*apart)}"
            far = [f"{one.variant.value} ({_difference(*one.less(self.centre))})" for one in points if one not in near]
            found.append(f"{axis}: {told}" + (f"; further below {', '.join(far)}" if far else "") + ".")
        return found


def _difference(mean: float, error: float | None) -> str:
    return f"{100 * mean:+.2f}" + (" points" if error is None else f" +- {100 * error:.2f} points")


def cost_target(liberty: Sequence[str]) -> str:
    """The first cell library there is; `InputError` if there is none."""
    for target in find_targets(liberty=liberty):
        if isinstance(target, Silicon):
            return target.name
    raise InputError("there is no cell library to price with: give one with --liberty, or by ZIMU_LIBERTY")


def run_tradeoff(
    model: str,
    data: str,
    images_folder: str | None,
    folder: Path,
    *,
    epochs: int,
    repeats: int,
    tuned_with: int,
    axes: Sequence[str] = (),
    target: str | None = None,
    liberty: Sequence[str] = (),
    jobs: int = 1,
    cache: Path | None = None,
    progress: StageProgress = lambda stage, done, total: None,
) -> Tradeoff:
    """Train all variations, price them, and join both.

    Parameters
    ----------
    axes : those to vary, besides the rivals; by default all.
    target : a cell library; by default the first there is.

    The other parameters are those of `zimu.study.experiment.compare` and of `zimu.study.cost_run.run_study`.
    """
    if missing := [axis for axis in axes if axis not in _AXES]:
        raise InputError(f"axis = {missing[0]!r}: must be one of {', '.join(_AXES)}")
    target = target or cost_target(liberty)
    find_targets([target], liberty=liberty)  # what is not there is said before work begins
    wanted = [variant for variant in variants() if not axes or variant.axis in {*axes, VARIED, RIVALS}]
    recipes: list[UnitRecipe] = []
    for variant in wanted:
        if variant.recipe not in recipes:
            recipes.append(variant.recipe)
    outcomes = compare(
        [model],
        recipes,
        data,
        images_folder,
        folder,
        epochs=epochs,
        repeats=repeats,
        tuned_with=tuned_with,
        jobs=jobs,
        progress=progress,
    )
    weights = outcomes[0].runs[0].weights
    units = _units([recipe.config for recipe in recipes], [_mean_trials(one) for one in outcomes], weights)
    study = run_study(
        "tradeoff",
        "zimu tradeoff",
        [Group(list(units.values()), (target,), 1)],
        liberty=liberty,
        jobs=jobs,
        cache=cache,
        progress=progress,
    )
    points = []
    for variant in wanted:
        outcome = outcomes[recipes.index(variant.recipe)]
        unit = units[_identity(variant.recipe.config)]
        points.append(_joined(variant, outcome, unit, study.rows))
    return Tradeoff(model, data, weights, epochs, repeats, target, points)


def _mean_trials(outcome: Outcome) -> int | None:
    """Open trials of a step, in the mean over the run, for all weights of the model together."""
    share = outcome.trials_per_weight
    return None if share is None else max(round(share * outcome.runs[0].weights), 1)


def _identity(config: RuleConfig) -> str:
    return config.replace(depth=1, name="x").to_toml()


def _units(configs: Sequence[RuleConfig], trials: Sequence[int | None], depth: int) -> dict[str, PricedUnit]:
    """A unit of all the weights for each configuration, with every n it is trained with."""
    counts: dict[str, set[int]] = {}
    found: dict[str, RuleConfig] = {}
    for config, n in zip(configs, trials, strict=True):
        found[_identity(config)] = config
        counts.setdefault(_identity(config), set()).update([] if n is None else [n])
    units = {}
    for number, (identity, config) in enumerate(found.items()):
        name = f"{config.name}_{number}" if isinstance(config, UnitConfig) else config.name
        sized = config.replace(depth=depth, name=name)
        units[identity] = priced(sized, sorted(counts[identity]) or None, name)
    return units


def _joined(variant: Variant, outcome: Outcome, unit: PricedUnit, rows: Sequence[Row]) -> Point:
    trials = _mean_trials(outcome)
    costs: dict[str, float | None] = {}
    reasons: dict[str, str] = {}
    for field, metric in _FIELDS.items():
        mine = [
            row for row in rows if row.unit == unit.name and row.metric.name == metric and row.trials in (None, trials)
        ]
        costs[field] = mine[0].value if mine else None
        if costs[field] is None:
            reasons[field] = mine[0].reason if mine else f"{metric} was not measured"
    validation = outcome.tried[outcome.setting]
    accuracies = tuple(run.test_accuracy[-1] for run in outcome.runs)
    return Point(variant, outcome.setting, accuracies, validation, trials, unit.name, costs, reasons)
