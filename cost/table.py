"""Rows as tables for a terminal: for each target one of what was measured, and one of the figures per weight.

A unit has a line, in the second table one for each n, so that twenty units stand as well as two; every heading names
the unit of measure. No figure is ever cut: where a terminal is narrow, the spread over the seeds gives way, then long
names are folded.
"""

from collections.abc import Iterable, Mapping, Sequence
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
        for target in _unique(row.target for row in self.rows):
            mine = [row for row in self.rows if row.target == target]
            for title, headings in ((target, MEASURED), (f"{target}, per weight", PER_WEIGHT)):
                some = [row for row in mine if row.metric in headings]
                if not some:
                    continue
                table = _table(title, headings, some, notes, spread=True)
                if console.measure(table, options=options.update(max_width=_UNLIMITED)).maximum > options.max_width:
                    table = _table(title, headings, some, notes, spread=False)
                    bare = bare or any(_spans(row) for row in some)
                yield table
                yield ""
        if bare:
            yield Text("Medians of the seeds; where their spread has no room here, --json has it.")
        for place, note in enumerate(notes, 1):
            yield Text(f"{_mark(place)} {note}")


_UNLIMITED = 10_000
"""Columns in which any table fits."""


def _table(
    title: str, headings: Mapping[str, str], rows: Sequence[Row], notes: list[str], *, spread: bool
) -> RenderableType:
    """A line for each unit and n. ``rows`` are those of one target and of the metrics of ``headings``."""
    metrics = [metric for metric in headings if any(row.metric == metric for row in rows)]
    counted = any(row.trials is not None for row in rows)
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.show_edge = False
    table.add_column("unit", overflow="fold")
    if counted:
        table.add_column("n", justify="right", no_wrap=True)
    for metric in metrics:
        table.add_column(headings[metric], justify="right", no_wrap=True)
    for unit in _unique(row.unit for row in rows):
        mine = [row for row in rows if row.unit == unit]
        counts: list[int | None] = [*sorted({row.trials for row in mine if row.trials is not None})]
        for trials in counts or [None]:
            count = [ANY if trials is None else f"{trials:,}"] if counted else []
            cells = (_cell(_find(mine, metric, trials), notes, spread=spread) for metric in metrics)
            table.add_row(Text(unit), *count, *cells)
    return table


def _find(rows: Sequence[Row], metric: str, trials: int | None) -> Row | None:
    """The row of a metric at that n; a figure without an n holds for every n."""
    return next((row for row in rows if row.metric == metric and row.trials in (trials, None)), None)


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


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
