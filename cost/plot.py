"""Rows as bars, one chart for each metric and target, in one SVG.

The same rows give the same bytes: no dates, no random identifiers. The report of ``study/`` draws its own.
"""

import io
from collections.abc import Sequence
from typing import Any

from zimu.cost.rows import Row
from zimu.cost.table import DASH, number
from zimu.golden.errors import MissingToolError

METRICS = ("comb", "ff", "dsp", "bram", "fmax_mhz", "ge", "area_um2", "delay_ns", "ns_per_weight")
"""The metrics that get a chart, where any unit has a value other than 0."""

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Okabe and Ito's colours, told apart by colour-blind readers; units take them in turn."""


def bars(rows: Sequence[Row]) -> str:
    """SVG text with a chart for each metric of `METRICS` and target.

    A bar is a unit, at a number of trials where the figure depends on it; a thin line is the spread over seeds; a value
    that was not measured is an em dash.

    Raises
    ------
    MissingToolError
        matplotlib is not installed.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingToolError('matplotlib is not installed: pip install "zimu[demo]"') from None
    charts = _charts(rows)
    colours = {unit: _COLOURS[i % len(_COLOURS)] for i, unit in enumerate(dict.fromkeys(row.unit for row in rows))}
    heights = [1 + 0.4 * len(chart) for chart in charts] or [1]
    with rc_context({"svg.hashsalt": "zimu", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure = Figure(figsize=(7, sum(heights)), layout="constrained")
        grid = figure.add_gridspec(len(heights), 1, height_ratios=heights)
        for place, chart in enumerate(charts):
            _draw(figure.add_subplot(grid[place]), chart, colours)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()


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
