"""Registers inside the block RAMs and multipliers of an ECP5, which Yosys leaves in cells of their own.

Both kinds of block can keep their results, and multipliers their operands, in registers that cost nothing and shorten
the paths around them. Vendors' tools move registers there; nextpnr knows the blocks' delays with and without them.
"""

from zimu.cost.netlist import Netlist


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
