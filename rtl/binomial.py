"""Binomial numbers, drawn for many trials at a time: the heart of the ``split`` sampler.

Twins: ``golden/split.py`` (`binomial`), ``emu/split.py``.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from zimu.golden.rule import WORD_BITS
from zimu.rtl.basics import add_up
from zimu.rtl.datapath import TRIAL_BITS


class Binomial(wiring.Component):
    """How many of m trials succeed, each with probability a / b exactly.

    Every clock takes the next undecided trials of a round, as many as the row of random words has bits left for. The
    long division that gives the digits of a / b moves on by one digit with each round.

    Parameters
    ----------
    width : bits of a and b.
    lanes : words in a row.

    Members
    -------
    start : Signal(1), in. Begins; sampled while `done`.
    trials : Signal(32), in. m, sampled with `start`, as the other three.
    a, b : Signal(width), in. 0 <= a < b, or whatever where `certain`.
    certain : Signal(1), in. a = b: every trial succeeds.
    done : Signal(1), out. `successes` holds, from the clock after `start` on where nothing is to be drawn.
    successes : Signal(32), out.
    row : stream of ArrayLayout(32, lanes), in. A row that was begun goes on in the next number.
    position : Signal(range(lanes)), out. Words taken of the row on offer.
    align : Signal(1), in. Only while `done`: a row that was begun is dropped.
    switch : Signal(1), in. Only while `done`: rows are of another stream from now on, of the first of which
        `taken_before` words are gone.
    taken_before : Signal(range(lanes)), in.
    """

    def __init__(self, width: int, lanes: int):
        self.width, self.lanes = width, lanes
        super().__init__(
            {
                "start": In(1),
                "trials": In(TRIAL_BITS),
                "a": In(width),
                "b": In(width),
                "certain": In(1),
                "done": Out(1),
                "successes": Out(TRIAL_BITS),
                "row": In(stream.Signature(data.ArrayLayout(WORD_BITS, lanes))),
                "position": Out(range(lanes)),
                "align": In(1),
                "switch": In(1),
                "taken_before": In(range(lanes)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        remainder = Signal(self.width)
        divisor = Signal(self.width)
        left = Signal(TRIAL_BITS)  # bits still to count in this round
        ones = Signal(TRIAL_BITS)  # undecided trials of this round whose bit was 1
        zeros = Signal(TRIAL_BITS)  # those whose bit was 0 or is still to come
        decided = Signal(TRIAL_BITS)
        latest = Signal(TRIAL_BITS)  # successes of the round that ended last
        position = self.position

        found, words, inside = self._count(m, left, position)
        difference = Signal(self.width + 1)
        digit = Signal()
        all_ones = Signal(TRIAL_BITS)
        all_zeros = Signal(TRIAL_BITS)
        end = Signal(range(3 * self.lanes + 1))
        m.d.comb += [
            difference.eq((remainder << 1) - divisor),
            digit.eq(~difference[-1]),
            all_ones.eq(ones + found),
            all_zeros.eq(zeros - found),
            end.eq(position + words),
            self.done.eq((left == 0) | (remainder == 0)),
            self.successes.eq(decided + latest),
        ]
        m.d.sync += [decided.eq(self.successes), latest.eq(0)]
        with m.If(self.start & self.done):
            m.d.sync += [
                remainder.eq(self.a),
                divisor.eq(self.b),
                decided.eq(Mux(self.certain, self.trials, 0)),
                left.eq(Mux(self.certain, 0, self.trials)),
                zeros.eq(self.trials),
                ones.eq(0),
            ]
        with m.Elif(~self.done & self.row.valid):
            with m.If(inside & (end <= self.lanes)):
                undecided = Mux(digit, all_ones, all_zeros)
                m.d.sync += [
                    remainder.eq(Mux(digit, difference, remainder << 1)),
                    latest.eq(Mux(digit, all_zeros, 0)),
                    left.eq(undecided),
                    zeros.eq(undecided),
                    ones.eq(0),
                    position.eq(end),
                ]
                m.d.comb += self.row.ready.eq(end == self.lanes)
            with m.Else():
                taken = self.lanes - position
                m.d.sync += [
                    left.eq(left - (taken << ceil_log2(WORD_BITS))),
                    zeros.eq(all_zeros),
                    ones.eq(all_ones),
                    position.eq(0),
                ]
                m.d.comb += self.row.ready.eq(1)
        with m.If(self.align):
            m.d.comb += self.row.ready.eq(position != 0)
            m.d.sync += position.eq(0)
        with m.If(self.switch):
            m.d.sync += position.eq(self.taken_before)
        return m

    def _count(self, m, left, position):
        """Ones among the next ``left`` bits that the row holds, the words they take, and whether those are few."""
        in_word, in_row = ceil_log2(WORD_BITS), ceil_log2(self.lanes)
        # Whole words have a bit more than a row has places: a row's worth of words may fit one exactly.
        last, whole, beyond = left[:in_word], left[in_word : in_word + in_row + 1], left[in_word + in_row + 1 :]
        inside = Signal()
        m.d.comb += inside.eq(beyond == 0)
        words = data.View(self.row.payload.shape(), Signal(WORD_BITS * self.lanes, name="words"))
        tail = Signal(WORD_BITS)
        m.d.comb += [
            words.eq(self.row.payload.as_value() >> Cat(Const(0, in_word), position)),
            tail.eq(Cat(i < last for i in range(WORD_BITS))),
        ]
        counts = []
        for lane in range(self.lanes):
            masked = Signal(WORD_BITS, name=f"masked{lane}")
            with m.If(~inside | (lane < whole)):
                m.d.comb += masked.eq(words[lane])
            with m.Elif(lane == whole):
                m.d.comb += masked.eq(words[lane] & tail)
            counts.append(add_up(masked))
        found = Signal(range(WORD_BITS * self.lanes + 1))
        m.d.comb += found.eq(add_up(counts))
        return found, whole + (last != 0), inside
