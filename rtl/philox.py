"""Philox4x32-10 in hardware: the counter-based kind of ``rtl/generators.py``, a round in each clock.

Twins: ``golden/generators.py``, ``emu/generators.py``.
"""

from amaranth.hdl import Array, C, Cat, Signal

ROUNDS = 10
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)


class Philox4x32:
    """Philox4x32-10: a keyed bijection of a counter, four words a block, two 32x32-bit products a clock.

    Period: 2^64 words here, where they are counted no further. Quality: passes BigCrush (Salmon et al., "Parallel
    random numbers: as easy as 1, 2, 3", SC 2011). Cost, as in ``rtl/kinds.py``: 690 TRELLIS_COMB, 390 flip-flops, 8 DSP
    blocks, 71 MHz; 12,004 gate equivalents; four words in 11 clocks. Published: 30,556 cells in 7 nm at 1 GHz
    (arXiv 2203.04058).
    """

    words = 2
    """State words expanded from the seed: the key."""

    row_clocks = (ROUNDS + 1) / 4
    """Clocks from one row to the next where rows are taken at once, in the mean."""

    rows_ahead = 8
    """Rows that come a clock apart after a rest: a block on offer and one that is finished."""

    def machine(self, lanes: int):
        """The registers of a stream's generators."""
        return PhiloxMachine(lanes)


def philox_round(x, key):
    """Four words after one round, as expressions of the words ``x`` and of the round's two key words."""
    product0, product1 = (x[0] * MULTIPLIERS[0])[:64], (x[2] * MULTIPLIERS[1])[:64]
    return [product1[32:] ^ x[1] ^ key[0], product1[:32], product0[32:] ^ x[3] ^ key[1], product0[:32]]


def round_key(key, number):
    """The key words of a round, from the key and the number of the round."""
    steps = [Array(C((r * step) & (2**32 - 1), 32) for r in range(ROUNDS)) for step in WEYL]
    return [(word + step[number])[:32] for word, step in zip(key, steps, strict=True)]


class PhiloxMachine:
    """Registers of a stream's Philox generators; a machine as ``rtl/generators.py`` describes it.

    All lanes are in the same round of the same block. While a block is given word by word the next one is computed.
    """

    def __init__(self, lanes: int):
        def words(name, count):
            return [[Signal(32, name=f"lane{lane}_{name}{j}") for j in range(count)] for lane in range(lanes)]

        self.keys = words("k", 2)
        self.work = words("x", 4)
        self.blocks = words("block", 4)
        self.number = Signal(62, name="number")  # of the block whose words are given; words are counted modulo 2^64
        self.given = Signal(2, name="given")  # words given of it
        self.valid = Signal(name="full")  # it has been computed
        self.round = Signal(range(ROUNDS + 1), name="round")
        self.restart = Signal(name="restart")  # what is in `work` belongs to another state

        self.row = [Array(block)[self.given] for block in self.blocks]
        self.chain = [word for key in self.keys for word in key]
        self.kept = [*self.chain, self.number, self.given]

    def halt(self, m):
        m.d.sync += [self.number.eq(0), self.given.eq(0)]
        self.resume(m)

    def resume(self, m):
        m.d.sync += [self.valid.eq(0), self.restart.eq(1)]

    def run(self, m, ready):
        finished = Signal()
        following = Signal(62)
        m.d.comb += [finished.eq(self.round == ROUNDS), following.eq(self.number + ~self.restart)]
        with m.If(self.valid & ready):
            m.d.sync += self.given.eq(self.given + 1)
            with m.If(self.given == 3):
                m.d.sync += [self.valid.eq(0), self.number.eq(following)]
        with m.If(self.restart | (finished & ~self.valid)):
            m.d.sync += [self.restart.eq(0), self.round.eq(0), self.valid.eq(~self.restart)]
            for block, x in zip(self.blocks, self.work, strict=True):
                m.d.sync += [Cat(block).eq(Cat(x)), Cat(x).eq(following)]
        with m.Elif(~finished):
            m.d.sync += self.round.eq(self.round + 1)
            for key, x in zip(self.keys, self.work, strict=True):
                m.d.sync += Cat(x).eq(Cat(philox_round(x, round_key(key, self.round))))
