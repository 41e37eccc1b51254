"""The expansion of the seed in hardware; the generators it fills are in ``rtl/generators.py``.

Twins: ``golden/prng.py``, ``emu/prng.py``.
"""

from collections.abc import Mapping

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

SPECK_ROUNDS = 22

CYCLES_PER_WORD = SPECK_ROUNDS + 2
"""Clocks that a word of the expansion takes."""


class SeedExpander(wiring.Component):
    """Expands the 64-bit seed by Speck32/64, one round a clock, into every state word of every stream.

    Words leave stream after stream, lane after lane, j = 0 first, which is the order a shift chain wants when the
    first stream's generators are at its far end.

    Parameters
    ----------
    words : state words of a generator, 1..256.
    streams : the numbers of the streams, ascending, each with its lanes: ``{stream: lanes}``.

    Members
    -------
    start : Signal(1), in. Begins an expansion; sampled while not busy.
    seed : Signal(64), in. Must hold while busy.
    busy : Signal(1), out.
    word : Signal(32), out. A state word, valid while `strobe` is high.
    strobe : Signal(1), out.
    stream : Signal(8), out. The stream that the word is for; as `lane` and `last` it is valid while `strobe` is high.
    lane : Signal(16), out. Its generator.
    last : Signal(1), out. It is the generator's last word.
    """

    start: In(1)
    seed: In(64)
    busy: Out(1)
    word: Out(32)
    strobe: Out(1)
    stream: Out(8)
    lane: Out(16)
    last: Out(1)

    def __init__(self, words: int, streams: Mapping[int, int]):
        self.words = words
        self.streams = {int(stream): lanes for stream, lanes in streams.items()}
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        numbers = list(self.streams)
        j = Signal(range(max(self.words, 2)))
        lane = Signal(range(max(*self.streams.values(), 2)), name="lane_now")
        stream = Signal(range(max(*numbers, 1) + 1), name="stream_now")
        x = Signal(16)
        y = Signal(16)
        k = Signal(16)
        left = [Signal(16, name=f"l{i}") for i in range(3)]
        index = Signal(range(SPECK_ROUNDS))

        m.d.comb += [self.word.eq(Cat(y, x)), self.busy.eq(1), self.stream.eq(stream), self.lane.eq(lane)]
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.busy.eq(0)
                with m.If(self.start):
                    m.d.sync += [j.eq(0), lane.eq(0), stream.eq(numbers[0])]
                    m.next = "LOAD"
            with m.State("LOAD"):
                block = Cat(j, Const(0, 8 - len(j)), lane, Const(0, 16 - len(lane)), stream)
                m.d.sync += [Cat(k, *left).eq(self.seed), Cat(y, x).eq(block), index.eq(0)]
                m.next = "ROUND"
            with m.State("ROUND"):
                new_x = (x.rotate_right(7) + y)[:16] ^ k
                new_left = (left[0].rotate_right(7) + k)[:16] ^ index
                m.d.sync += [
                    x.eq(new_x),
                    y.eq(y.rotate_left(2) ^ new_x),
                    k.eq(k.rotate_left(2) ^ new_left),
                    Cat(left).eq(Cat(left[1], left[2], new_left)),
                    index.eq(index + 1),
                ]
                with m.If(index == SPECK_ROUNDS - 1):
                    m.next = "EMIT"
            with m.State("EMIT"):
                m.d.comb += [self.strobe.eq(1), self.last.eq(j == self.words - 1)]
                m.d.sync += j.eq(j + 1)
                m.next = "LOAD"
                with m.If(self.last):
                    m.d.sync += j.eq(0)
                    with m.Switch(stream):
                        for number, following in zip(numbers, [*numbers[1:], None], strict=True):
                            with m.Case(number):
                                self._next_generator(m, lane, stream, self.streams[number], following)
        return m

    def _next_generator(self, m: Module, lane: Signal, stream: Signal, lanes: int, following: int | None) -> None:
        """The lane after ``lane``, or else the first one of the stream ``following``, or else the end."""
        if lanes > 1:
            m.d.sync += lane.eq(lane + 1)
        with m.If(lane == lanes - 1 if lanes > 1 else Const(1)):
            if following is None:
                m.next = "IDLE"
            else:
                m.d.sync += [stream.eq(following), lane.eq(0)]
