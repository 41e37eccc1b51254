"""The kinds of generators: those that give a word in each clock, as functions of their state words, and Philox.

``rtl/generators.py`` makes circuits of all of them.
Twins: ``golden/generators.py``, ``emu/generators.py``.

Costs are those of one generator with its output register and seed chain by ``zimu cost prng:KIND``: TRELLIS_COMB,
flip-flops and the median clock of eight seeds on ECP5-25k, and gate equivalents; then what others have published.
"""

from amaranth.hdl import Array, C, Cat, Mux, Signal


class SteppedKind:
    """A generator whose words and next state are combinational functions of its state.

    State words are 32-bit values in the order of the seed's expansion.
    """

    words: int
    """State words, all expanded from the seed."""

    words_per_state = 1
    """Words that a state gives before the next one."""

    row_clocks = 1.0
    """Clocks from one row to the next where rows are taken at once, in the mean."""

    rows_ahead = 0
    """Rows that come a clock apart after a rest."""

    def word(self, s, place):
        """The word of state ``s`` at ``place``, 0..words_per_state - 1."""
        raise NotImplementedError

    def next_state(self, s):
        """The state words after ``s``."""
        raise NotImplementedError

    def machine(self, lanes: int):
        """The registers of a stream's generators."""
        return SteppedMachine(self, lanes)


class Xoshiro128pp(SteppedKind):
    """xoshiro128++: shifts, rotations and XORs, two adders at the output.

    Period: 2^128 - 1 words. Quality: no failure known in BigCrush, PractRand or tests of Hamming weights (Blackman and
    Vigna, ACM TOMS 47(4), 2021). Cost: 229 COMB, 161 flip-flops, 144 MHz; 2,284 gate equivalents. Published: 148 LUT,
    161 flip-flops, 200 MHz on Series-7 (vhdl_prng).
    """

    words = 4

    def word(self, s, place):
        return ((s[0] + s[3])[:32].rotate_left(7) + s[0])[:32]

    def next_state(self, s):
        s2 = s[2] ^ s[0]
        s3 = s[3] ^ s[1]
        return [s[0] ^ s3, s[1] ^ s2, s2 ^ (s[1] << 9)[:32], s3.rotate_left(11)]


class Pcg32(SteppedKind):
    """PCG-XSH-RR 64/32: a 64-bit linear congruential generator, its output folded and rotated by its own top bits.

    Period: 2^64 words. Quality: passes BigCrush (O'Neill, HMC-CS-2014-0905). Cost: 918 COMB, 161 flip-flops, 10 DSP
    blocks, 52 MHz; 9,619 gate equivalents: a 64-bit product in one clock. Published: 10,222 cells in 7 nm at 1 GHz for
    pcg64, twice as wide (arXiv 2203.04058).
    """

    words = 4
    multiplier = 6364136223846793005

    def word(self, s, place):
        x = Cat(s[0], s[1])
        folded = ((x >> 18) ^ x)[27:59]
        return (Cat(folded, folded) >> x[59:])[:32]

    def next_state(self, s):
        x = (Cat(s[0], s[1]) * self.multiplier + Cat(1, s[2][1:], s[3]))[:64]
        return [x[:32], x[32:], s[2], s[3]]


class Xoroshiro128aox(SteppedKind):
    """xoroshiro128aox: shifts, rotations and XORs, no adder; each 64-bit output gives two words, low half first.

    Period: 2^129 - 2 words. Quality: passes BigCrush and PractRand, fails Gjrand's z9, a test of Hamming weights
    (Hanlon and Felix, arXiv 2203.04058): not for samplers that count bits. Cost: 382 COMB, 162 flip-flops, 231 MHz;
    2,294 gate equivalents, the choice between two halves included. Published: 684 cells in 7 nm at 1 GHz for 64 bits a
    clock (same source).
    """

    words = 4
    words_per_state = 2

    def word(self, s, place):
        # Choosing first halves the logic: the bits of one half of s0 and of s1, and the two below it.
        s0, s1 = (Mux(place, Cat(low[30:], high), Cat(high[30:], low)) for low, high in (s[:2], s[2:]))
        both = s0 & s1
        return (s0 ^ s1)[2:] ^ (both[1:33] | both[:32])

    def next_state(self, s):
        s0, s1 = Cat(s[0], s[1]), Cat(s[2], s[3])
        new0 = s0.rotate_left(55) ^ s0 ^ s1 ^ ((s0 ^ s1) << 14)[:64]
        new1 = (s0 ^ s1).rotate_left(36)
        return [new0[:32], new0[32:], new1[:32], new1[32:]]


class Lfsr128(SteppedKind):
    """A Galois LFSR of 128 bits, 32 steps at a time.

    Period: 2^128 - 1 words. Quality: fails every test of linear complexity, and of ranks of binary matrices beyond 128;
    words with few ones come in clusters. Cost: 80 COMB, 161 flip-flops, 343 MHz; 1,543 gate equivalents: a word is 32
    of the state's own bits, and a step moves it on the way that the seed is shifted in.
    """

    words = 4
    taps = (128, 126, 101, 99)

    def word(self, s, place):
        # No tap is among the low 32 bits, so the next bits to leave are the low word as it stands.
        return s[0]

    def next_state(self, s):
        state = Cat(s) >> 32
        for tap in self.taps:
            # The bit of step i enters at place tap - 1 and has 31 - i steps left to move down.
            state ^= s[0] << (tap - 32)
        return [state[32 * j : 32 * (j + 1)] for j in range(4)]


