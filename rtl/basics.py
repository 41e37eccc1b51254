"""What any circuit needs: addresses, choices, adders, and places in a stream."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class Relay(wiring.Component):
    """Two places in a stream, through which neither `valid` nor `ready` passes in the same clock.

    Members
    -------
    arriving, leaving : streams of the shape given, in and out.
    """

    def __init__(self, shape: Any):
        super().__init__({"arriving": In(stream.Signature(shape)), "leaving": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()
        spare = Signal(self.arriving.payload.shape())
        full = Signal()
        m.d.comb += self.arriving.ready.eq(~full)
        with m.If(~self.leaving.valid | self.leaving.ready):
            m.d.sync += [
                self.leaving.valid.eq(full | self.arriving.valid),
                self.leaving.payload.eq(Mux(full, spare, self.arriving.payload)),
                full.eq(0),
            ]
        with m.Elif(self.arriving.valid & ~full):
            m.d.sync += full.eq(1)
        with m.If(~full):
            m.d.sync += spare.eq(self.arriving.payload)
        return m


def address(count: int) -> range:
    """Addresses of ``count`` places; at least one bit wide, so that no port vanishes."""
    return range(max(count, 2))


def one_of(values: Any, number: Any, bits: int) -> Any:
    """Of values of so many bits side by side the one of that number, which has no width where there is only one."""
    return values.word_select(number, bits) if len(number) else values[:bits]


def add_up(values):
    """The sum of some values, as a tree of adders."""
    if len(values) <= 2:
        return sum(values[i] for i in range(len(values)))
    half = len(values) // 2
    return add_up(values[:half]) + add_up(values[half:])
