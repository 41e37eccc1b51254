"""The simulators: which are there, and how one runs a bench, in a process of its own with a time limit.

A bench is a module with two functions: ``build(job)`` gives the component, ``async run(pins, job)`` drives it and
returns what it saw as plain data. ``job`` is a text that the bench alone understands.
"""

import importlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zimu.golden.errors import MissingToolError, ToolError, check_choice
from zimu.rtl.programs import find_program, package_folder, run
from zimu.sim.verilog import to_verilog

TOP = "dut"
"""The Verilog name of the circuit under test."""

WAIVERS = Path(__file__).with_name("verilator.vlt")
"""Verilator's warnings that do not matter, each with its reason."""


def _need_cocotb() -> None:
    package_folder("cocotb")
    import find_libpython

    if not find_libpython.find_libpython():
        name = f"libpython{sys.version_info.major}.{sys.version_info.minor}"
        raise MissingToolError(f"no shared {name}, which cocotb needs: install the package {name}")


def _verilator_environment() -> dict[str, str]:
    _need_cocotb()
    folder = package_folder("verilator")
    for program in ("g++", "make", "perl"):
        find_program(program)
    path = os.pathsep.join([str(folder / "bin"), os.environ.get("PATH", "")])
    # The package's makefile names the compiler of the machine it was built on, and no option for precompiled headers.
    settings = {"CXX": "g++", "LINK": "g++", "AR": "ar", "PYTHON3": sys.executable, "CFG_CXXFLAGS_PCH_I": "-include"}
    if shutil.which("ccache"):
        settings["OBJCACHE"] = "ccache"
    flags = " ".join(f"{name}={value}" for name, value in settings.items())
    return {"PATH": path, "VERILATOR_ROOT": str(folder), "MAKEFLAGS": flags}


def _icarus_environment() -> dict[str, str]:
    _need_cocotb()
    for program in ("iverilog", "vvp"):
        find_program(program)
    return {}


SIMULATORS: dict[str, Callable[[], dict[str, str]]] = {
    "verilator": _verilator_environment,
    "icarus": _icarus_environment,
    "amaranth": dict,
}
"""Fastest first; each gives the variables it runs under, or raises `MissingToolError`."""


def available() -> list[str]:
    """The simulators that can run here, fastest first; Amaranth's own is always among them."""
    return [name for name in SIMULATORS if why_missing(name) is None]


def why_missing(simulator: str) -> str | None:
    """Why a simulator cannot run here, or None if it can."""
    try:
        SIMULATORS[simulator]()
    except MissingToolError as error:
        return str(error)
    return None


def simulate(bench: str, job: str, *, simulator: str, timeout: float, waveform: Path | None = None) -> Any:
    """Run a bench on a job and return what it saw.

    Parameters
    ----------
    bench : name of the bench's module.
    job : the text it is given.
    simulator : ``"verilator"``, ``"icarus"`` or ``"amaranth"``.
    timeout : seconds for building and running together.
    waveform : where to write the waves; the suffix becomes that of the simulator's format (.vcd; .fst for Icarus).

    Raises
    ------
    MissingToolError
        the simulator is not installed.
    ToolError
        it failed, or did not finish in time.
    """
    check_choice("simulator", simulator, SIMULATORS)
    environment = SIMULATORS[simulator]()
    with tempfile.TemporaryDirectory(prefix="zimu-") as name:
        folder = Path(name)
        (folder / "job").write_text(job, encoding="utf-8")
        if simulator != "amaranth":
            verilog = to_verilog(importlib.import_module(bench).build(job), TOP)
            (folder / f"{TOP}.v").write_text(verilog, encoding="utf-8")
        command = [sys.executable, "-m", "zimu.sim.worker", simulator, bench, "waves" if waveform else "plain"]
        output = run(command, folder=folder, timeout=timeout, environment=environment, name=simulator)
        outcome = folder / "outcome.json"
        if not outcome.exists():
            raise ToolError(f"{simulator} left no result: {output.strip()[-400:]}")
        if waveform:
            waves = next(path for path in folder.rglob("*") if path.suffix in (".vcd", ".fst"))
            waveform.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(waves, waveform.with_suffix(waves.suffix))
        return json.loads(outcome.read_text(encoding="utf-8"))
