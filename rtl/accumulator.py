"""The saturating integer accumulator in hardware: trial by trial, and for ``split`` a beat of counts at once.

Twins: ``golden/accumulator.py``, ``emu/accumulator.py``.
"""

from amaranth.hdl import Array, Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from zimu.golden.unit import UnitConfig
from zimu.rtl.basics import add_up, address
from zimu.rtl.datapath import WeightMemory
from zimu.rtl.update import Places, weight_ports

JOINED_BITS = 3
"""Width of the count of trials that may wait for one weight's read: up to 7 join, the next one waits."""

COUNT_BITS = 5
"""Width of the count of a weight's trials that comes from a tile, where it is taken away before it can run over."""


def lost_bits(pending: int) -> int:
    """Width of the trials lost in one write; with one read under way none can join."""
    return JOINED_BITS if pending > 1 else 1


def single_weights(config: UnitConfig) -> WeightMemory:
    """The memory of `Accumulator`: a weight at each address."""
    return WeightMemory(Places(config.depth, signed(config.weight_bits)), lanes=1, granularity=None)


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
    read, read_data, write : `zimu.rtl.update.weight_ports` of `single_weights`.
    lost : Signal(`lost_bits`), out. Trials lost at a rail, in the clock a write is accepted; 0 otherwise.
    busy : Signal(1), out. Reads are under way.
    """

    def __init__(self, config: UnitConfig, pending: int):
        self.config, self.pending = config, pending
        super().__init__(
            {
                "trials": In(stream.Signature(trial_layout(config))),
                **weight_ports(single_weights(config).places),
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


def weight_beats(config: UnitConfig) -> WeightMemory:
    """The memory of `Flush`: a beat of weights at each address."""
    shape = data.ArrayLayout(signed(config.weight_bits), config.lanes)
    return WeightMemory(Places(config.beats, shape), lanes=config.lanes, granularity=1)


def counts_layout(config: UnitConfig) -> data.StructLayout:
    """What the weights of a beat have to move by: ``count`` trials each, up where ``negative``."""
    return data.StructLayout(
        {
            "beat": address(config.beats),
            "count": data.ArrayLayout(COUNT_BITS, config.lanes),
            "negative": config.lanes,
        }
    )


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
    read, read_data, write : `zimu.rtl.update.weight_ports` of `weight_beats`.
    lost : Signal(`lost_shape`), out. Trials lost at a rail, some clocks after the write.
    busy : Signal(1), out. Reads are under way, or losses still to be counted.
    """

    def __init__(self, config: UnitConfig):
        self.config = config
        super().__init__(
            {
                "counts": In(stream.Signature(counts_layout(config))).array(config.split.engines),
                **weight_ports(weight_beats(config).places),
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
