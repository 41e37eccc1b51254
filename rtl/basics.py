"""What any circuit needs: places in a stream, registers, addresses, choices, and adders."""

from collections.abc import Callable, Sequence
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Shape, Signal, Value
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out

CHAIN = 56
"""Bits of a carry chain that several sums share, as a chain takes cells to begin and to end."""


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


class Queue(wiring.Component):
    """A queue with a register at its end, as what holds it may take long to answer.

    Members
    -------
    arriving, leaving : streams of the shape given, in and out.
    """

    def __init__(self, shape: Any, places: int):
        self.places = places
        super().__init__({"arriving": In(stream.Signature(shape)), "leaving": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()
        size = Shape.cast(self.arriving.payload.shape()).width
        m.submodules.fifo = kept = fifo.SyncFIFOBuffered(width=size, depth=self.places)
        next_one = Signal(size, reset_less=True)  # without a reset it fits into a block RAM
        m.d.comb += [
            self.leaving.payload.eq(next_one),
            kept.w_en.eq(self.arriving.valid),
            kept.w_data.eq(self.arriving.payload),
            self.arriving.ready.eq(kept.w_rdy),
            kept.r_en.eq(~self.leaving.valid | self.leaving.ready),
        ]
        with m.If(kept.r_en):
            m.d.sync += [self.leaving.valid.eq(kept.r_rdy), next_one.eq(kept.r_data)]
        return m


def later(m: Module, name: str, clocks: int = 1, **now: Any) -> list[Any]:
    """Registers that hold some values a number of clocks later; ``name`` distinguishes those of a module."""
    values = list(now.values())
    for clock in range(clocks):
        kept = [
            Signal(Value.cast(v).shape(), name=f"{each}_{name}_{clock}") for each, v in zip(now, values, strict=True)
        ]
        m.d.sync += [to.eq(v) for to, v in zip(kept, values, strict=True)]
        values = kept
    return values


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


def subtract_side_by_side(left: Sequence[Any], right: Sequence[Any], valid: Any) -> list[Any]:
    """The differences of two lists of numbers of one width, modulo that width, on shared carry chains.

    They are right while ``valid`` is 1: borrows end at a bit above each number that is 1 less 0 then. With constants
    there synthesis would cut the chain into pieces.
    """
    return _on_chains(lambda a, b: a - b, left, right, valid, ~valid)


def add_side_by_side(left: Sequence[Any], right: Sequence[Any], invalid: Any) -> list[Any]:
    """The sums of two lists of numbers of one width, modulo that width, likewise; right while ``invalid`` is 0."""
    return _on_chains(lambda a, b: a + b, left, right, invalid, invalid)


def _on_chains(
    function: Callable[[Any, Any], Any], left: Sequence[Any], right: Sequence[Any], left_end: Any, right_end: Any
) -> list[Any]:
    """The function of each two numbers of one width, with a bit from each side above them."""
    width = len(left[0]) + 1
    shared = max(CHAIN // width, 1)
    results = []
    for i in range(0, len(left), shared):
        numbers, others = left[i : i + shared], right[i : i + shared]
        chain = function(Cat(Cat(each, left_end) for each in numbers), Cat(Cat(each, right_end) for each in others))
        results += [chain[width * j :][: width - 1] for j in range(len(numbers))]
    return results
