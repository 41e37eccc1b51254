"""What stands where: rows as a sheet for each target, and as charts, for the terminal, the page and pictures alike.

A sheet has a grid of what was measured, one of the figures per weight, and one for each group of metrics. A unit has a
line, or one for each n where figures depend on it, so that twenty units stand as well as two.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from zimu.cost.metrics import Metric
from zimu.cost.rows import Row
from zimu.cost.targets import metrics_of

ANY = "any"
"""The n of a figure that does not depend on it."""


@dataclass(frozen=True)
class Cell:
    """A figure as text: the value, the spread over seeds if they differ, and why there is no value."""

    text: str = ""
    spread: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Line:
    """What a grid has of one unit at one n, which is None if none of its figures depends on it."""

    unit: str
    trials: int | None
    cells: list[Cell]

    @property
    def n(self) -> str:
        """The n for readers."""
        return ANY if self.trials is None else f"{self.trials:,}"


@dataclass(frozen=True)
class Grid:
    """A table.

    Parameters
    ----------
    target : where its figures were measured.
    metrics : its columns, those that any unit has.
    lines : of all units, in their order; each has a cell for each column.
    """

    target: str
    metrics: list[Metric]
    lines: list[Line]

    @property
    def title(self) -> str:
        """The target, and which of its figures these are."""
        first = self.metrics[0]
        return f"{self.target}, {first.group or 'per weight'}" if first.group or first.per_weight else self.target

    @property
    def counted(self) -> bool:
        """Whether any line is for one n."""
        return any(line.trials is not None for line in self.lines)


@dataclass(frozen=True)
class Source:
    """What measured a figure."""

    tool: str
    version: str
    command: str


@dataclass(frozen=True)
class Sheet:
    """All there is of one target.

    Parameters
    ----------
    target : its name.
    grids : one that would have no column is left out.
    reasons : why values are missing, each once.
    sources : what measured the others, each once.
    """

    target: str
    grids: list[Grid]
    reasons: list[str]
    sources: list[Source]


@dataclass(frozen=True)
class Chart:
    """Bars of one metric on one target, one for each row."""

    target: str
    metric: Metric
    rows: list[Row]

    @property
    def title(self) -> str:
        """Metric and target."""
        return f"{self.metric.title}, {self.target}"


def sheets(rows: Sequence[Row]) -> list[Sheet]:
    """The tables of ``rows``, by target in their order."""
    targets = unique(row.target for row in rows)
    return [_sheet(target, [row for row in rows if row.target == target]) for target in targets]


def charts(rows: Sequence[Row]) -> list[Chart]:
    """The charts of ``rows``, by target and metric; where no unit has a value other than 0 there is none."""
    every = [
        Chart(target, metric, [row for row in rows if (row.target, row.metric) == (target, metric)])
        for target in unique(row.target for row in rows)
        for metric in metrics_of(target)
        if metric.charted
    ]
    return [chart for chart in every if any(row.value for row in chart.rows)]


def unique(names: Iterable[str]) -> list[str]:
    """The names once each, in order."""
    return list(dict.fromkeys(names))


def _sheet(target: str, rows: Sequence[Row]) -> Sheet:
    found = [metric for metric in metrics_of(target) if any(row.metric == metric for row in rows)]
    tables = dict.fromkeys((metric.group, metric.per_weight) for metric in found)
    parts = [[metric for metric in found if (metric.group, metric.per_weight) == table] for table in tables]
    sources = dict.fromkeys(Source(row.tool, row.version, row.command) for row in rows if row.value is not None)
    return Sheet(
        target,
        [Grid(target, metrics, _lines(rows, metrics)) for metrics in parts],
        unique(row.reason for row in rows if row.value is None),
        list(sources),
    )


def _lines(rows: Sequence[Row], metrics: Sequence[Metric]) -> list[Line]:
    """``rows`` are of one target. A figure without an n stands on every line of its unit."""
    lines = []
    for unit in unique(row.unit for row in rows):
        mine = [row for row in rows if row.unit == unit and row.metric in metrics]
        counts: list[int | None] = [*sorted({row.trials for row in mine if row.trials is not None})]
        for trials in counts or [None] if mine else []:
            by_metric = {row.metric: _cell(row) for row in mine if row.trials in (trials, None)}
            lines.append(Line(unit, trials, [by_metric.get(metric, Cell()) for metric in metrics]))
    return lines


def _cell(row: Row) -> Cell:
    if row.minimum is None or row.maximum is None or row.minimum == row.maximum:
        return Cell(row.metric.text(row.value), "", row.reason)
    low, high = (row.metric.text(end) for end in (row.minimum, row.maximum))
    return Cell(row.metric.text(row.value), f"{low} to {high}", row.reason)
