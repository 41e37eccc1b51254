"""What comes with the Verilog: registers as JSON, C, Markdown and SystemRDL, constraints, FuseSoC core, bench, driver.

Behind Wishbone an example of a system comes too.

All of it is made of the declarations of the unit and its registers, by the templates in ``sim/templates``; what is the
same for every unit lies in ``sim/driver`` and ``sim/soc``.
"""

import json
import os
from importlib import resources
from pathlib import Path
from typing import Any

from zimu import __version__
from zimu.golden.files import check_writable, write_whole
from zimu.golden.registers import IDENTITY, Control, Register, Status, Storage, digest
from zimu.golden.rule import CONTRACT_VERSION, RuleConfig, counters_of
from zimu.golden.unit import UnitConfig
from zimu.golden.vectors import HEADER_WORDS, MAGIC
from zimu.rtl.external import data_bits
from zimu.sim.asic import Memories, asic_files, asic_names
from zimu.sim.recording import memory_bytes, recording
from zimu.sim.register_map import as_data, register_map
from zimu.sim.verilog import Top, choose_top, circuit, manifest, memories, to_verilog

PERIOD = 10.0
"""Nanoseconds of the clock in the constraints, to be changed by who uses them."""

BENCH_DEPTH = 2**14
"""The most weights for which a bench is written: its script holds all of them several times."""

SYSTEM = Top("unit", "wishbone")
"""The circuit that comes with an example of a system."""

_OF_SYSTEM, _OF_EVERY_SYSTEM = ("soc.v", "soc_tb.sv", "soc.c"), ("soc.S", "soc.ld")
"""The files of the example that are made for a unit, after whose name, and those that are the same for all."""

STORAGE = {Top("unit", bus): Storage.ONCHIP for bus in ("apb", "axi4lite", "wishbone")} | {
    Top("core", "axi4"): Storage.EXTERNAL
}
"""Of the circuits that have registers."""


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
    large = {path: ram for path, ram in memories(circuit(config, *chosen), config.name).items() if ram.large}
    names = [Path(folder) / name for name in _names(config, chosen, large)]
    check_writable(*names)
    contents = _contents(config, chosen, large)
    return [write_whole(path, contents[path.name]) for path in names]


def _names(config: RuleConfig, top: Top, large: Memories) -> list[str]:
    """The files of a unit, in the order in which they are told."""
    name = config.name
    names = [f"{name}.v", f"{name}.json", f"{name}.core", f"{name}.sdc", f"{name}.xdc", "zimu.vlt"]
    if top in STORAGE:
        names += [f"{name}.md", f"{name}.rdl", f"{name}.h", "zimu_registers.h", "zimu.h", "zimu.c"]
    if _has_bench(config, top):
        names += [f"{name}_tb.sv", f"{name}_tb.hex"]
    if top == SYSTEM:
        names += [*(f"{name}_{file}" for file in _OF_SYSTEM), *_OF_EVERY_SYSTEM]
    return names + asic_names(name, large)


def _has_bench(config: RuleConfig, top: Top) -> bool:
    return top in STORAGE and config.depth <= BENCH_DEPTH


def _contents(config: Any, top: Top, large: Memories) -> dict[str, str]:
    """The files of a unit by their names."""
    name, component = config.name, circuit(config, *top)
    described = json.loads(manifest(config, top, component))
    common = {
        "name": name,
        "bus": top.bus,
        "release": __version__,
        "version": CONTRACT_VERSION,
        "description": config.description.partition(";")[0],
        "ports": described["ports"],
        "period": PERIOD,
        "bench": _has_bench(config, top),
    }
    files = {f"{name}.v": to_verilog(component, name), "zimu.vlt": _read("verilator.vlt")}
    files |= {f"{name}.{ending}": _render(f"unit.{ending}.j2", **common) for ending in ("core", "sdc", "xdc")}
    if top in STORAGE:
        described["registers"] = as_data(register_map(config, STORAGE[top]))
        files |= _of_registers(config, STORAGE[top], common | {"registers": described["registers"]})
    if common["bench"]:
        files |= _bench(config, top, common)
    if top == SYSTEM:
        files |= _system(config, top, common)
    files |= asic_files(name, large, PERIOD, _render)
    return files | {f"{name}.json": json.dumps(described, indent=2) + "\n"}


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
        f"{config.name}.md": _render("unit.md.j2", **common, toml=config.to_toml()),
        f"{config.name}.rdl": _render("unit.rdl.j2", **common),
        f"{config.name}.h": _render("unit.h.j2", **common, fields=fields),
        "zimu_registers.h": _render(
            "zimu_registers.h.j2",
            version=CONTRACT_VERSION,
            identity=IDENTITY,
            registers=list(Register),
            control=list(Control),
            status=list(Status),
        ),
        "zimu.h": _read("driver/zimu.h"),
        "zimu.c": _read("driver/zimu.c"),
    }


def _bench(config: UnitConfig, top: Top, common: dict[str, Any]) -> dict[str, str]:
    """A bench and its script."""
    storage = STORAGE[top]
    lines = recording(config, storage)
    tied = _tied(common["ports"], top)
    trials = max((line.value for line in lines if line.address == Register.TRIALS), default=0)
    limit = 100_000 + 100 * (config.depth + trials)
    values = {"lines": len(lines), "limit": limit, "streams": tied, "status": int(Register.STATUS)}
    values |= {"busy": 1 << Status.BUSY}
    if storage is Storage.EXTERNAL:
        values |= {"data_bits": data_bits(config), "memory_bytes": memory_bytes(config)}
    return {
        f"{config.name}_tb.sv": _render("unit_tb.sv.j2", **common, **values),
        f"{config.name}_tb.hex": "".join(line.to_hex() + "\n" for line in lines),
    }


def _system(config: UnitConfig, top: Top, common: dict[str, Any]) -> dict[str, str]:
    """An example of a system with a processor, its bench and its program, which replays a vector file."""
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
    files = {f"{config.name}_{file}": _render(f"unit_{file}.j2", **common, **fields) for file in _OF_SYSTEM}
    return files | {file: _read(f"soc/{file}") for file in _OF_EVERY_SYSTEM}


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


def _render(template: str, **values: Any) -> str:
    """The text that a template makes of ``values``; a name that is not among them is an error."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(lambda name: _read(f"templates/{name}")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["quoted"] = json.dumps
    return environment.get_template(template).render(values)


def _read(name: str) -> str:
    return resources.files("zimu.sim").joinpath(name).read_text(encoding="utf-8")
