"""How the emulator's inner loops are compiled: once per installation, with a word to whoever waits for it.

numba tells a stale cache by the kernel's own source file alone, yet a kernel also holds what it calls and the constants
it reads from other files. So the cache lies in a folder named by a digest of everything a kernel can be made of: the
sources of ``emu`` and ``golden``. A change in any of them compiles anew, and kernels may call each other freely.
"""

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import numba
import numpy as np
from numba.core import event
from numba.misc.appdirs import AppDirs

import zimu.golden

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

KEPT = 8
"""Cache folders left in place, the one in use included; those of older sources are removed."""

int64 = cast(Callable[[Any], int], np.int64)
"""Widens a value inside a kernel, where ``int()`` would keep 32 bits. Typed as what it is to Python."""


def kernel(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Compile ``function`` at its first call and keep the machine code for later processes.

    The cache lies in the folder ``NUMBA_CACHE_DIR`` if that is set, else beside the source, or where that is read-only
    in the user's cache folder. Where nothing can be written the code is compiled anew in each process.
    """
    if _FOLDER is None:
        return cast(Callable[Arguments, Result], numba.njit(nogil=True)(function))
    with _numba_caches_in(_FOLDER):
        return cast(Callable[Arguments, Result], numba.njit(cache=True, nogil=True)(function))


def sources_digest(folders: Iterable[Path]) -> str:
    """A name for the present content of all Python files in ``folders``."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.glob("*.py")):
            content = path.read_bytes()
            digest.update(f"{folder.name}/{path.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def cache_folder(bases: Iterable[Path], digest: str) -> Path | None:
    """The folder ``zimu-DIGEST`` in the first of ``bases`` where files can be made; None if there is none."""
    for base in bases:
        folder = base / f"zimu-{digest}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
            os.utime(folder)
        except OSError:
            continue
        for old in sorted(base.glob("zimu-*"), key=_age)[KEPT:]:
            shutil.rmtree(old, ignore_errors=True)
        return folder
    return None


def _age(folder: Path) -> float:
    try:
        return -folder.stat().st_mtime
    except OSError:  # another process has just removed it
        return 0


def _bases() -> Iterator[Path]:
    if numba.config.CACHE_DIR:
        yield Path(numba.config.CACHE_DIR)
    yield Path(__file__).parent / "__pycache__"
    yield Path(AppDirs("numba", appauthor=False).user_cache_dir)


@contextmanager
def _numba_caches_in(folder: Path) -> Iterator[None]:
    """Let numba choose ``folder`` for functions declared inside; others keep their place."""
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(folder)
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before


class _Notice(event.Listener):  # type: ignore[misc]  # numba is not typed
    """Says once per process that the emulator is being compiled; code read from the cache raises no event."""

    said = False

    def on_start(self, event: Any) -> None:
        module = event.data["dispatcher"].py_func.__module__
        if not self.said and module.startswith("zimu.emu."):
            self.said = True
            print("zimu: compiling the emulator (once per installation)", file=sys.stderr, flush=True)

    def on_end(self, event: Any) -> None:
        pass


event.register("numba:compile", _Notice())

_FOLDER = cache_folder(_bases(), sources_digest([Path(__file__).parent, *map(Path, zimu.golden.__path__)]))
