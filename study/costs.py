"""The cost rows of results.json as the report shows them: a verdict in sentences, bars, and a table for each target.

Used by ``study/report.py``; the rows are those of ``cost/rows.py`` as plain data. Units are the integer unit in its
forms, all those that are not in `RIVALS`, and the rivals.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from zimu.cost.rows import UNITS_OF_MEASURE, Row
from zimu.cost.table import ANY, Grid, grids, unique
from zimu.study import plots
from zimu.study.numbers import DASH, number

TITLES = {
    "comb": "Combinational cells",
    "ff": "Flip-flops",
    "dsp": "DSP blocks",
    "alu54": "DSP adders",
    "bram": "Block RAMs",
    "ramw": "LUT RAMs",
    "fmax_mhz": "Clock frequency",
    "ge": "Gate equivalents",
    "area_um2": "Area",
    "delay_ns": "Delay",
    "memory_bits": "Memory bits",
    "weights_per_cycle": "Throughput",
    "ns_per_weight": "Time per weight",
    "comb_per_wpc": "Cells per throughput",
    "ge_per_wpc": "Gates per throughput",
    "area_um2_per_wpc": "Area per throughput",
    "comb_ns_per_weight": "Cells x time per weight",
    "area_um2_ns_per_weight": "Area x time per weight",
}
"""What readers call the metrics of the cost flow, in the order they are shown."""

BARS = ("comb", "dsp", "bram", "fmax_mhz", "ge", "area_um2", "delay_ns", "ns_per_weight", "comb_per_wpc", "ge_per_wpc")
"""The metrics that get bars."""

RIVALS = {
    "FP32 SGD": ("float_sgd:fp32:comb", "float_sgd:fp32:pipelined"),
    "bfloat16 SGD": ("float_sgd:bf16:comb", "float_sgd:bf16:pipelined"),
    "int8 SGD": ("int_sgd:8",),
}
"""What the integer unit is held against, and the units that stand for it, by their names in `zimu.golden.names`."""

SIZES = ("comb_per_wpc", "area_um2_per_wpc", "ge_per_wpc")
"""Sizes per throughput; of each target the first that it has is judged."""

LEVEL = 0.05
"""Figures that differ by no more are level: equivalent forms of one circuit do, by the mappers' luck."""

Results = dict[str, Any]


@dataclass(frozen=True)
class Contest:
    """The integer unit against one rival in one figure, the smaller the better.

    Parameters
    ----------
    target, metric, uom, trials : the figure; ``trials`` is None where it does not depend on n.
    rival : a key of `RIVALS`.
    own, other : the best figure of the integer unit's forms, and of the rival's. None where one was not measured.
    reason : why there is no figure.
    """

    target: str
    metric: str
    uom: str
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
        return "win" if self.own < self.other else "loss"

    def clause(self) -> str:
        """Who wins, and by what factor."""
        if self.own is None or self.other is None:
            return f"cannot be compared with {self.rival}: {DASH} ({self.reason})"
        rival = f"{self.rival} ({number(self.other)})"
        factor = number(max(self.own, self.other) / min(self.own, self.other))
        return {
            "win": f"beats {rival} by a factor of {factor}",
            "loss": f"loses to {rival} by a factor of {factor}",
            "level": f"is level with {rival}",
        }[self.outcome]


def contests(rows: list[Results]) -> list[Contest]:
    """Every judged figure against every rival: size per throughput, time per weight, and area where there is one.

    The best form of a unit counts, for each figure anew. A form without a figure leaves its unit without one, since it
    might have been the best.
    """
    found = []
    for target in unique(row["target"] for row in rows):
        mine = [row for row in rows if row["target"] == target]
        for metric in _judged({row["metric"] for row in mine}):
            figure = [row for row in mine if row["metric"] == metric]
            for trials in sorted({row["trials"] for row in figure} - {None}) or [None]:
                some = [row for row in figure if row["trials"] in (trials, None)]
                own, why = _best([row for row in some if not _is_rival(row["unit"])])
                for rival, units in RIVALS.items():
                    other, why_not = _best([row for row in some if row["unit"] in units])
                    found.append(Contest(target, metric, some[0]["uom"], trials, rival, own, other, why or why_not))
    return found


