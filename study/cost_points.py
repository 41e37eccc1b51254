"""What the pictures and tables of a cost study show, as numbers: points, fronts, curves, and kinds side by side.

Used by ``study/cost_plots.py`` and ``study/cost_report.py``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from typing import NamedTuple

from zimu.cost.layout import unique
from zimu.cost.metrics import THROUGHPUT, Derived, Metric
from zimu.cost.ranges import cost_at_one
from zimu.cost.rows import Row
from zimu.cost.targets import metrics_of, technology_of
from zimu.cost.units import PricedUnit, round_sqrt
from zimu.cost.verdict import OWN, kind_of
from zimu.study.costs import CostStudy

SAMPLES = 60
"""Points of a curve."""

CYCLES = replace(THROUGHPUT, name="cycles_per_weight", title="Cycles per weight", uom="cycles/weight")
"""Takes the place of a time where a target has no clock; shown only."""


class Sizes(NamedTuple):
    """The metrics of a target that compare sizes; None where it has no clock."""

    size: Metric
    per_throughput: Derived
    time: Derived | None
    product: Derived | None

    @property
    def cost(self) -> Derived:
        """What counts at equal throughput; at equal clock, where there is none."""
        return self.product or self.per_throughput


def sizes(target: str) -> Sizes | None:
    """Those of a target; None where sizes are not judged."""
    derived = [one for one in metrics_of(target) if isinstance(one, Derived)]
    for per in derived:
        if per.judged and per.size and not per.clock:
            time = next((one for one in derived if one.clock and not one.size), None)
            product = next((one for one in derived if one.clock and one.size == per.size), None)
            return Sizes(per.size, per, time, product)
    return None


def measured(rows: Iterable[Row], target: str, metric: Metric) -> list[Row]:
    """The rows of that figure that have a value, of units that are compared."""
    return [row for row in rows if row.target == target and _counts(row, metric)]


def _counts(row: Row, metric: Metric) -> bool:
    return bool(row.metric == metric and row.kind and row.value)


@dataclass(frozen=True)
class Point:
    """A unit at one n in two figures; ``number`` is its place on the front, None where another is better in both."""

    row: Row
    x: float
    y: float
    number: int | None = None


@dataclass(frozen=True)
class Plane:
    """Two figures against each other, on all targets of a technology."""

    technology: str
    x: Metric
    y: Metric
    points: list[Point]

    def front(self, momentum: bool) -> list[Point]:
        """The points on the front of units that keep means of gradients, or of those that do not, from the left."""
        return [point for point in self.points if point.number is not None and point.row.momentum == momentum]


def size_and_time(rows: Sequence[Row], technology: str) -> Plane | None:
    """Sizes against times per weight, or cycles where there is no clock; None where fewer than two units have both.

    Parameters
    ----------
    rows : of a study.
    technology : its name; all its targets, whatever they aim at, are in one plane.
    """
    metrics = sizes(technology)
    if metrics is None:
        return None
    if metrics.time is None:
        lefts = [
            replace(row, metric=CYCLES, value=1 / row.value)
            for row in _known(rows, technology, THROUGHPUT)
            if row.value
        ]
    else:
        lefts = _known(rows, technology, metrics.time)
    return _plane(technology, metrics.time or CYCLES, metrics.size, lefts, _known(rows, technology, metrics.size))


def energy_and_time(rows: Sequence[Row], technology: str, energy: Metric) -> Plane | None:
    """The same with energies instead of sizes."""
    metrics = sizes(technology)
    if metrics is None or metrics.time is None:
        return None
    return _plane(
        technology, metrics.time, energy, _known(rows, technology, metrics.time), _known(rows, technology, energy)
    )


def _known(rows: Iterable[Row], technology: str, metric: Metric) -> list[Row]:
    """As `measured`, on all targets of a technology."""
    return [row for row in rows if technology_of(row.target) == technology and _counts(row, metric)]


def _plane(technology: str, x: Metric, y: Metric, lefts: Sequence[Row], heights: Sequence[Row]) -> Plane | None:
    by_key = {(row.unit, row.target, row.trials): row.value for row in heights}
    points: dict[tuple[str, int | None, float, float], Point] = {}
    for row in lefts:
        high = by_key.get((row.unit, row.target, row.trials), by_key.get((row.unit, row.target, None)))
        if row.value and high:
            # What two aims give alike is one point, of the first.
            points.setdefault((row.unit, row.trials, row.value, high), Point(row, row.value, high))
    if len({point.row.unit for point in points.values()}) < 2:
        return None
    return Plane(technology, x, y, _numbered([*points.values()]))


def _numbered(points: Sequence[Point]) -> list[Point]:
    """The points of both fronts with their numbers, then the others."""
    ordered = sorted(points, key=lambda point: (point.row.momentum, point.x, point.y))
    front = [point for point in ordered if not any(_beats(other, point) for other in points)]
    rest = [point for point in ordered if point not in front]
    return [*(replace(point, number=place) for place, point in enumerate(front, 1)), *rest]


def _beats(one: Point, other: Point) -> bool:
    """Whether ``one`` is no worse in both and better in one; like is held against like."""
    no_worse = one.x <= other.x and one.y <= other.y and (one.x, one.y) != (other.x, other.y)
    return no_worse and one.row.momentum == other.row.momentum


@dataclass(frozen=True)
class Curve:
    """What a unit costs by n / d.

    Parameters
    ----------
    unit : the unit.
    shares, costs : the curve.
    known : the points that were measured.
    least : whether it is the cheapest of its like anywhere on the curve.
    """

    unit: PricedUnit
    shares: list[float]
    costs: list[float]
    known: list[tuple[float, float]]
    least: bool = True


def curves(study: CostStudy, target: str) -> list[Curve]:
    """The costs of the units whose throughput depends on n."""
    metrics = sizes(target)
    if metrics is None:
        return []
    figure = measured(study.rows, target, metrics.cost)
    ends = _ends(study, figure)
    made = []
    for unit in study.units:
        alone = cost_at_one(unit, figure)
        if alone is None or unit.rate_at is None or unit.depth is None:
            continue
        low, high = ends
        wanted = [low * (high / low) ** (place / (SAMPLES - 1)) for place in range(SAMPLES)]
        counts = unique_counts(round(each * unit.depth) for each in wanted)
        known = [(row.share or 0.0, row.value or 0.0) for row in figure if row.unit == unit.name]
        costs = [alone / unit.rate_at(count) for count in counts]
        made.append(Curve(unit, [count / unit.depth for count in counts], costs, known))
    return [replace(curve, least=_is_least(curve, made)) for curve in made]


def _ends(study: CostStudy, figure: Sequence[Row]) -> tuple[float, float]:
    """The n / d from which to which curves are drawn: half of the least sqrt(d) / d up to d, and what was measured."""
    shares = [each for row in figure if (each := row.share) is not None]
    depths = [unit.depth for unit in study.units if unit.rate_at and unit.depth]
    roots = [round_sqrt(depth) / depth / 2 for depth in depths]
    return min([*shares, *roots], default=0.01), max([*shares, 1.0])


def unique_counts(counts: Iterable[int]) -> list[int]:
    """Whole numbers of trials, at least 1, once each."""
    return list(dict.fromkeys(max(count, 1) for count in counts))


def _is_least(curve: Curve, every: Sequence[Curve]) -> bool:
    like = [other for other in every if other.unit.momentum == curve.unit.momentum]
    for each, cost in zip(curve.shares, curve.costs, strict=True):
        if all(cost <= _at(other, each) for other in like):
            return True
    return False


def _at(curve: Curve, wanted: float) -> float:
    """The cost at the n / d of a curve that is nearest."""
    return min(zip(curve.shares, curve.costs, strict=True), key=lambda point: abs(point[0] - wanted))[1]


def training_regime(study: CostStudy) -> tuple[float, float]:
    """The n / d at which networks are trained: from sqrt(d), for the deepest unit, to a tenth of d."""
    depth = max((unit.depth for unit in study.units if unit.rate_at and unit.depth), default=1024)
    return round_sqrt(depth) / depth, 0.1


@dataclass(frozen=True)
class Against:
    """A rival kind beside the best unit of `OWN`.

    Parameters
    ----------
    kind, unit, text : the kind, the best unit of it, and its figure.
    factors : by n / d how many times the best of `OWN` it costs; None where one of them is not known.
    """

    kind: str
    unit: str
    text: str
    factors: list[float | None]


@dataclass(frozen=True)
class Comparison:
    """The best unit of each kind in one figure, units that keep means of gradients or units that do not.

    Parameters
    ----------
    title : at equal clock, or at equal throughput.
    metric : the figure.
    own : the kind of `OWN`.
    shares : the n / d, as text.
    best : unit and figure of `OWN` at each of them.
    rivals : the cheapest first.
    """

    title: str
    metric: Metric
    own: str
    shares: list[str]
    best: list[tuple[str, str]]
    rivals: list[Against]


def comparisons(rows: Sequence[Row], target: str) -> list[Comparison]:
    """Sizes at equal clock and at equal throughput; none where one of the sides has no figure."""
    metrics = sizes(target)
    if metrics is None:
        return []
    each = {"At equal clock": metrics.per_throughput, "At equal throughput": metrics.product}
    found = [
        _comparison(title, metric, [row for row in measured(rows, target, metric) if row.momentum == momentum])
        for title, metric in each.items()
        if metric
        for momentum in (False, True)
    ]
    return [one for one in found if one]


def _comparison(title: str, metric: Metric, figure: Sequence[Row]) -> Comparison | None:
    own: dict[float, Row] = {}
    for row in (row for row in figure if row.rule == OWN):
        place = float(f"{row.share or 0:.2g}")
        if place not in own or (row.value or 0) < (own[place].value or 0):
            own[place] = row
    bests: dict[str, Row] = {}
    for row in sorted((row for row in figure if row.rule != OWN), key=lambda row: row.value or 0):
        bests.setdefault(kind_of(row), row)
    if not own or not bests:
        return None
    best = [own[place] for place in sorted(own)]
    return Comparison(
        title,
        metric,
        " or ".join(unique(map(kind_of, best))),
        [f"{place:.2g}\N{NO-BREAK SPACE}d" for place in sorted(own)],
        [(row.unit, metric.text(row.value)) for row in best],
        [
            Against(kind, row.unit, metric.text(row.value), [(row.value or 0) / (one.value or 1) for one in best])
            for kind, row in bests.items()
        ],
    )


def chosen(rows: Sequence[Row], target: str, names: Sequence[str], most: int) -> list[str]:
    """At most so many of the units, in their order: of each kind in turn its cheapest."""
    metrics = sizes(target)
    figure = measured(rows, target, metrics.cost) if metrics else []
    cost = {row.unit: row.value or 0.0 for row in sorted(figure, key=lambda row: -(row.value or 0.0))}
    kinds: dict[str, list[str]] = {}
    for row in rows:
        kinds.setdefault(kind_of(row), []).append(row.unit)
    wanted = set(names)
    queues = [
        sorted(wanted & set(units), key=lambda name: (cost.get(name, float("inf")), name)) for units in kinds.values()
    ]
    turns = [name for name in chain.from_iterable(zip_longest(*queues)) if name]
    taken = set(turns[:most])
    return [name for name in names if name in taken]
