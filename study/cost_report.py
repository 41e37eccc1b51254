"""The report of a cost study: one self-contained HTML page, and the same in Markdown without pictures.

Both are pure functions of a `CostStudy`: the same figures give the same bytes. Sections without figures are left out.
Uses ``cost/layout.py``, ``cost/ranges.py``, ``cost/verdict.py``, ``study/cost_points.py``, ``study/cost_plots.py``,
``study/pages.py`` and ``study/templates/cost.html.j2``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import zimu
from zimu.cost.layout import Sheet, sheets, unique
from zimu.cost.metrics import (
    CLOCK,
    ENERGY,
    ENERGY_PARTS,
    GRADIENT_BYTES,
    MEAN_BYTES,
    MEMORY,
    MEMORY_BYTES,
    WEIGHT_BYTES,
    Metric,
)
from zimu.cost.price import Breakdown
from zimu.cost.ranges import IN_VIEW, MOST, break_evens, cheaper_ranges, most_telling
from zimu.cost.rows import Row
from zimu.cost.targets import technology_of
from zimu.cost.verdict import LEVEL, verdict
from zimu.study import cost_plots
from zimu.study.cost_points import (
    Comparison,
    Curve,
    Plane,
    chosen,
    comparisons,
    curves,
    energy_and_time,
    measured,
    size_and_time,
    sizes,
    training_regime,
)
from zimu.study.costs import CostStudy
from zimu.study.methods import HEADLINE, MOMENTUM, layer_config, mean_trials
from zimu.study.pages import page

_UNITS, _BARS = 12, 24
"""Units of a picture of parts, and bars of the other pictures, at most."""

_NAMED = 6
"""Units that a caption names."""

_SHORT = 14
"""Lines of a target's tables, up to which they are open."""

CAVEATS = (
    ("One script for both sides", "each target maps, places and times all units with the same commands."),
    ("Like with like", "units that keep a mean of the gradients are held against rivals with momentum, others against "
     "those without. Of each kind the best unit counts, for each figure anew."),
    ("Cores", "the walk through memory, the random generators, the expansion of the seed and the counters are inside "
     "every unit. Memories of weights and gradients are inside none."),
    ("Seeds", "FPGA figures are medians over place-and-route seeds, sizes come from packing."),
    ("Out of context", "FPGA cores have no pads, and only paths between registers are timed."),
    ("No wires in silicon", "delays and energies there are of gates and flip-flops alone."),
    ("RAM is not in the area", "macros of the units' own memories are counted in bits, block RAMs in blocks. That "
     "favours the integer unit, whose rivals have none."),
    ("No glitches", "energy is of simulated activity without delays, so multipliers, and with them the rivals, are "
     "understated."),
    ("Memory tables", "the energy of memories is from published tables of 40 and 45 nm, and not added to logic's."),
    ("Throughput", "weights per cycle are counted in simulated steps on gradients of training, every trial open. Those "
     "of the integer unit depend on n, the trials of a step; between the n that were simulated its cycle model leads."),
)  # fmt: skip
"""What a sceptic must know: docs/cost.md has it in full."""


@dataclass(frozen=True)
class Picture:
    """A picture with its caption, and a table that is its key."""

    name: str
    svg: str
    caption: str
    heading: list[str] = field(default_factory=list)
    key: list[list[str]] = field(default_factory=list)


@dataclass(frozen=True)
class Section:
    """Pictures under one heading."""

    title: str
    text: str
    pictures: list[Picture]


Told = list[tuple[str, list[str]]]
"""Sentences by target."""


@dataclass(frozen=True)
class Summary:
    """The verdict: what is seen at once, and the rest."""

    view: Told
    rest: Told
    scores: list[str]
    each: Told


def summary(study: CostStudy) -> Summary:
    """The verdict in sentences: ranges over all units first, then scores, and break-evens of each unit."""
    every = cheaper_ranges(study.units, study.rows)
    view = most_telling(every, IN_VIEW)
    rest = [one for one in every if one not in view]
    each = break_evens(study.units, study.rows)
    return Summary(
        _by_target((one.target, one.sentence()) for one in view),
        _by_target((one.target, one.sentence()) for one in rest),
        verdict(study.rows).lead,
        _by_target((one.target, one.sentence()) for one in each),
    )


def _by_target(sentences: Iterable[tuple[str, str]]) -> Told:
    told: dict[str, list[str]] = {}
    for target, sentence in sentences:
        told.setdefault(target, []).append(sentence.removeprefix(f"{target}, "))
    return list(told.items())


def html(study: CostStudy) -> str:
    """The page."""
    every = [sections for sections in _sections(study) if sections.pictures]
    return page(
        "cost.html.j2",
        study=study,
        version=zimu.__version__,
        summary=summary(study),
        level=LEVEL,
        most=MOST,
        sections=every,
        comparisons=_comparisons(study),
        sheets=[(sheet, _lines(sheet) <= _SHORT) for sheet in sheets(study.rows)],
        caveats=CAVEATS,
    )


def _lines(sheet: Sheet) -> int:
    return sum(len(grid.lines) for grid in sheet.grids)


