"""A simulated unit with a host link that a program outside talks to, byte by byte.

The program's end is `zimu.sim.simulated.SimulatedLine`.
"""

import json
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from amaranth.lib import wiring

from zimu.golden.link import PAUSE
from zimu.golden.rule import from_toml
from zimu.rtl.link import LinkedUnit
from zimu.rtl.uart import BYTE_BITS
from zimu.sim.pins import Pins, run_until
from zimu.sim.served import serve

PATIENCE = 4 * PAUSE
"""Bits for which a line rests before no more is awaited: longer than any access takes."""

LIMIT = 10**9
"""More clocks than any order takes."""


class Uart:
    """The host's end of two lines.

    Parameters
    ----------
    clocks : of a bit.

    Attributes
    ----------
    queue : bytes to be sent.
    heard : bytes that came, in order.
    quiet : clocks since something was sent or came.
    """

    def __init__(self, clocks: int) -> None:
        self._clocks = clocks
        self.queue: deque[int] = deque()
        self.heard = bytearray()
        self.quiet = 0
        self._sending: deque[int] = deque()
        self._next = self._sample = 0
        self._levels: list[int] = []

    def clock(self, pins: Pins) -> None:
        """Act on one edge."""
        self.quiet += 1
        self._listen(pins.get("send"))
        if self._next:
            self._next -= 1
            return
        if not self._sending and self.queue:
            byte = self.queue.popleft()
            self._sending.extend([0, *(byte >> place & 1 for place in range(8)), 1])
        if self._sending:
            pins.set("receive", self._sending.popleft())
            self._next = self._clocks - 1
            self.quiet = 0

    def has_heard(self, size: int) -> bool:
        """Whether so many bytes have come, or all was sent and the line rests."""
        idle = not self.queue and not self._sending and not self._next
        return len(self.heard) >= size or (idle and self.quiet > PATIENCE * self._clocks)

    def _listen(self, level: int) -> None:
        if self._sample:
            self._sample -= 1
        elif self._levels:
            self._levels.append(level)
            self._sample = self._clocks - 1
            if len(self._levels) == BYTE_BITS:
                self.heard.append(sum(bit << place for place, bit in enumerate(self._levels[1:-1])))
                self._levels, self._sample = [], 0
            self.quiet = 0
        elif not level:
            self._levels, self._sample = [0], self._clocks + self._clocks // 2 - 1


def build(job: str) -> wiring.Component:
    """The unit with its link."""
    plan = json.loads(job)
    return LinkedUnit(from_toml(plan["config"]), plan["clocks"])  # type: ignore[arg-type]


async def run(pins: Pins, job: str, done: Callable[[], object]) -> dict[str, Any]:
    """Carry out what comes until the other end closes: write bytes, read so many, forget what was heard."""
    plan = json.loads(job)
    uart = Uart(plan["clocks"])
    for name, value in (("receive", 1), ("rst", 1)):
        pins.set(name, value)
    await run_until(pins, [], lambda: False, 3)
    pins.set("rst", 0)

    async def orders(order: str, given: Any) -> bytes:
        heard = b""
        if order == "write":
            uart.queue.extend(given)
            uart.quiet = 0
        elif order == "read":
            await run_until(pins, [uart], partial(uart.has_heard, given), LIMIT)
            heard = bytes(uart.heard[:given])
            del uart.heard[:given]
        else:
            uart.heard.clear()
        return heard

    await serve(plan, orders, done)
    return {"clocks": pins.cycles}
