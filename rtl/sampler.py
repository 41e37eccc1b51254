"""What both circuits of the ``inverse`` sampler share: their ports, and masked rejection.

The circuits that find the weight of a draw are ``rtl/search.py`` and ``rtl/tree.py``.
Twins: ``golden/sampler.py``, ``emu/sampler.py``.
"""

from typing import Any, NamedTuple

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from zimu.golden.config import UnitConfig
from zimu.golden.rule import WORD_BITS
from zimu.rtl.basics import add_up, address
from zimu.rtl.beats import beat_layout, mass_bits


def landed_layout(config: UnitConfig) -> data.StructLayout:
    """Where a draw landed: the weight's index and its gradient's sign."""
    return data.StructLayout({"index": address(config.depth), "negative": 1, "zero": 1})


def form_signature(config: UnitConfig) -> dict:
    """Members of a sampler circuit.

    sum_start : Signal(1), in. Begins the sum pass of a step; sampled while idle.
    sum_done : Signal(1), out. High from the end of a sum pass until the next one begins.
    mass : Signal(mass_bits), out. W, valid while `sum_done`.
    smoothing : Signal(smoothing_bits), in. c, must hold during a step.
    draw : stream of Signal(mass_bits), in. Accepted draws u < W.
    landed : stream of `landed_layout`, out. One for each draw, in order.
    request : stream of address(beats), out. Addresses of gradient beats to read.
    beat : stream of `beat_layout`, in. The answers, in order, after any latency.
    """
    return {
        "sum_start": In(1),
        "sum_done": Out(1),
        "mass": Out(mass_bits(config)),
        "smoothing": In(config.smoothing_bits),
        "draw": In(stream.Signature(mass_bits(config))),
        "landed": Out(stream.Signature(landed_layout(config))),
        "request": Out(stream.Signature(address(config.beats))),
        "beat": In(stream.Signature(beat_layout(config))),
    }


class WordPair(wiring.Component):
    """Joins two words of a one-lane stream into a row of two, the first being the low one.

    Members
    -------
    hold : Signal(1), in. Forgets a first word that waits.
    word : stream of one word, in.
    row : stream of two words, out.
    """

    hold: In(1)
    word: In(stream.Signature(data.ArrayLayout(WORD_BITS, 1)))
    row: Out(stream.Signature(data.ArrayLayout(WORD_BITS, 2)))

    def elaborate(self, platform):
        m = Module()
        first = Signal(WORD_BITS)
        waiting = Signal()
        m.d.comb += [
            self.row.payload.eq(Cat(first, self.word.payload[0])),
            self.row.valid.eq(waiting & self.word.valid),
            self.word.ready.eq(~waiting | self.row.ready),
        ]
        with m.If(self.hold):
            m.d.sync += waiting.eq(0)
        with m.Elif(self.word.valid & self.word.ready):
            m.d.sync += [waiting.eq(~waiting), first.eq(self.word.payload[0])]
        return m


