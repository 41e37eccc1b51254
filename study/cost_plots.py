"""The pictures of a cost study, as SVG text to stand inside an HTML page; drawn as those of ``study/plots.py``.

Kinds have a colour and a shape each, those of the rule `OWN` one for all. What keeps a mean of the gradients is hollow
or dashed. Used by ``study/cost_report.py``.
"""

import textwrap
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from zimu.cost.layout import unique
from zimu.cost.metrics import Metric
from zimu.cost.ranges import CheaperRange
from zimu.cost.rows import Row
from zimu.cost.verdict import OWN, WITH_MOMENTUM, kind_of
from zimu.study.cost_labels import Label, place
from zimu.study.cost_points import Curve, Plane
from zimu.study.plots import AXIS, BLUE, BROWN, GREEN, GREY, ORANGE, PAPER, PURPLE, VERMILION, figure

PARTS = 8
"""Parts of a bar that have a colour; the rest is one."""

OTHER = "other"

_PALE = 0.4

_SOLID = (BLUE, VERMILION, GREEN, ORANGE, PURPLE)
_FILLS = [*((colour, 1.0) for colour in _SOLID), *((colour, _PALE) for colour in _SOLID[:3]), (GREY, _PALE)]
"""Colour and opacity of the parts of a bar, the last one for the rest."""

_DIRECT = 5
"""Level lines that have their names beside them; of more a legend has them."""

_WIDTH = 26
"""Letters of a line of a unit's name beside a bar."""


class Look(NamedTuple):
    """Colour and marker of a kind."""

    colour: str
    marker: str


Looks = Mapping[str, Look]


def looks(rows: Sequence[Row]) -> dict[str, Look]:
    """How each kind looks in all pictures of a study."""
    rivals = unique(row.kind for row in rows if row.kind and row.rule != OWN)
    colours, markers = (VERMILION, GREEN, ORANGE, PURPLE, GREY, BROWN), "sD^vPX"
    found = {row.kind: Look(BLUE, "o") for row in rows if row.rule == OWN}
    for number, kind in enumerate(rivals):
        found[kind] = Look(colours[number % len(colours)], markers[number % len(markers)])
    return found


