"""Who wins, in sentences with figures: units of one kind against another's at the n that were measured.

Kinds are `zimu.golden.rule.RuleConfig.kind`. Of each the best unit stands, for each figure anew, and like is held
against like: units that keep a mean of the gradients, or units that do not. ``cost/ranges.py`` says up to
which n.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from zimu.cost.layout import unique
from zimu.cost.metrics import DASH, Metric
from zimu.cost.rows import Row
from zimu.cost.targets import metrics_of
from zimu.cost.units import PricedUnit

OWN = "zim"
"""The rule that the others are held against."""

LEVEL = 0.05
"""Figures that differ by no more are level: equivalent forms of one circuit do, by the mappers' luck."""


@dataclass(frozen=True)
class Best:
    """The best figure of the units of a kind: whose it is; None, and why, where one of them was not measured."""

    kind: str
    value: float | None
    unit: str = ""
    reason: str = ""

    def text(self, metric: Metric) -> str:
        """The kind with unit and figure."""
        return f"{self.kind} ({self.unit}, {metric.text(self.value)})"


@dataclass(frozen=True)
class Contest:
    """Units of the rule `OWN` against those of one other kind in one figure.

    Parameters
    ----------
    target, metric, trials : the figure; ``trials`` is None where it does not depend on n.
    own, rival : the best of both.
    """

    target: str
    metric: Metric
    trials: int | None
    own: Best
    rival: Best

    @property
    def outcome(self) -> str:
        """``"win"``, ``"loss"`` or ``"level"`` for `OWN`; ``"missing"`` if a figure is."""
        own, other = self.own.value, self.rival.value
        if own is None or other is None:
            return "missing"
        if max(own, other) <= (1 + LEVEL) * min(own, other):
            return "level"
        return "win" if (own < other) == self.metric.smaller_is_better else "loss"

    def clause(self) -> str:
        """Who wins, and by what factor."""
        own, other = self.own.value, self.rival.value
        if own is None or other is None:
            return f"cannot be compared with {self.rival.kind}: {DASH} ({self.own.reason or self.rival.reason})"
        rival = self.rival.text(self.metric)
        factor = f"{max(own, other) / min(own, other):.3g}"
        return {
            "win": f"beats {rival} by a factor of {factor}",
            "loss": f"loses to {rival} by a factor of {factor}",
            "level": f"is level with {rival}",
        }[self.outcome]


def contests(rows: Sequence[Row]) -> list[Contest]:
    """Every judged figure of `OWN` against every other kind, by target and metric, then n.

    A unit without a figure leaves its kind without one, since it might have been the best.
    """
    found = []
    for target in unique(row.target for row in rows):
        # What follows from most stands last in tables, and is said first.
        for metric in filter(lambda metric: metric.judged, reversed(metrics_of(target))):
            figure = [row for row in rows if (row.target, row.metric) == (target, metric) and row.kind]
            counts: list[int | None] = [*sorted({row.trials for row in figure if row.trials is not None})]
            for trials in counts or [None]:
                some = [row for row in figure if row.trials in (trials, None)]
                bests = {group: best_of(group[1], mine) for group, mine in groups_of(some).items()}
                found += [
                    Contest(target, metric, trials, own, rival)
                    for (rule, _, momentum), own in bests.items()
                    if rule == OWN
                    for (other, _, also), rival in bests.items()
                    if other != OWN and also == momentum
                ]
    return found


def groups_of(rows: Sequence[Row]) -> dict[tuple[str, str, bool], list[Row]]:
    """Rows by rule, kind and whether a mean is kept."""
    groups: dict[tuple[str, str, bool], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.rule, kind_of(row), row.momentum), []).append(row)
    return groups


WITH_MOMENTUM = " with momentum"
"""What `kind_of` says behind the kind of a unit that keeps a mean of the gradients."""


def kind_of(unit: Row | PricedUnit) -> str:
    """The kind for readers."""
    return f"{unit.kind}{WITH_MOMENTUM}" if unit.momentum else unit.kind


def best_of(kind: str, rows: Sequence[Row]) -> Best:
    """The best of the rows of a kind in one figure, one at least; a row without a value leaves it without one."""
    for row in rows:
        if row.value is None:
            return Best(kind, None, row.unit, row.reason)
    choose = min if rows[0].metric.smaller_is_better else max
    best = choose(rows, key=lambda row: row.value or 0.0)
    return Best(kind, best.value, best.unit)


@dataclass(frozen=True)
class Verdict:
    """What to say first.

    Parameters
    ----------
    lead : a sentence on each pair of kinds, with how many comparisons are won and lost.
    details : for each target and metric its title and a text, a sentence for each n with figures and factors.
    """

    lead: list[str] = field(default_factory=list)
    details: list[tuple[str, str]] = field(default_factory=list)


def verdict(rows: Sequence[Row]) -> Verdict:
    """Who wins, in sentences made from the rows."""
    every = contests(rows)
    pairs = dict.fromkeys((one.own.kind, one.rival.kind) for one in every)
    figures = dict.fromkeys((one.target, one.metric) for one in every)
    return Verdict(
        [_score(*pair, [one for one in every if (one.own.kind, one.rival.kind) == pair]) for pair in pairs],
        [_detail([one for one in every if (one.target, one.metric) == figure]) for figure in figures],
    )


def _score(own: str, rival: str, mine: list[Contest]) -> str:
    counts = Counter(one.outcome for one in mine)
    text = f"Against {rival}, {own} wins {counts['win'] or 'none'} of {len(mine)} comparisons"
    text += f" and loses {counts['loss'] or 'none'}"
    text += f", {counts['level']} level" if counts["level"] else ""
    return text + (f", {counts['missing']} without a figure." if counts["missing"] else ".")


def _detail(mine: list[Contest]) -> tuple[str, str]:
    sentences = []
    for trials, kind in dict.fromkeys((one.trials, one.own.kind) for one in mine):
        some = [one for one in mine if (one.trials, one.own.kind) == (trials, kind)]
        own, metric = some[0].own, some[0].metric
        at = "" if trials is None else f"At n = {trials:,} "
        if own.value is None:
            sentences.append(f"{at}{kind} has {DASH} ({own.reason}).")
        else:
            sentences.append(f"{at}{own.text(metric)} {', '.join(one.clause() for one in some)}.")
    one = mine[0]
    return f"{one.metric.title} ({one.metric.uom}), {one.target}", " ".join(sentences)