def verdict(rows: list[Results]) -> Results:
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
            sentences.append(f"{unit} ({number(some[0].own)}) {clauses}.")
    one = mine[0]
    return {"title": f"{TITLES[one.metric]} ({one.uom}), {one.target}", "text": " ".join(sentences)}


def _judged(metrics: Collection[str]) -> list[str]:
    """The metrics of one target that are judged."""
    sizes = [metric for metric in SIZES if metric in metrics][:1]
    return [*sizes, *(metric for metric in ("ns_per_weight", "area_um2") if metric in metrics)]


def _best(rows: list[Results]) -> tuple[float | None, str]:
    """The smallest value, or None and why there is none."""
    if not rows:
        return None, "not priced"
    for row in rows:
        if row["value"] is None:
            return None, str(row["reason"])
    return min(row["value"] for row in rows), ""


def _is_rival(unit: str) -> bool:
    return any(unit in units for units in RIVALS.values())


def figures(rows: list[Results]) -> list[Results]:
    """One figure for each metric and target that at least one unit has a value for: name, title, svg."""
    drawn: list[Results] = []
    for target in unique(row["target"] for row in rows):
        for metric in BARS:
            group = [row for row in rows if (row["target"], row["metric"]) == (target, metric)]
            if any(row["value"] is not None for row in group):
                name = f"cost{len(drawn) + 1}"
                svg = plots.cost_bars(name, [_bar(row) for row in group])
                drawn.append({"name": name, "title": f"{TITLES[metric]}, {target}", "svg": svg})
    return drawn


def _bar(row: Results) -> Results:
    return {
        "label": row["unit"] if row["trials"] is None else f"{row['unit']}, n = {row['trials']:,}",
        "value": row["value"],
        "minimum": row["minimum"],
        "maximum": row["maximum"],
        "text": number(row["value"]),
        "uom": row["uom"],
        "rule": row["unit"].partition(":")[0] if _is_rival(row["unit"]) else "zim",
    }


def tables(rows: list[Results]) -> list[Results]:
    """For each target its grids of cells, the reasons for dashes, and what measured the figures."""
    return [
        _target([row for row in rows if row["target"] == target]) | {"target": target}
        for target in unique(row["target"] for row in rows)
    ]


def _target(rows: list[Results]) -> Results:
    reasons = list(dict.fromkeys(row["reason"] for row in rows if row["value"] is None))
    made = dict.fromkeys((row["tool"], row["version"], row["command"]) for row in rows if row["value"] is not None)
    sources = [{"tool": tool, "version": version, "command": command} for tool, version, command in made]
    every = [_grid(grid, reasons) for grid in grids([Row.from_dict(row) for row in rows])]
    return {"grids": every, "reasons": reasons, "sources": sources}


def _grid(grid: Grid, reasons: list[str]) -> Results:
    """Headings are titles and units of measure."""
    return {
        "counted": grid.counted,
        "columns": [{"title": TITLES[metric], "uom": UNITS_OF_MEASURE[metric]} for metric in grid.headings],
        "lines": [
            {
                "unit": line.unit,
                "n": ANY if line.trials is None else f"{line.trials:,}",
                "cells": [_cell(row, reasons) for row in line.rows],
            }
            for line in grid.lines
        ],
    }


def _cell(row: Row | None, reasons: list[str]) -> Results:
    """Value, range over the seeds, and the number of the note that says why there is no value."""
    if row is None:
        return {"value": "", "range": "", "note": None}
    if row.value is None:
        return {"value": DASH, "range": "", "note": reasons.index(row.reason) + 1}
    span = f"{number(row.minimum)} to {number(row.maximum)}" if row.minimum != row.maximum else ""
    return {"value": number(row.value), "range": span, "note": None}
