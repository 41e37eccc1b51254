"""The report of the study: one self-contained HTML page, a pure function of what is in results.json.

The same results give the same bytes. Nothing is loaded from elsewhere: figures are inline, and the page holds no
address. Uses ``study/plots.py`` and ``study/templates/report.html.j2``; the results come from ``study/demo.py``.
"""

from collections.abc import Iterable
from importlib import resources
from typing import Any

from zimu.study import plots

Results = dict[str, Any]

DASH = "\N{EM DASH}"

METRICS = {
    "comb": "Combinational cells",
    "ff": "Flip-flops",
    "dsp": "DSP blocks",
    "bram": "Block RAMs",
    "fmax_mhz": "Clock frequency",
    "ge": "Gate equivalents",
    "area_um2": "Area",
    "delay_ns": "Delay",
}
"""The metrics that get bars, in this order, and their titles."""


def render(results: Results) -> str:
    """The page.

    Parameters
    ----------
    results : what `zimu.study.demo.run_demo` writes as results.json.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters.update(percent=percent, points=points, number=number, spread=spread)
    source = resources.files("zimu.study").joinpath("templates/report.html.j2").read_text(encoding="utf-8")
    return environment.from_string(source).render(
        results,
        figures=_figures(results),
        cost_figures=_cost_figures(results["cost"]),
        contrast=_contrast(results),
        DASH=DASH,
    )


def percent(share: float | None, digits: int = 2) -> str:
    """A share of 1 in per cent, without the sign."""
    return DASH if share is None else f"{100 * share:.{digits}f}"


def points(difference: float) -> str:
    """A difference of two shares in percentage points, with its sign."""
    return f"{100 * difference:+.2f}".replace("-", "\N{MINUS SIGN}")


def number(value: float | None) -> str:
    """A count with thousands apart, or a measured value with at least three significant digits; a dash for None."""
    if value is None:
        return DASH
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 100 else f"{value:.3g}"


def spread(values: Results) -> str:
    """Mean and sample standard deviation of a share, in per cent."""
    return f"{percent(values['mean'])} \N{PLUS-MINUS SIGN} {percent(values['deviation'])}"


def _contrast(results: Results) -> Results:
    """The settings of the source's experiments at the weight scale that was chosen for the headline unit."""
    by_key = {method["key"]: method for method in results["methods"]}
    paper, scale = by_key["unit_paper"], by_key["unit"]["setting"]
    same = next(point for point in paper["sweep"] if point["setting"] == scale)
    return {"label": paper["label"], "at_same_scale": same["test_accuracy"]}


def _figures(results: Results) -> dict[str, str]:
    return {
        "accuracy": plots.accuracy(results),
        "loss": plots.loss(results),
        "scale": plots.scale_sweep(results),
        "rate": plots.rate_sweep(results),
        "weights1": plots.weights(results, 0),
        "weights2": plots.weights(results, 1),
    }


def _cost_figures(rows: Iterable[Results]) -> list[Results]:
    """One figure for each metric and target that at least one unit has a value for."""
    groups: dict[tuple[str, str], list[Results]] = {}
    for row in rows:
        groups.setdefault((row["target"], row["metric"]), []).append(row)
    figures: list[Results] = []
    for (target, metric), group in groups.items():
        if metric not in METRICS or all(row["value"] is None for row in group):
            continue
        name = f"cost{len(figures) + 1}"
        bars = [
            {
                "label": row["unit"],
                "value": row["value"],
                "text": number(row["value"]),
                "uom": row["uom"],
                "is_unit": not row["unit"].startswith("float_sgd"),
            }
            for row in group
        ]
        figures.append({"name": name, "title": f"{METRICS[metric]}, {target}", "svg": plots.cost_bars(name, bars)})
    return figures
