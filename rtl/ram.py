"""Large memories as modules of their own, whose place RAM macros of a silicon technology can take.

Circuits have plain memories, with a port that reads after the clock and one that writes, and some `RowMemory`. Where
they are elaborated for `Rams`, each large one is an instance of a `Ram`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from amaranth.hdl import Cat, ClockSignal, Instance, Shape
from amaranth.lib import memory
from amaranth.utils import ceil_log2

FLIP_FLOPS = 1024
"""Bits up to which a memory in silicon is flip-flops. One macro is smaller than so many from 500 bits on in IHP's
technology, from 5000 on in SkyWater's."""


class RowMemory(memory.Memory):
    """A memory that is written in whole rows, through a port for each place of a row, and read a place at a time.

    Attributes
    ----------
    row : the ports that write a row, by place; a power of two of them. Place p of row r is ``r * len(row) + p``.
    """

    def __init__(self, *, shape: Any, depth: int) -> None:
        super().__init__(shape=shape, depth=depth, init=[])
        self.row: list[memory.WritePort] = []


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
        reads, row = held.read_ports, _row(held)
        if len(reads) != 1 or not row or reads[0].domain == "comb" or reads[0].transparent_for:
            return None
        bits, depth = Shape.cast(held.shape).width, held.depth
        if depth == 1 or depth * bits <= FLIP_FLOPS:
            return None
        return cls(depth // len(row), bits * len(row), len(row[0].en), len(row))

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


def _row(held: memory.Memory) -> Sequence[memory.WritePort]:
    """The ports through which a word is written, if it is written as a whole."""
    if isinstance(held, RowMemory):
        return held.row
    return held.write_ports if len(held.write_ports) == 1 else ()


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
        (read,), row = held.read_ports, _row(held)
        return Instance(
            name,
            i_clk=ClockSignal(),
            i_read__addr=read.addr,
            i_read__en=read.en,
            o_read__data=read.data,
            i_write__addr=row[0].addr[ram.place_bits :],
            i_write__en=row[0].en,
            i_write__data=Cat(port.data for port in row),
        )
