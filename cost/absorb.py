"""Registers inside the block RAMs and multipliers of an ECP5, which Yosys leaves in cells of their own.

Both kinds of block can keep their results, and multipliers their operands, in registers that cost nothing and shorten
the paths around them. Vendors' tools move registers there; nextpnr knows the blocks' delays with and without them.
"""

from collections.abc import Iterable
from typing import NamedTuple

from zimu.cost.netlist import Bit, Netlist


class Control(NamedTuple):
    """What a register without a reset is steered by."""

    clock: Bit
    enable: Bit


def absorb_registers(parts: Netlist) -> None:
    """Move registers into the blocks of a design in place."""
    for name, cell in list(parts.cells.items()):
        if cell["type"] == "DP16KD":
            _absorb_ram(parts, name)
        elif cell["type"] == "MULT18X18D":
            _absorb_multiplier(parts, name)


def _absorb_ram(parts: Netlist, name: str) -> None:
    cell = parts.cells[name]
    # A RAM whose one port writes 36 bits reads with both ports at once, on the second clock.
    pairs = int(cell["parameters"]["DATA_WIDTH_A"], 2) == 36
    for sides in ("AB",) if pairs else ("A", "B"):
        control = _absorb_results(parts, name, [f"DO{side}{i}" for side in sides for i in range(18)])
        if control is not None:
            for side in sides:
                cell["parameters"][f"REGMODE_{side}"] = "OUTREG"
                parts.connect(name, f"OCE{side}", control.enable)


def _absorb_multiplier(parts: Netlist, name: str) -> None:
    cell = parts.cells[name]
    # nextpnr has no delays for one operand with a register and the other one without.
    operands = _absorb_operands(parts, name, [f"{side}{i}" for side in "AB" for i in range(18)])
    results = _absorb_results(parts, name, [f"P{i}" for i in range(36)])
    for control, registers, enable in ((operands, ("INPUTA", "INPUTB"), "CE0"), (results, ("OUTPUT",), "CE1")):
        if control is not None:
            for register in registers:
                cell["parameters"] |= {f"REG_{register}_CLK": "CLK0", f"REG_{register}_CE": enable}
            parts.connect(name, "CLK0", control.clock)
            parts.connect(name, enable, control.enable)


def _absorb_results(parts: Netlist, name: str, ports: Iterable[str]) -> Control | None:
    """Let these outputs of a block give what the registers after them did; None if there are not such after all."""
    connections = parts.cells[name]["connections"]
    used = [port for port in ports if port in connections and parts.users.get(connections[port][0])]
    registers = {port: _register_after(parts, connections[port][0]) for port in used}
    if not used or None in registers.values():
        return None
    control = _control(parts, (str(register) for register in registers.values()))
    if control is not None:
        for port, register in registers.items():
            bit = parts.cells[str(register)]["connections"]["Q"]
            parts.drop(str(register))
            connections[port], parts.drivers[bit[0]] = bit, name
    return control


def _absorb_operands(parts: Netlist, name: str, ports: Iterable[str]) -> Control | None:
    """Let these inputs of a block take what the registers before them do, which stay if others need them."""
    connections = parts.cells[name]["connections"]
    bits = {port: connections[port][0] for port in ports if port in connections}
    registers = {bit: _register_before(parts, bit) for bit in bits.values() if bit != "0"}
    if not registers or None in registers.values():
        return None
    control = _control(parts, (str(register) for register in registers.values()))
    if control is not None:
        for port, bit in bits.items():
            if bit != "0":
                parts.connect(name, port, parts.cells[str(registers[bit])]["connections"]["DI"][0])
        for bit, register in registers.items():
            if not parts.users[bit]:
                parts.drop(str(register))
    return control


def _register_after(parts: Netlist, bit: Bit) -> str | None:
    """The register that alone takes this bit."""
    users = parts.users.get(bit, [])
    return users[0][0] if len(users) == 1 and users[0][1] == "DI" and _is_plain(parts, users[0][0]) else None


def _register_before(parts: Netlist, bit: Bit) -> str | None:
    """The register that gives this bit."""
    name = parts.drivers.get(bit)
    return name if name is not None and _is_plain(parts, name) else None


def _is_plain(parts: Netlist, name: str) -> bool:
    """Whether a cell is a register that begins as 0 and has no reset."""
    cell = parts.cells[name]
    if cell["type"] != "TRELLIS_FF":
        return False
    settings = cell["parameters"]["REGSET"].strip(), cell["parameters"]["CLKMUX"].strip()
    return bool(settings == ("RESET", "CLK") and cell["connections"].get("LSR", ["0"]) == ["0"])


def _control(parts: Netlist, names: Iterable[str]) -> Control | None:
    """What steers all these registers, if it is the same."""
    controls = set()
    for name in names:
        cell = parts.cells[name]
        gated = cell["parameters"]["CEMUX"].strip() == "CE"
        controls.add(Control(cell["connections"]["CLK"][0], cell["connections"]["CE"][0] if gated else "1"))
    return controls.pop() if len(controls) == 1 else None
