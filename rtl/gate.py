"""The zero-inflation gate in hardware.

Twins: ``golden/gate.py``, ``emu/gate.py``.
"""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from zimu.golden.unit import UnitConfig


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
