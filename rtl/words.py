"""Numbers in the words of memories and buses, where each lies in an integer of 8, 16 or 32 bits.

The unit itself packs them bit to bit, as in its own memories.
"""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from zimu.golden.rule import WORD_BITS


def numbers_of(value: Any) -> list[Value]:
    """The numbers that a value is made of, lowest first: itself, or those of the members of a struct or array."""
    if not isinstance(value, data.View):
        return [value]
    members = getattr(value.shape(), "members", range(getattr(value.shape(), "length", 0)))
    return [number for member in members for number in numbers_of(value[member])]


def widened(number: Value, bits: int) -> Value:
    """A number in so many bits, of which a signed one fills those above with its sign."""
    return number | Const(0, Shape(bits, number.shape().signed))


class FromWords(wiring.Component):
    """Makes payloads of a stream of words, each payload of the words that carry its numbers.

    Parameters
    ----------
    shape : of the payload.
    bits : that each of its numbers takes in the words, its own in the low ones; divides 32.

    Members
    -------
    words : stream of 32 bits, in. Not ready while `payloads` is not, so that none is taken that could not be used.
    payloads : stream of shape, out.
    rewind : Signal(1), in. Forgets a payload of which some words came; none comes in this clock.
    """

    def __init__(self, shape: Any, bits: int):
        self._bits = bits
        super().__init__(
            {"words": In(stream.Signature(WORD_BITS)), "payloads": Out(stream.Signature(shape)), "rewind": In(1)}
        )

    def elaborate(self, platform):
        m = Module()
        numbers = numbers_of(self.payloads.payload)
        last = (len(numbers) * self._bits - 1) // WORD_BITS
        held = Signal(last * WORD_BITS)
        count = Signal(range(last + 1))
        whole = Cat(held, self.words.payload)
        m.d.comb += [
            self.words.ready.eq(self.payloads.ready),
            self.payloads.valid.eq(self.words.valid & (count == last)),
            *(number.eq(whole[self._bits * i :][: self._bits]) for i, number in enumerate(numbers)),
        ]
        with m.If(self.rewind):
            m.d.sync += count.eq(0)
        with m.Elif(self.words.valid & self.words.ready):
            m.d.sync += [held.eq(whole[WORD_BITS:]), count.eq(Mux(count == last, 0, count + 1))]
        return m


class ToWords(wiring.Component):
    """Makes words of a stream of payloads, a word of each of their numbers.

    Members
    -------
    payloads : stream of shape, in.
    words : stream of 32 bits, out.
    rewind : Signal(1), in. The next word is the first one of a payload.
    """

    def __init__(self, shape: Any):
        super().__init__(
            {"payloads": In(stream.Signature(shape)), "words": Out(stream.Signature(WORD_BITS)), "rewind": In(1)}
        )

    def elaborate(self, platform):
        m = Module()
        numbers = numbers_of(self.payloads.payload)
        last = len(numbers) - 1
        count = Signal(range(last + 1))
        moves = self.words.valid & self.words.ready
        m.d.comb += [
            self.words.valid.eq(self.payloads.valid),
            self.words.payload.eq(Cat(widened(number, WORD_BITS) for number in numbers).word_select(count, WORD_BITS)),
            self.payloads.ready.eq(self.words.ready & (count == last)),
        ]
        with m.If(self.rewind | (moves & (count == last))):
            m.d.sync += count.eq(0)
        with m.Elif(moves):
            m.d.sync += count.eq(count + 1)
        return m
