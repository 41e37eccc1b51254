"""What a unit's cells are for: each cell of a flat netlist is counted to the one part of the unit that it works for.

Registers and many wires keep the names of the source, with the path of the part they are in. A cell whose output has no
such name belongs where what it drives belongs, so the parts add up to the whole.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Set
from typing import Any

from zimu.cost.metrics import Metric

FRAME = "frame"
"""The part of what is in no other: the step's sequence, counters, and what comes and goes at the ports."""

DEEPEST = 2
"""Parts of parts are told apart, but not theirs."""

SCOPE = "$scopeinfo"
"""The kind of cell that says which parts a flat netlist had."""

_WRAPPERS = ("datapath", "unit")
"""Parts that only hold the others."""

_SERVANTS = ("expander", "pair")
"""Beside the generators: what fills them from the seed, and what joins their words into rows."""


def is_random_words(part: str) -> bool:
    """Whether a part makes random words: a unit's generators, which are all called ``words``, and what serves them.

    What uses the words, as a gate, a draw and a rounding do, is none of it.
    """
    name = part.partition(".")[0]
    return name in _SERVANTS or name.split("_")[-1] == "words"


def sizes_of_parts(design: str, module: Mapping[str, Any], sizes: Mapping[str, float]) -> dict[str, float]:
    """The sizes of the parts of a unit, largest first.

    Parameters
    ----------
    design : RTLIL text with top module ``top``.
    module : what became of it, flat, as Yosys' ``write_json`` gives it.
    sizes : of cells, by name; what has none is not counted.
    """
    part = part_of_cell(design, module)
    parts: defaultdict[str, float] = defaultdict(float)
    for name, size in sizes.items():
        if size:
            parts[part(name)] += size
    return largest_first(parts)


def parts_by_metric(
    design: str, module: Mapping[str, Any], sizes: Mapping[Metric, Mapping[str, float]]
) -> dict[str, dict[str, float]]:
    """The same for the sizes of cells in several metrics, by their names."""
    return {metric.name: sizes_of_parts(design, module, each) for metric, each in sizes.items()}


def largest_first(parts: Mapping[str, float]) -> dict[str, float]:
    """The same sizes of parts, the largest first; equal ones by name."""
    return dict(sorted(parts.items(), key=lambda item: (-item[1], item[0])))


def part_of_cell(design: str, module: Mapping[str, Any]) -> Callable[[str], str]:
    """Tells the part of a cell by the cell's name; parameters as `sizes_of_parts`."""
    return _Owners(module, _wires(design)).part


def _wires(design: str) -> set[str]:
    """The paths of the source's wires, but for inputs: those are other names for what a cell elsewhere drives."""
    paths = set()
    for module in re.split(r"(?m)^module \\top\.?", design)[1:]:
        path, _, body = module.partition("\n")
        for kind, name in re.findall(r"(?m)^  wire (.*) \\(\S+)$", body):
            if " input " not in f"{kind} ":
                paths.add(f"{path}.{name}".lstrip("."))
    return paths


class _Owners:
    """Finds the part of each cell."""

    def __init__(self, module: Mapping[str, Any], wires: Set[str]) -> None:
        self._cells: Mapping[str, Any] = module["cells"]
        self._scopes = {name for name, cell in self._cells.items() if cell["type"] == SCOPE}
        self._names: dict[int | str, str] = {}
        for name, net in module["netnames"].items():
            # Yosys names others after what they lead to. What a part gives has the name of the wire outside it, too.
            if name in wires:
                for bit in net["bits"]:
                    self._names[bit] = max(self._names.get(bit, ""), name, key=lambda one: (one.count("."), one))
        self._users: dict[int | str, list[str]] = defaultdict(list)
        for name, cell in self._cells.items():
            for port, bits in cell["connections"].items():
                if cell["port_directions"][port] != "output":
                    for bit in bits:
                        self._users[bit].append(name)
        self._known: dict[str, str] = {}

    def part(self, cell: str) -> str:
        """The part that a cell works for."""
        waiting, seen = [cell], {cell}
        for one in waiting:  # breadth first: the nearest name counts
            found = self._known.get(one) or self._named(one)
            if found:
                self._known[cell] = found
                return found
            for user in sorted({user for bit in self._outputs(one) for user in self._users[bit]} - seen):
                seen.add(user)
                waiting.append(user)
        self._known[cell] = FRAME
        return FRAME

    def _named(self, cell: str) -> str:
        """The part whose name an output of a cell bears; empty if none does."""
        names = [self._names[bit] for bit in self._outputs(cell) if bit in self._names]
        return part_of(min(names), self._scopes) if names else ""

    def _outputs(self, name: str) -> list[int | str]:
        cell = self._cells[name]
        return [
            bit
            for port, bits in cell["connections"].items()
            if cell["port_directions"][port] == "output"
            for bit in bits
        ]


def part_of(path: str, scopes: Set[str]) -> str:
    """The part that a wire with that path in the source is in; those told apart by numbers alone are one.

    Parameters
    ----------
    path : names parted by dots; those of a signal's fields stand behind its own.
    scopes : the paths of all parts.
    """
    names = path.split(".")
    while names and ".".join(names) not in scopes:
        names.pop()
    while names and names[0] in _WRAPPERS:
        names.pop(0)
    return ".".join(re.sub(r"_?\d+$", "", name) for name in names[:DEEPEST]) or FRAME
