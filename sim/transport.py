"""How a program reaches a unit: its registers through a line of bytes or through memory, and memory that both share.

`zimu.sim.device.Device` drives a unit through any; those of a simulated one are in ``sim/simulated.py``.
"""

import mmap
import os
from collections.abc import Sequence
from typing import Any, Protocol

from zimu.golden.errors import InputError, ZimuError
from zimu.golden.link import MOST_WORDS, Reply, Request
from zimu.golden.programs import package_folder

_WORD = 4
_LONGER_THAN_A_REPLY = 256

PATIENCE = 0.5
"""Seconds until a reply is given up: longer than USB bridges keep bytes back."""


class BusError(ZimuError):
    """The bus answered a transfer with an error: there is no such register, or it cannot be used now."""


class LinkError(ZimuError):
    """A request or its reply was lost on the line; it is not known whether it was carried out."""


class Transport(Protocol):
    """Reaches registers."""

    def read(self, address: int, count: int) -> list[int]:
        """Words from one register, one after the other; `BusError`, `LinkError`."""

    def write(self, address: int, words: Sequence[int]) -> None:
        """Words to one register, one after the other; `BusError`, `LinkError`."""


class Buffer(Protocol):
    """Memory that a unit with external memory and this program both reach.

    Attributes
    ----------
    address : where it begins on the unit's bus, a multiple of 4096.
    size : in bytes.
    """

    address: int
    size: int

    def read(self, place: int, count: int) -> bytes:
        """So many bytes from a place in the buffer on."""

    def write(self, place: int, data: bytes) -> None:
        """Write bytes from a place in the buffer on."""


class Line(Protocol):
    """A line of bytes, such as ``serial.Serial(port, baud, timeout=...)``."""

    def write(self, data: bytes, /) -> Any:
        """Send bytes."""

    def read(self, size: int, /) -> bytes:
        """So many bytes; fewer if no more come in time."""

    def reset_input_buffer(self) -> Any:
        """Forget what has come."""


class Link:
    """Registers at the end of a host link, `zimu.golden.link`.

    Parameters
    ----------
    line : its read must wait for longer than a reply, the longest access and a pause of the link take.
    """

    def __init__(self, line: Line) -> None:
        self._line = line

    def read(self, address: int, count: int) -> list[int]:
        words: list[int] = []
        while len(words) < count:
            reply = self._ask(Request(address, min(count - len(words), MOST_WORDS)))
            words += reply.words
        return words

    def write(self, address: int, words: Sequence[int]) -> None:
        for first in range(0, len(words), MOST_WORDS):
            part = tuple(word % 2**32 for word in words[first : first + MOST_WORDS])
            self._ask(Request(address, len(part), part))

    def _rest(self) -> None:
        """Let both sides forget what they have in part: the line's patience is longer than a pause."""
        self._line.reset_input_buffer()
        self._line.read(_LONGER_THAN_A_REPLY)
        self._line.reset_input_buffer()

    def _ask(self, request: Request) -> Reply:
        self._line.write(request.encode())
        frame = self._line.read(request.reply_bytes)
        reply = request.decode(frame)
        if reply is None:
            self._rest()
            what = f"{len(frame)} bytes that are no reply" if frame else "nothing"
            raise LinkError(f"register {request.address:#04x}: {what} came back; check the line and its baud rate")
        if reply.failed:
            raise BusError(f"register {request.address:#04x}: refused, after {reply.done} of {request.number} words")
        return reply


def serial_line(port: str, baud: int) -> Any:
    """A serial port with the patience that `Link` wants; to be used in a ``with``.

    Parameters
    ----------
    port : as the system calls it.
    baud : bits a second.

    Raises
    ------
    InputError
        the port cannot be opened.
    MissingToolError
        the package pyserial is not installed.
    """
    package_folder("serial", "pyserial")
    import serial

    try:
        return serial.Serial(port, baud, timeout=PATIENCE)
    except (OSError, ValueError) as error:  # serial's own error is an OSError
        raise InputError(f"port = {port!r}: {getattr(error, 'strerror', None) or error}") from None


class Mapped:
    """Registers in this machine's memory, as on a system on chip: ``/dev/mem``, or a device of ``uio``.

    Parameters
    ----------
    path : the file to map.
    base : where the registers begin in it, a multiple of the page.

    A refused access is not seen here: the processor's bus error, if the system makes one, ends the program.
    """

    def __init__(self, path: str, base: int = 0) -> None:
        self._words = _mapped(path, base, mmap.PAGESIZE).cast("I")

    def read(self, address: int, count: int) -> list[int]:
        return [self._words[address // _WORD] for _ in range(count)]

    def write(self, address: int, words: Sequence[int]) -> None:
        for word in words:
            self._words[address // _WORD] = word % 2**32


class MappedBuffer:
    """Memory of this machine that the unit reaches too: a reserved piece of ``/dev/mem``, or a device of ``u-dma-buf``.

    Parameters
    ----------
    path : the file to map.
    size : in bytes; what a unit's arrays take is `zimu.sim.arrays.buffer_bytes`.
    base : where the memory begins in the file, a multiple of the page.
    address : where the unit finds it on its bus; by default at ``base``, as in ``/dev/mem``.

    What is written must not stay in a cache of the processor: the file is opened for synchronous access, which these
    devices take for none.
    """

    def __init__(self, path: str, size: int, base: int = 0, address: int | None = None) -> None:
        self.address, self.size = base if address is None else address, size
        self._bytes = _mapped(path, base, size)

    def read(self, place: int, count: int) -> bytes:
        return bytes(self._bytes[place : place + count])

    def write(self, place: int, data: bytes) -> None:
        self._bytes[place : place + len(data)] = data


def _mapped(path: str, base: int, size: int) -> memoryview:
    """Bytes of a file, as memory."""
    if base % mmap.PAGESIZE:
        raise InputError(f"base = {base:#x}: must be a multiple of {mmap.PAGESIZE:#x}")
    try:
        descriptor = os.open(path, os.O_RDWR | getattr(os, "O_SYNC", 0))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    try:
        return memoryview(mmap.mmap(descriptor, size, offset=base))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {size} bytes at {base:#x} cannot be mapped: {error}") from None
    finally:
        os.close(descriptor)
