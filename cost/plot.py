"""Rows as bars, laid out by ``cost/layout.py``, in one picture; and how any picture of a command gets its format.

The same rows give the same bytes: no dates, no random identifiers. The report of ``study/`` has the same
charts one by one.
"""

import importlib.util
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from zimu.cost.layout import Chart, charts, unique
from zimu.cost.rows import Row
from zimu.golden.errors import MissingToolError, check_choice
from zimu.golden.files import check_writable
from zimu.golden.programs import how_to_install

FORMATS: dict[str, dict[str, Any]] = {
    ".svg": {"metadata": {"Date": None, "Creator": None}},
    ".png": {"dpi": 150},
    ".pdf": {"metadata": {"CreationDate": None}},
}
"""What the name of a picture may end in, and how matplotlib is to write that format."""

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Okabe and Ito's colours, told apart by colour-blind readers; units take them in turn."""


def check_plot(path: Path | None) -> None:
    """Refuse a picture that could not be drawn, before minutes are spent on what it shows; None is no picture.

    Raises
    ------
    InputError
        the file's name ends in none of `FORMATS`, or it cannot be written.
    MissingToolError
        matplotlib is not installed.
    """
    if path is None:
        return
    check_choice("ending of the plot's file", path.suffix, FORMATS)
    if importlib.util.find_spec("matplotlib") is None:
        raise MissingToolError(f"matplotlib is not installed: {how_to_install('matplotlib')}")
    check_writable(path)


def picture(figure: Any, ending: str) -> bytes:
    """A matplotlib figure in the format of that ending of `FORMATS`; the same figure gives the same bytes."""
    stream = io.BytesIO()
    figure.savefig(stream, format=ending.removeprefix("."), **FORMATS[ending])
    return stream.getvalue()


def bars(rows: Sequence[Row], ending: str = ".svg") -> bytes:
    """A picture, in one of `FORMATS`, with all charts of ``rows`` one below the other. `check_plot` says whether one
    can be drawn.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    every = charts(rows)
    colours = {unit: _COLOURS[i % len(_COLOURS)] for i, unit in enumerate(unique(row.unit for row in rows))}
    heights = [height(chart) + 0.25 for chart in every] or [1]
    with rc_context({"svg.hashsalt": "zimu", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure = Figure(figsize=(7, sum(heights)), layout="constrained")
        grid = figure.add_gridspec(len(heights), 1, height_ratios=heights)
        for place, chart in enumerate(every):
            axes = figure.add_subplot(grid[place])
            draw(axes, chart, lambda row: colours[row.unit])
            axes.set_title(chart.title, loc="left", fontsize=10)
            axes.spines[["top", "right"]].set_visible(False)
        return picture(figure, ending)


def height(chart: Chart) -> float:
    """How high a chart without a title is, in inches."""
    return 0.75 + 0.3 * len(chart.rows)


def draw(axes: Any, chart: Chart, colour: Callable[[Row], str]) -> None:
    """Draw a chart on matplotlib's axes.

    A bar is a unit, at a number of trials where the figure depends on it; a thin line is the spread over seeds; a value
    that was not measured is an em dash.
    """
    ends = [max(row.value or 0, row.maximum or 0) for row in chart.rows]
    largest = max(ends)
    for place, (row, end) in enumerate(zip(chart.rows, ends, strict=True)):
        axes.barh(place, row.value or 0, height=0.6, color=colour(row))
        if row.minimum != row.maximum:
            axes.plot([row.minimum, row.maximum], [place, place], color="black", linewidth=1.4)
        axes.text(end + largest * 0.015, place, chart.metric.text(row.value), va="center", fontsize=9)
    axes.set_yticks(range(len(chart.rows)), [row.label for row in chart.rows])
    axes.set(xlabel=chart.metric.uom, xlim=(0, largest * 1.25), ylim=(len(chart.rows) - 0.5, -0.5))
    axes.xaxis.set_major_formatter("{x:,g}")
    axes.locator_params(axis="x", nbins=5)
    axes.grid(axis="y", visible=False)
