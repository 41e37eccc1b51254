"""Rows of `zimu bench` as tables for a terminal and as a plot, ratios first.

Rows come from ``study/bench.py``. Numbers are written as in ``study/numbers.py``.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from rich.box import SIMPLE
from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from zimu.cost.plot import check_plot, picture
from zimu.golden.files import write_whole
from zimu.study.bench import Timing
from zimu.study.numbers import DASH, number

COLUMNS: dict[str, str] = {
    "times_faster_than_numpy": "x faster\nthan\nnumpy",
    "times_faster_than_pytorch": "x faster\nthan\nPyTorch",
    "times_int8_subtract": "x the\nint8\nsubtract",
    "ns_per_weight": "ns/\nweight",
    "extra_bytes_per_weight": "extra\nbytes/\nweight",
}
"""Fields of a row in the order they are shown, with their headings."""

MOMENTUM_COLUMNS: dict[str, str] = {
    "times_faster_than_torch_sgd": "x faster\nthan PyTorch's\nSGD with\nmomentum",
    "ns_per_weight": "ns/\nweight",
}
"""The same for steps with momentum."""

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B87A00", "#56B4E9", "#000000", "#999999")
"""Okabe and Ito's colours, told apart by colour-blind readers, the fifth darkened to be seen on white; and a grey."""

_MARKERS = "osD^vPX<>*pdh"
"""Shapes told apart at a glance; further ones are stars with more and more points."""


def table(rows: Sequence[Timing], columns: Mapping[str, str] = COLUMNS) -> RenderableType:
    """One table, a section for each problem; what was not measured is an em dash with its reason in a footnote."""
    notes: list[str] = []
    grid = Table(Column("subject", no_wrap=True), box=SIMPLE, pad_edge=False)
    for heading in columns.values():
        grid.add_column(heading, justify="right")
    for (d, n), some in groupby(rows, lambda row: (row.d, row.n)):
        grid.add_row(Text(f"d = {d:,}, n = {'d' if n == d else f'{n:,}'}", style="bold"))
        for row in some:
            grid.add_row(row.label, *(_cell(row, name, notes) for name in columns))
        grid.add_section()
    return Group(grid, *(Text(f"[{place}] {note}") for place, note in enumerate(notes, 1)))


def sweep_table(rows: Sequence[Timing]) -> RenderableType:
    """A table for each d: a line for each n, the ns per weight of all subjects side by side, and who overtakes whom."""
    parts: list[RenderableType] = []
    for d, some in groupby(rows, lambda row: row.d):
        mine = list(some)
        labels = _labels(mine)
        grid = Table(title=f"ns per weight, d = {d:,}", title_justify="left", box=SIMPLE, pad_edge=False)
        for heading in ("n / d", "n", *labels):
            grid.add_column(heading, justify="right")
        for n, line in groupby(mine, lambda row: row.n):
            times = {row.label: number(row.ns_per_weight) for row in line}
            share = number(n / d) if n >= d else f"1/{round(d / n):,}"
            grid.add_row(share, f"{n:,}", *(times[label] for label in labels))
        parts += [grid, *(Text(line) for line in describe_crossovers(mine))]
    return Group(*parts)


def machine_line(machine: dict[str, Any]) -> str:
    """What `zimu.study.bench.describe_machine` found, on one line."""
    versions = ", ".join(f"{package} {version or DASH}" for package, version in machine["versions"].items())
    facts = (machine["processor"], f"vectors of {machine['vectors']}", f"{machine['cores']} cores", machine["system"])
    return f"{', '.join(facts)}; {versions}"


def crossovers(rows: Sequence[Timing], first: str, second: str) -> list[float]:
    """The n / d at which subject ``second`` (a label) begins to take less time than ``first``, or no longer does.

    Ratios are medians over the repeats, interpolated on logarithmic axes between the n that were measured.
    """
    ones, others = ([row for row in rows if row.label == label] for label in (first, second))
    points = []
    for one, other in zip(ones, others, strict=True):
        ratio = median(b / a for a, b in zip(one.samples, other.samples, strict=True))
        points.append((math.log(one.n / one.d), math.log(ratio)))
    found = []
    for (x, y), (next_x, next_y) in pairwise(points):
        if (y < 0) != (next_y < 0):
            found.append(math.exp(x + (next_x - x) * y / (y - next_y)))
    return found


