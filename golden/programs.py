"""The one way an external program is run: with a time limit, its output kept, its own message in the error.

Also what else comes from outside: which programs and packages there are, and how to get those that are missing.
"""

import importlib.util
import io
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import IO

from zimu.golden.errors import MissingToolError, RefusalError, ToolError, check_seconds
from zimu.golden.files import is_full, no_room

# Each line of the script is one Yosys command. Yosys' own errors end the process with its message.
_YOSYS = """
import sys
from pyosys import libyosys as ys
design = ys.Design()
for line in sys.stdin:
    if line.strip():
        ys.run_pass(line.strip(), design)
"""


_LAST_LINES = 4
_LOOK = 0.1
"""Seconds between two looks at a program that runs."""

_stopping = threading.Event()


def run(
    command: Sequence[str | os.PathLike[str]],
    *,
    timeout: float,
    folder: str | os.PathLike[str] | None = None,
    environment: Mapping[str, str] | None = None,
    stdin: str | Iterable[bytes] = "",
    name: str = "",
    watch: Callable[[], object] = lambda: None,
) -> str:
    """Run a program to its end and return what it printed (both channels, in order).

    Parameters
    ----------
    command : program and arguments.
    timeout : seconds after which the program and everything it started are killed.
    folder : working directory, where its temporary files lie too: a program that is stopped leaves them behind.
    environment : variables set on top of the present ones.
    stdin : text for its standard input; or blocks of bytes, of which it takes as many as it likes.
    name : what errors call the program; its file name by default.
    watch : called several times a second while it runs.

    Raises
    ------
    InputError
        the time limit is none.
    MissingToolError
        there is no such program.
    ToolError
        it failed (its last lines are shown), ran into the time limit or was ended by `stop_programs`.
    """
    check_seconds("timeout", timeout)
    words = [os.fspath(word) for word in command]
    name = name or Path(words[0]).name
    try:
        # A session of its own, so that a time-out also ends what the program started.
        process = subprocess.Popen(
            words,
            cwd=folder,
            env=os.environ
            | ({"TMPDIR": os.fspath(Path(folder).resolve())} if folder else {})
            | dict(environment or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except FileNotFoundError:
        raise MissingToolError(f"{name} is not installed; `zimu doctor` says how to get it") from None
    try:
        if isinstance(stdin, str):
            output = _printed(process, stdin, timeout, watch)
        else:
            output = _fed(process, stdin, timeout, watch)
    except subprocess.TimeoutExpired:
        raise ToolError(f"{name} did not finish within {timeout:g} s and was stopped") from None
    except CancelledError:
        raise ToolError(f"{name} was stopped") from None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    if process.returncode:
        place = folder or tempfile.gettempdir()
        full = is_full(place)
        kind = ToolError if full or process.returncode < 0 else RefusalError
        why = no_room(place) if full else last_lines(output)
        raise kind(f"{name} failed with exit code {process.returncode}: {why}")
    return output


def stop_programs() -> None:
    """End every program that `run` has started or will start, in any thread: this process is about to end."""
    _stopping.set()


def is_stopping() -> bool:
    """Whether `stop_programs` was called."""
    return _stopping.is_set()


def _printed(process: subprocess.Popen[str], stdin: str | None, timeout: float, watch: Callable[[], object]) -> str:
    """What a program prints until it ends; `subprocess.TimeoutExpired` or `CancelledError` if it does not."""
    end = time.monotonic() + timeout
    while not _stopping.is_set():
        left = end - time.monotonic()
        try:
            return process.communicate(stdin, timeout=max(min(left, _LOOK), 0))[0]
        except subprocess.TimeoutExpired:
            if left <= _LOOK:
                raise
        stdin = None  # it is taken once
        watch()
    raise CancelledError


def _fed(process: subprocess.Popen[str], blocks: Iterable[bytes], timeout: float, watch: Callable[[], object]) -> str:
    """What a program prints that reads ``blocks`` until it ends or has read them all."""
    pipe, process.stdin = process.stdin, None
    assert isinstance(pipe, io.TextIOWrapper)
    with ThreadPoolExecutor(1) as pool:
        feeding = pool.submit(_feed, pipe.buffer, blocks)
        try:
            output = _printed(process, None, timeout, watch)
        finally:
            # Ends the thread as well: its pipe breaks.
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        feeding.result()
    return output


def _feed(pipe: IO[bytes], blocks: Iterable[bytes]) -> None:
    with suppress(BrokenPipeError), pipe:
        for block in blocks:
            pipe.write(block)
            pipe.flush()


def yosys(script: Iterable[str], *, folder: str | os.PathLike[str], timeout: float = 600) -> str:
    """Run Yosys commands in ``folder`` and return the log; `ToolError` with Yosys' message if one fails.

    Yosys comes with the ``pyosys`` package as a library. It is run in a process of its own, so that a time limit holds.
    """
    return run([sys.executable, "-c", _YOSYS], stdin="\n".join(script), folder=folder, timeout=timeout, name="yosys")


def yosys_version() -> str:
    """The version of the Yosys in use."""
    return metadata.version("pyosys")


def last_lines(output: str) -> str:
    """The end of a program's output on one line, for an error message."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    return " | ".join((errors or lines)[-_LAST_LINES:]) or "it printed nothing"


def find_program(name: str) -> str:
    """The path of a program: beside this Python first, then on PATH.

    Raises `MissingToolError` if it is nowhere.
    """
    scripts = sysconfig.get_path("scripts")
    found = shutil.which(name, path=os.pathsep.join([scripts, os.environ.get("PATH", "")]))
    if not found:
        raise MissingToolError(f"{name} is not installed; `zimu doctor` says how to get it")
    return found


def how_to_install(package: str) -> str:
    """The command that adds a Python package to this environment, in a version that fits, however zimu got there."""
    try:
        wanted = [text.partition(";")[0].strip() for text in metadata.requires("zimu") or ()]
    except metadata.PackageNotFoundError:
        wanted = []
    requirement = next((text for text in wanted if re.split(r"[\s\[<>=!~]", text)[0] == package), package)
    scripts = Path(sysconfig.get_path("scripts"))
    active = shutil.which("pip") == os.fspath(scripts / "pip")
    return f"{'pip' if active else f'{sys.executable} -m pip'} install {shlex.quote(requirement)}"


def package_folder(package: str, distribution: str = "") -> Path:
    """The folder of an installed Python package, without importing it.

    Parameters
    ----------
    package : what is imported.
    distribution : what is installed, if not of that name.

    Raises
    ------
    MissingToolError
        there is none.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        name = distribution or package
        raise MissingToolError(f"Python package {name} is not installed: {how_to_install(name)}")
    return Path(spec.submodule_search_locations[0])