def rejected_shape(config: UnitConfig) -> range:
    """Draws of the `inverse` sampler rejected before one that is accepted in the same clock, in two rows at most."""
    return range(2 * (config.row_words // config.draw_words))


class Draw(wiring.Component):
    """Masked rejection: an accepted u < W for every token, candidates taken in order from rows of random words.

    One candidate per clock is accepted if the row holds one.

    Members
    -------
    clear : Signal(1), in. A step begins: the mask is found anew.
    mass : Signal(mass_bits), in. W, or what is known of it so far; it only grows between two `clear`.
    settled : Signal(1), out. The mask covers `mass`.
    row : stream of `row_words` words, in.
    token_valid, token_ready : Signal(1), in and out. A handshake for every draw wanted.
    draw : stream of Signal(mass_bits), out. Registered.
    rejected : Signal(range(2 * candidates)), out. Draws rejected before the one accepted in this clock.
    align : Signal(1), in. A step ends: a row that was begun is dropped.
    """

    def __init__(self, config: UnitConfig):
        self.config = config
        self.candidates = config.row_words // config.draw_words
        super().__init__(
            {
                "clear": In(1),
                "mass": In(mass_bits(config)),
                "settled": Out(1),
                "row": In(stream.Signature(data.ArrayLayout(WORD_BITS, config.row_words))),
                "token_valid": In(1),
                "token_ready": Out(1),
                "draw": Out(stream.Signature(mass_bits(config))),
                "rejected": Out(rejected_shape(config)),
                "align": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        count = self.candidates
        draw_bits = bits_for(self.config.max_mass - 1)

        # The mask grows by a bit a clock while 2^bits < W, during the sum pass and for a few clocks after it.
        mask = Signal(draw_bits)
        bound = Cat(mask, 0) ^ Cat(1, mask)  # mask + 1, one-hot
        m.d.comb += self.settled.eq(bound >= self.mass)
        with m.If(self.clear):
            m.d.sync += mask.eq(0)
        with m.Elif(~self.settled):
            m.d.sync += mask.eq(Cat(1, mask))

        width = WORD_BITS * self.config.draw_words
        words = self.row.payload.as_value()
        candidate = [words[width * i : width * (i + 1)][:draw_bits] & mask for i in range(count)]
        wanted = Signal()
        m.d.comb += wanted.eq(self.token_valid & self.row.valid & (~self.draw.valid | self.draw.ready))
        picked = reject(m, candidate, self.mass, wanted, self.align)
        m.d.comb += [
            self.token_ready.eq(picked.accepted),
            self.row.ready.eq(picked.used_up),
            self.rejected.eq(picked.rejected),
        ]
        with m.If(self.draw.ready):
            m.d.sync += self.draw.valid.eq(0)
        with m.If(picked.accepted):
            m.d.sync += [self.draw.valid.eq(1), self.draw.payload.eq(picked.draw)]
        return m


class Picked(NamedTuple):
    """What `reject` makes of a row in one clock."""

    accepted: Any
    """There is a draw."""
    draw: Any
    rejected: Any
    """Draws rejected before it, those of earlier rows included where they were not counted yet."""
    used_up: Any
    """The row is not needed any more."""


def reject(m, candidate, mass, wanted, align) -> Picked:
    """Add masked rejection to a module: the first candidate of a row that is less than ``mass`` and not yet used.

    Rejected candidates that follow the last accepted one of a row are counted when a later one is wanted.

    Parameters
    ----------
    candidate : the candidates of the row.
    wanted : a draw is taken if there is one; only while the row is valid.
    align : a row that was begun is dropped.
    """
    count = len(candidate)
    position = Signal(range(count))
    accepts = Signal(count)  # of the candidates not yet used
    rejects = Signal(count)
    for i in range(count):
        fits = candidate[i] < mass
        m.d.comb += [accepts[i].eq((position <= i) & fits), rejects[i].eq((position <= i) & ~fits)]

    first = Signal(range(count))
    for i in reversed(range(count)):
        with m.If(accepts[i]):
            m.d.comb += first.eq(i)
    passed = (1 << first) - 1  # mask of the candidates before the first accepted one
    more = (accepts >> first)[1:].any()

    carried = Signal(range(count + 1))  # rejected at the end of a row whose last accepted draw is gone
    accepted = Signal()
    rejected = Signal(range(2 * count))
    used_up = Signal()
    with m.If(align):
        m.d.comb += used_up.eq(position != 0)
        m.d.sync += [position.eq(0), carried.eq(0)]
    with m.Elif(wanted):
        with m.If(accepts.any()):
            m.d.comb += [accepted.eq(1), used_up.eq(~more), rejected.eq(carried + add_up(rejects & passed))]
            m.d.sync += [
                position.eq(Mux(more, first + 1, 0)),
                carried.eq(Mux(more, 0, add_up(rejects & ~passed))),
            ]
        with m.Else():
            m.d.comb += [used_up.eq(1), rejected.eq(carried + add_up(rejects))]
            m.d.sync += [position.eq(0), carried.eq(0)]
    return Picked(accepted, Array(candidate)[first], rejected, used_up)
