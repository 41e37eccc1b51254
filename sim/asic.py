"""What takes a circuit to silicon: configurations of OpenROAD-flow-scripts and LibreLane, and memories of RAM macros.

Files of a technology are named where its PDK has them, under ``PDK_ROOT``. Places of macros and their power grid are
not written: they belong to the floorplan of the chip.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from zimu.sim.macros import TECHNOLOGIES, Array, Technology
from zimu.sim.rendering import render
from zimu.sim.verilog import RAM_MACROS, LargeMemory

UTILIZATION = 40
"""Percent of the core's area that cells and macros take: room for wires, whatever the unit."""

Memories = Mapping[str, LargeMemory]
"""Those of a circuit, as `zimu.sim.verilog.large_memories` finds them."""


def asic_files(name: str, memories: Memories, period: float) -> dict[str, str]:
    """The files of a circuit by their names.

    Parameters
    ----------
    name : of the top module; its Verilog and its SDC lie in the same folder.
    memories : its large ones.
    period : of the clock, in ns.
    """
    files = {}
    librelane = {
        "meta": {"version": 2, "flow": "Classic"},
        "DESIGN_NAME": name,
        "VERILOG_FILES": [f"dir::{name}.v"],
        "CLOCK_PORT": "clk",
        "CLOCK_PERIOD": period,
        "PNR_SDC_FILE": f"dir::{name}.sdc",
        "SIGNOFF_SDC_FILE": f"dir::{name}.sdc",
        "FP_CORE_UTIL": UTILIZATION,
    }
    for technology in TECHNOLOGIES:
        arrays = {module: technology.best(ram) for module, (ram, _) in memories.items()}
        files[f"{name}_{technology.platform}.mk"] = render(
            "unit_orfs.mk.j2",
            name=name,
            technology=technology,
            define=RAM_MACROS,
            macros=_macros(arrays.values()),
            corners=list(technology.corners.values()),
            utilization=UTILIZATION,
        )
        if memories:
            files[_ram_file(name, technology)] = ram_verilog(name, technology, arrays)
            placed = [(array, path) for module, array in arrays.items() for path in memories[module].instances]
            librelane[f"pdk::{technology.pdk}"] = _librelane(name, technology, placed)
    return files | {f"{name}_librelane.json": json.dumps(librelane, indent=2) + "\n"}


def ram_verilog(name: str, technology: Technology, arrays: Mapping[str, Array]) -> str:
    """The Verilog of the large memories of ``name``, by the names of their modules."""
    return render("unit_ram.v.j2", name=name, technology=technology, define=RAM_MACROS, arrays=arrays)


def _ram_file(name: str, technology: Technology) -> str:
    return f"{name}_{technology.name}_ram.v"


def _macros(arrays: Iterable[Array]) -> list[str]:
    """The macros of some arrays, each once."""
    return sorted({array.macro.name for array in arrays})


def _librelane(name: str, technology: Technology, placed: Sequence[tuple[Array, tuple[str, ...]]]) -> dict[str, Any]:
    """What LibreLane is to take with a PDK that has macros."""
    folder = f"pdk_dir::libs.ref/{technology.folder}"
    instances: dict[str, dict[str, Any]] = {macro: {} for macro in _macros(array for array, _ in placed)}
    for array, path in placed:
        for instance in array.instances:
            instances[array.macro.name][".".join([*path[1:], instance])] = {"location": None, "orientation": None}
    return {
        "VERILOG_FILES": [f"dir::{name}.v", f"dir::{_ram_file(name, technology)}"],
        "VERILOG_DEFINES": [RAM_MACROS],
        "MACROS": {
            macro: {
                "gds": [f"{folder}/gds/{macro}.gds"],
                "lef": [f"{folder}/lef/{macro}.lef"],
                "vh": [f"{folder}/verilog/{macro}.v"],
                "lib": {
                    pattern: [f"{folder}/lib/{macro}_{corner}.lib"] for pattern, corner in technology.corners.items()
                },
                "instances": instances[macro],
            }
            for macro in instances
        },
        "PDN_MACRO_CONNECTIONS": [f".*macro_.* VPWR VGND {' '.join(pins)}" for pins in technology.supplies],
    }
