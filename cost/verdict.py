"""Who wins, in sentences with figures: units of one kind against another's, and the n at which they cost the same.

Kinds are `zimu.golden.rule.RuleConfig.kind`. Of each the best unit stands, for each figure anew, and like is held
against like: units that keep a mean of the gradients, or units that do not. `cheaper_ranges` says the same in the
fewest sentences.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import inf

from zimu.cost.layout import unique
from zimu.cost.metrics import DASH, Derived, Metric
from zimu.cost.rows import Row
from zimu.cost.targets import metrics_of, technology_of
from zimu.cost.units import PricedUnit

OWN = "zim"
"""The rule that the others are held against."""

ASKED = "bfloat16 SGD"
"""The kind that most networks are trained with, which readers ask about before others."""

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
                bests = {group: _best(group[1], mine) for group, mine in _groups(some).items()}
                found += [
                    Contest(target, metric, trials, own, rival)
                    for (rule, _, momentum), own in bests.items()
                    if rule == OWN
                    for (other, _, also), rival in bests.items()
                    if other != OWN and also == momentum
                ]
    return found


def _groups(rows: Sequence[Row]) -> dict[tuple[str, str, bool], list[Row]]:
    """Rows by rule, kind and whether a mean is kept."""
    groups: dict[tuple[str, str, bool], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.rule, _name(row), row.momentum), []).append(row)
    return groups


_KEPT = " with momentum"


def _name(unit: Row | PricedUnit) -> str:
    """The kind for readers."""
    return f"{unit.kind}{_KEPT}" if unit.momentum else unit.kind


def _best(kind: str, rows: Sequence[Row]) -> Best:
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
            others = _groups([row for row in figure if row.trials is None])
            for unit in units:
                if unit.depth is None or not _is_known(unit, figure):
                    continue
                for (_, kind, momentum), mine in others.items():
                    rival = _best(kind, mine)
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
            others = _groups([row for row in figure if row.rule != OWN])
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
        ranks.append((place_of_figure, strength, one.own.endswith(_KEPT), place))
        contest[key] += 1
    return [ranges[place] for place in sorted(place for *_, place in sorted(ranks)[:most])]


def _cheaper_range(units: Sequence[PricedUnit], mine: list[Row], kind: str, others: Sequence[Row]) -> CheaperRange:
    """``mine`` are rows of `OWN` with a value, ``others`` those of a kind, one of which has one at least."""
    measured = [row for row in others if row.value is not None]
    rival = _best(kind, measured)
    assert rival.value is not None
    limit = rival.value
    metric, names = mine[0].metric, {row.unit for row in mine}
    known = [unit for unit in units if unit.name in names and unit.depth and _is_known(unit, mine)]
    modelled = isinstance(metric, Derived) and bool(known)
    if modelled:
        ends = [(_upto(unit, mine, limit), unit.depth or 1) for unit in known]
        upto = beyond = max(inf if trials is None else trials / depth for trials, depth in ends)
    else:
        cheap = [_share(row) for row in mine if (row.value or inf) <= limit]
        dear = [_share(row) for row in mine if _share(row) > max(cheap, default=-inf)]
        upto, beyond = (max(cheap, default=0.0), min(dear)) if dear else (inf, inf)
    first = min(mine, key=lambda row: (float(f"{_share(row):.2g}"), row.value or inf))
    own = _common_name(mine)
    best = replace(_best(own, [first]), kind=own)
    at = None if first.trials is None else _share(first)
    return CheaperRange(first.target, metric, own, rival, len(others) - len(measured), upto, beyond, modelled, at, best)


def _common_name(mine: Sequence[Row]) -> str:
    """The kind of units of `OWN`; of several kinds, all of them with momentum or none, what they have in common."""
    kinds = unique(_name(row) for row in mine)
    return kinds[0] if len(kinds) == 1 else f"the integer unit{_KEPT if mine[0].momentum else ''}"


def _share(row: Row) -> float:
    """The n / d of a row; 0 where a figure does not depend on n."""
    return (row.trials or 0) / (row.depth or 1)
