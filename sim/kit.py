"""What comes with the Verilog: registers as JSON, C, Markdown and SystemRDL, constraints, cores, bench, driver, flows.

Behind Wishbone a core for LiteX and an example of a system come too.

All of it is made of the declarations of the unit and its registers, by the templates in ``sim/templates``; what is the
same for every unit lies in ``sim/driver`` and ``sim/soc``.
"""

import json
import os
from pathlib import Path
from typing import Any

from zimu import __version__
from zimu.golden.files import check_writable, write_whole
from zimu.golden.registers import IDENTITY, Control, Register, Status, Storage, digest
from zimu.golden.rule import CONTRACT_VERSION, RuleConfig, counters_of
from zimu.golden.unit import UnitConfig
from zimu.golden.vectors import HEADER_WORDS, MAGIC
from zimu.rtl.external import data_bits
from zimu.sim.asic import asic_files
from zimu.sim.recording import memory_bytes, recording
from zimu.sim.register_map import as_data, register_map
from zimu.sim.rendering import packaged, render
from zimu.sim.verilog import Top, choose_top, circuit, large_memories, manifest, to_verilog

PERIOD = 10.0
"""Nanoseconds of the clock in the constraints, to be changed by who uses them."""

BENCH_DEPTH = 2**14
"""The most weights for which a bench is written: its script holds all of them several times."""

SYSTEM = Top("unit", "wishbone")
"""The circuit that comes with a core for LiteX and an example of a system."""

_OF_SYSTEM, _OF_EVERY_SYSTEM = ("soc.v", "soc_tb.sv", "soc.c"), ("soc.S", "soc.ld")
"""The files of the example that are made for a unit, after whose name, and those that are the same for all."""


def write_kit(
    config: RuleConfig, folder: str | os.PathLike[str], top: str | None = None, bus: str | None = None
) -> list[Path]:
    """Write a unit's Verilog and all that comes with it into ``folder``, made if missing, and return the paths.

    Parameters
    ----------
    config : of any rule.
    top, bus : the circuit, as `zimu.sim.verilog.choose_top`. What has no registers comes without what is made of them.

    Raises
    ------
    InputError
        there is no such circuit, or the files cannot be written.
    """
    chosen = choose_top(config, top, bus)
    check_writable(Path(folder) / f"{config.name}.v")  # before the work
    contents = _contents(config, chosen)
    paths = [Path(folder) / name for name in contents]
    check_writable(*paths)
    return [write_whole(path, contents[path.name]) for path in paths]


def _contents(config: Any, top: Top) -> dict[str, str]:
    """The files of a unit by their names, in the order in which they are told."""
    name, component = config.name, circuit(config, *top)
    storage: Storage | None = getattr(component, "storage", None)  # of what has registers
    described = json.loads(manifest(config, top, component))
    if storage is not None:
        described["registers"] = as_data(register_map(config, storage))
    common = {
        "name": name,
        "bus": top.bus,
        "release": __version__,
        "version": CONTRACT_VERSION,
        "description": config.description.partition(";")[0],
        "ports": described["ports"],
        "period": PERIOD,
        "bench": storage is not None and config.depth <= BENCH_DEPTH,
    }
    files = {f"{name}.v": to_verilog(component, name), f"{name}.json": json.dumps(described, indent=2) + "\n"}
    files |= {f"{name}.{ending}": render(f"unit.{ending}.j2", **common) for ending in ("core", "sdc", "xdc")}
    files["zimu.vlt"] = packaged("verilator.vlt")
    if storage is not None:
        files |= _of_registers(config, storage, common | {"registers": described["registers"]})
        if common["bench"]:
            files |= _bench(config, storage, top, common)
    if top == SYSTEM:
        files |= _system(config, top, common)
    return files | asic_files(name, large_memories(component, name), PERIOD)


