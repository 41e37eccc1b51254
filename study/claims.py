"""What the study claims of the unit beside FP32 SGD, and whether the runs bear it out.

A further claim is a line in `CLAIMS`; report, terminal and the demo's failures follow. Uses ``study/summary.py``;
judged by ``study/demo.py``, shown by it and by ``study/report.py``.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from zimu.study.methods import HEADLINE, MOMENTUM, RIVAL, Method
from zimu.study.numbers import percent, points
from zimu.study.summary import MethodSummary

LEAST_SEEDS = 10
"""With fewer nothing is judged: even over ten a difference of means moves by 0.2 points (docs/training.md)."""


@dataclass(frozen=True)
class Claim:
    """The mean test accuracy of a method of the unit is hardly below that of FP32 SGD at its best learning rate.

    Parameters
    ----------
    method : what is claimed of.
    allowed_gap : how far below it may be, as a share of 1.
    allowed_trials : how many trials it may take for each weight and step, on average over the run; None is any.
    """

    method: Method
    allowed_gap: float
    allowed_trials: float | None = None


CLAIMS = (Claim(HEADLINE, 0.01), Claim(MOMENTUM, 0.005, 0.015))


@dataclass(frozen=True)
class Judgement:
    """A claim beside what came out.

    ``rival`` is FP32 SGD at the learning rate chosen by validation, ``rival_best`` at whichever rate did best on the
    test images themselves. The claim has to hold against both, and ``difference`` is to the latter, which is never the
    lower of the two.
    """

    unit_key: str
    unit_label: str
    rival_key: str
    rival_label: str
    seeds: int
    unit: float
    rival: float
    rival_best: float
    difference: float
    allowed_gap: float
    trials: float
    """For each weight and step, on average over all runs; of the layer with more."""
    allowed_trials: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain data, with `holds`."""
        return asdict(self) | {"holds": self.holds}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Judgement":
        """The judgement of `to_dict`; whether it holds follows from the figures again."""
        return cls(**{name: value for name, value in values.items() if name != "holds"})

    @property
    def holds(self) -> bool | None:
        """None where it is not judged: so few seeds cannot support it."""
        return None if self.seeds < LEAST_SEEDS else self._near and self._few

    @property
    def _near(self) -> bool:
        # An accuracy is a count of images: the comparison must not turn on the last bit of a mean.
        return self.difference >= -self.allowed_gap - 1e-12

    @property
    def _few(self) -> bool:
        return self.allowed_trials is None or self.trials <= self.allowed_trials

    @property
    def sentence(self) -> str:
        """What came out, up to the word of `verdict`."""
        most = "" if self.allowed_trials is None else f" (at most {self.allowed_trials:g} are allowed)"
        return (
            f"Over {self.seeds} seed{'' if self.seeds == 1 else 's'} the {self.unit_label} reaches "
            f"{percent(self.unit)} % on the test images with {self.trials:.4f} trials per weight and step{most}, "
            f"{self.rival_label} {percent(self.rival)} % at the learning rate that validation chose, and "
            f"{percent(self.rival_best)} % at the one that happened to be best on the test images themselves. To the "
            f"latter the difference is {points(self.difference)} points; the aim is no more than {self._allowed} "
            "behind:"
        )

    @property
    def verdict(self) -> str:
        """``"met"``, ``"missed"``, or why it is neither."""
        if self.holds is None:
            return f"not judged, which takes {LEAST_SEEDS} seeds"
        return "met" if self.holds else "missed"

    @property
    def failures(self) -> list[str]:
        """One line for each thing that was to hold and does not."""
        lines = []
        if self.holds is False and not self._near:
            lines.append(
                f"the {self.unit_label} is more than {self._allowed} behind {self.rival_label}: "
                f"{percent(self.unit)} % against {percent(self.rival_best)} %"
            )
        if self.holds is False and not self._few:
            lines.append(
                f"the {self.unit_label} takes more than {self.allowed_trials:g} trials per weight and step: "
                f"{self.trials:.4f}"
            )
        return lines

    @property
    def _allowed(self) -> str:
        return f"{100 * self.allowed_gap:g} point{'' if self.allowed_gap == 0.01 else 's'}"


def judge(summaries: Iterable[MethodSummary], seeds: int) -> list[Judgement]:
    """Hold every claim against the runs with ``seeds`` seeds each."""
    by_key = {summary.key: summary for summary in summaries}
    return [_judge_one(claim, by_key[claim.method.key], by_key[RIVAL.key], seeds) for claim in CLAIMS]


def _judge_one(claim: Claim, unit: MethodSummary, rival: MethodSummary, seeds: int) -> Judgement:
    reached = unit.test_accuracy.mean or 0.0
    best = max(point.test_accuracy.mean or 0.0 for point in rival.sweep)
    return Judgement(
        unit_key=unit.key,
        unit_label=unit.label,
        rival_key=rival.key,
        rival_label=rival.label,
        seeds=seeds,
        unit=reached,
        rival=rival.test_accuracy.mean or 0.0,
        rival_best=best,
        difference=reached - best,
        allowed_gap=claim.allowed_gap,
        trials=_trials(claim.method, unit),
        allowed_trials=claim.allowed_trials,
    )


def _trials(method: Method, summary: MethodSummary) -> float:
    """As the units counted them. What is claimed of trains with an open gate, so that these are all of its trials."""
    layers = enumerate(summary.counters)
    return max(counted["open_trials"] / (counted["steps"] * method.config(layer).depth) for layer, counted in layers)
