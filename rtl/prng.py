"""Random words in hardware: xoshiro128++ generators and the expansion of the seed.

Twins: ``golden/prng.py``, ``emu/prng.py``.
"""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

STATE_WORDS = 4
SPECK_ROUNDS = 22


def next_state(s):
    """The four 32-bit state words of xoshiro128++ after one step, as expressions of the present ones."""
    s2 = s[2] ^ s[0]
    s3 = s[3] ^ s[1]
    return [s[0] ^ s3, s[1] ^ s2, s2 ^ (s[1] << 9)[:32], s3.rotate_left(11)]


def output_word(s):
    """The word xoshiro128++ gives in state ``s``."""
    return ((s[0] + s[3])[:32].rotate_left(7) + s[0])[:32]


class Generator(wiring.Component):
    """A stream's generators: one row of ``lanes`` words per clock.

    The state registers of all generators form one shift chain by which the seed expansion fills them: a word enters
    at s3 of the last lane, the first word that entered ends in s0 of lane 0 or leaves for the next stream.

    Parameters
    ----------
    lanes : interleaved generators P.

    Members
    -------
    hold : Signal(1), in. While high the state stands still (but for `shift`) and no row is valid.
    shift : Signal(1), in. Moves the chain on by one word.
    chain_in, chain_out : Signal(32), in and out. The ends of the chain.
    row : stream of ArrayLayout(32, lanes), out. Registered.
    """

    def __init__(self, lanes: int):
        self.lanes = lanes
        super().__init__(
            {
                "hold": In(1),
                "shift": In(1),
                "chain_in": In(32),
                "chain_out": Out(32),
                "row": Out(stream.Signature(data.ArrayLayout(32, lanes))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        states = [[Signal(32, name=f"lane{lane}_s{j}") for j in range(STATE_WORDS)] for lane in range(self.lanes)]
        chain = [word for state in states for word in state]
        m.d.comb += self.chain_out.eq(chain[0])

        step = ~self.row.valid | self.row.ready
        with m.If(self.hold):
            m.d.sync += self.row.valid.eq(0)
            with m.If(self.shift):
                m.d.sync += Cat(chain).eq(Cat(chain[1:], self.chain_in))
        with m.Elif(step):
            m.d.sync += self.row.valid.eq(1)
            for lane, state in enumerate(states):
                m.d.sync += self.row.payload[lane].eq(output_word(state))
                m.d.sync += [word.eq(new) for word, new in zip(state, next_state(state), strict=True)]
        return m


class SeedExpander(wiring.Component):
    """Expands the 64-bit seed by Speck32/64, one round a clock, into every state word of every stream.

    Words leave in the order gate j = 0..3, then the lanes of the trials stream, which is the order the shift chain
    wants when the gate's generator is its far end.

    Parameters
    ----------
    trial_lanes : generators of the trials stream.

    Members
    -------
    start : Signal(1), in. Begins an expansion; sampled while not busy.
    seed : Signal(64), in. Must hold while busy.
    busy : Signal(1), out.
    word : Signal(32), out. A state word, valid while `strobe` is high.
    strobe : Signal(1), out.
    """

    start: In(1)
    seed: In(64)
    busy: Out(1)
    word: Out(32)
    strobe: Out(1)

    def __init__(self, trial_lanes: int):
        self.trial_lanes = trial_lanes
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        j = Signal(range(STATE_WORDS))
        lane = Signal(range(max(self.trial_lanes, 2)))
        trials = Signal()  # which stream: 0 gate, 1 trials
        x = Signal(16)
        y = Signal(16)
        k = Signal(16)
        left = [Signal(16, name=f"l{i}") for i in range(3)]
        index = Signal(range(SPECK_ROUNDS))

        m.d.comb += [self.word.eq(Cat(y, x)), self.busy.eq(1)]
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.busy.eq(0)
                with m.If(self.start):
                    m.d.sync += [j.eq(0), lane.eq(0), trials.eq(0)]
                    m.next = "LOAD"
            with m.State("LOAD"):
                m.d.sync += [
                    Cat(k, *left).eq(self.seed),
                    y.eq(Cat(j, Const(0, 8 - len(j)), lane)),
                    x.eq(Cat(Const(0, 8), trials)),
                    index.eq(0),
                ]
                m.next = "ROUND"
            with m.State("ROUND"):
                new_x = (x.rotate_right(7) + y)[:16] ^ k
                new_left = (left[0].rotate_right(7) + k)[:16] ^ index
                m.d.sync += [
                    x.eq(new_x),
                    y.eq(y.rotate_left(2) ^ new_x),
                    k.eq(k.rotate_left(2) ^ new_left),
                    Cat(left).eq(Cat(left[1], left[2], new_left)),
                    index.eq(index + 1),
                ]
                with m.If(index == SPECK_ROUNDS - 1):
                    m.next = "EMIT"
            with m.State("EMIT"):
                m.d.comb += self.strobe.eq(1)
                m.d.sync += j.eq(j + 1)
                m.next = "LOAD"
                with m.If(j == STATE_WORDS - 1):
                    m.d.sync += trials.eq(1)
                    with m.If(trials):
                        m.d.sync += lane.eq(lane + 1)
                        with m.If(lane == self.trial_lanes - 1):
                            m.next = "IDLE"
        return m