def break_even(
    name: str,
    metric: Metric,
    curves: Sequence[Curve],
    ranges: Sequence[CheaperRange],
    shown: Looks,
    regime: tuple[float, float],
    trained: Mapping[str, float],
) -> str:
    """Costs of the units by n / d, and those of the best rivals, which do not depend on it.

    Parameters
    ----------
    name : of the picture.
    metric : the cost.
    curves : of the units; those that are nowhere the cheapest are pale.
    ranges : against each rival kind, in that metric.
    shown : how kinds look.
    regime : the n / d at which networks are trained.
    trained : by label, the n / d of trainings that were done.
    """

    crowded = len(ranges) > _DIRECT

    def draw(axes: Any) -> None:
        low = min(curve.shares[0] for curve in curves)
        high = max(curve.shares[-1] for curve in curves)
        axes.set(xscale="log", yscale="log", xlim=(low, high), xlabel="n / d", ylabel=metric.uom)
        axes.axvspan(*regime, color=GREY, alpha=0.13, linewidth=0)
        labels, marks = [], []
        for number, curve in enumerate(curves, 1):
            dash = "--" if curve.unit.momentum else "-"
            if not curve.least:
                axes.plot(curve.shares, curve.costs, dash, color=BLUE, alpha=_PALE, linewidth=0.8)
                continue
            axes.plot(curve.shares, curve.costs, dash, color=BLUE)
            axes.plot(*zip(*curve.known, strict=True), "o", color=BLUE, markersize=4, markerfacecolor=PAPER)
            at = len(curve.shares) * (2 + number % 6) // 10
            labels.append(Label(curve.shares[at], curve.costs[at], str(number), BLUE))
            marks += [*curve.known, *zip(curve.shares, curve.costs, strict=True)]
        for one in ranges:
            assert one.rival.value is not None
            kind, kept, _ = one.rival.kind.partition(WITH_MOMENTUM)
            look, dash = shown[kind], "--" if kept else "-"
            axes.axhline(one.rival.value, color=look.colour, linestyle=dash, linewidth=1.1, label=one.rival.kind)
            if low < one.upto < high:
                axes.plot([one.upto], [one.rival.value], "o", color=look.colour, markersize=6)
                marks.append((one.upto, one.rival.value))
            marks += [(low * (high / low) ** (step / 40), one.rival.value) for step in range(41)]
            if not crowded:
                place_at = low * (high / low) ** 0.8
                labels.append(Label(place_at, one.rival.value, one.rival.kind, look.colour, on_line=True))
        if crowded:
            axes.figure.legend(loc="outside lower center", ncols=2, fontsize=8)
        bottom, top = axes.get_ylim()
        axes.set_ylim(bottom / (top / bottom) ** 0.16, top * (top / bottom) ** 0.12)
        _mark_regime(axes, regime, trained)
        _plain_ticks(axes)
        place(axes, labels, marks)

    return figure(name, draw, 3.9 + crowded * 0.2 * ((len(ranges) + 1) // 2))


def _mark_regime(axes: Any, regime: tuple[float, float], trained: Mapping[str, float]) -> None:
    middle = (regime[0] * regime[1]) ** 0.5
    across = axes.get_xaxis_transform()
    axes.text(middle, 0.98, "networks train here", transform=across, ha="center", va="top", fontsize=8, color=GREY)
    for row, (label, at) in enumerate(trained.items()):
        axes.axvline(at, ymax=0.93, color=GREY, linestyle=":", linewidth=1)
        axes.text(at, 0.02 + 0.05 * row, f" {label}", transform=across, va="bottom", fontsize=8, color=GREY)


def _plain_ticks(axes: Any) -> None:
    """Numbers in full, and as few as can be told apart, on both axes."""
    from matplotlib.ticker import LogLocator, NullFormatter

    for axis in (axes.xaxis, axes.yaxis):
        ends = axis.get_view_interval()
        near = ends[1] / ends[0] < 100
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if near else (1,)))
        axis.set_major_formatter(_plain)
        axis.set_minor_formatter(NullFormatter())


