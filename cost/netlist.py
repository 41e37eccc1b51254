"""A flat netlist of ECP5 cells, and moves of its registers into blocks that have some of their own."""

from collections.abc import Iterable
from typing import Any, NamedTuple

Cell = dict[str, Any]
Bit = int | str
"""A net, or a constant as Yosys writes it."""


class Control(NamedTuple):
    """What a register without a reset is steered by."""

    clock: Bit
    enable: Bit


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

    def register_after(self, bit: Bit) -> str | None:
        """The register that alone takes this bit."""
        users = self.users.get(bit, [])
        return users[0][0] if len(users) == 1 and users[0][1] == "DI" and self.is_plain(users[0][0]) else None

    def register_before(self, bit: Bit) -> str | None:
        """The register that gives this bit."""
        name = self.drivers.get(bit)
        return name if name is not None and self.is_plain(name) else None

    def is_plain(self, name: str) -> bool:
        """Whether a cell is a register that begins as 0 and has no reset."""
        cell = self.cells[name]
        if cell["type"] != "TRELLIS_FF":
            return False
        settings = cell["parameters"]["REGSET"].strip(), cell["parameters"]["CLKMUX"].strip()
        return bool(settings == ("RESET", "CLK") and cell["connections"].get("LSR", ["0"]) == ["0"])

    def control(self, names: Iterable[str]) -> Control | None:
        """What steers all these registers, if it is the same."""
        controls = set()
        for name in names:
            cell = self.cells[name]
            gated = cell["parameters"]["CEMUX"].strip() == "CE"
            controls.add(Control(cell["connections"]["CLK"][0], cell["connections"]["CE"][0] if gated else "1"))
        return controls.pop() if len(controls) == 1 else None

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

    def absorb_results(self, name: str, ports: Iterable[str]) -> Control | None:
        """Let these outputs of a block give what the registers after them did; None if there are not such after all."""
        connections = self.cells[name]["connections"]
        used = [port for port in ports if port in connections and self.users.get(connections[port][0])]
        registers = {port: self.register_after(connections[port][0]) for port in used}
        if not used or None in registers.values():
            return None
        control = self.control(str(register) for register in registers.values())
        if control is not None:
            for port, register in registers.items():
                bit = self.cells[str(register)]["connections"]["Q"]
                self.drop(str(register))
                connections[port], self.drivers[bit[0]] = bit, name
        return control

    def absorb_operands(self, name: str, ports: Iterable[str]) -> Control | None:
        """Let these inputs of a block take what the registers before them do, which stay if others need them."""
        connections = self.cells[name]["connections"]
        bits = {port: connections[port][0] for port in ports if port in connections}
        registers = {bit: self.register_before(bit) for bit in bits.values() if bit != "0"}
        if not registers or None in registers.values():
            return None
        control = self.control(str(register) for register in registers.values())
        if control is not None:
            for port, bit in bits.items():
                if bit != "0":
                    self.connect(name, port, self.cells[str(registers[bit])]["connections"]["DI"][0])
            for bit, register in registers.items():
                if not self.users[bit]:
                    self.drop(str(register))
        return control
