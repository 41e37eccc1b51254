"""Tables that a pipeline looks up, made of memories that fit block RAMs and the registers inside them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from amaranth.hdl import Array, Cat, Const, Module, Signal
from amaranth.utils import ceil_log2

from zimu.rtl.basics import later
from zimu.rtl.ram import RowMemory

DEEPEST = 14
"""Bits of an address in the block RAMs of FPGAs at their narrowest: 16 kbit."""


def banks_of(depth: int) -> int:
    """Bits of an address that choose a bank in a table so deep."""
    return max(ceil_log2(depth) - DEEPEST, 0)


def read_clocks(depth: int) -> int:
    """From a place in a table so deep to what it holds there: registers for the place, in the memory and behind it.

    One more follows the choice among banks.
    """
    return 4 if banks_of(depth) else 3


class Write(NamedTuple):
    """A write to a table: of a row of values, a power of two of them."""

    enable: Any
    row: Any
    values: Sequence[Any]


def look_up(m: Module, name: str, bits: int, depth: int, write: Write, place: Any) -> Any:
    """Add a table of ``depth`` values of so many bits to a module: what it holds at a place, `read_clocks` later.

    Place p of row r is place ``r * len(write.values) + p``.

    It is made of memories that one row of block RAMs can hold, so that the registers at their outputs, without which
    they take most of a clock to answer, come before the choice among them.
    """
    banks, within = banks_of(depth), ceil_log2(len(write.values))
    values = []
    for bank in range(2**banks):
        ram = RowMemory(shape=bits, depth=depth >> banks)
        m.submodules[f"{name}_{bank}" if banks else name] = ram
        for place_of_row, value in enumerate(write.values):
            port = ram.write_port()
            to = Cat(Const(place_of_row, within), write.row)
            m.d.comb += [
                port.en.eq(write.enable & (to[:banks] == bank)),
                port.addr.eq(to[banks:]),
                port.data.eq(value),
            ]
            # Those of places that lie in other banks are never enabled.
            if place_of_row % 2**banks == bank % 2**within:
                ram.row.append(port)
        port = ram.read_port()
        m.d.sync += port.addr.eq(place >> banks)
        # Only registers without a reset fit into a block RAM.
        value = Signal(bits, name=f"{name}_{bank}_value" if banks else f"{name}_value", reset_less=True)
        m.d.sync += value.eq(port.data)
        values.append(value)
    if not banks:
        return values[0]
    (bank,) = later(m, name, read_clocks(depth) - 1, bank=place[:banks])
    (chosen,) = later(m, name, chosen=Array(values)[bank])
    return chosen
