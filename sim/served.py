"""A simulated unit that a program outside drives: the bench that carries out what it is sent.

The program's end is ``sim/simulated.py``.
"""

import json
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from multiprocessing.connection import Client
from typing import Any

from amaranth.lib import wiring

from zimu.golden.rule import from_toml
from zimu.sim.bench import DRIVERS
from zimu.sim.external import ExternalDriver
from zimu.sim.onchip import UnitDriver
from zimu.sim.pins import Pins
from zimu.sim.registers import RegisterDriver
from zimu.sim.verilog import Top, circuit

MEMORY = range(0x1_8000_0000, 0x1_8400_0000)
"""Addresses of the system's memory: above those of 32 bits, so that high halves of addresses matter."""


def build(job: str) -> wiring.Component:
    """The unit."""
    plan = json.loads(job)
    return circuit(from_toml(plan["config"]), *plan["top"])


async def run(pins: Pins, job: str, done: Callable[[], object]) -> dict[str, Any]:
    """Carry out what comes until the other end closes.

    ``transfer``, an address, words or how many to read: what was read, and whether the bus refused. Of a unit with
    external memory also ``read`` and ``write``, a place in the system's memory, how many bytes or which.
    """
    plan = json.loads(job)
    driver = DRIVERS[Top(*plan["top"])](pins, from_toml(plan["config"]), random.Random(0), 0.0)
    await driver.reset()
    held = bytearray()
    if isinstance(driver, UnitDriver):
        driver.listen(False)
    if isinstance(driver, ExternalDriver):
        held = bytearray(len(MEMORY))
        driver.memory.arrays = {MEMORY.start: held}

    async def orders(order: str, place: int, given: Any) -> Any:
        if order == "transfer":
            return await _transfers(driver, place, given)
        if order == "read":
            return bytes(held[place : place + given])
        held[place : place + len(given)] = given
        return None

    await serve(plan, orders, done)
    return {"clocks": pins.cycles}


async def _transfers(driver: RegisterDriver, address: int, asked: int | list[int]) -> tuple[list[int], bool]:
    """Transfers at one address, up to the first that the bus refuses."""
    words: list[int] = []
    for value in [None] * asked if isinstance(asked, int) else asked:
        word, failed = await driver.transfer(address, value)
        if failed:
            return words, True
        words.append(word)
    return words, False


async def serve(plan: dict[str, Any], carry_out: Callable[..., Awaitable[Any]], done: Callable[[], object]) -> None:
    """Answer what is sent by what ``carry_out`` makes of it, until the other end closes."""
    with Client(tuple(plan["address"]), authkey=bytes.fromhex(plan["key"])) as line, suppress(EOFError):
        while True:
            line.send(await carry_out(*line.recv()))
            done()
