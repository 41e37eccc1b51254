"""A unit in a simulator, reached by a program as one in hardware: its registers, its memory, or a line to it.

The simulator's end is ``sim/served.py``, of a line ``sim/served_line.py``.
"""

import json
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Listener
from threading import Thread
from typing import Any, Self

from zimu.golden.errors import ToolError, ZimuError, check_range
from zimu.golden.unit import UnitConfig
from zimu.rtl.uart import LEAST_CLOCKS
from zimu.sim.bench import DRIVERS
from zimu.sim.served import MEMORY
from zimu.sim.simulators import DEFAULT_TIMEOUT, choose_simulator, simulate
from zimu.sim.transport import Buffer, BusError
from zimu.sim.verilog import Top

MOST_CLOCKS = 4096
"""Of a bit on a simulated line: slower ones only take longer."""


class _Simulation:
    """A simulator that carries out what it is sent; to be used in a ``with``."""

    bench: str
    optimize = False

    def __init__(self, config: UnitConfig, simulator: str, timeout: float, **job: Any) -> None:
        self._job, self._timeout, self._simulator = {"config": config.to_toml()} | job, timeout, simulator
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
            simulate(self.bench, job, simulator=self._simulator, timeout=self._timeout, optimize=self.optimize)
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
    top = Top("unit", "apb")

    def __init__(self, config: UnitConfig, simulator: str | None = None, timeout: float = DEFAULT_TIMEOUT) -> None:
        driver = DRIVERS[self.top]
        chosen = choose_simulator(simulator, timeout, None, driver.simulators, driver.models)
        super().__init__(config, chosen, timeout, top=self.top)

    def read(self, address: int, count: int) -> list[int]:
        words: list[int]
        words, failed = self._ask("transfer", int(address), count)
        if failed:
            raise BusError(f"register {address:#04x}: refused, after {len(words)} of {count} words")
        return words

    def write(self, address: int, words: Sequence[int]) -> None:
        done, failed = self._ask("transfer", int(address), list(words))
        if failed:
            raise BusError(f"register {address:#04x}: refused, after {len(done)} of {len(words)} words")


class SimulatedSystem(Simulated):
    """A unit with external memory in a simulator, and the memory; to be used in a ``with``.

    Parameters
    ----------
    config, simulator, timeout : as of `Simulated`.

    Attributes
    ----------
    buffer : memory for the unit's arrays, of the simulated system.
    """

    top = Top("core", "axi4")

    def __init__(self, config: UnitConfig, simulator: str | None = None, timeout: float = DEFAULT_TIMEOUT) -> None:
        super().__init__(config, simulator, timeout)
        self.buffer: Buffer = _SimulatedBuffer(self._ask)


class _SimulatedBuffer:
    """The memory of a `SimulatedSystem`."""

    address, size = MEMORY.start, len(MEMORY)

    def __init__(self, ask: Callable[..., Any]) -> None:
        self._ask = ask

    def read(self, place: int, count: int) -> bytes:
        held: bytes = self._ask("read", place, count)
        return held

    def write(self, place: int, data: bytes) -> None:
        self._ask("write", place, data)


class SimulatedLine(_Simulation):
    """A line of bytes to a simulated unit with a host link; to be used in a ``with``, and by `Link`.

    Parameters
    ----------
    clocks : of a bit on the line, 4..4096.
    config, simulator, timeout : as of `Simulated`.
    """

    bench = "zimu.sim.served_line"
    optimize = True

    def __init__(
        self, config: UnitConfig, clocks: int, simulator: str | None = None, timeout: float = DEFAULT_TIMEOUT
    ) -> None:
        check_range("clocks", clocks, LEAST_CLOCKS, MOST_CLOCKS)
        super().__init__(config, choose_simulator(simulator, timeout), timeout, clocks=clocks)

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
