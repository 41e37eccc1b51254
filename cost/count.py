"""Cells counted into metrics, from what a netlist of Yosys or a report of nextpnr holds of each type of cell."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from zimu.cost.metrics import Metric

Weights = Mapping[str, int]
"""Types of cells, or patterns such as ``FD*``, and what one cell of each counts for."""


def count(cells: Mapping[Metric, Weights], used: Mapping[str, int]) -> dict[Metric, int]:
    """What ``used``, a number of cells by type, comes to in each metric."""
    return {
        metric: sum(number * weigh(weights, cell) for cell, number in used.items()) for metric, weights in cells.items()
    }


def weigh(weights: Weights, cell: str) -> int:
    """What one cell of a type counts for."""
    return sum(weight for pattern, weight in weights.items() if fnmatchcase(cell, pattern))


def matching(used: Mapping[str, int], patterns: Iterable[str]) -> list[str]:
    """The types in ``used`` of which there are any and which a pattern matches, in order."""
    wanted = tuple(patterns)
    return sorted(cell for cell, number in used.items() if number and any(fnmatchcase(cell, one) for one in wanted))


def top_module(netlist: str) -> dict[str, Any]:
    """The module ``top`` of a netlist in Yosys' JSON form."""
    module: dict[str, Any] = json.loads(netlist)["modules"]["top"]
    return module


def netlist_cells(netlist: str) -> dict[str, int]:
    """The cells by type of the module ``top`` of a flat netlist in Yosys' JSON form."""
    return Counter(cell["type"] for cell in top_module(netlist)["cells"].values())


def sizes_of_cells(cells: Mapping[Metric, Weights], module: Mapping[str, Any]) -> dict[Metric, dict[str, float]]:
    """What each cell of a flat netlist counts for in each metric, by its name."""
    return {
        metric: {name: weigh(weights, cell["type"]) for name, cell in module["cells"].items()}
        for metric, weights in cells.items()
    }


def how_counted(cells: Mapping[Metric, Weights]) -> str:
    """The same for the same way of counting."""
    return "; ".join(f"{metric.name} = {sorted(weights.items())}" for metric, weights in cells.items())