def _of_registers(config: UnitConfig, storage: Storage, common: dict[str, Any]) -> dict[str, str]:
    """What is made of the registers."""
    fields = {
        "digest": f"0x{digest(config):08X}u",
        "depth": f"{config.depth}u",
        "lanes": config.lanes,
        "weight_bits": config.weight_bits,
        "gradient_bits": config.gradient_bits,
        "mean_bits": config.momentum_bits or 0,
        "gate_bits": config.gate_bits,
        "smoothing_bits": config.smoothing_bits,
        "sign_magnitude": int(config.gradient_encoding == "sign_magnitude"),
        "has_rate": int(config.trials_shift is not None),
        "external": int(storage is Storage.EXTERNAL),
    }
    return {
        f"{config.name}.md": render("unit.md.j2", **common, toml=config.to_toml()),
        f"{config.name}.rdl": render("unit.rdl.j2", **common),
        f"{config.name}.h": render("unit.h.j2", **common, fields=fields),
        "zimu_registers.h": render(
            "zimu_registers.h.j2",
            version=CONTRACT_VERSION,
            identity=IDENTITY,
            registers=list(Register),
            control=list(Control),
            status=list(Status),
        ),
        "zimu.h": packaged("driver/zimu.h"),
        "zimu.c": packaged("driver/zimu.c"),
    }


def _bench(config: UnitConfig, storage: Storage, top: Top, common: dict[str, Any]) -> dict[str, str]:
    """A bench and its script."""
    lines = recording(config, storage)
    tied = _tied(common["ports"], top)
    trials = max((line.value for line in lines if line.address == Register.TRIALS), default=0)
    limit = 100_000 + 100 * (config.depth + trials)
    values = {"lines": len(lines), "limit": limit, "streams": tied, "status": int(Register.STATUS)}
    values |= {"busy": 1 << Status.BUSY}
    if storage is Storage.EXTERNAL:
        values |= {"data_bits": data_bits(config), "memory_bytes": memory_bytes(config)}
    return {
        f"{config.name}_tb.sv": render("unit_tb.sv.j2", **common, **values),
        f"{config.name}_tb.hex": "".join(line.to_hex() + "\n" for line in lines),
    }


def _system(config: UnitConfig, top: Top, common: dict[str, Any]) -> dict[str, str]:
    """A core for LiteX, and an example of a system: a processor, its bench, a program that replays a vector file."""
    widths = {port["name"]: port["width"] for port in common["ports"]}
    fields = {
        "streams": _tied(common["ports"], top),
        "magic": MAGIC,
        "header_words": HEADER_WORDS,
        "depth": config.depth,
        "momentum": config.momentum_bits is not None,
        "sign_bit": 2 ** (config.gradient_bits - 1) if config.gradient_encoding == "sign_magnitude" else 0,
        "values": {name: value.words for name, value in config.values.items()},
        "counters": {name: counter.words for name, counter in counters_of(config.counters).items()},
    }
    files = {f"{config.name}_litex.py": render("unit_litex.py.j2", **common, widths=widths)}
    files |= {f"{config.name}_{file}": render(f"unit_{file}.j2", **common, **fields) for file in _OF_SYSTEM}
    return files | {file: packaged(f"soc/{file}") for file in _OF_EVERY_SYSTEM}


_MEMORY = {
    "awready": "!writing && !m_bvalid",
    "wready": "writing",
    "bid": "bid",
    "bresp": "2'b0",
    "bvalid": "m_bvalid",
    "arready": "!reading",
    "rid": "rid",
    "rdata": "m_rdata",
    "rresp": "2'b0",
    "rlast": "left == 0",
    "rvalid": "reading",
}
"""What the bench's memory drives, by the ports of the unit, and what it sees."""
_SEEN = {
    *("araddr", "arlen", "arsize", "arid", "arvalid", "awaddr", "awlen", "awsize", "awid", "awvalid"),
    *("wdata", "wstrb", "wlast", "wvalid"),
}


def _tied(ports: list[dict[str, Any]], top: Top) -> str:
    """The connections of all ports that the bench's bus is not made of: streams that rest, or the memory."""
    own = {"apb": "bus__", "wishbone": "wb_", "axi4lite": "s_axi_", "axi4": "s_axi_"}[top.bus]
    connections = []
    for port in ports:
        name, short = port["name"], port["name"].removeprefix("m_axi_")
        if name.startswith(own) or name in ("clk", "rst", "interrupt"):
            continue
        if name.startswith("m_axi_"):
            inside = _MEMORY.get(short) or (f"m_{short}" if short in _SEEN else "")
        else:
            inside = f"{port['width']}'b0" if port["direction"] == "input" else ""
        connections.append(f".{name}({inside})")
    return ",\n        ".join(connections)
