"""The report of accuracy against cost: one self-contained HTML page, the same in Markdown, and a CSV of all points.

All are pure functions of a `Tradeoff`: the same points give the same bytes. Uses ``study/plots.py``,
``study/pages.py`` and ``study/templates/tradeoff.html.j2``.
"""

import csv
import io
import math
from collections.abc import Sequence
from typing import Any

import zimu
from zimu.study.numbers import DASH, number, percent
from zimu.study.pages import page
from zimu.study.plots import BLUE, BROWN, GREEN, GREY, ORANGE, PURPLE, VERMILION, figure
from zimu.study.tradeoff import NEAR, RIVALS, Point, Tradeoff

COSTS = {
    "area_delay": ("Area x time per weight", "um2 ns"),
    "energy": ("Energy per weight", "pJ"),
}
"""What accuracy is drawn over: title and unit of measure."""

_COLOURS = (BLUE, GREEN, ORANGE, PURPLE, GREY, BROWN)
_MARKERS = "oooooo^^^^^^"


def html(study: Tradeoff) -> str:
    """The page."""
    return page(
        "tradeoff.html.j2",
        version=zimu.__version__,
        study=study,
        costs=COSTS,
        figures={field: _plane(study, field) for field in COSTS if _drawn(study, field)},
        axes={_slug(axis): (axis, _along(study, axis)) for axis in study.axes},
        near=100 * NEAR,
        command=command(study),
    )


def markdown(study: Tradeoff) -> str:
    """The answers and the table."""
    lines = [
        "# Accuracy against cost",
        "",
        f"`{command(study)}`, zimu {zimu.__version__}. Model `{study.model}`, {study.weights:,} weights, {study.data}, "
        f"{study.epochs} epochs, {study.runs} runs; costs of a weight's update in {study.target.partition(':')[2]}. "
        "n is the mean over a run.",
        "",
        *(f"- {answer}" for answer in study.answers()),
        "",
        "| varied | value | setting | n | accuracy, % | less the unit varied | um2 ns | pJ | bytes |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for point in study.points:
        mean, error = point.less(study.centre)
        cells = (
            point.variant.axis,
            point.variant.value,
            f"{point.setting:g}",
            DASH if point.trials is None else f"{point.trials:,}",
            f"{percent(point.accuracy.mean)} +- {percent(point.accuracy.deviation)}",
            "" if point.is_centre else f"{100 * mean:+.2f}" + ("" if error is None else f" +- {100 * error:.2f}"),
            *(number(point.costs[field]) for field in ("area_delay", "energy", "bytes")),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def table(study: Tradeoff) -> str:
    """All points as CSV."""
    stream = io.StringIO()
    records = [point.to_dict() for point in study.points]
    writer = csv.DictWriter(stream, list(records[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: "" if value is None else value for name, value in record.items()} for record in records)
    return stream.getvalue()


def command(study: Tradeoff) -> str:
    """What makes it again."""
    options = {"model": study.model, "data": study.data, "epochs": study.epochs, "repeats": study.runs}
    return " ".join(["zimu tradeoff", *(f"--{name} {value}" for name, value in options.items())])


def front(points: Sequence[Point], field: str) -> list[Point]:
    """Those that none beats in both accuracy and cost, by cost."""
    best: list[Point] = []
    for point in sorted(_priced(points, field), key=lambda one: (one.costs[field], -(one.accuracy.mean or 0.0))):
        if not best or (point.accuracy.mean or 0.0) > (best[-1].accuracy.mean or 0.0):
            best.append(point)
    return best


def _priced(points: Sequence[Point], field: str) -> list[Point]:
    return [point for point in points if point.costs[field] is not None]


def _drawn(study: Tradeoff, field: str) -> bool:
    return bool(_priced(study.points, field))


def _plane(study: Tradeoff, field: str) -> str:
    title, uom = COSTS[field]

    def draw(axes: Any) -> None:
        for place, axis in enumerate(study.axes):
            points = [point for point in _priced(study.axis(axis), field) if not point.is_centre]
            look = {"color": _COLOURS[place % len(_COLOURS)], "marker": _MARKERS[place % len(_MARKERS)]}
            _dots(axes, points, field, label=axis, **look)
        _dots(axes, _priced(study.axis(RIVALS), field), field, label=RIVALS, color=VERMILION, marker="s")
        _dots(axes, _priced([study.centre], field), field, label="the unit varied", color=BLUE, marker="*", s=90)
        best = front(study.points, field)
        steps = [[point.costs[field] for point in best], [100 * (point.accuracy.mean or 0.0) for point in best]]
        axes.step(*steps, where="post", color=GREY, linewidth=0.8, zorder=0)
        top = max(point.accuracy.mean or 0.0 for point in study.points)
        axes.set(xscale="log", xlabel=f"{title.lower()} ({uom})", ylabel="test accuracy (%)")
        axes.set_ylim(100 * top - 6, 100 * top + 0.5)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.legend(loc="lower right", fontsize=7)

    return figure(field.replace("_", "-"), draw, 4.2)


def _along(study: Tradeoff, axis: str) -> str:
    points, rival = study.axis(axis), study.rival.accuracy.mean or 0.0

    def draw(axes: Any) -> None:
        places = range(len(points))
        means = [100 * (point.accuracy.mean or 0.0) for point in points]
        errors = [100 * (point.accuracy.deviation or 0.0) / math.sqrt(study.runs) for point in points]
        axes.axhline(100 * rival, color=VERMILION, linewidth=1)
        axes.axhspan(100 * (rival - NEAR), 100 * rival, color=VERMILION, alpha=0.12, linewidth=0)
        axes.errorbar(places, means, yerr=errors, fmt="o", color=GREY, markersize=4, capsize=3)
        own = [place for place in places if points[place].is_centre]
        axes.plot(own, [means[place] for place in own], "*", color=BLUE, markersize=10)
        names = [point.variant.value.replace(", ", "\n") for point in points]
        axes.set_xticks(places, names, rotation=20 if max(map(len, names)) > 8 else 0, fontsize=8)
        axes.set(ylabel="test accuracy (%)")

    return figure(_slug(axis), draw, 2.6)


def _slug(axis: str) -> str:
    return axis.replace(" ", "-").replace(",", "")


def _dots(axes: Any, points: Sequence[Point], field: str, **look: Any) -> None:
    if points:
        across = [point.costs[field] for point in points]
        axes.scatter(across, [100 * (point.accuracy.mean or 0.0) for point in points], **{"s": 24} | look)
