"""Results of ``study/battery.py`` as a table for a terminal and as Markdown."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from rich.box import SIMPLE
from rich.table import Table

from zimu.study.battery import ASSESSMENTS, Score

_HEADINGS = ("generator", "stream", "lanes", "p-values", *ASSESSMENTS, "weak, failed, unfinished")


class Summary(NamedTuple):
    """How one stream did."""

    subject: str
    stream: str
    lanes: int
    p_values: int
    passed: int
    weak: int
    failed: int
    remarks: tuple[str, ...]
    """Each p-value that was not passed, and each test that gave none."""

    def cells(self) -> list[str]:
        """A line of a table."""
        return [*map(str, self[:-1]), "; ".join(self.remarks)]


def summaries(rows: Sequence[Score]) -> list[Summary]:
    """One for each stream, in the order of the rows."""
    found = []
    for (subject, stream, lanes), group in groupby(rows, lambda row: (row.subject, row.stream, row.lanes)):
        some = list(group)
        count = Counter(row.assessment for row in some)
        passed, weak, failed = (count[assessment] for assessment in ASSESSMENTS)
        remarks = tuple(_remark(row) for row in some if row.assessment != "PASSED")
        found.append(Summary(subject, stream, lanes, passed + weak + failed, passed, weak, failed, remarks))
    return found


def table(rows: Sequence[Score]) -> Table:
    """For a terminal."""
    grid = Table(box=SIMPLE, pad_edge=False)
    for heading in _HEADINGS:
        grid.add_column(heading, no_wrap=heading in _HEADINGS[:2])
    for summary in summaries(rows):
        grid.add_row(*summary.cells())
    return grid


def markdown(rows: Sequence[Score], tool: str, command: str) -> str:
    """A table of the same, under a line that says how to get it again."""
    lines = [_HEADINGS, ["---"] * len(_HEADINGS), *(summary.cells() for summary in summaries(rows))]
    return f"{tool}, `{command}`:\n\n" + "".join(_line(cells) for cells in lines)


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |\n"


def _remark(row: Score) -> str:
    name = row.name if not row.ntuple else f"{row.name} {row.ntuple}"
    return f"{name}: {row.assessment}" if row.p_value is None else f"{name} ({row.assessment}, p = {row.p_value:.8f})"
