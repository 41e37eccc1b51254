"""A simulated unit that a program outside drives: the bench that carries out the transfers it is sent.

The program's end is `zimu.sim.transport.Simulated`.
"""

import json
import random
from collections.abc import Callable
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
    with Client(tuple(plan["address"]), authkey=bytes.fromhex(plan["key"])) as line:
        while True:
            try:
                address, asked = line.recv()
            except EOFError:
                return {"clocks": pins.cycles}
            words, failed = [], False
            for value in [None] * asked if isinstance(asked, int) else asked:
                word, failed = await driver.transfer(address, value)
                if failed:
                    break
                words.append(word)
            line.send((words, failed))
            done()