def _targets(rows: Sequence[Row]) -> list[str]:
    return unique(row.target for row in rows)


def _leading(targets: Iterable[str]) -> list[str]:
    """Of each technology the first target, which stands for all of them where one picture is enough."""
    first: dict[str, str] = {}
    for target in targets:
        first.setdefault(technology_of(target), target)
    return [*first.values()]


def _comparisons(study: CostStudy) -> list[tuple[str, list[Comparison]]]:
    every = [(target, comparisons(study.rows, target)) for target in _targets(study.rows)]
    return [(target, found) for target, found in every if found]


def _sections(study: CostStudy) -> list[Section]:
    return [
        Section(
            "Where the integer unit is cheaper",
            "Cost at equal throughput by n / d, trials of a step over weights: size times time per weight; where "
            "there is no clock, size per weight and cycle. A curve is an integer unit: its measured size and clock "
            "with the model of its throughput; circles are the n that were asked for. A level line is the best unit "
            "of a rival kind, which does not depend on n; beyond its dot no integer unit is cheaper. "
            "Pale: nowhere the cheapest of its like. "
            "Dashed: with a mean of the gradients, or momentum. Grey: n from sqrt(d) to d / 10, with the mean n of the "
            "training study as dotted lines.",
            _break_even_pictures(study),
        ),
        Section(
            "Fronts",
            "Every unit, the integer unit once for each n, and in silicon each at every target clock; both axes "
            "logarithmic, less is better. No unit is better in "
            "both than one on the front (line; dashed with momentum, marks hollow), whose points have numbers; all "
            "others are pale.",
            _plane_pictures(study),
        ),
        Section(
            "Energy and memory traffic",
            "Per weight. Energy is of the core, in parts that add up to it; memories come on top. Bytes are what goes "
            "through the ports of the memories around the core.",
            [*_energy_pictures(study), *_traffic_pictures(study)],
        ),
        Section(
            "Size by part",
            f"The {cost_plots.PARTS} largest parts, the rest as one.",
            _part_pictures(study),
        ),
        Section(
            "Spread over seeds",
            "A dot is a place-and-route seed, a bar the median, which all tables and figures use.",
            _seed_pictures(study),
        ),
    ]


def trained_at() -> dict[str, float]:
    """The mean n / d of the trainings of docs, by label."""
    depth = layer_config(0).depth
    return {
        "trained, with momentum": mean_trials(MOMENTUM) / depth,
        "trained": mean_trials(HEADLINE) / depth,
    }


def _break_even_pictures(study: CostStudy) -> list[Picture]:
    shown, every = cost_plots.looks(study.rows), cheaper_ranges(study.units, study.rows)
    pictures: list[Picture] = []
    for target in _leading(_targets(study.rows)):
        metrics, found = sizes(target), curves(study, target)
        if metrics is None or not found:
            continue
        metric = metrics.cost
        ranges = [one for one in every if (one.target, one.metric) == (target, metric)]
        name = f"even{len(pictures) + 1}"
        svg = cost_plots.break_even(name, metric, found, ranges, shown, training_regime(study), trained_at())
        key = [_curve_line(number, curve, metric) for number, curve in enumerate(found, 1)]
        pictures.append(Picture(name, svg, f"{metric.title}, {target}.", ["No.", "Unit", "d", metric.uom], key))
    return pictures


def _curve_line(number: int, curve: Curve, metric: Metric) -> list[str]:
    known = ", ".join(f"{metric.text(cost)} at {share:.2g} d" for share, cost in curve.known)
    return [str(number), curve.unit.name, f"{curve.unit.depth:,}", known]


def _plane_pictures(study: CostStudy) -> list[Picture]:
    shown = cost_plots.looks(study.rows)
    pictures: list[Picture] = []
    for technology in unique(map(technology_of, _targets(study.rows))):
        energies = energy_and_time(study.rows, technology, ENERGY)
        for points in (size_and_time(study.rows, technology), energies):
            if points is not None:
                name = f"front{len(pictures) + 1}"
                caption = f"{points.y.title} against {points.x.title.lower()}, {technology}."
                heading = ["No.", "Unit", "n", "Target", points.x.uom, points.y.uom]
                svg = cost_plots.plane(name, points, shown)
                pictures.append(Picture(name, svg, caption, heading, _front_lines(points)))
    return pictures


def _front_lines(points: Plane) -> list[list[str]]:
    return [
        [
            str(point.number),
            point.row.unit,
            "any" if point.row.trials is None else f"{point.row.trials:,}",
            point.row.target,
            points.x.text(point.x),
            points.y.text(point.y),
        ]
        for point in points.points
        if point.number is not None
    ]


def _energy_pictures(study: CostStudy) -> list[Picture]:
    pictures: list[Picture] = []
    for target in _targets(study.rows):
        totals = measured(study.rows, target, ENERGY)
        bars, names, kept = _bars(study, target, totals, ENERGY_PARTS)
        if bars:
            order = [metric.title for metric in ENERGY_PARTS]
            name = f"energy{len(pictures) + 1}"
            svg = cost_plots.stacked(name, ENERGY.uom, bars, order)
            pictures.append(_with_left(Picture(name, svg, f"{ENERGY.title}, {target}."), names, kept))
    return pictures


