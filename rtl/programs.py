"""The one way an external program is run: with a time limit, its output kept, its own message in the error."""

import importlib.util
import io
import os
import shutil
import signal
import subprocess
import sysconfig
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import IO

from zimu.golden.errors import MissingToolError, ToolError

_LAST_LINES = 4


def run(
    command: Sequence[str | os.PathLike[str]],
    *,
    timeout: float,
    folder: str | os.PathLike[str] | None = None,
    environment: Mapping[str, str] | None = None,
    stdin: str | Iterable[bytes] = "",
    name: str = "",
) -> str:
    """Run a program to its end and return what it printed (both channels, in order).

    Parameters
    ----------
    command : program and arguments.
    timeout : seconds after which the program and everything it started are killed.
    folder : working directory.
    environment : variables set on top of the present ones.
    stdin : text for its standard input; or blocks of bytes, of which it takes as many as it likes.
    name : what errors call the program; its file name by default.

    Raises
    ------
    MissingToolError
        there is no such program.
    ToolError
        it failed (its last lines are shown) or ran into the time limit.
    """
    words = [os.fspath(word) for word in command]
    name = name or Path(words[0]).name
    try:
        # A session of its own, so that a time-out also ends what the program started.
        process = subprocess.Popen(
            words,
            cwd=folder,
            env={**os.environ, **(environment or {})},
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
            output, _ = process.communicate(stdin, timeout=timeout)
        else:
            output = _fed(process, stdin, timeout)
    except subprocess.TimeoutExpired:
        raise ToolError(f"{name} did not finish within {timeout:g} s and was stopped") from None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    if process.returncode:
        raise ToolError(f"{name} failed with exit code {process.returncode}: {last_lines(output)}")
    return output


def _fed(process: subprocess.Popen[str], blocks: Iterable[bytes], timeout: float) -> str:
    """What a program prints that reads ``blocks`` until it ends or has read them all."""
    pipe, process.stdin = process.stdin, None
    assert isinstance(pipe, io.TextIOWrapper)
    with ThreadPoolExecutor(1) as pool:
        feeding = pool.submit(_feed, pipe.buffer, blocks)
        try:
            output, _ = process.communicate(timeout=timeout)
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


def package_folder(package: str) -> Path:
    """The folder of an installed Python package, without importing it; `MissingToolError` if there is none."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise MissingToolError(f"Python package {package} is not installed; `zimu doctor` says how to get it")
    return Path(spec.submodule_search_locations[0])
