"""Runs a combinational circuit on a hundred thousand inputs at once, as an and-inverter graph over packed bits.

Yosys makes the graph, so this checks what synthesis reads, not what a simulator makes of it.
"""

import json
from graphlib import TopologicalSorter
from typing import Any

import numpy as np
from amaranth.lib import wiring
from numpy.typing import NDArray

from zimu.golden.errors import InputError
from zimu.golden.files import scratch_folder
from zimu.golden.programs import yosys
from zimu.rtl.netlist import write_rtlil


class BitParallel:
    """A combinational component, ready to run.

    Raises
    ------
    InputError
        the component holds state.
    """

    def __init__(self, component: wiring.Component) -> None:
        with scratch_folder() as folder:
            write_rtlil(component, "top", folder)
            yosys(_SCRIPT, folder=folder, timeout=300)
            module = json.loads((folder / "top.json").read_text(encoding="utf-8"))["modules"]["top"]
        drivers = {cell["connections"]["Y"][0]: cell for cell in module["cells"].values() if _is_gate(cell)}
        if len(drivers) != len(module["cells"]):
            raise InputError("the component holds state: only combinational circuits can be run bit-parallel")
        self._ports = module["ports"]
        self._gates = [
            (bit, drivers[bit]["connections"]["A"][0], drivers[bit]["connections"].get("B", [None])[0])
            for bit in TopologicalSorter({bit: _inputs(cell) for bit, cell in drivers.items()}).static_order()
            if bit in drivers
        ]

    def __call__(self, **inputs: NDArray[np.unsignedinteger]) -> dict[str, NDArray[np.uint64]]:
        """The outputs for ``inputs``: one array of unsigned integers for each input port, all of one length."""
        (count,) = {len(array) for array in inputs.values()}
        values = {
            "0": np.zeros(-(-count // 64), np.uint64),
            "1": np.full(-(-count // 64), 2**64 - 1, np.uint64),
        }
        for name, array in inputs.items():
            for i, bit in enumerate(self._ports[name]["bits"]):
                values[bit] = _packed(array.astype(np.uint64) >> np.uint64(i) & np.uint64(1))
        for bit, a, b in self._gates:
            values[bit] = ~values[a] if b is None else values[a] & values[b]
        return {
            name: np.sum([_unpacked(values[bit], count) << np.uint64(i) for i, bit in enumerate(port["bits"])], axis=0)
            for name, port in self._ports.items()
            if port["direction"] == "output"
        }


_SCRIPT = (
    "read_rtlil top.il",
    "hierarchy -check -top top",
    "synth -flatten -noabc -top top",
    "aigmap",
    "opt_clean",
    "write_json top.json",
)


def _is_gate(cell: dict[str, Any]) -> bool:
    return cell["type"] in ("$_AND_", "$_NOT_")


def _inputs(cell: dict[str, Any]) -> list[Any]:
    return [bits[0] for port, bits in cell["connections"].items() if port != "Y"]


def _packed(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    padded = np.zeros(-(-len(bits) // 64) * 64, np.uint8)
    padded[: len(bits)] = bits
    return np.packbits(padded, bitorder="little").view(np.uint64)


def _unpacked(words: NDArray[np.uint64], count: int) -> NDArray[np.uint64]:
    return np.unpackbits(words.view(np.uint8), bitorder="little")[:count].astype(np.uint64)
