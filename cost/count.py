"""Cells counted into metrics, from what a netlist of Yosys or a report of nextpnr holds of each type of cell."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from zimu.cost.metrics import Metric

Weights = Mapping[str, int]
"""Types of cells, or patterns such as ``FD*``, and what one cell of each counts for."""


def count(cells: Mapping[Metric, Weights], used: Mapping[str, int]) -> dict[Metric, int]:
    """What ``used``, a number of cells by type, comes to in each metric."""
    return {
        metric: sum(weight * used[cell] for pattern, weight in weights.items() for cell in matching(used, (pattern,)))
        for metric, weights in cells.items()
    }


def matching(used: Mapping[str, int], patterns: Iterable[str]) -> list[str]:
    """The types in ``used`` of which there are any and which a pattern matches, in order."""
    wanted = tuple(patterns)
    return sorted(cell for cell, number in used.items() if number and any(fnmatchcase(cell, one) for one in wanted))


def netlist_cells(netlist: str) -> dict[str, int]:
    """The cells by type of the module ``top`` of a flat netlist in Yosys' JSON form."""
    return Counter(cell["type"] for cell in json.loads(netlist)["modules"]["top"]["cells"].values())


def how_counted(cells: Mapping[Metric, Weights]) -> str:
    """The same for the same way of counting."""
    return "; ".join(f"{metric.name} = {sorted(weights.items())}" for metric, weights in cells.items())
