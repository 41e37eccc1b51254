"""Rows as a table for a terminal: one table for each target, a few units side by side, many one below the other."""

from collections.abc import Iterable, Sequence

from rich.box import SIMPLE
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from zimu.cost.rows import Row

DASH = "\N{EM DASH}"

SIDE_BY_SIDE = 4
"""Units that stand side by side; more would not fit a terminal."""

HEADLINES = {
    "comb": "cells",
    "ge": "gates",
    "area_um2": "area, um2",
    "ff": "FF",
    "dsp": "DSP",
    "bram": "BRAM",
    "fmax_mhz": "MHz",
    "delay_ns": "delay, ns",
    "ns_per_weight": "ns/weight",
    "comb_ns_per_weight": "cells *\nns/weight",
    "area_um2_ns_per_weight": "um2 *\nns/weight",
}
"""The metrics that many units are listed by, and their headings."""


def tables(rows: Sequence[Row]) -> RenderableType:
    """Tables of ``rows``; what was not measured is an em dash with its reason in a footnote.

    A few units have a metric on each line. More have a line each, with the metrics of `HEADLINES`, the medians alone.
    """
    notes: list[str] = []
    many = len(_unique(row.unit for row in rows)) > SIDE_BY_SIDE
    make = _list if many else _table
    parts: list[RenderableType] = [make(target, rows, notes) for target in _unique(row.target for row in rows)]
    if many:
        parts.append(Text("Medians of the seeds; --json has their spread and every other metric."))
    parts += [Text(f"{_mark(number)} {note}") for number, note in enumerate(notes, 1)]
    return Group(*parts)


def number(value: float) -> str:
    """Integers whole, others with four significant digits, thousands parted."""
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def _table(target: str, rows: Sequence[Row], notes: list[str]) -> Table:
    mine = [row for row in rows if row.target == target]
    units = _unique(row.unit for row in mine)
    table = Table(title=target, title_justify="left")
    table.add_column("metric")
    for unit in units:
        table.add_column(unit, justify="right", overflow="fold")
    table.add_column("unit of measure")
    for metric, trials, uom in _lines(mine):
        cells = [_cell(_find(mine, unit, metric, trials), notes) for unit in units]
        table.add_row(metric if trials is None else f"{metric}, n = {trials:,}", *cells, uom)
    return table


def _list(target: str, rows: Sequence[Row], notes: list[str]) -> Table:
    mine = [row for row in rows if row.target == target]
    metrics = [name for name in HEADLINES if any(row.metric == name for row in mine)]
    table = Table(title=target, title_justify="left", box=SIMPLE, pad_edge=False)
    table.add_column("unit", no_wrap=True)
    for metric in metrics:
        table.add_column(HEADLINES[metric], justify="right")
    for unit in _unique(row.unit for row in mine):
        counts: list[int | None] = [
            *sorted({row.trials for row in mine if row.unit == unit and row.trials is not None})
        ]
        for trials in counts or [None]:
            cells = [_cell(_find(mine, unit, metric, trials), notes, spread=False) for metric in metrics]
            table.add_row(unit if trials is None else f"{unit}, n = {trials:,}", *cells)
    return table


def _lines(rows: Sequence[Row]) -> list[tuple[str, int | None, str]]:
    """Metric, n and unit of measure of each line. A figure without an n stands on every line of its metric."""
    lines: list[tuple[str, int | None, str]] = []
    for metric in _unique(row.metric for row in rows):
        some = [row for row in rows if row.metric == metric]
        counts: list[int | None] = [*sorted({row.trials for row in some if row.trials is not None})]
        lines += [(metric, trials, some[0].uom) for trials in counts or [None]]
    return lines


def _find(rows: Sequence[Row], unit: str, metric: str, trials: int | None) -> Row | None:
    for row in rows:
        if row.unit == unit and row.metric == metric and row.trials in (trials, None):
            return row
    return None


def _cell(row: Row | None, notes: list[str], *, spread: bool = True) -> str:
    if row is None:
        return ""
    if row.value is None:
        if row.reason not in notes:
            notes.append(row.reason)
        return DASH + _mark(notes.index(row.reason) + 1)
    if not spread or row.minimum is None or row.maximum is None or row.minimum == row.maximum:
        return number(row.value)
    return f"{number(row.value)} ({number(row.minimum)} to {number(row.maximum)})"


def _mark(place: int) -> str:
    return str(place).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
