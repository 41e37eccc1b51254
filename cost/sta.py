"""A second opinion on a mapped design's timing, by OpenSTA where the machine has it.

Two netlists are timed. Of the gates alone, between flip-flops, memories and ports, as ABC's ``stime`` does; and with
the flip-flops, whose clock-to-output, setup and drive then count. Memories are cut out of both, wires take no time.
"""

import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from zimu.cost.count import top_module
from zimu.cost.fpga import CLOCK_NAME
from zimu.cost.gates import NETLIST
from zimu.cost.liberty import Cell
from zimu.golden.errors import ToolError
from zimu.golden.programs import last_lines, run

PROGRAM = "sta"
COMMAND = "sta -no_splash -no_init -exit time.tcl"


@dataclass(frozen=True)
class Timing:
    """The longest paths in ns: through gates alone, and from clock edge to clock edge; None where there is no path."""

    delay: float | None
    period: float | None


def has_sta() -> bool:
    """Whether the machine has OpenSTA."""
    return shutil.which(PROGRAM) is not None


@cache
def sta_version() -> str:
    """The version of the OpenSTA in use; `MissingToolError` if there is none."""
    return run([PROGRAM, "-version"], timeout=20).strip()


def time_paths(folder: Path, libraries: list[Path], cells: Mapping[str, Cell], timeout: float) -> Timing:
    """Time the netlist in ``folder``.

    Parameters
    ----------
    folder : where the commands of `zimu.cost.gates.netlist_script` left the netlist.
    libraries : Liberty files of one technology.
    cells : what is in them, by name.
    timeout : seconds.

    Raises
    ------
    ToolError
        OpenSTA failed or ran out of time.
    """
    top = top_module((folder / NETLIST).read_text(encoding="utf-8"))

    def is_memory(cell: str) -> bool:
        return cell not in cells

    def is_state(cell: str) -> bool:
        return is_memory(cell) or cells[cell].flip_flop

    script = []
    for path in libraries:
        # A library's own guess at wires would be read as part of the gates.
        text = re.sub(r"(?m)^\s*default_wire_load\w*\s*:.*$", "", path.read_text(encoding="utf-8"))
        (folder / f"sta_{path.name}").write_text(text, encoding="utf-8")
        script.append(f"read_liberty sta_{path.name}")
    script.append("set_cmd_units -time ns")
    for name, is_cut in (("gates", is_state), ("registers", is_memory)):
        (folder / f"{name}.v").write_text(cut_netlist(top, name, is_cut), encoding="utf-8")
        clock = top["ports"].get(CLOCK_NAME, {"bits": [None]})["bits"][0]
        pin = f"[get_ports -quiet {_net(clock)}]" if name == "registers" and clock else ""
        script += [
            *(f"read_verilog {name}.v", f"link_design {name}", f"create_clock -name {CLOCK_NAME} -period 1 {pin}"),
            f"set_input_delay 0 -clock {CLOCK_NAME} [all_inputs]",
            f"set_output_delay 0 -clock {CLOCK_NAME} [all_outputs]",
            *(f"puts {name}", "report_checks -path_delay max -digits 6"),
        ]
    (folder / "time.tcl").write_text("\n".join(script) + "\n", encoding="utf-8")
    report = run(COMMAND.split(), folder=folder, timeout=timeout, name=PROGRAM)
    _, gates, registers = re.split(r"(?m)^(?:gates|registers)$", report) if report.count("\nregisters\n") else 3 * [""]
    return Timing(read_path(gates), read_path(registers))


def cut_netlist(top: Mapping[str, Any], name: str, is_cut: Callable[[str], bool]) -> str:
    """Verilog of a flat netlist with some cells cut out.

    Parameters
    ----------
    top : the module, as Yosys' ``write_json`` gives it.
    name : of the Verilog module. What cells that are cut out took are its outputs, and what they gave its inputs.
    is_cut : of a type of cell, whether it goes.
    """
    every = [cell for cell in top["cells"].values() if cell["type"] != "$scopeinfo"]
    kept = [cell for cell in every if not is_cut(cell["type"])]
    gone = [cell for cell in every if is_cut(cell["type"])]
    driven, read = _bits(kept, "output"), _bits(kept, "input")
    outside = {bit for port in top["ports"].values() if port["direction"] == "output" for bit in port["bits"]}
    wanted = driven & (_bits(gone, "input") | outside)
    sides = {"input": read - driven, "output": wanted, "wire": driven - wanted}
    nets = {side: [_net(bit) for bit in sorted(bits)] for side, bits in sides.items()}
    lines = [f"module {name} ({', '.join(nets['input'] + nets['output'])});"]
    lines += [f"  {side} {net};" for side, names in nets.items() for net in names]
    for number, cell in enumerate(kept):
        pins = ", ".join(f".{pin}({_net(bit)})" for pin, (bit,) in cell["connections"].items())
        lines.append(f"  {cell['type']} u{number} ({pins});")
    return "\n".join([*lines, "endmodule", ""])


def _bits(cells: list[dict[str, Any]], direction: str) -> set[int]:
    """The nets at all pins of that direction."""
    return {
        bit
        for cell in cells
        for pin, bits in cell["connections"].items()
        for bit in bits
        if cell["port_directions"][pin] == direction and isinstance(bit, int)
    }


def _net(bit: int | str) -> str:
    """A net, or a constant; what has no value is 0."""
    return f"n{bit}" if isinstance(bit, int) else f"1'b{int(bit == '1')}"


def read_path(report: str) -> float | None:
    """The ns of the path in a report under a clock of 1 ns; None if there is none, `ToolError` if it is no report."""
    if found := re.search(r"(-?[\d.]+)\s+slack \(", report):
        return round(1 - float(found[1]), 6)
    if "No paths found" in report:
        return None
    raise ToolError(f"{PROGRAM} gave no path: {last_lines(report)}")
