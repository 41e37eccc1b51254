"""From training runs to what is reported: the chosen setting of each method, spreads and curves.

Settings are chosen by validation accuracy; test accuracy is only reported. Everything here is plain numbers, lists and
text, ready for JSON: a value that does not exist is None. Uses ``study/train.py``; judged by
``study/claims.py``, shown by ``study/report.py``.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from zimu.study.methods import Method
from zimu.study.train import Run


@dataclass(frozen=True)
class Spread:
    """Of one figure over the seeds; ``deviation`` is the sample standard deviation, None for a single seed."""

    mean: float | None
    deviation: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """The spread of values; all None where one is not finite."""
        if not all(map(math.isfinite, values)):
            return cls(None, None, None, None)
        deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
        return cls(float(np.mean(values)), deviation, float(min(values)), float(max(values)))


@dataclass(frozen=True)
class SweepPoint:
    """One setting of a method's knob."""

    setting: float
    validation_accuracy: Spread
    validation_loss: Spread
    test_accuracy: Spread


@dataclass(frozen=True)
class MethodSummary:
    """A method at its chosen setting. Curves are per epoch; counters and histograms are per layer, over all seeds."""

    key: str
    label: str
    knob: str
    setting: float
    description: str
    test_accuracy: Spread
    sweep: list[SweepPoint]
    fit_loss_curve: list[Spread]
    test_accuracy_curve: list[Spread]
    counters: list[dict[str, int]]
    histograms: list[list[int]]
    """How many final weights have each value -128..127."""


def summarise(methods: Iterable[Method], runs: Sequence[Run]) -> list[MethodSummary]:
    """One summary per method, in their order."""
    return [_summarise_one(method, [run for run in runs if run.method == method.key]) for method in methods]


def _summarise_one(method: Method, runs: list[Run]) -> MethodSummary:
    by_setting = {setting: [run for run in runs if run.setting == setting] for setting in method.grid}
    sweep = [
        SweepPoint(
            setting,
            Spread.of([run.validation_accuracy[-1] for run in group]),
            Spread.of([run.validation_loss[-1] for run in group]),
            Spread.of([run.test_accuracy[-1] for run in group]),
        )
        for setting, group in by_setting.items()
    ]
    chosen = choose(sweep)
    group = by_setting[chosen.setting]
    return MethodSummary(
        key=method.key,
        label=method.label,
        knob=method.knob,
        setting=chosen.setting,
        description=method.describe(chosen.setting),
        test_accuracy=chosen.test_accuracy,
        sweep=sweep,
        fit_loss_curve=_curve([run.fit_loss for run in group]),
        test_accuracy_curve=_curve([run.test_accuracy for run in group]),
        counters=[_add(layer) for layer in zip(*(run.counters for run in group), strict=True)],
        histograms=[
            np.bincount(np.concatenate(layer).astype(int) + 128, minlength=256).tolist()
            for layer in zip(*(run.weights for run in group), strict=True)
        ],
    )


def choose(sweep: Sequence[SweepPoint]) -> SweepPoint:
    """The point with the best mean validation accuracy; of equals, the one with the lower mean validation loss."""

    def merit(point: SweepPoint) -> tuple[float, float]:
        loss = point.validation_loss.mean
        # Rounded because sums of equal accuracies in another order differ in the last bit.
        return round(point.validation_accuracy.mean or 0, 12), -math.inf if loss is None else -loss

    return max(sweep, key=merit)


def _curve(runs: Iterable[Sequence[float]]) -> list[Spread]:
    return [Spread.of(values) for values in zip(*runs, strict=True)]


def _add(layers: Sequence[dict[str, int]]) -> dict[str, int]:
    return {name: sum(layer[name] for layer in layers) for name in layers[0]}
