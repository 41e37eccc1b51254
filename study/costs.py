"""The cost rows of results.json as the report shows them: a verdict in sentences, and bars.

Used by ``study/report.py``. Units are the integer unit in its forms, all those that are not in `RIVALS`, and the
rivals.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from zimu.cost.layout import charts, unique
from zimu.cost.metrics import DASH, Metric
from zimu.cost.rows import Row
from zimu.cost.targets import metrics_of
from zimu.study import plots
from zimu.study.numbers import number

RIVALS = {
    "FP32 SGD": ("float_sgd:fp32:comb", "float_sgd:fp32:pipelined"),
    "bfloat16 SGD": ("float_sgd:bf16:comb", "float_sgd:bf16:pipelined"),
    "int8 SGD": ("int_sgd:8",),
}
"""What the integer unit is held against, and the units that stand for it, by their names in `zimu.golden.names`."""

LEVEL = 0.05
"""Figures that differ by no more are level: equivalent forms of one circuit do, by the mappers' luck."""

Results = dict[str, Any]


@dataclass(frozen=True)
class Contest:
    """The integer unit against one rival in one figure.

    Parameters
    ----------
    target, metric, trials : the figure; ``trials`` is None where it does not depend on n.
    rival : a key of `RIVALS`.
    own, other : the best figure of the integer unit's forms, and of the rival's. None where one was not measured.
    reason : why there is no figure.
    """

    target: str
    metric: Metric
    trials: int | None
    rival: str
    own: float | None
    other: float | None
    reason: str = ""

    @property
    def outcome(self) -> str:
        """``"win"``, ``"loss"`` or ``"level"`` for the integer unit; ``"missing"`` if a figure is."""
        if self.own is None or self.other is None:
            return "missing"
        if max(self.own, self.other) <= (1 + LEVEL) * min(self.own, self.other):
            return "level"
        return "win" if (self.own < self.other) == self.metric.smaller_is_better else "loss"

    def clause(self) -> str:
        """Who wins, and by what factor."""
        if self.own is None or self.other is None:
            return f"cannot be compared with {self.rival}: {DASH} ({self.reason})"
        rival = f"{self.rival} ({self.metric.text(self.other)})"
        factor = number(max(self.own, self.other) / min(self.own, self.other))
        return {
            "win": f"beats {rival} by a factor of {factor}",
            "loss": f"loses to {rival} by a factor of {factor}",
            "level": f"is level with {rival}",
        }[self.outcome]


def contests(rows: Sequence[Row]) -> list[Contest]:
    """Every judged figure against every rival.

    The best form of a unit counts, for each figure anew. A form without a figure leaves its unit without one, since it
    might have been the best.
    """
    found = []
    for target in unique(row.target for row in rows):
        # What follows from most stands last in tables, and is said first.
        for metric in filter(lambda metric: metric.judged, reversed(metrics_of(target))):
            figure = [row for row in rows if (row.target, row.metric) == (target, metric)]
            counts: list[int | None] = [*sorted({row.trials for row in figure if row.trials is not None})]
            for trials in counts or [None] if figure else []:
                some = [row for row in figure if row.trials in (trials, None)]
                own, why = _best([row for row in some if not _is_rival(row.unit)])
                for rival, units in RIVALS.items():
                    other, why_not = _best([row for row in some if row.unit in units])
                    found.append(Contest(target, metric, trials, rival, own, other, why or why_not))
    return found


def verdict(rows: Sequence[Row]) -> Results:
    """Who wins, in sentences made from the rows.

    Returns
    -------
    dict
        ``lead``: a sentence on each rival, with how many comparisons are won and lost. ``details``: for each target and
        metric its ``title`` and its ``text``, a sentence for each n with figures and factors.
    """
    every = contests(rows)
    return {
        "lead": [_score(rival, [one for one in every if one.rival == rival]) for rival in RIVALS] if every else [],
        "details": [
            _detail([one for one in every if (one.target, one.metric) == key])
            for key in dict.fromkeys((one.target, one.metric) for one in every)
        ],
    }


def _score(rival: str, mine: list[Contest]) -> str:
    counts = Counter(one.outcome for one in mine)
    text = f"Against {rival} the int8 unit wins {counts['win'] or 'none'} of {len(mine)} comparisons"
    text += f" and loses {counts['loss'] or 'none'}"
    text += f", {counts['level']} level" if counts["level"] else ""
    return text + (f", {counts['missing']} without a figure." if counts["missing"] else ".")


def _detail(mine: list[Contest]) -> Results:
    sentences = []
    for trials in dict.fromkeys(one.trials for one in mine):
        some = [one for one in mine if one.trials == trials]
        unit = "The int8 unit" if trials is None else f"At n = {trials:,} the int8 unit"
        if some[0].own is None:
            sentences.append(f"{unit} has {DASH} ({some[0].reason}).")
        else:
            clauses = ", ".join(one.clause() for one in some)
            sentences.append(f"{unit} ({some[0].metric.text(some[0].own)}) {clauses}.")
    one = mine[0]
    return {"title": f"{one.metric.title} ({one.metric.uom}), {one.target}", "text": " ".join(sentences)}


def _best(rows: Sequence[Row]) -> tuple[float | None, str]:
    """The best value, or None and why there is none."""
    if not rows:
        return None, "not priced"
    values = []
    for row in rows:
        if row.value is None:
            return None, row.reason
        values.append(row.value)
    return min(values) if rows[0].metric.smaller_is_better else max(values), ""


def _is_rival(unit: str) -> bool:
    return any(unit in units for units in RIVALS.values())


def figures(rows: Sequence[Row]) -> list[Results]:
    """Name, title and SVG text of each chart."""
    return [
        {"name": f"cost{place}", "title": chart.title, "svg": plots.cost_bars(f"cost{place}", chart, _rule)}
        for place, chart in enumerate(charts(rows), 1)
    ]


def _rule(row: Row) -> str:
    """The update rule of its unit."""
    return row.unit.partition(":")[0] if _is_rival(row.unit) else "zim"
