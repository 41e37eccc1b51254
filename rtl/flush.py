"""The accumulator of the ``split`` sampler: the counts of a beat of weights are applied at once.

Twins: ``golden/accumulator.py``, ``emu/accumulator.py``.
"""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from zimu.golden.config import UnitConfig
from zimu.rtl.accumulator import SaturatingStep
from zimu.rtl.basics import add_up
from zimu.rtl.datapath import weight_members
from zimu.rtl.tiles import COUNT_BITS, counts_layout


def lost_shape(config: UnitConfig) -> range:
    """Trials lost in one beat."""
    return range(config.lanes * (2**COUNT_BITS - 1) + 1)


class Flush(wiring.Component):
    """Applies counts to weights in a memory of any latency, a beat each clock where the memory answers in the next one.

    One read is under way at a time. Reads are answered in order; a write must be seen by every read accepted at a later
    clock.

    Members
    -------
    counts : array of streams of `counts_layout`, in. One for each engine.
    read, read_data, write : `zimu.rtl.datapath.weight_members`.
    lost : Signal(`lost_shape`), out. Trials lost at a rail, some clocks after the write.
    busy : Signal(1), out. Reads are under way, or losses still to be counted.
    """

    def __init__(self, config: UnitConfig):
        self.config = config
        super().__init__(
            {
                "counts": In(stream.Signature(counts_layout(config))).array(config.split.engines),
                **weight_members(config),
                "lost": Out(lost_shape(config)),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        lanes = self.config.lanes
        now = Signal(counts_layout(self.config))
        under_way = Signal()
        leaving = Signal()
        following = Signal(counts_layout(self.config))
        offered = Signal()
        free = Signal()
        m.d.comb += [
            leaving.eq(self.write.valid & self.write.ready),
            # The same beat again must not be read before it is written.
            free.eq(~under_way | (leaving & (now.beat != following.beat))),
            self.read.valid.eq(offered & free),
            self.read.payload.eq(following.beat),
        ]
        # A request that waits must not change: the choice among the engines is kept until it is taken.
        chosen = Signal(range(len(self.counts)))
        kept = Signal(range(len(self.counts)))
        waiting = Signal()
        m.d.sync += [waiting.eq(self.read.valid & ~self.read.ready), kept.eq(chosen)]
        for i in reversed(range(len(self.counts))):
            with m.If(self.counts[i].valid):
                m.d.comb += chosen.eq(i)
        with m.If(waiting):
            m.d.comb += chosen.eq(kept)
        for i, counts in enumerate(self.counts):
            with m.If(chosen == i):
                m.d.comb += [
                    offered.eq(counts.valid),
                    following.eq(counts.payload),
                    counts.ready.eq(free & self.read.ready),
                ]
        with m.If(leaving):
            m.d.sync += under_way.eq(0)
        with m.If(self.read.valid & self.read.ready):
            m.d.sync += [under_way.eq(1), now.eq(following)]

        lost = [Signal(COUNT_BITS, name=f"lost{i}") for i in range(lanes)]
        m.d.comb += [
            self.write.valid.eq(self.read_data.valid & under_way),
            self.write.payload.address.eq(now.beat),
            self.read_data.ready.eq(self.write.ready & under_way),
        ]
        for i in range(lanes):
            m.submodules[f"lane{i}"] = step = SaturatingStep(self.config.weight_bits, COUNT_BITS)
            m.d.comb += [
                step.weight.eq(self.read_data.payload[i]),
                step.negative.eq(now.negative[i]),
                step.count.eq(now.count[i]),
                self.write.payload.data[i].eq(step.updated),
            ]
            m.d.sync += lost[i].eq(0)
            with m.If(leaving):
                m.d.sync += lost[i].eq(step.lost)
        written = Signal(2)  # losses on their way through the two registers
        m.d.sync += [self.lost.eq(add_up(lost)), written.eq(Cat(leaving, written))]
        m.d.comb += self.busy.eq(under_way | written.any())
        return m
