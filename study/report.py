"""The report of the study: one self-contained HTML page, a pure function of what is in results.json.

The same results give the same bytes. Nothing is loaded from elsewhere: figures are inline, and the page holds no
address. Uses ``cost/layout.py``, ``cost/verdict.py``, ``study/claims.py``, ``study/plots.py``, ``study/pages.py`` and
``study/templates/report.html.j2``; the results come from ``study/demo.py``.
"""

from collections.abc import Sequence
from typing import Any

from zimu.cost.layout import charts, sheets
from zimu.cost.rows import Row
from zimu.cost.verdict import LEVEL, verdict
from zimu.study import plots
from zimu.study.claims import Judgement
from zimu.study.pages import page

Results = dict[str, Any]


def render(results: Results) -> str:
    """The page.

    Parameters
    ----------
    results : what `zimu.study.demo.run_demo` writes as results.json.
    """
    judgements = [Judgement.from_dict(claim) for claim in results["claims"]]
    rows = [Row.from_dict(row) for row in results["cost"]]
    return page(
        "report.html.j2",
        **results,
        judgements=judgements,
        compared={key for judgement in judgements for key in (judgement.unit_key, judgement.rival_key)},
        figures=_figures(results),
        cost_verdict=verdict(rows),
        level=LEVEL,
        cost_figures=_cost_figures(rows),
        cost_sheets=sheets(rows),
        contrast=_contrast(results),
    )


def _contrast(results: Results) -> Results:
    """The trial count of the source's experiments at the weight scale that was chosen for the headline unit."""
    by_key = {method["key"]: method for method in results["methods"]}
    full, scale = by_key["unit_full"], by_key["unit"]["setting"]
    same = next(point for point in full["sweep"] if point["setting"] == scale)
    return {"label": full["label"], "at_same_scale": same["test_accuracy"]}


def _figures(results: Results) -> dict[str, str]:
    return {
        "accuracy": plots.accuracy(results),
        "loss": plots.loss(results),
        "scale": plots.scale_sweep(results),
        "rate": plots.rate_sweep(results),
        "weights1": plots.weights(results, 0),
        "weights2": plots.weights(results, 1),
    }


def _cost_figures(rows: Sequence[Row]) -> list[Results]:
    """Name, title and SVG text of each chart."""
    return [
        {"name": f"cost{place}", "title": chart.title, "svg": plots.cost_bars(f"cost{place}", chart)}
        for place, chart in enumerate(charts(rows), 1)
    ]
