"""The saturating integer accumulator in hardware.

Twins: ``golden/accumulator.py``, ``emu/accumulator.py``.
"""

from amaranth.hdl import Array, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from zimu.golden.config import UnitConfig
from zimu.rtl.basics import address

COUNT_BITS = 3
"""Width of the count of trials that may wait for one weight's read: up to 7 join, the next one waits."""


def lost_bits(pending: int) -> int:
    """Width of the trials lost in one write; with one read under way none can join."""
    return COUNT_BITS if pending > 1 else 1


def trial_layout(config: UnitConfig) -> data.StructLayout:
    """Where a trial landed: the weight's index, and whether its gradient is negative."""
    return data.StructLayout({"index": address(config.depth), "negative": 1})


class SaturatingStep(wiring.Component):
    """The arithmetic of the accumulator, without state.

    Members
    -------
    weight : Signal(signed(weight_bits)), in.
    negative : Signal(1), in. The gradient is negative, so the weight goes up.
    count : Signal(count_bits), in. Trials to apply.
    updated : Signal(signed(weight_bits)), out.
    lost : Signal(count_bits), out. Trials lost at a rail.
    """

    def __init__(self, weight_bits: int, count_bits: int):
        super().__init__(
            {
                "weight": In(signed(weight_bits)),
                "negative": In(1),
                "count": In(count_bits),
                "updated": Out(signed(weight_bits)),
                "lost": Out(count_bits),
            }
        )

    def elaborate(self, platform):
        m = Module()
        bits, count_bits = len(self.weight), len(self.count)
        # Going up from w is going down from -1 - w, which is ~w: one subtractor serves both directions.
        mirrored = Signal(signed(bits))
        wanted = Signal(signed(max(bits, count_bits) + 2))
        over = Signal(signed(len(wanted) + 1))
        low = -(2 ** (bits - 1))
        m.d.comb += [
            mirrored.eq(self.weight ^ self.negative.replicate(bits).as_signed()),
            wanted.eq(mirrored - self.count),
            over.eq(low - wanted),
            self.lost.eq(Mux(over > 0, over, 0)),
            self.updated.eq(Mux(over > 0, low, wanted) ^ self.negative.replicate(bits).as_signed()),
        ]
        return m


class Accumulator(wiring.Component):
    """Applies trials to weights in a memory of any latency.

    A trial starts a read of its weight unless that weight is already being read, in which case it joins the count
    that waits for it. When the weight arrives, the new value is written. Reads are answered in order; a write must be
    seen by every read accepted at a later clock.

    Parameters
    ----------
    pending : reads that may be under way; 1 is the smallest circuit.

    Members
    -------
    trials : stream of `trial_layout`, in.
    read : stream of address(depth), out. Addresses of weights to read.
    read_data : stream of signed(weight_bits), in. The answers, in order.
    write : stream of {address, data}, out.
    lost : Signal(COUNT_BITS), out. Trials lost at a rail, in the clock a write is accepted; 0 otherwise.
    busy : Signal(1), out. Reads are under way.
    """

    def __init__(self, config: UnitConfig, pending: int):
        self.config, self.pending = config, pending
        place, weight = address(config.depth), signed(config.weight_bits)
        super().__init__(
            {
                "trials": In(stream.Signature(trial_layout(config))),
                "read": Out(stream.Signature(place)),
                "read_data": In(stream.Signature(weight)),
                "write": Out(stream.Signature(data.StructLayout({"address": place, "data": weight}))),
                "lost": Out(lost_bits(pending)),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.step = step = SaturatingStep(self.config.weight_bits, len(self.lost))
        # A ring of entries, one for each read under way, the oldest at `head`.
        index = [Signal(address(self.config.depth), name=f"index{i}") for i in range(self.pending)]
        negative = [Signal(name=f"negative{i}") for i in range(self.pending)]
        count = [Signal(len(self.lost), name=f"count{i}") for i in range(self.pending)]
        used = Signal(self.pending)
        head = Signal(range(self.pending))
        tail = Signal(range(self.pending))

        match = Signal(self.pending)
        room = Signal(self.pending)
        joins = Signal()
        full = Signal()
        retire = Signal()
        for i in range(self.pending):
            m.d.comb += [
                match[i].eq(used[i] & (index[i] == self.trials.payload.index)),
                room[i].eq(~count[i].all()),
            ]
        m.d.comb += [
            retire.eq(self.write.valid & self.write.ready),
            full.eq(used.all()),
            self.busy.eq(used.any()),
            joins.eq(self.trials.valid & (match & room).any()),
            self.read.valid.eq(self.trials.valid & ~match.any() & ~full),
            self.read.payload.eq(self.trials.payload.index),
            self.trials.ready.eq(Mux(match.any(), joins, ~full & self.read.ready)),
        ]
        with m.If(self.read.valid & self.read.ready):
            for i in range(self.pending):
                with m.If(tail == i):
                    m.d.sync += [
                        index[i].eq(self.trials.payload.index),
                        negative[i].eq(self.trials.payload.negative),
                        count[i].eq(1),
                        used[i].eq(1),
                    ]
            m.d.sync += tail.eq(Mux(tail == self.pending - 1, 0, tail + 1))
        with m.If(joins):
            for i in range(self.pending):
                with m.If(match[i]):
                    m.d.sync += count[i].eq(count[i] + 1)
        with m.If(retire):
            m.d.sync += head.eq(Mux(head == self.pending - 1, 0, head + 1))
            for i in range(self.pending):
                with m.If(head == i):
                    m.d.sync += used[i].eq(0)

        m.d.comb += [
            step.weight.eq(self.read_data.payload),
            step.negative.eq(Array(negative)[head]),
            # A trial that joins in the very clock its entry leaves is taken along.
            step.count.eq(Array(count)[head] + (joins & Array(match)[head])),
            self.write.valid.eq(self.read_data.valid),
            self.write.payload.address.eq(Array(index)[head]),
            self.write.payload.data.eq(step.updated),
            self.read_data.ready.eq(self.write.ready),
            self.lost.eq(Mux(retire, step.lost, 0)),
        ]
        return m
