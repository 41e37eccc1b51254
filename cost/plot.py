"""Rows as bars, one chart for each metric and target, in one picture; and how any picture of a command gets its format.

The same rows give the same bytes: no dates, no random identifiers. The report of ``study/`` draws its own.
"""

import importlib.util
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zimu.cost.rows import Row
from zimu.cost.table import DASH, number
from zimu.golden.errors import MissingToolError, check_choice
from zimu.golden.files import check_writable
from zimu.golden.programs import how_to_install

METRICS = ("comb", "ff", "dsp", "bram", "fmax_mhz", "ge", "area_um2", "delay_ns", "ns_per_weight")
"""The metrics that get a chart, where any unit has a value other than 0."""

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
    """A picture, in one of `FORMATS`, with a chart for each metric of `METRICS` and target.

    A bar is a unit, at a number of trials where the figure depends on it; a thin line is the spread over seeds; a value
    that was not measured is an em dash. `check_plot` says whether one can be drawn.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    charts = _charts(rows)
    colours = {unit: _COLOURS[i % len(_COLOURS)] for i, unit in enumerate(dict.fromkeys(row.unit for row in rows))}
    heights = [1 + 0.4 * len(chart) for chart in charts] or [1]
    with rc_context({"svg.hashsalt": "zimu", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure = Figure(figsize=(7, sum(heights)), layout="constrained")
        grid = figure.add_gridspec(len(heights), 1, height_ratios=heights)
        for place, chart in enumerate(charts):
            _draw(figure.add_subplot(grid[place]), chart, colours)
        return picture(figure, ending)


def _charts(rows: Sequence[Row]) -> list[list[Row]]:
    """The rows of each chart, by target and metric."""
    charts = []
    for target in dict.fromkeys(row.target for row in rows):
        for metric in METRICS:
            chart = [row for row in rows if (row.target, row.metric) == (target, metric)]
            if any(row.value for row in chart):
                charts.append(chart)
    return charts


def _draw(axes: Any, chart: Sequence[Row], colours: dict[str, str]) -> None:
    for place, row in enumerate(chart):
        value = row.value or 0
        axes.barh(place, value, height=0.6, color=colours[row.unit])
        if row.minimum is not None and row.maximum is not None and row.minimum < row.maximum:
            axes.hlines(place, row.minimum, row.maximum, color="black", linewidth=1)
        text = DASH if row.value is None else number(row.value)
        axes.annotate(
            text, (max(value, row.maximum or 0), place), xytext=(4, 0), textcoords="offset points", va="center"
        )
    labels = [row.unit if row.trials is None else f"{row.unit}, n = {row.trials:,}" for row in chart]
    axes.set_yticks(range(len(chart)), labels)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.set_title(f"{chart[0].metric}, {chart[0].target}", loc="left", fontsize=10)
    axes.set_xlabel(chart[0].uom)
    axes.spines[["top", "right"]].set_visible(False)
