"""What circuits are made of (rtl/basics.py): streams that lose and change nothing, and sums that share chains."""

import random

import pytest
from amaranth.hdl import Module, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from zimu.rtl.basics import CHAIN, Queue, Relay, add_side_by_side, subtract_side_by_side
from zimu.sim.pins import run_until
from zimu.sim.streams import Sink, Source
from zimu.sim.worker import simulate_component


class Steady:
    """Sees that what waits in a stream does not change, and how many clocks it takes from first to last."""

    def __init__(self, name):
        self._name, self._waiting, self.clocks = name, None, []
        self._clock = 0

    def clock(self, pins):
        valid, ready, payload = (pins.get(f"{self._name}__{part}") for part in ("valid", "ready", "payload"))
        if self._waiting is not None:
            assert (valid, payload) == (1, self._waiting), "what waits has changed"
        self._waiting = payload if valid and not ready else None
        self._clock += 1
        if valid and ready:
            self.clocks.append(self._clock)


@pytest.mark.parametrize("component", [Relay(unsigned(8)), Queue(unsigned(8), 4)], ids=["relay", "queue"])
@pytest.mark.parametrize("pauses", [(0.0, 0.0), (0.0, 0.5), (0.5, 0.0), (0.5, 0.5)])
def test_a_stream_is_handed_on_as_it_came(component, pauses):
    rng = random.Random(f"{pauses}")
    values = [rng.getrandbits(8) for _ in range(200)]

    async def bench(pins):
        source, sink = Source("arriving", rng, pauses[0]), Sink("leaving", rng, pauses[1])
        steady = Steady("leaving")
        source.queue.extend(values)
        assert await run_until(pins, [steady, source, sink], lambda: len(sink.taken) == len(values), 2000)
        return sink.taken, steady.clocks[-1] - steady.clocks[0] + 1

    taken, clocks = simulate_component(component, bench)
    assert taken == values
    if pauses == (0.0, 0.0):
        assert clocks == len(values), "one a clock where nobody waits"


class SideBySide(wiring.Component):
    """Sums and differences of numbers of so many bits."""

    def __init__(self, count, width):
        self._count, self._width = count, width
        numbers = {"left": In(count * width), "right": In(count * width), "valid": In(1)}
        super().__init__(numbers | {"sums": Out(count * width), "differences": Out(count * width)})

    def elaborate(self, platform):
        m = Module()
        left, right = (
            [each.word_select(i, self._width) for i in range(self._count)] for each in (self.left, self.right)
        )
        sums = add_side_by_side(left, right, ~self.valid)
        differences = subtract_side_by_side(left, right, self.valid)
        for i in range(self._count):
            m.d.comb += [
                self.sums.word_select(i, self._width).eq(sums[i]),
                self.differences.word_select(i, self._width).eq(differences[i]),
            ]
        return m


@pytest.mark.parametrize(("count", "width"), [(1, 8), (5, 8), (16, 5), (7, 13), (3, CHAIN - 1), (3, CHAIN), (2, 70)])
def test_numbers_side_by_side_do_not_reach_into_each_other(count, width):
    rng = random.Random(f"{count} {width}")
    top = 2**width - 1
    pool = [0, 1, top, top - 1, top >> 1, (top >> 1) + 1]
    lists = [
        [[rng.choice([*pool, rng.getrandbits(width)]) for _ in range(count)] for _side in range(2)] for _ in range(200)
    ]

    def as_one(numbers):
        return sum(number << i * width for i, number in enumerate(numbers))

    async def bench(pins):
        await pins.tick()
        pins.set("valid", 1)
        seen = []
        for left, right in lists:
            pins.set("left", as_one(left))
            pins.set("right", as_one(right))
            await pins.tick()
            seen.append((pins.get("sums"), pins.get("differences")))
        return seen

    seen = simulate_component(SideBySide(count, width), bench)
    for (left, right), (sums, differences) in zip(lists, seen, strict=True):
        assert sums == as_one([(a + b) & top for a, b in zip(left, right, strict=True)])
        assert differences == as_one([(a - b) & top for a, b in zip(left, right, strict=True)])
