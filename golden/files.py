"""How files are written: whole, or not at all; and where what is needed for a while lies."""

import errno
import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO

from zimu.golden.errors import InputError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_MARK = "in-use"


def write_whole(path: str | os.PathLike[str], content: str | bytes | Path) -> Path:
    """Write ``content`` to ``path`` so that a reader sees the old file or the new one, never a part.

    The bytes go to a temporary file in the same folder, which then takes the name in one step.
    Missing parent folders are made. Text is UTF-8 with ``\\n`` line ends on every platform. Devices and pipes, such as
    ``/dev/stdout``, are written as they are.

    Parameters
    ----------
    path : the file.
    content : text, bytes, or a file whose bytes are copied.

    Raises
    ------
    InputError
        it cannot be written, with the system's reason.
    """
    target = Path(path)
    with _named(target), _new_file(target) as stream:
        if isinstance(content, Path):
            with content.open("rb") as source:
                shutil.copyfileobj(source, stream)
        else:
            stream.write(content.encode() if isinstance(content, str) else content)
    return target


def check_writable(*paths: str | os.PathLike[str] | None) -> None:
    """Refuse outputs that could not be written, before the work for them begins; None is no output.

    Raises
    ------
    InputError
        as `write_whole`.
    """
    for path in paths:
        if path is not None:
            _try(Path(path))


def _try(target: Path) -> None:
    with _named(target):
        if _is_special(target):
            target.open("ab").close()
            return
        folder = target.resolve().parent
        while not folder.exists():
            folder = folder.parent
        with tempfile.TemporaryFile(dir=folder) as stream:
            stream.write(bytes(4096))


@contextmanager
def _named(target: Path) -> Iterator[None]:
    """Errors of the system as errors of that output."""
    try:
        yield
    except OSError as error:
        remedy = "make room or name another" if error.errno in _FULL else "name another"
        raise InputError(f"{target}: cannot be written: {error.strerror or error}; {remedy}") from None


def _is_special(target: Path) -> bool:
    """Whether it is a device or a pipe; a folder is refused."""
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    return not stat.S_ISREG(mode)


@contextmanager
def _new_file(target: Path) -> Iterator[IO[bytes]]:
    """A stream for what ``target`` is to hold, which takes its place at the end."""
    if _is_special(target):
        with target.open("ab") as stream:
            yield stream
        return
    target = target.resolve()  # behind a symbolic link, the file it stands for
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
        # mkstemp makes private files; give the result the mode any other new file would have.
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


_scratch: set[str] = set()
"""The folders of `scratch_folder` that are in use in this process."""


def leave_no_scratch(seconds: float) -> None:
    """Wait until no scratch folder is in use, then remove those that still are: this process is about to end."""
    until = time.monotonic() + seconds
    while _scratch and time.monotonic() < until:
        time.sleep(0.02)
    for name in list(_scratch):
        shutil.rmtree(name, ignore_errors=True)


@contextmanager
def scratch_folder(base: str | os.PathLike[str] | None = None) -> Iterator[Path]:
    """A new folder that goes away at the end, ``zimu-*`` in ``base`` or where the system keeps temporary files.

    Nobody tidies up behind a process that is killed outright. So a folder holds a file that its process has locked for
    as long as it lives, and the first call of a later process removes the folders whose lock is free.

    Raises
    ------
    InputError
        it cannot be made, or what is put into it finds no room.
    """
    place = _temporary() if base is None else Path(base)
    _sweep(place)
    try:
        name = ""
        try:
            with tempfile.TemporaryDirectory(prefix="zimu-", dir=place, ignore_cleanup_errors=True) as name:
                _scratch.add(name)
                with _marked(name):
                    yield Path(name)
        finally:
            _scratch.discard(name)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise InputError(no_room(place)) from None


def _temporary() -> Path:
    """Where the system keeps temporary files."""
    try:
        return Path(tempfile.gettempdir())
    except OSError as error:
        raise InputError(f"temporary files: {error.strerror}; name a folder in TMPDIR") from None


def no_room(folder: str | os.PathLike[str]) -> str:
    """The message for a folder of temporary files that is full."""
    return f"{folder}: no room for temporary files: make some, or name another folder in TMPDIR"


def is_full(folder: str | os.PathLike[str]) -> bool:
    """Whether there is all but no room in a folder."""
    return shutil.disk_usage(folder).free < 2**16


@contextmanager
def _marked(folder: str) -> Iterator[None]:
    """Hold the lock that says whose folder it is. It bears its name only once it is locked."""
    fresh = Path(folder, f"{_MARK}.new")
    with fresh.open("wb") as stream:
        with suppress(OSError):  # a file system that knows no locks: nobody will take the folder for a dead process's
            fcntl.flock(stream, fcntl.LOCK_EX)
            fresh.rename(Path(folder, _MARK))
        yield


@cache
def _sweep(place: Path) -> None:
    """Remove what killed processes of this user left in ``place``: marked folders that no process holds."""
    for folder in place.glob("zimu-*"):
        with suppress(OSError):
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            with (folder / _MARK).open("rb") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