def describe_crossovers(rows: Sequence[Timing]) -> list[str]:
    """One line for each two subjects on the same number of threads."""
    lines = []
    single = [row for row in rows if row.threads == 1]
    labels = _labels(single)
    for place, first in enumerate(labels):
        for second in labels[place + 1 :]:
            found = crossovers(single, first, second)
            if found:
                shares = ", ".join(f"{share:.2g} d" for share in found)
                lines.append(f"{first} and {second} change places at n = {shares}")
            else:
                one, other = (next(row for row in single if row.label == label) for label in (first, second))
                ahead, behind = sorted((one, other), key=lambda row: median(row.samples))
                lines.append(f"{ahead.label} takes less time than {behind.label} throughout")
    return lines


def save_plot(rows: Sequence[Timing], path: Path, *, sweep: bool = False) -> Path:
    """Draw ns per weight: over d, a panel for each kind of n; of a sweep over n / d, a panel for each d.

    Raises what `zimu.cost.plot.check_plot` raises.
    """
    check_plot(path)
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    panels = sweep_panels(rows) if sweep else default_panels(rows)
    settings = {"svg.hashsalt": "zimu", "svg.fonttype": "none", "font.family": "sans-serif"}
    with rc_context(settings):
        figure = Figure(figsize=(1 + 3.8 * len(panels), 4.2), layout="constrained")
        all_axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axes, panel in zip(all_axes, panels, strict=True):
            _draw(axes, panel, _labels(rows))
        all_axes[0].set_ylabel("ns per weight")
        handles, names = all_axes[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside right upper", frameon=False)
        content = picture(figure, path.suffix)
    return write_whole(path, content)


class Panel(NamedTuple):
    """One pair of axes: the rows drawn on it, and where each lies."""

    title: str
    quantity: str
    x: Callable[[Timing], float]
    rows: list[Timing]


def default_panels(rows: Sequence[Timing]) -> list[Panel]:
    """Rows with n = d, and the others, over d."""
    full, few = ([row for row in rows if (row.n == row.d) == equal] for equal in (True, False))
    return [Panel(title, "d", lambda row: row.d, some) for title, some in (("n = d", full), ("n = sqrt(d)", few))]


def sweep_panels(rows: Sequence[Timing]) -> list[Panel]:
    """The rows of each d, over n / d."""
    return [
        Panel(f"d = {d:,}", "n / d", lambda row: row.n / row.d, list(some))
        for d, some in groupby(rows, lambda row: row.d)
    ]


def styles(labels: Sequence[str]) -> dict[str, dict[str, Any]]:
    """How each subject is drawn: no two share both colour and marker, and few share either."""
    chosen = {}
    for place, label in enumerate(labels):
        lap, colour = divmod(place, len(_COLOURS))
        # Each lap of the colours begins one marker further on, so that no pair comes twice.
        shape = colour + lap
        marker = _MARKERS[shape] if shape < len(_MARKERS) else (shape, 1, 0)
        chosen[label] = {"color": _COLOURS[colour], "marker": marker, "markersize": 5}
    return chosen


def _draw(axes: Any, panel: Panel, labels: Sequence[str]) -> None:
    for label, style in styles(labels).items():
        mine = [row for row in panel.rows if row.label == label]
        points = [(panel.x(row), row.ns_per_weight) for row in mine if row.ns_per_weight is not None]
        axes.plot([at for at, _ in points], [time for _, time in points], label=label, linewidth=1.6, **style)
    axes.set(xscale="log", yscale="log", xlabel=panel.quantity)
    axes.set_title(panel.title, loc="left", fontsize=10)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.grid(color="#E3E3E3", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def _labels(rows: Iterable[Timing]) -> list[str]:
    return list(dict.fromkeys(row.label for row in rows))


def _cell(row: Timing, name: str, notes: list[str]) -> str:
    value = getattr(row, name)
    if value is not None:
        return number(value)
    if row.reasons[name] not in notes:
        notes.append(row.reasons[name])
    return rf"{DASH} \[{notes.index(row.reasons[name]) + 1}]"
