"""A UART: eight bits, no parity, one stop bit, least significant bit first."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

BYTE_BITS = 10
"""A start bit, the byte, a stop bit."""


LEAST_CLOCKS = 4
"""Of a bit that is received: in the middle of a bit it is still that bit."""


class Sender(wiring.Component):
    """Sends bytes.

    Parameters
    ----------
    clocks : of a bit, at least 2.

    Members
    -------
    data : stream of 8 bits, in.
    line : Signal(1), out. High at rest.
    """

    def __init__(self, clocks: int):
        self._clocks = clocks
        super().__init__({"data": In(stream.Signature(8)), "line": Out(1, init=1)})

    def elaborate(self, platform):
        m = Module()
        wait = Signal(range(self._clocks))
        left = Signal(range(BYTE_BITS + 1))
        bits = Signal(BYTE_BITS, init=-1)
        m.d.comb += [self.line.eq(bits[0]), self.data.ready.eq(left == 0)]
        with m.If(wait != 0):
            m.d.sync += wait.eq(wait - 1)
        with m.Elif(left != 0):
            m.d.sync += [bits.eq(Cat(bits[1:], 1)), left.eq(left - 1), wait.eq(self._clocks - 1)]
        with m.If(self.data.valid & self.data.ready):
            m.d.sync += [bits.eq(Cat(0, self.data.payload, 1)), left.eq(BYTE_BITS), wait.eq(self._clocks - 1)]
        return m


class Receiver(wiring.Component):
    """Receives bytes; one whose stop bit is low is dropped.

    Parameters
    ----------
    clocks : of a bit, at least `LEAST_CLOCKS`.

    Members
    -------
    line : Signal(1), in. From outside, of no clock.
    data : Signal(8), out.
    strobe : Signal(1), out. There is a byte, in this clock alone.
    """

    def __init__(self, clocks: int):
        self._clocks = clocks
        super().__init__({"line": In(1), "data": Out(8), "strobe": Out(1)})

    def elaborate(self, platform):
        m = Module()
        seen = Signal(2, init=-1)  # two registers, of which only the second is looked at
        m.d.sync += seen.eq(Cat(self.line, seen[0]))
        wait = Signal(range(self._clocks + self._clocks // 2))
        left = Signal(range(BYTE_BITS))
        level = seen[1]
        m.d.sync += self.strobe.eq(0)
        with m.If(left == 0):
            with m.If(~level):
                # To the middle of the first bit after the start bit.
                m.d.sync += [left.eq(BYTE_BITS - 1), wait.eq(self._clocks + self._clocks // 2 - 1)]
        with m.Elif(wait != 0):
            m.d.sync += wait.eq(wait - 1)
        with m.Else():
            m.d.sync += [left.eq(left - 1), wait.eq(self._clocks - 1)]
            with m.If(left == 1):
                m.d.sync += self.strobe.eq(level)
            with m.Else():
                m.d.sync += self.data.eq(Cat(self.data[1:], level))
        return m