class Trivium(SteppedKind):
    """The stream cipher Trivium, 32 steps at a time.

    Period: not known, as it differs from key to key; the designers allow 2^64 bits a key. Quality: no weakness known at
    full strength (De Cannière and Preneel, eSTREAM portfolio). Cost: 806 COMB, 321 flip-flops, 239 MHz; 4,120 gate
    equivalents, the chain through all 288 bits included. Published: 145 LUT, 332 flip-flops on Series-7 (vhdl_prng).
    """

    words = 9
    steps = 32

    def word(self, s, place):
        bit = self._bits(s)
        return Cat(
            bit(66, i) ^ bit(93, i) ^ bit(162, i) ^ bit(177, i) ^ bit(243, i) ^ bit(288, i) for i in range(self.steps)
        )

    def next_state(self, s):
        bit = self._bits(s)

        def moved(first, last, entering):
            """A register s_first..s_last after all steps: the bit that entered last is the first one."""
            entered = [entering(i) for i in reversed(range(self.steps))]
            return entered + [bit(place, self.steps) for place in range(first + self.steps, last + 1)]

        state = [
            *moved(1, 93, lambda i: bit(243, i) ^ bit(288, i) ^ (bit(286, i) & bit(287, i)) ^ bit(69, i)),
            *moved(94, 177, lambda i: bit(66, i) ^ bit(93, i) ^ (bit(91, i) & bit(92, i)) ^ bit(171, i)),
            *moved(178, 288, lambda i: bit(162, i) ^ bit(177, i) ^ (bit(175, i) & bit(176, i)) ^ bit(264, i)),
        ]
        return [Cat(state[32 * j : 32 * (j + 1)]) for j in range(self.words)]

    def _bits(self, s):
        """A function of (place, step): the cipher's s_place before that step, which still stands in the registers."""
        bits = [word[i] for word in s for i in range(32)]
        return lambda place, step: bits[place - 1 - step]


class SteppedMachine:
    """Registers of a stream's generators of a `SteppedKind`; a machine as ``rtl/generators.py`` describes it."""

    def __init__(self, kind: SteppedKind, lanes: int):
        self.kind = kind
        self.states = [[Signal(32, name=f"lane{lane}_s{j}") for j in range(kind.words)] for lane in range(lanes)]
        self.place = Signal(range(kind.words_per_state), name="place")  # of the next word of the states
        self.row = [Signal(32, name=f"lane{lane}_word") for lane in range(lanes)]
        self.valid = Signal(name="full")
        self.chain = [word for state in self.states for word in state]
        self.kept = [*self.chain, self.place, *self.row, self.valid]

    def halt(self, m):
        m.d.sync += [self.valid.eq(0), self.place.eq(0)]

    def resume(self, m):
        pass

    def run(self, m, ready):
        with m.If(~self.valid | ready):
            m.d.sync += [self.valid.eq(1), self.place.eq(self.place + 1)]
            for word, state in zip(self.row, self.states, strict=True):
                m.d.sync += word.eq(self.kind.word(state, self.place))
            with m.If(self.place == self.kind.words_per_state - 1):
                m.d.sync += self.place.eq(0)
                for state in self.states:
                    m.d.sync += Cat(state).eq(Cat(self.kind.next_state(state)))


PHILOX_ROUNDS = 10
PHILOX_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
PHILOX_WEYL = (0x9E3779B9, 0xBB67AE85)


class Philox4x32:
    """Philox4x32-10: a keyed bijection of a counter, four words a block, two 32x32-bit products a clock.

    Period: 2^64 words here, where they are counted no further. Quality: passes BigCrush (Salmon et al., "Parallel
    random numbers: as easy as 1, 2, 3", SC 2011). Cost: 690 COMB, 390 flip-flops, 8 DSP blocks, 71 MHz;
    12,004 gate equivalents; four words in 11 clocks. Published: 30,556 cells in 7 nm at 1 GHz (arXiv 2203.04058).
    """

    words = 2
    """State words expanded from the seed: the key."""

    row_clocks = (PHILOX_ROUNDS + 1) / 4
    """Clocks from one row to the next where rows are taken at once, in the mean."""

    rows_ahead = 8
    """Rows that come a clock apart after a rest: a block on offer and one that is finished."""

    def machine(self, lanes: int):
        """The registers of a stream's generators."""
        return PhiloxMachine(lanes)


def philox_round(x, key):
    """Four words after one round, as expressions of the words ``x`` and of the round's two key words."""
    product0, product1 = (x[0] * PHILOX_MULTIPLIERS[0])[:64], (x[2] * PHILOX_MULTIPLIERS[1])[:64]
    return [product1[32:] ^ x[1] ^ key[0], product1[:32], product0[32:] ^ x[3] ^ key[1], product0[:32]]


def round_key(key, number):
    """The key words of a round, from the key and the number of the round."""
    steps = [Array(C((r * step) & (2**32 - 1), 32) for r in range(PHILOX_ROUNDS)) for step in PHILOX_WEYL]
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
        self.round = Signal(range(PHILOX_ROUNDS + 1), name="round")
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
        m.d.comb += [finished.eq(self.round == PHILOX_ROUNDS), following.eq(self.number + ~self.restart)]
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
