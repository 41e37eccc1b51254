"""Rows as tables: for each target one of what was measured, and one of the figures per weight.

A unit has a line, in the second table one for each n, so that twenty units stand as well as two. `grids` says what
stands where; `tables` shows that on a terminal, and ``study/costs.py`` on a page. On a terminal every heading names the
unit of measure and no figure is ever cut: where there is little room the spread over the seeds gives way, then long
names are folded.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from zimu.cost.rows import Row

DASH = "\N{EM DASH}"

ANY = "any"
"""The n of a figure that does not depend on it."""

MEASURED = {
    "comb": "TRELLIS_\nCOMB",
    "ff": "flip-\nflops",
    "dsp": "MULT\n18X18D",
    "alu54": "ALU54B",
    "bram": "DP16KD",
    "ramw": "TRELLIS_\nRAMW",
    "fmax_mhz": "clock,\nMHz",
    "ge": "NAND2\nequi-\nvalents",
    "area_um2": "area,\num2",
    "delay_ns": "delay,\nns",
    "memory_bits": "memory\nbits",
}
"""The metrics of the first table, and headings about as narrow as their figures."""

PER_WEIGHT = {
    "weights_per_cycle": "weights\n/cycle",
    "ns_per_weight": "ns\n/weight",
    "comb_per_wpc": "TRELLIS_\nCOMB per\nweight\n/cycle",
    "ge_per_wpc": "NAND2\nequi-\nvalents\nper\nweight\n/cycle",
    "area_um2_per_wpc": "um2 per\nweight\n/cycle",
    "comb_ns_per_weight": "TRELLIS_\nCOMB *\nns\n/weight",
    "area_um2_ns_per_weight": "um2 *\nns\n/weight",
}
"""The metrics of the second table, as above."""


@dataclass(frozen=True)
class Line:
    """What a table has of one unit at one n.

    Parameters
    ----------
    unit : its name.
    trials : n; None if none of its figures depends on it.
    rows : a row for each metric of the table, None where the unit has none.
    """

    unit: str
    trials: int | None
    rows: list[Row | None]


@dataclass(frozen=True)
class Grid:
    """One table.

    Parameters
    ----------
    target : where its figures were measured.
    headings : `MEASURED` or `PER_WEIGHT`, with the metrics that any unit has.
    lines : of all units, in their order.
    """

    target: str
    headings: dict[str, str]
    lines: list[Line]

    @property
    def title(self) -> str:
        """The target, and whether its figures are those per weight."""
        return self.target if set(self.headings) <= set(MEASURED) else f"{self.target}, per weight"

    @property
    def counted(self) -> bool:
        """Whether any line is for one n."""
        return any(line.trials is not None for line in self.lines)


def grids(rows: Sequence[Row]) -> list[Grid]:
    """The tables of ``rows``, by target; one that would have no column is left out."""
    found = []
    for target in unique(row.target for row in rows):
        for headings in (MEASURED, PER_WEIGHT):
            mine = [row for row in rows if row.target == target and row.metric in headings]
            if mine:
                some = {metric: text for metric, text in headings.items() if any(row.metric == metric for row in mine)}
                found.append(Grid(target, some, _lines(mine, list(some))))
    return found


def tables(rows: Sequence[Row]) -> RenderableType:
    """Tables of ``rows``; what was not measured is an em dash with its reason in a footnote."""
    return _Tables(rows)


def number(value: float) -> str:
    """Integers whole, others with four significant digits, thousands parted."""
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


@dataclass(frozen=True)
class _Tables:
    """All tables, which must know how wide a terminal is."""

    rows: Sequence[Row]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        notes: list[str] = []
        bare = False
        for grid in grids(self.rows):
            table = _table(grid, notes, spread=True)
            if console.measure(table, options=options.update(max_width=_UNLIMITED)).maximum > options.max_width:
                table = _table(grid, notes, spread=False)
                bare = bare or any(row is not None and _spans(row) for line in grid.lines for row in line.rows)
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
    for heading in grid.headings.values():
        table.add_column(heading, justify="right", no_wrap=True)
    for line in grid.lines:
        count = [ANY if line.trials is None else f"{line.trials:,}"] if grid.counted else []
        table.add_row(Text(line.unit), *count, *(_cell(row, notes, spread=spread) for row in line.rows))
    return table


def _lines(rows: Sequence[Row], metrics: Sequence[str]) -> list[Line]:
    """``rows`` are those of one target and of ``metrics``. A figure without an n stands on every line of its unit."""
    lines = []
    for unit in unique(row.unit for row in rows):
        mine = [row for row in rows if row.unit == unit]
        counts: list[int | None] = [*sorted({row.trials for row in mine if row.trials is not None})]
        for trials in counts or [None]:
            by_metric = {row.metric: row for row in mine if row.trials in (trials, None)}
            lines.append(Line(unit, trials, [by_metric.get(metric) for metric in metrics]))
    return lines


def _cell(row: Row | None, notes: list[str], *, spread: bool) -> str:
    if row is None:
        return ""
    if row.value is None:
        if row.reason not in notes:
            notes.append(row.reason)
        return DASH + _mark(notes.index(row.reason) + 1)
    if row.minimum is None or row.maximum is None or not (spread and _spans(row)):
        return number(row.value)
    return f"{number(row.value)} ({number(row.minimum)} to {number(row.maximum)})"


def _spans(row: Row) -> bool:
    """Whether the seeds differ."""
    return row.minimum != row.maximum


def _mark(place: int) -> str:
    return str(place).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def unique(names: Iterable[str]) -> list[str]:
    """The names once each, in order."""
    return list(dict.fromkeys(names))
