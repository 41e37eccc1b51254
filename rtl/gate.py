"""How many trials a step takes, and the zero-inflation gate that lets them pass.

Twins: ``golden/gate.py``, ``emu/gate.py``.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from zimu.golden.unit import RATE_BITS, UnitConfig
from zimu.rtl.beats import mass_bits


class TrialsFromMass(wiring.Component):
    """n = min(limit, floor(W T' / 2^k')), by adding W for each bit of T' in turn.

    Members
    -------
    start : Signal(1), in.
    mass, rate, limit : Signal(mass_bits), Signal(RATE_BITS) and Signal(32), in. W, T' and the most trials; must hold
        from `start` on until `done`.
    trials : Signal(32), out. n, from `done` on until the next `start`.
    done : Signal(1), out. Low from the clock after `start` on until n is known, `CLOCKS` clocks after it.
    """

    CLOCKS = RATE_BITS + 3

    def __init__(self, config: UnitConfig):
        assert config.trials_shift is not None
        self.shift = config.trials_shift
        super().__init__(
            {
                "start": In(1),
                "mass": In(mass_bits(config)),
                "rate": In(RATE_BITS),
                "limit": In(32),
                "trials": Out(32),
                "done": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        # The product so far is `high`, and below it the bits of `low` that are not T's any more.
        high = Signal(len(self.mass))
        low = Signal(RATE_BITS)
        total = high + Mux(low[0], self.mass, 0)
        phase = Signal(range(self.CLOCKS), init=self.CLOCKS - 1)
        scaled = Signal(max(len(self.mass) + RATE_BITS - self.shift, 1))
        beyond = Signal()
        m.d.comb += [self.done.eq(phase == self.CLOCKS - 1), scaled.eq(Cat(low, high) >> self.shift)]
        with m.If(self.start):
            m.d.sync += [phase.eq(0), high.eq(0), low.eq(self.rate)]
        with m.Elif(~self.done):
            m.d.sync += phase.eq(phase + 1)
            with m.If(phase < RATE_BITS):
                m.d.sync += [high.eq(total >> 1), low.eq(Cat(low[1:], total[0]))]
        m.d.sync += [beyond.eq(scaled > self.limit), self.trials.eq(Mux(beyond, self.limit, scaled))]
        return m


class Gate(wiring.Component):
    """Turns n trials into the tokens of those that open.

    In the ``trial`` reading it takes one word a trial and decides one trial per clock; in the ``step`` reading it takes
    one word a step and then lets all trials through or none.

    Members
    -------
    start : Signal(1), in. Begins a step; sampled while not busy.
    trials, threshold : Signal(32) and Signal(gate_bits + 1), in. n and T, must hold from `start` on while busy.
    row : stream of one 32-bit word, in. The gate stream.
    token_valid, token_ready : Signal(1), out and in. A handshake for every open trial; there is no payload.
    busy : Signal(1), out.
    """

    def __init__(self, config: UnitConfig):
        self.config = config
        super().__init__(
            {
                "start": In(1),
                "trials": In(32),
                "threshold": In(config.gate_bits + 1),
                "row": In(stream.Signature(data.ArrayLayout(32, 1))),
                "token_valid": Out(1),
                "token_ready": In(1),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        # Whether there is another trial is known a clock ahead: what it would be is compared while this one is counted.
        first = Signal()
        more = Signal()
        following = Signal(32)
        counted = Signal()
        m.d.sync += first.eq(self.start & ~self.busy)
        with m.If(self.start & ~self.busy):
            m.d.sync += following.eq(0)
        with m.Elif(first | counted):
            m.d.sync += [more.eq(following != self.trials), following.eq(following + 1)]

        opens = self.row.payload[0][: self.config.gate_bits] < self.threshold
        if self.config.gate == "trial":
            waits = Signal()  # a trial that is open
            m.d.comb += [
                self.token_valid.eq(waits),
                self.row.ready.eq(more & (~waits | self.token_ready)),
                counted.eq(self.row.valid & self.row.ready),
                self.busy.eq(first | more | waits),
            ]
            m.d.sync += waits.eq((counted & opens) | (waits & ~self.token_ready))
        else:
            undecided = Signal()
            opened = Signal()
            m.d.comb += [
                self.token_valid.eq(more & opened & ~undecided),
                self.row.ready.eq(undecided),
                counted.eq(self.token_valid & self.token_ready),
                self.busy.eq(undecided | (more & opened)),
            ]
            with m.If(self.start & ~self.busy):
                m.d.sync += undecided.eq(1)
            with m.Elif(self.row.valid & undecided):
                m.d.sync += [undecided.eq(0), opened.eq(opens)]
        return m
