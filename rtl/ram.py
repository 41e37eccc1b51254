"""A memory on the chip, a module of its own: what a RAM macro of a silicon technology takes the place of."""

from amaranth.hdl import Module, unsigned
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from zimu.rtl.basics import address

FLIP_FLOPS = 1024
"""Bits up to which a memory in silicon is flip-flops. One macro is smaller than so many from 500 bits on in IHP's
technology, from 5000 on in SkyWater's."""


class Ram(wiring.Component):
    """A memory with a port to read and a port to write.

    What is read comes a clock after its address. Of a word that is written in the same clock nobody uses what is read.

    Parameters
    ----------
    words : how many.
    bits : of a word.
    parts : of a word, as many bits each, that can be written apart.

    Members
    -------
    read : ``addr`` and ``en`` in; ``data`` out, which holds while ``en`` is low.
    write : ``addr``, ``data`` and, a bit for each part, ``en`` in.
    """

    def __init__(self, words: int, bits: int, parts: int = 1):
        self.words, self.bits, self.parts = words, bits, parts
        read = {"addr": In(address(words)), "en": In(1), "data": Out(bits)}
        write = {"addr": In(address(words)), "data": In(bits), "en": In(parts)}
        super().__init__({"read": Out(wiring.Signature(read)), "write": Out(wiring.Signature(write))})

    @property
    def large(self) -> bool:
        """Whether a macro is to take its place in silicon."""
        return self.words > 1 and self.words * self.bits > FLIP_FLOPS

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = held = memory.Memory(shape=unsigned(self.bits), depth=self.words, init=[])
        read, write = held.read_port(), held.write_port(granularity=self.bits // self.parts)
        m.d.comb += [
            read.addr.eq(self.read.addr),
            read.en.eq(self.read.en),
            self.read.data.eq(read.data),
            write.addr.eq(self.write.addr),
            write.data.eq(self.write.data),
            write.en.eq(self.write.en),
        ]
        return m
