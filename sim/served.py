"""A simulated unit that a program outside drives: the bench that carries out the transfers it is sent.

The program's end is `zimu.sim.transport.Simulated`.
"""

import json
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from multiprocessing.connection import Client
from typing import Any

from amaranth.lib import wiring

from zimu.golden.rule import from_toml
from zimu.sim.onchip import UnitDriver
from zimu.sim.pins import Pins
from zimu.sim.verilog import circuit


def build(job: str) -> wiring.Component:
    """The unit."""
    return circuit(from_toml(json.loads(job)["config"]), "unit", "apb")


async def run(pins: Pins, job: str, done: Callable[[], object]) -> dict[str, Any]:
    """Carry out what comes until the other end closes: (address, words or how many to read) -> (words, failed)."""
    plan = json.loads(job)
    driver = UnitDriver(pins, from_toml(plan["config"]), random.Random(0), 0.0)  # type: ignore[arg-type]
    await driver.reset()
    driver.listen(False)

    async def transfers(address: int, asked: int | list[int]) -> tuple[list[int], bool]:
        words: list[int] = []
        for value in [None] * asked if isinstance(asked, int) else asked:
            word, failed = await driver.transfer(address, value)
            if failed:
                return words, True
            words.append(word)
        return words, False

    await serve(plan, transfers, done)
    return {"clocks": pins.cycles}


async def serve(plan: dict[str, Any], carry_out: Callable[..., Awaitable[Any]], done: Callable[[], object]) -> None:
    """Answer what is sent by what ``carry_out`` makes of it, until the other end closes."""
    with Client(tuple(plan["address"]), authkey=bytes.fromhex(plan["key"])) as line, suppress(EOFError):
        while True:
            line.send(await carry_out(*line.recv()))
            done()
