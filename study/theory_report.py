"""The report of theory against measurement: one self-contained HTML page, and the same in Markdown without pictures.

Both are pure functions of what ``study/theory.py`` and ``study/theory_network.py`` found. Uses ``study/plots.py``,
``study/pages.py`` and ``study/templates/theory.html.j2``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import zimu
from zimu.study.numbers import DASH, number
from zimu.study.pages import page
from zimu.study.plots import CYCLE, GREY, figure
from zimu.study.theory import Descent
from zimu.study.theory_network import Terms


@dataclass(frozen=True)
class Theory:
    """All that was found.

    Parameters
    ----------
    command : makes it again.
    curves, floors, network : what the functions of these names give.
    """

    command: str
    curves: list[Descent]
    floors: dict[str, list[Descent]]
    network: list[Terms]

    @property
    def holds(self) -> bool:
        """Whether every measured curve stays under its bound."""
        return all(one.holds for one in [*self.curves, *(one for each in self.floors.values() for one in each)])


def law_text(one: Descent) -> str:
    """What a run drew."""
    law = one.law
    parts = [f"n = {law.trials}"]
    if law.openness != 1:
        parts.append(f"z = {float(law.openness):g} of each {'step' if law.each_step else 'trial'}")
    if law.smoothing:
        parts.append(f"c = {law.smoothing}")
    return ", ".join(parts)


def html(study: Theory) -> str:
    """The page."""
    problems = list(dict.fromkeys(one.problem.name for one in study.curves))
    return page(
        "theory.html.j2",
        version=zimu.__version__,
        study=study,
        text=law_text,
        figures=[
            (f"bound{place}", name, _bounds(f"bound{place}", [one for one in study.curves if one.problem.name == name]))
            for place, name in enumerate(problems)
        ],
        network=_network(study.network),
    )


def markdown(study: Theory) -> str:
    """The tables."""
    lines = [
        "# Theory against measurement",
        "",
        f"`{study.command}`, zimu {zimu.__version__}.",
        "",
        "| problem | law | D | mean of squares, measured | bound | |",
        "|---|---|---|---|---|---|",
    ]
    for one in study.curves:
        cells = one.problem.name, law_text(one), f"2^{one.scale}", number(one.averages[-1]), number(one.bound[-1])
        lines.append(f"| {' | '.join(cells)} | {'under it' if one.holds else 'OVER IT'} |")
    lines += [
        "",
        "| varied | problem | law | D | squares at the end | ratio, in L D / 2 | balance | n needed to arrive |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for axis, runs in study.floors.items():
        for one in runs:
            needed = DASH if one.trials_needed is None else f"{one.trials_needed:.1f}"
            cells = axis, one.problem.name, law_text(one), f"2^{one.scale}", number(one.floor)
            lines.append(f"| {' | '.join(cells)} | {one.floor_ratio:.2f} | {one.balance:.3f} | {needed} |")
    lines += ["", "| weights | n at first | M / mu, median | M / mu, largest | d / 2 | d / 2 by the largest |"]
    lines += ["|---|---|---|---|---|---|"]
    for run in study.network:
        middle, most = float(np.median(run.terms)), max(run.terms)
        cells = f"{run.weights:,}", f"{run.trials:,}", number(middle), number(most), number(run.boolean)
        lines.append(f"| {' | '.join(cells)} | {run.boolean / most:,.0f} |")
    return "\n".join(lines) + "\n"


def _bounds(name: str, runs: Sequence[Descent]) -> str:
    def draw(axes: Any) -> None:
        for place, one in enumerate(runs):
            colour = CYCLE[place % len(CYCLE)][0]
            steps = np.unique(np.geomspace(1, len(one.bound), 60).astype(int))
            axes.plot(steps, one.averages[steps - 1], "-", color=colour, label=law_text(one))
            axes.plot(steps, one.bound[steps - 1], "--", color=colour, linewidth=1)
        axes.set(xscale="log", yscale="log", xlabel="steps K", ylabel="(1/K) sum |gradient|^2")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.legend(loc="lower left")

    return figure(name, draw, 3.6)


def _network(runs: Sequence[Terms]) -> str:
    def draw(axes: Any) -> None:
        for place, run in enumerate(runs):
            steps = range(1, len(run.terms) + 1)
            axes.plot(
                steps, run.terms, CYCLE[place][1], color=CYCLE[place][0], label=f"n = {run.trials:,}", linewidth=1
            )
        axes.axhline(runs[0].boolean, color=GREY, linestyle="--", label="Boolean weights, d / 2")
        axes.set(yscale="log", xlabel="step", ylabel="floor of the bound over L")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.legend(loc="center right")

    return figure("network", draw)
