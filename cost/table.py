"""Rows as a table for a terminal: one table for each target, units side by side."""

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from zimu.cost.rows import Row

DASH = "\N{EM DASH}"


def tables(rows: Sequence[Row]) -> RenderableType:
    """Tables of ``rows``, a metric on each line; what was not measured is an em dash with its reason in a footnote."""
    notes: list[str] = []
    parts: list[RenderableType] = [_table(target, rows, notes) for target in _unique(row.target for row in rows)]
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


def _cell(row: Row | None, notes: list[str]) -> str:
    if row is None:
        return ""
    if row.value is None:
        if row.reason not in notes:
            notes.append(row.reason)
        return DASH + _mark(notes.index(row.reason) + 1)
    if row.minimum is None or row.maximum is None or row.minimum == row.maximum:
        return number(row.value)
    return f"{number(row.value)} ({number(row.minimum)} to {number(row.maximum)})"


def _mark(place: int) -> str:
    return str(place).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
