"""The cost rows of results.json as bars and tables of the report: units side by side, one table for each target.

Used by ``study/report.py``; the rows are those of ``cost/rows.py`` as plain data.
"""

from collections.abc import Iterable, Iterator
from typing import Any

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

Results = dict[str, Any]


def figures(rows: list[Results]) -> list[Results]:
    """One figure for each metric and target that at least one unit has a value for: name, title, svg."""
    drawn: list[Results] = []
    for target in _unique(row["target"] for row in rows):
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
        "integer": not row["unit"].startswith("float_sgd"),
    }


def tables(rows: list[Results]) -> list[Results]:
    """One table for each target: units, lines of cells, the reasons for dashes, and what measured the figures."""
    return [
        _table(target, [row for row in rows if row["target"] == target])
        for target in _unique(r["target"] for r in rows)
    ]


def _table(target: str, rows: list[Results]) -> Results:
    units = _unique(row["unit"] for row in rows)
    reasons = _unique(row["reason"] for row in rows if row["value"] is None)
    lines = []
    for metric, trials, some in _lines(rows):
        title = TITLES[metric]
        by_unit = {row["unit"]: row for row in some}
        lines.append(
            {
                "metric": metric,
                "label": title if trials is None else f"{title}, n = {trials:,}",
                "uom": some[0]["uom"],
                "cells": [_cell(by_unit.get(unit), reasons) for unit in units],
            }
        )
    made = _unique((row["tool"], row["version"], row["command"]) for row in rows if row["value"] is not None)
    sources = [{"tool": tool, "version": version, "command": command} for tool, version, command in made]
    return {"target": target, "units": units, "lines": lines, "reasons": reasons, "sources": sources}


def _lines(rows: list[Results]) -> Iterator[tuple[str, int | None, list[Results]]]:
    """Metric, n and rows of each line. A figure that does not depend on n stands on every line of its metric."""
    for metric in TITLES:
        some = [row for row in rows if row["metric"] == metric]
        if not some:
            continue
        for trials in sorted({row["trials"] for row in some} - {None}) or [None]:
            yield metric, trials, [row for row in some if row["trials"] in (trials, None)]


def _cell(row: Results | None, reasons: list[str]) -> Results:
    """Value, range over the seeds, and the number of the note that says why there is no value."""
    if row is None:
        return {"value": "", "range": "", "note": None}
    if row["value"] is None:
        return {"value": DASH, "range": "", "note": reasons.index(row["reason"]) + 1}
    spans = row["minimum"] is not None and row["minimum"] != row["maximum"]
    span = f"{number(row['minimum'])} to {number(row['maximum'])}" if spans else ""
    return {"value": number(row["value"]), "range": span, "note": None}


def _unique(values: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(values))
