"""Registers inside the block RAMs and multipliers of an ECP5, which Yosys leaves in cells of their own.

Both kinds of block can keep their results, and multipliers their operands, in registers that cost nothing and shorten
the paths around them. Vendors' tools move registers there; nextpnr knows the blocks' delays with and without them.
``python -m zimu.cost.absorb FILE`` does it in a netlist by Yosys' ``synth_ecp5 -json``, whose top module is ``top``.
"""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
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


def absorb_registers(netlist: dict[str, Any]) -> None:
    """Move registers into the blocks of a design in place: `netlist` is what ``synth_ecp5 -json`` writes."""
    parts = Netlist(netlist["modules"]["top"])
    for name, cell in list(parts.cells.items()):
        if cell["type"] == "DP16KD":
            _absorb_ram(parts, name)
        elif cell["type"] == "MULT18X18D":
            _absorb_multiplier(parts, name)


def absorb_file(path: Path) -> None:
    """`absorb_registers` in the file of a netlist, in place."""
    netlist = json.loads(path.read_text(encoding="utf-8"))
    absorb_registers(netlist)
    path.write_text(json.dumps(netlist), encoding="utf-8")


def _absorb_ram(parts: Netlist, name: str) -> None:
    cell = parts.cells[name]
    # A RAM whose one port writes 36 bits reads with both ports at once, on the second clock.
    pairs = int(cell["parameters"]["DATA_WIDTH_A"], 2) == 36
    for sides in ("AB",) if pairs else ("A", "B"):
        control = parts.absorb_results(name, [f"DO{side}{i}" for side in sides for i in range(18)])
        if control is not None:
            for side in sides:
                cell["parameters"][f"REGMODE_{side}"] = "OUTREG"
                parts.connect(name, f"OCE{side}", control.enable)


def _absorb_multiplier(parts: Netlist, name: str) -> None:
    cell = parts.cells[name]
    # nextpnr has no delays for one operand with a register and the other one without.
    operands = parts.absorb_operands(name, [f"{side}{i}" for side in "AB" for i in range(18)])
    results = parts.absorb_results(name, [f"P{i}" for i in range(36)])
    for control, registers, enable in ((operands, ("INPUTA", "INPUTB"), "CE0"), (results, ("OUTPUT",), "CE1")):
        if control is not None:
            for register in registers:
                cell["parameters"] |= {f"REG_{register}_CLK": "CLK0", f"REG_{register}_CE": enable}
            parts.connect(name, "CLK0", control.clock)
            parts.connect(name, enable, control.enable)


if __name__ == "__main__":
    absorb_file(Path(sys.argv[1]))
