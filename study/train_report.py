"""The report of ``zimu train``: one self-contained HTML page of curves and a table.

The same outcomes give the same bytes. Uses ``study/plots.py``, ``study/pages.py`` and
``study/templates/train.html.j2``; the outcomes come from ``study/experiment.py``.
"""

from collections.abc import Sequence
from typing import Any

import zimu
from zimu.study import plots
from zimu.study.pages import page

Results = dict[str, Any]


def render(outcomes: Sequence[Results], about: Results) -> str:
    """The page.

    Parameters
    ----------
    outcomes : as `zimu.study.experiment.Outcome.to_dict` gives them.
    about : ``data``, ``epochs``, ``repeats``, ``tuned_with`` and ``tuned_epochs``, as they were asked for.
    """
    models = list(dict.fromkeys(outcome["model"] for outcome in outcomes))
    return page(
        "train.html.j2",
        version=zimu.__version__,
        outcomes=outcomes,
        figures={model: _figures(model, [one for one in outcomes if one["model"] == model]) for model in models},
        **about,
    )


def _figures(model: str, outcomes: Sequence[Results]) -> dict[str, str]:
    """Two pictures of a model."""

    def lines(curve: str, factor: float) -> list[tuple[str, list[list[float]]]]:
        return [
            (outcome["rule"], [[factor * value for value in run[curve]] for run in outcome["runs"]])
            for outcome in outcomes
        ]

    return {
        "accuracy": plots.curves(f"{model}-accuracy", "test accuracy (%)", lines("test_accuracy", 100)),
        "loss": plots.curves(f"{model}-loss", "training loss (nats per image)", lines("fit_loss", 1), yscale="log"),
    }
