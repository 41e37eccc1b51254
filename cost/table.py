"""Rows as tables on a terminal, laid out by ``cost/layout.py``.

Every heading names the unit of measure and no figure is ever cut: where there is little room the spread over the seeds
gives way, then long names are folded.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from zimu.cost.layout import Cell, Grid, sheets
from zimu.cost.rows import Row


def tables(rows: Sequence[Row]) -> RenderableType:
    """Tables of ``rows``; what was not measured is an em dash with its reason in a footnote."""
    return _Tables(rows)


@dataclass(frozen=True)
class _Tables:
    """All tables, which must know how wide a terminal is."""

    rows: Sequence[Row]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        notes: list[str] = []
        bare = False
        for grid in (grid for sheet in sheets(self.rows) for grid in sheet.grids):
            table = _table(grid, notes, spread=True)
            if console.measure(table, options=options.update(max_width=_UNLIMITED)).maximum > options.max_width:
                table = _table(grid, notes, spread=False)
                bare = bare or any(cell.spread for line in grid.lines for cell in line.cells)
            yield table
            yield ""
        if bare:
            yield Text("Medians of the seeds; where their spread has no room here, --json has it.")
        for place, note in enumerate(notes, 1):
            yield Text(f"{_mark(place)} {note}")


_UNLIMITED = 10_000
"""Columns in which any table fits."""


def _table(grid: Grid, notes: list[str], *, spread: bool) -> RenderableType:
    table = Table(title=grid.title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.show_edge = False
    table.add_column("unit", overflow="fold")
    if grid.counted:
        table.add_column("n", justify="right", no_wrap=True)
    for metric in grid.metrics:
        table.add_column(metric.heading, justify="right", no_wrap=True)
    for line in grid.lines:
        count = [line.n] if grid.counted else []
        table.add_row(Text(line.unit), *count, *(_text(cell, notes, spread=spread) for cell in line.cells))
    return table


def _text(cell: Cell, notes: list[str], *, spread: bool) -> str:
    """The cell, with the mark of its reason among ``notes``, which it is added to."""
    if cell.reason:
        if cell.reason not in notes:
            notes.append(cell.reason)
        return cell.text + _mark(notes.index(cell.reason) + 1)
    return f"{cell.text} ({cell.spread})" if spread and cell.spread else cell.text


def _mark(place: int) -> str:
    return str(place).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
