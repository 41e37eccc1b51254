"""A flat netlist of ECP5 cells, with who drives and who takes each of its nets."""

from typing import Any

Cell = dict[str, Any]
Bit = int | str
"""A net, or a constant as Yosys writes it."""


class Netlist:
    """A flat netlist of ECP5 cells.

    Parameters
    ----------
    module : as Yosys' ``write_json`` gives it; it is changed in place.
    """

    def __init__(self, module: dict[str, Any]) -> None:
        self.cells: dict[str, Cell] = module["cells"]
        self.drivers: dict[Bit, str] = {}
        self.users: dict[Bit, list[tuple[str, str]]] = {}
        for port in module["ports"].values():
            if port["direction"] != "input":
                for bit in port["bits"]:
                    self.users.setdefault(bit, []).append(("", ""))
        for name, cell in self.cells.items():
            for port, bits in cell["connections"].items():
                for bit in bits:
                    if cell["port_directions"][port] == "output":
                        self.drivers[bit] = name
                    else:
                        self.users.setdefault(bit, []).append((name, port))

    def connect(self, name: str, port: str, bit: Bit) -> None:
        """Lead a bit to an input of a cell."""
        cell = self.cells[name]
        before = cell["connections"].get(port, [None])[0]
        if (name, port) in self.users.get(before, []):
            self.users[before].remove((name, port))
        cell["connections"][port], cell["port_directions"][port] = [bit], "input"
        self.users.setdefault(bit, []).append((name, port))

    def drop(self, name: str) -> None:
        """Remove a cell whose output nothing takes any more."""
        for port, (bit,) in self.cells.pop(name)["connections"].items():
            if (name, port) in self.users.get(bit, []):
                self.users[bit].remove((name, port))
