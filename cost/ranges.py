"""Where the sides cost the same: up to which n units of the rule `OWN` are cheaper than the best of another kind.

`break_evens` has it for each unit, `cheaper_ranges` for all of them in the fewest sentences, of which `most_telling`
are shown first. What stands against what: ``cost/verdict.py``.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import inf

from zimu.cost.layout import unique
from zimu.cost.metrics import Derived, Metric
from zimu.cost.rows import Row
from zimu.cost.targets import metrics_of, technology_of
from zimu.cost.units import PricedUnit
from zimu.cost.verdict import LEVEL, OWN, WITH_MOMENTUM, Best, best_of, groups_of, kind_of

ASKED = "bfloat16 SGD"
"""The kind that most networks are trained with, which readers ask about before others."""


@dataclass(frozen=True)
class BreakEven:
    """Up to how many trials a step a unit costs no more than the best of another kind.

    Parameters
    ----------
    target, metric : what it costs: a size over weights per cycle, a time per weight, or both.
    unit, depth : the unit, and its weights d.
    rival : the best of the other kind, which does not depend on n.
    trials : the largest such n; 0 if there is none, None if there is no end up to `MOST` trials a weight.
    """

    target: str
    metric: Metric
    unit: str
    depth: int
    rival: Best
    trials: int | None

    def sentence(self) -> str:
        """The same for a reader."""
        rival = self.rival.text(self.metric)
        what = f"{self.target}, {self.metric.uom}: {self.unit}"
        if self.trials is None:
            return f"{what} is cheaper than {rival} at any n up to {MOST} d."
        if self.trials == 0:
            return f"{what} is dearer than {rival} at any n."
        share = f"{self.trials / self.depth:.2g} d"
        return f"{what} is cheaper than {rival} up to n = {self.trials:,} ({share}), and dearer above."


MOST = 4
"""Trials a weight, up to which is searched: far beyond what training needs."""


def break_evens(units: Sequence[PricedUnit], rows: Sequence[Row]) -> list[BreakEven]:
    """For each unit whose throughput depends on n, and each other kind, in every judged figure per weight.

    What a unit costs grows with n, so the largest n at which it costs no more is found by bisection over the model of
    its throughput.
    """
    found = []
    for target in unique(row.target for row in rows):
        for metric in (one for one in reversed(metrics_of(target)) if one.judged and isinstance(one, Derived)):
            figure = [row for row in rows if (row.target, row.metric) == (target, metric) and row.kind]
            others = groups_of([row for row in figure if row.trials is None])
            for unit in units:
                if unit.depth is None or not _is_known(unit, figure):
                    continue
                for (_, kind, momentum), mine in others.items():
                    rival = best_of(kind, mine)
                    if momentum == unit.momentum and rival.value is not None:
                        trials = _upto(unit, figure, rival.value)
                        found.append(BreakEven(target, metric, unit.name, unit.depth, rival, trials))
    return found


def cost_at_one(unit: PricedUnit, figure: Sequence[Row]) -> float | None:
    """What a unit would cost if it did one weight a cycle, in a `Derived` figure with rows of many units.

    Over its throughput at some n that is what it costs there. None where no n was measured, or none matters.
    """
    known = next((row for row in figure if row.unit == unit.name and row.value and row.trials), None)
    if unit.rate_at is None or known is None:
        return None
    assert known.value is not None
    assert known.trials is not None
    return known.value * unit.rate_at(known.trials)


def _is_known(unit: PricedUnit, figure: Sequence[Row]) -> bool:
    return cost_at_one(unit, figure) is not None


def _upto(unit: PricedUnit, figure: Sequence[Row], limit: float) -> int | None:
    """The largest n at which a unit that `_is_known` costs no more; None if there is no end up to `MOST`."""
    alone = cost_at_one(unit, figure)
    assert alone is not None
    assert unit.rate_at is not None
    assert unit.depth is not None
    return _largest(unit.rate_at, alone / limit, MOST * unit.depth)


def _largest(rate_at: Callable[[int], float], needed: float, most: int) -> int | None:
    """The largest n up to ``most`` at which a throughput that falls with n is at least ``needed``; None if all are."""
    count = bisect_left(range(1, most + 1), True, key=lambda trials: rate_at(trials) < needed)
    return None if count == most else count


@dataclass(frozen=True)
class CheaperRange:
    """Up to which n / d some unit of the rule `OWN` is cheaper than the best of another kind, and by how much at first.

    Parameters
    ----------
    target, metric : the figure.
    own : the kind of the units of `OWN`, or what several kinds are called.
    rival : the best of the other kind.
    missing : units of that kind without a figure, any of which might be the best.
    upto : the largest n / d at which one of `OWN` costs no more; 0 if there is none, infinite if there is no end.
    beyond : the least n / d from which all cost more; the same as ``upto`` where a model says what units cost at any n.
    modelled : whether one does; otherwise only the n that were measured are known.
    first : the least n / d that was measured; None where the figure does not depend on n.
    best : the best of `OWN` there.
    """

    target: str
    metric: Metric
    own: str
    rival: Best
    missing: int
    upto: float
    beyond: float
    modelled: bool
    first: float | None
    best: Best

    def sentence(self) -> str:
        """The same for a reader."""
        rival = self.rival.text(self.metric)
        if self.missing:
            rival += f", {self.missing} of whose units {'has' if self.missing == 1 else 'have'} no figure,"
        ends = {0: f"dearer than {rival}{self._always}", inf: f"cheaper than {rival}{self._always}"}
        beyond = "above" if self.modelled else f"from n = {self.beyond:.2g} d on"
        between = f"cheaper than {rival} up to n = {self.upto:.2g} d, and dearer {beyond}"
        return f"{self.target}, {self.metric.uom}: {self.own} is {ends.get(self.upto, between)}; {self._factor}."

    @property
    def _always(self) -> str:
        if self.first is None:
            return ""
        return f" at any n up to {MOST} d" if self.modelled else " at every n measured"

    @property
    def _factor(self) -> str:
        """How far apart the two are at the least n, and which unit it is."""
        assert self.best.value is not None
        assert self.rival.value is not None
        own, other = self.best.value, self.rival.value
        at = "" if self.first is None else f" at n = {self.first:.2g} d"
        whose = f"({self.best.unit}, {self.metric.text(own)})"
        if max(own, other) <= (1 + LEVEL) * min(own, other):
            return f"level{at} {whose}"
        factor = f"by a factor of {max(own, other) / min(own, other):.3g}"
        return f"{'cheaper' if own < other else 'dearer'} {factor}{at} {whose}"


def cheaper_ranges(units: Sequence[PricedUnit], rows: Sequence[Row]) -> list[CheaperRange]:
    """For each target, judged figure and other kind one range for all units of `OWN`; the strongest rival first.

    A unit without a figure is left out here, on either side, and counted among rivals: in a large study some always
    fail, for want of room on a device.
    """
    found = []
    for target in unique(row.target for row in rows):
        judged = [one for one in reversed(metrics_of(target)) if one.judged and one.smaller_is_better]
        # What is known at any n tells most.
        for metric in sorted(judged, key=lambda one: not isinstance(one, Derived)):
            figure = [row for row in rows if (row.target, row.metric) == (target, metric) and row.kind]
            others = groups_of([row for row in figure if row.rule != OWN])
            for momentum in (False, True):
                mine = [row for row in figure if (row.rule, row.momentum) == (OWN, momentum) and row.value]
                rivals = [(kind, some) for (_, kind, also), some in others.items() if also == momentum and mine]
                each = [_cheaper_range(units, mine, kind, some) for kind, some in rivals if any(r.value for r in some)]
                found += sorted(each, key=lambda one: one.rival.value or 0.0)
    return found


IN_VIEW = 10
"""Sentences of a verdict that are shown first."""


def most_telling(ranges: Sequence[CheaperRange], most: int) -> list[CheaperRange]:
    """At most so many, in their order: a technology's first figure, against the strongest rival and `ASKED`, first.

    Parameters
    ----------
    ranges : as `cheaper_ranges` gives them.
    """
    figures = {
        name: [*dict.fromkeys((one.target, one.metric.name) for one in ranges if technology_of(one.target) == name)]
        for name in unique(technology_of(one.target) for one in ranges)
    }
    contest = Counter[tuple[str, str, str]]()
    ranks = []
    for place, one in enumerate(ranges):
        key = (one.target, one.metric.name, one.own)
        strength = 0 if one.rival.kind.startswith(ASKED) else contest[key]
        place_of_figure = figures[technology_of(one.target)].index((one.target, one.metric.name))
        ranks.append((place_of_figure, strength, one.own.endswith(WITH_MOMENTUM), place))
        contest[key] += 1
    return [ranges[place] for place in sorted(place for *_, place in sorted(ranks)[:most])]


def _cheaper_range(units: Sequence[PricedUnit], mine: list[Row], kind: str, others: Sequence[Row]) -> CheaperRange:
    """``mine`` are rows of `OWN` with a value, ``others`` those of a kind, one of which has one at least."""
    measured = [row for row in others if row.value is not None]
    rival = best_of(kind, measured)
    assert rival.value is not None
    limit = rival.value
    metric, names = mine[0].metric, {row.unit for row in mine}
    known = [unit for unit in units if unit.name in names and unit.depth and _is_known(unit, mine)]
    modelled = isinstance(metric, Derived) and bool(known)
    if modelled:
        ends = [(_upto(unit, mine, limit), unit.depth or 1) for unit in known]
        upto = beyond = max(inf if trials is None else trials / depth for trials, depth in ends)
    else:
        cheap = [(row.share or 0.0) for row in mine if (row.value or inf) <= limit]
        dear = [(row.share or 0.0) for row in mine if (row.share or 0.0) > max(cheap, default=-inf)]
        upto, beyond = (max(cheap, default=0.0), min(dear)) if dear else (inf, inf)
    first = min(mine, key=lambda row: (float(f"{(row.share or 0.0):.2g}"), row.value or inf))
    own = _common_name(mine)
    best = replace(best_of(own, [first]), kind=own)
    return CheaperRange(
        first.target, metric, own, rival, len(others) - len(measured), upto, beyond, modelled, first.share, best
    )


def _common_name(mine: Sequence[Row]) -> str:
    """The kind of units of `OWN`; of several kinds, all of them with momentum or none, what they have in common."""
    kinds = unique(kind_of(row) for row in mine)
    return kinds[0] if len(kinds) == 1 else f"the integer unit{WITH_MOMENTUM if mine[0].momentum else ''}"
