"""What a board adds to the unit: lights that stay long enough, and what they are lit by."""

from zimu.golden.link import PAUSE, Request
from zimu.golden.registers import Control, Register, Status
from zimu.golden.unit import UnitConfig
from zimu.rtl.board import Glow
from zimu.rtl.link import LinkedUnit
from zimu.sim.served_line import Uart
from zimu.sim.worker import simulate_component

CLOCKS = 4


def test_a_light_stays_for_so_many_clocks_after_the_last_pulse():
    async def bench(pins):
        lit = []
        for pulse in [0, 1, 0, 0, 1, 1, *[0] * 9]:
            pins.set("pulse", pulse)
            await pins.tick()
            lit.append(pins.get("light"))
        return lit

    # Registered, and seen a clock later: five clocks are lit after the last pulse.
    assert simulate_component(Glow(5), bench) == [0, 0, *[1] * 9, *[0] * 4]


def test_busy_and_error_follow_what_is_asked_for():
    config = UnitConfig(
        name="unit", weight_bits=4, gradient_bits=4, smoothing_bits=0, depth=3, lanes=1, gate_bits=8, form="search"
    )

    async def bench(pins):
        uart, seen = Uart(CLOCKS), []

        async def tell(frame):
            """The levels of busy and of error while it is carried out, and of error at its end."""
            uart.queue.extend(frame)
            uart.heard.clear()
            busy = error = 0
            for _ in range(CLOCKS * 10 * len(frame) + CLOCKS * (PAUSE + 120)):
                await pins.tick()
                uart.clock(pins)
                busy |= pins.get("busy")
                error |= pins.get("error")
            seen.append((busy, error, pins.get("error")))

        pins.set("receive", 1)
        start = Request(Register.CONTROL, 1, (1 << Control.START,)).encode()
        await tell(start)  # refused, for want of a seed
        await tell(Request(Register.STATUS, 1, (1 << Status.REFUSED,)).encode())
        await tell(Request(Register.CONTROL, 1, (1 << Control.RESEED,)).encode())
        await tell(start[:-1])
        await tell(Request(Register.STATUS, 1).encode())
        return seen

    refused, cleared, seeded, damaged, well = simulate_component(LinkedUnit(config, CLOCKS), bench)
    assert refused == (0, 1, 1)
    assert cleared == (0, 1, 0)
    assert seeded == (1, 0, 0)
    assert damaged == (0, 1, 1)
    assert well == (0, 1, 0)
