"""How a program reaches a unit's registers: through a line of bytes, through memory, or in a simulator.

Each transport has `read` and `write`; `zimu.sim.device.Device` drives a unit through any.
"""

import json
import mmap
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Listener
from threading import Thread
from typing import Any, Protocol, Self

from zimu.golden.errors import InputError, ToolError, ZimuError, check_range
from zimu.golden.link import MOST_WORDS, Reply, Request
from zimu.golden.programs import package_folder
from zimu.golden.unit import UnitConfig
from zimu.rtl.uart import LEAST_CLOCKS
from zimu.sim.simulators import DEFAULT_TIMEOUT, choose_simulator, simulate

_WORD = 4
_LONGER_THAN_A_REPLY = 256

MOST_CLOCKS = 4096
"""Of a bit on a simulated line: slower ones only take longer."""

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
        if base % mmap.PAGESIZE:
            raise InputError(f"base = {base:#x}: must be a multiple of {mmap.PAGESIZE:#x}")
        try:
            descriptor = os.open(path, os.O_RDWR | getattr(os, "O_SYNC", 0))
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}") from None
        try:
            self._words = memoryview(mmap.mmap(descriptor, mmap.PAGESIZE, offset=base)).cast("I")
        finally:
            os.close(descriptor)

    def read(self, address: int, count: int) -> list[int]:
        return [self._words[address // _WORD] for _ in range(count)]

    def write(self, address: int, words: Sequence[int]) -> None:
        for word in words:
            self._words[address // _WORD] = word % 2**32


class _Simulation:
    """A simulator that carries out what it is sent; to be used in a ``with``."""

    bench: str

    def __init__(self, config: UnitConfig, simulator: str | None, timeout: float, **job: Any) -> None:
        self._job, self._timeout = {"config": config.to_toml()} | job, timeout
        self._simulator = choose_simulator(simulator, timeout)
        self._failure: ZimuError | None = None

    def __enter__(self) -> Self:
        self._key = secrets.token_bytes(16)
        self._listener = Listener(("127.0.0.1", 0), authkey=self._key)
        job = self._job | {"address": self._listener.address, "key": self._key.hex()}
        self._thread = Thread(target=self._simulate, args=(json.dumps(job),), daemon=True)
        self._thread.start()
        self._line = self._listener.accept()
        if self._failure:
            raise self._failure
        return self

    def __exit__(self, *_: object) -> None:
        self._line.close()
        self._listener.close()
        self._thread.join()

    def _simulate(self, job: str) -> None:
        try:
            simulate(self.bench, job, simulator=self._simulator, timeout=self._timeout)
        except ZimuError as error:
            self._failure = error
            # Who waits for the simulator to call is called from here, or would wait for ever.
            with suppress(OSError, AuthenticationError):
                Client(self._listener.address, authkey=self._key).close()

    def _ask(self, *order: Any) -> Any:
        try:
            self._line.send(order)
            return self._line.recv()
        except (EOFError, OSError):
            self._thread.join(5)
            raise self._failure or ToolError(f"{self._simulator} ended before its time") from None


class Simulated(_Simulation):
    """A unit's registers in a simulator, which runs while a transfer is under way; to be used in a ``with``.

    Parameters
    ----------
    config : the unit.
    simulator : by default the fastest there is.
    timeout : seconds the simulator may take in all, building included.
    """

    bench = "zimu.sim.served"

    def __init__(self, config: UnitConfig, simulator: str | None = None, timeout: float = DEFAULT_TIMEOUT) -> None:
        super().__init__(config, simulator, timeout)

    def read(self, address: int, count: int) -> list[int]:
        words: list[int]
        words, failed = self._ask(int(address), count)
        if failed:
            raise BusError(f"register {address:#04x}: refused, after {len(words)} of {count} words")
        return words

    def write(self, address: int, words: Sequence[int]) -> None:
        done, failed = self._ask(int(address), list(words))
        if failed:
            raise BusError(f"register {address:#04x}: refused, after {len(done)} of {len(words)} words")


class SimulatedLine(_Simulation):
    """A line of bytes to a simulated unit with a host link; to be used in a ``with``, and by `Link`.

    Parameters
    ----------
    clocks : of a bit on the line, 4..4096.
    config, simulator, timeout : as of `Simulated`.
    """

    bench = "zimu.sim.served_line"

    def __init__(
        self, config: UnitConfig, clocks: int, simulator: str | None = None, timeout: float = DEFAULT_TIMEOUT
    ) -> None:
        check_range("clocks", clocks, LEAST_CLOCKS, MOST_CLOCKS)
        super().__init__(config, simulator, timeout, clocks=clocks)

    def write(self, data: bytes, /) -> None:
        """Send bytes."""
        self._ask("write", data)

    def read(self, size: int, /) -> bytes:
        """So many bytes; fewer when the line has rested for long."""
        heard: bytes = self._ask("read", size)
        return heard

    def reset_input_buffer(self) -> None:
        """Forget what has come."""
        self._ask("forget", None)