def _traffic_pictures(study: CostStudy) -> list[Picture]:
    parts = (GRADIENT_BYTES, WEIGHT_BYTES, MEAN_BYTES)
    bars, names, kept = _bars(study, MEMORY, measured(study.rows, MEMORY, MEMORY_BYTES), parts)
    if not bars:
        return []
    svg = cost_plots.stacked("traffic", MEMORY_BYTES.uom, bars, [metric.title for metric in parts])
    return [_with_left(Picture("traffic", svg, f"{MEMORY_BYTES.title}, on any target."), names, kept)]


def _bars(
    study: CostStudy, target: str, totals: Sequence[Row], parts: Sequence[Metric]
) -> tuple[dict[str, dict[str, float]], list[str], list[str]]:
    """Sizes of the parts of each row of ``totals``; the units there are, and those with bars."""
    names = unique(row.unit for row in totals)
    kept = chosen(study.rows, target, names, _BARS)
    values = {(row.unit, row.trials, row.metric): row.value for row in study.rows if row.target == target}
    bars = {
        row.label: {part.title: values.get((row.unit, row.trials, part)) or 0.0 for part in parts}
        for row in totals
        if row.unit in kept
    }
    return {bar: sizes for bar, sizes in bars.items() if any(sizes.values())}, names, kept


def _with_left(picture: Picture, names: Sequence[str], kept: Sequence[str]) -> Picture:
    """The picture of the units ``kept`` among ``names``, with those it has no room for."""
    left = [name for name in names if name not in kept]
    if len(left) <= _NAMED:
        return replace(picture, caption=picture.caption + (f" No room for: {', '.join(left)}." if left else ""))
    caption = f"{picture.caption} No room for {len(left)} of {len(names)} units."
    return replace(picture, caption=caption, heading=["Left out"], key=[[name] for name in left])


def _part_pictures(study: CostStudy) -> list[Picture]:
    pictures: list[Picture] = []
    leading = _leading(_targets(study.rows))
    parted = [one for one in study.breakdowns if one.target in leading]
    for target, metric in dict.fromkeys((one.target, one.metric) for one in parted):
        some = [one for one in parted if (one.target, one.metric) == (target, metric) and any(one.parts.values())]
        kept = chosen(study.rows, target, [one.unit for one in some], _UNITS)
        shown: list[Breakdown] = [one for one in some if one.unit in kept]
        if shown:
            name = f"parts{len(pictures) + 1}"
            svg = cost_plots.stacked(name, metric.uom, {one.unit: one.parts for one in shown})
            picture = Picture(name, svg, f"{metric.title} by part, {target}.")
            pictures.append(_with_left(picture, [one.unit for one in some], kept))
    return pictures


def _seed_pictures(study: CostStudy) -> list[Picture]:
    shown = cost_plots.looks(study.rows)
    pictures: list[Picture] = []
    for target in _targets(study.rows):
        every = [row for row in study.rows if (row.target, row.metric) == (target, CLOCK) and row.value and row.samples]
        names = [row.unit for row in every]
        kept = chosen(study.rows, target, names, _BARS)
        rows = [row for row in every if row.unit in kept]
        if rows:
            name = f"seeds{len(pictures) + 1}"
            caption = f"{CLOCK.title}, {target}, {max(len(row.samples) for row in rows)} seeds."
            svg = cost_plots.strip(name, CLOCK, rows, shown)
            pictures.append(_with_left(Picture(name, svg, caption), names, kept))
    return pictures


def markdown(study: CostStudy) -> str:
    """Verdict, tables of the comparison, and method."""
    told, every = summary(study), cheaper_ranges(study.units, study.rows)
    lines = [f"# Cost study: {study.name}", ""]
    for target, sentences in _by_target((one.target, one.sentence()) for one in every):
        lines += [f"**{target}**", "", *(f"- {sentence}" for sentence in sentences), ""]
    lines += [*(f"- {score}" for score in told.scores), ""] if told.scores else []
    if not told.view:
        lines += ["Nothing can be compared: one side has no figure.", ""]
    for target, found in _comparisons(study):
        lines += [f"## {target}", ""]
        for one in found:
            lines += [
                f"{one.title}: {one.metric.uom}, best unit of each kind; how many times the integer unit's below n.",
                "",
            ]
            lines += [
                *_table(["kind", "unit", one.metric.uom, *(f"n = {share}" for share in one.shares)], _rows_of(one)),
                "",
            ]
    lines += ["## Method and limits", "", *(f"- **{head}:** {text}" for head, text in CAVEATS), ""]
    lines += ["## How to reproduce", "", f"    {study.command}", ""]
    return "\n".join(lines)


def _rows_of(one: Comparison) -> list[list[str]]:
    own = [one.own, "", "", *(f"{text} ({unit})" for unit, text in one.best)]
    return [
        own,
        *([each.kind, each.unit, each.text, *(f"{factor:.3g}" for factor in each.factors)] for each in one.rivals),
    ]


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    cells = [heading, ["---"] * len(heading), *rows]
    return [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in cells]
