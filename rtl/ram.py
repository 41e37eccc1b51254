"""Large memories as modules of their own, whose place RAM macros of a silicon technology can take.

Circuits have plain memories, of one port that reads after the clock and one that writes, or of a port for each part of
a `RowMemory`'s rows. Where they are elaborated for `Rams`, each large one is an instance of a `Ram`.
"""

from dataclasses import dataclass
from typing import Any, Self

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Shape
from amaranth.lib import memory
from amaranth.utils import ceil_log2

FLIP_FLOPS = 1024
"""Bits up to which a memory in silicon is flip-flops. One macro is smaller than so many from 500 bits on in IHP's
technology, from 5000 on in SkyWater's."""


class RowMemory(memory.Memory):
    """A memory that is written in whole rows of so many places, and read a place at a time.

    Parameters
    ----------
    shape : of a place.
    rows : how many.
    places : of a row, a power of two; place p of row r is place ``r * places + p`` of the memory.
    """

    def __init__(self, *, shape: Any, rows: int, places: int) -> None:
        super().__init__(shape=shape, depth=rows * places, init=[])
        self.places = places

    def write_row(self, m: Module, enable: Any, row: Any, values: Any) -> None:
        """Add the ports that write ``values``, one for each place, to ``row`` while ``enable``."""
        for place, value in enumerate(values):
            port = self.write_port()
            m.d.comb += [
                port.en.eq(enable),
                port.addr.eq(Cat(Const(place, ceil_log2(self.places)), row)),
                port.data.eq(value),
            ]


@dataclass(frozen=True)
class Ram:
    """A memory with a port to read and a port to write.

    What is read comes a clock after its address. Of a word that is written in the same clock nobody uses what is read.

    Parameters
    ----------
    words : how many.
    bits : of a word.
    parts : of a word, as many bits each, that can be written apart.
    places : of a word, as many bits each, of which one is read at a time; a power of two. A word is then written whole.
    """

    words: int
    bits: int
    parts: int = 1
    places: int = 1

    @classmethod
    def of(cls, held: memory.Memory) -> Self | None:
        """What is to take the place of a memory, if it is large and its ports are such."""
        places = held.places if isinstance(held, RowMemory) else 1
        reads, writes = held.read_ports, held.write_ports
        if len(reads) != 1 or len(writes) != places or reads[0].domain == "comb" or reads[0].transparent_for:
            return None
        bits, depth = Shape.cast(held.shape).width, held.depth
        if depth == 1 or depth * bits <= FLIP_FLOPS:
            return None
        return cls(depth // places, bits * places, len(writes[0].en), places)

    @property
    def name(self) -> str:
        """What tells it from others."""
        parts = f"_{self.parts}_parts" if self.parts > 1 else f"_{self.places}_places" if self.places > 1 else ""
        return f"{self.words}x{self.bits}{parts}"

    @property
    def address_bits(self) -> int:
        """Of the address of a word."""
        return max((self.words - 1).bit_length(), 1)

    @property
    def place_bits(self) -> int:
        """Of the place in a word that is read: the low bits of the address to read."""
        return ceil_log2(self.places)


class Rams:
    """What a circuit is elaborated for so that its large memories are instances of modules.

    Parameters
    ----------
    name : of the top module, with which the modules' names begin.

    Attributes
    ----------
    modules : by their names.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self.modules: dict[str, Ram] = {}

    def get_memory(self, held: memory.Memory) -> Any:
        """An instance of a `Ram` instead of a memory, or the memory. Amaranth calls it."""
        ram = Ram.of(held)
        if ram is None:
            return held.elaborate(None)
        name = f"{self._name}_Ram_{ram.name}"
        self.modules[name] = ram
        (read,), writes = held.read_ports, held.write_ports
        return Instance(
            name,
            i_clk=ClockSignal(),
            i_read__addr=read.addr,
            i_read__en=read.en,
            o_read__data=read.data,
            i_write__addr=writes[0].addr[ram.place_bits :],
            i_write__en=writes[0].en,
            i_write__data=Cat(write.data for write in writes),
        )