def _plain(value: float, place: int | None = None) -> str:
    """A tick's number in full."""
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def plane(name: str, points: Plane, shown: Looks) -> str:
    """Two figures against each other, with the front as a step line. Its points have the numbers of a key."""

    def draw(axes: Any) -> None:
        axes.set(xscale="log", yscale="log", xlabel=points.x.uom, ylabel=points.y.uom)
        marks = []
        for momentum, dash in ((False, "-"), (True, "--")):
            front = points.front(momentum)
            axes.step([p.x for p in front], [p.y for p in front], dash, where="post", color=AXIS, linewidth=0.8)
            marks += _along([(p.x, p.y) for p in front])
        for point in points.points:
            look = shown[point.row.kind]
            axes.plot(
                [point.x],
                [point.y],
                look.marker,
                color=look.colour,
                markersize=6,
                markerfacecolor=PAPER if point.row.momentum else look.colour,
                alpha=_PALE if point.number is None else 1,
            )
        for kind, row in kinds.items():
            look = shown[row.kind]
            face = PAPER if row.momentum else look.colour
            axes.plot([], [], look.marker, color=look.colour, markersize=6, markerfacecolor=face, label=kind)
        axes.margins(0.12)
        _plain_ticks(axes)
        axes.figure.legend(loc="outside lower center", ncols=2, fontsize=8, handletextpad=0.3)
        labels = [Label(p.x, p.y, str(p.number), AXIS) for p in points.points if p.number is not None]
        place(axes, labels, [*marks, *((p.x, p.y) for p in points.points)])

    kinds = {kind_of(point.row): point.row for point in sorted(points.points, key=lambda one: one.row.momentum)}
    return figure(name, draw, 3.4 + 0.2 * ((len(kinds) + 1) // 2))


def _along(corners: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points on a falling step line through ``corners``, on logarithmic axes."""
    found = []
    for (left, high), (right, low) in pairwise(corners):
        for step in range(11):
            found.append((left * (right / left) ** (step / 10), high))
            found.append((right, low * (high / low) ** (step / 10)))
    return found


def stacked(name: str, uom: str, bars: Mapping[str, Mapping[str, float]], order: Sequence[str] = ()) -> str:
    """Bars made of parts, one for each of ``bars``; the largest `PARTS` parts have a colour, the others are one.

    Parameters
    ----------
    name : of the picture.
    uom : unit of measure.
    bars : sizes of parts by bar and part.
    order : of the parts; by default the largest first.
    """
    totals: dict[str, float] = {}
    for sizes in bars.values():
        for part, size in sizes.items():
            totals[part] = totals.get(part, 0) + size
    ordered = list(order) or sorted(totals, key=lambda part: (-totals[part], part))
    several = [part for part in ordered if totals.get(part)]
    kept = several[:PARTS]
    rest = {bar: sum(sizes.get(part, 0) for part in several[PARTS:]) for bar, sizes in bars.items()}
    series = [(part, [sizes.get(part, 0) for sizes in bars.values()], _FILLS[place]) for place, part in enumerate(kept)]
    if several[PARTS:]:
        series.append((OTHER, list(rest.values()), _FILLS[-1]))
    names = ["\n".join(textwrap.wrap(bar, _WIDTH)) for bar in bars]

    def draw(axes: Any) -> None:
        starts = [0.0] * len(bars)
        for part, widths, (colour, opacity) in series:
            axes.barh(range(len(bars)), widths, 0.62, starts, color=colour, alpha=opacity, label=part)
            starts = [start + width for start, width in zip(starts, widths, strict=True)]
        for row, end in enumerate(starts):
            axes.text(
                end + max(starts) * 0.015, row, f"{end:,.3g}" if end < 1000 else f"{end:,.0f}", va="center", fontsize=8
            )
        axes.set_yticks(range(len(bars)), names, fontsize=8)
        axes.set(xlabel=uom, xlim=(0, max(starts) * 1.22), ylim=(len(bars) - 0.5, -0.5))
        axes.xaxis.set_major_formatter("{x:,g}")
        axes.locator_params(axis="x", nbins=4)
        axes.grid(axis="y", visible=False)
        axes.figure.legend(loc="outside lower center", ncols=3, fontsize=8, handlelength=1, columnspacing=1)

    lines = sum(1 + 0.4 * label.count("\n") for label in names)
    return figure(name, draw, 0.85 + 0.2 * ((len(series) + 2) // 3) + 0.3 * lines)


def strip(name: str, metric: Metric, rows: Sequence[Row], shown: Looks) -> str:
    """The values with each seed, a line for each row, and the median."""
    names = ["\n".join(textwrap.wrap(row.unit, _WIDTH)) for row in rows]

    def draw(axes: Any) -> None:
        for number, row in enumerate(rows):
            look = shown.get(row.kind, Look(GREY, "o"))
            axes.plot(row.samples, [number] * len(row.samples), "o", color=look.colour, markersize=5, alpha=0.5)
            axes.plot([row.value] * 2, [number - 0.32, number + 0.32], color=AXIS, linewidth=1.6)
        axes.set_yticks(range(len(rows)), names, fontsize=8)
        axes.set(xlabel=metric.uom, ylim=(len(rows) - 0.5, -0.5))
        axes.margins(x=0.06)

    return figure(name, draw, 0.75 + 0.3 * sum(1 + 0.4 * label.count("\n") for label in names))
