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
    trials : Signal(32), in. n, sampled with `start`.
    threshold : Signal(gate_bits + 1), in. T, must hold while busy.
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
        remaining = Signal(32)
        opens = self.row.payload[0][: self.config.gate_bits] < self.threshold
        taken = Signal()
        m.d.comb += taken.eq(self.token_valid & self.token_ready)

        if self.config.gate == "trial":
            m.d.comb += [
                self.busy.eq(remaining != 0),
                self.token_valid.eq(self.busy & self.row.valid & opens),
                self.row.ready.eq(self.busy & (~opens | self.token_ready)),
            ]
            with m.If(self.start & ~self.busy):
                m.d.sync += remaining.eq(self.trials)
            with m.Elif(self.row.valid & self.row.ready):
                m.d.sync += remaining.eq(remaining - 1)
        else:
            deciding = Signal()
            m.d.comb += [
                self.busy.eq(deciding | (remaining != 0)),
                self.token_valid.eq(~deciding & (remaining != 0)),
                self.row.ready.eq(deciding),
            ]
            with m.If(self.start & ~self.busy):
                m.d.sync += [remaining.eq(self.trials), deciding.eq(1)]
            with m.Elif(deciding):
                with m.If(self.row.valid):
                    m.d.sync += deciding.eq(0)
                    with m.If(~opens):
                        m.d.sync += remaining.eq(0)
            with m.Elif(taken):
                m.d.sync += remaining.eq(remaining - 1)
        return m
