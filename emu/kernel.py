"""How the emulator's inner loops are compiled: once per installation, with a word to whoever waits for it.

numba tells a stale cache by the kernel's own source file alone, yet a kernel also holds what it calls and the constants
it reads from other files. So the cache lies in a folder named by a digest of everything a kernel can be made of: the
sources of ``emu`` and ``golden``. A change in any of them compiles anew, and kernels may call each other freely.
"""

import hashlib
import os
import re
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
from zimu.golden.files import write_whole

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
Record = TypeVar("Record", bound=Iterable[Any])

KEPT = 8
"""Cache folders left in place, the one in use included; those of older sources are removed if they bear the mark."""

MARK = "CACHEDIR.TAG"
"""The file by which backups know a cache (bford.info/cachedir); with the content `MARKED` it says whose."""

MARKED = """Signature: 8a477f597d28d172789f06886806bc55
# Machine code of the zimu emulator, which makes it anew where it is missing.
# A folder with this very file is removed by zimu when its sources have changed several times since.
"""

_NAME = re.compile("zimu-[0-9a-f]{16}")

int64 = cast(Callable[[Any], int], np.int64)
"""Widens a value inside a kernel, where ``int()`` would keep 32 bits. Typed as what it is to Python."""


def kernel(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Compile ``function`` at its first call and keep the machine code for later processes.

    The cache lies in the folder ``NUMBA_CACHE_DIR`` if that is set, else beside the source, or where that is read-only
    in the user's cache folder. Where nothing can be written the code is compiled anew in each process.

    A kernel called from the main thread returns no array: numba runs Python code to make one, and an interrupt that
    comes in there leaves as an error of the interpreter, after which nothing is certain.
    """
    if _FOLDER is None:
        return cast(Callable[Arguments, Result], numba.njit(nogil=True)(function))
    with _numba_caches_in(_FOLDER):
        return cast(Callable[Arguments, Result], numba.njit(cache=True, nogil=True)(function))


def plain(record: Record) -> Record:
    """A named tuple as kernels take it sooner that only unpack it: a plain one, at whose class numba need not look."""
    return cast(Record, tuple(record))


def sources_digest(folders: Iterable[Path]) -> str:
    """A name for the present content of all Python files in ``folders``."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.glob("*.py")):
            content = path.read_bytes()
            digest.update(f"{folder.name}/{path.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def cache_folder(bases: Iterable[Path], digest: str) -> Path | None:
    """The folder ``zimu-DIGEST`` in the first of ``bases`` where files can be made; None if there is none.

    Older ones beside it are removed beyond `KEPT`, as far as they were made here.
    """
    for base in bases:
        folder = base / f"zimu-{digest}"
        try:
            _make(folder)
            tempfile.TemporaryFile(dir=folder).close()
            os.utime(folder)
        except OSError:
            continue
        others = [found for found in base.glob("zimu-*") if found != folder and _is_ours(found)]
        for old in sorted(others, key=_age)[KEPT - 1 :]:
            shutil.rmtree(old, ignore_errors=True)
        return folder
    return None


def _make(folder: Path) -> None:
    """Make the folder and mark it; one that is there already stays as it is."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir()
    except FileExistsError:
        return
    write_whole(folder / MARK, MARKED)


def _is_ours(folder: Path) -> bool:
    """Whether it is a folder made by `_make`: by name, by kind, no link in its place, and by the mark in it."""
    mark = folder / MARK
    try:
        links = folder.is_symlink() or mark.is_symlink()
        return not links and bool(_NAME.fullmatch(folder.name)) and mark.read_bytes() == MARKED.encode()
    except OSError:
        return False


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
