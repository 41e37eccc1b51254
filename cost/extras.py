"""Cells that place and route adds to a flat netlist: for lone flip-flops, and at the ends of carry chains."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from zimu.cost.count import matching


def lone_flip_flops(module: Mapping[str, Any], logic: Sequence[str], flip_flops: Sequence[str]) -> set[str]:
    """The flip-flops, by name, that stand behind no cell of logic of their own.

    Parameters
    ----------
    module : as Yosys' ``write_json`` gives it.
    logic, flip_flops : types of cells, as patterns.
    """
    cells, takers = module["cells"], _takers(module)
    types = Counter(cell["type"] for cell in cells.values())
    before, registers = set(matching(types, logic)), set(matching(types, flip_flops))
    given = {
        bit
        for cell in cells.values()
        if cell["type"] in before
        for port, bits in cell["connections"].items()
        if cell["port_directions"][port] == "output"
        for bit in bits
        if len(takers[bit]) == 1
    }
    return {
        name for name, cell in cells.items() if cell["type"] in registers and cell["connections"]["D"][0] not in given
    }


def ends_of_chains(module: Mapping[str, Any], kind: str, *, unused: bool) -> Counter[str]:
    """At how many ends of a chain each carry cell stands: where a carry comes in, and where one goes elsewhere.

    Parameters
    ----------
    module : as Yosys' ``write_json`` gives it.
    kind : the type of carry cells, with ports ``CIN`` and ``COUT``.
    unused : whether a chain has such an end where nothing takes the last carry.
    """
    pins = {name: cell["connections"] for name, cell in module["cells"].items() if cell["type"] == kind}
    carries, takers = {own["COUT"][0] for own in pins.values()}, _takers(module)
    ends: Counter[str] = Counter()
    for name, own in pins.items():
        goes = takers[own["COUT"][0]]
        ends[name] = (own["CIN"][0] not in carries) + (goes != ["CIN"] if goes else unused)
    return ends


def _takers(module: Mapping[str, Any]) -> defaultdict[int | str, list[str]]:
    """The ports of cells that take each net."""
    takers: defaultdict[int | str, list[str]] = defaultdict(list)
    for cell in module["cells"].values():
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] == "input":
                for bit in bits:
                    takers[bit].append(port)
    return takers
