"""The saturating integer accumulator in hardware: trial by trial, and for ``split`` a beat of counts at once.

Twins: ``golden/accumulator.py``, ``emu/accumulator.py``.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from zimu.golden.unit import UnitConfig
from zimu.rtl.basics import add_up, address
from zimu.rtl.datapath import WeightMemory
from zimu.rtl.update import Places, weight_ports

COMPARED_BITS = 10
"""Low bits of an index that keep trials of the same weight apart; of others one in a thousand waits for nothing."""

COUNT_BITS = 5
"""Width of the count of a weight's trials that comes from a tile, where it is taken away before it can run over."""


def single_weights(config: UnitConfig) -> WeightMemory:
    """The memory of `Accumulator`: a weight at each address."""
    return WeightMemory(Places(config.depth, signed(config.weight_bits)), lanes=1)


def waiting(config: UnitConfig) -> float:
    """Mean clocks that a trial waits for another one of the same low index bits, where one comes in each clock.

    A weight is under way for four clocks: it takes three from the next trial, two from the one after that, then one.
    Where gradients are spread evenly, two trials meet as often as among three quarters as many equal weights.
    """
    return (3 + 2 + 1) / (0.75 * min(config.depth, 2**COMPARED_BITS))


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

    A trial starts a read of its weight, unless a weight with the same low index bits is under way: then it waits. When
    the weight arrives it is moved, and written. Reads are answered in order; a write must be seen by every read
    accepted at a later clock.

    Parameters
    ----------
    pending : reads that may be under way; 1 is the smallest circuit.

    Members
    -------
    trials : stream of `trial_layout`, in.
    read, read_data, write : `zimu.rtl.update.weight_ports` of `single_weights`.
    lost : Signal(1), out. A trial is lost at a rail, in the clock a write is accepted.
    busy : Signal(1), out. Reads are under way.
    """

    def __init__(self, config: UnitConfig, pending: int):
        self.config, self.pending = config, pending
        super().__init__(
            {
                "trials": In(stream.Signature(trial_layout(config))),
                **weight_ports(single_weights(config).places),
                "lost": Out(1),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, pending = self.config, self.pending
        issued = Signal()
        retired = Signal()
        # A trial waits here for its read, knowing which of those under way it has to wait for.
        trial = Signal(trial_layout(config))
        held = Signal()
        taken = Signal()
        # What is under way, the newest first: as many places are in use as reads without a write, or without an answer.
        recent = [Signal(trial_layout(config), name=f"recent{i}") for i in range(pending)]
        unwritten = Signal(pending)
        unanswered = Signal(pending)
        after = Signal(pending)
        free = ~unwritten[-1] & ~(after & unwritten).any()
        m.d.comb += [
            self.read.valid.eq(held & free),
            self.read.payload.eq(trial.index),
            self.trials.ready.eq(~held | issued),
            taken.eq(self.trials.valid & self.trials.ready),
            issued.eq(self.read.valid & self.read.ready),
            retired.eq(self.write.valid & self.write.ready),
            self.busy.eq(held | unwritten.any()),
        ]
        m.d.sync += held.eq(taken | (held & ~issued))
        with m.If(taken):
            coming = self.trials.payload.index[:COMPARED_BITS]
            meets = [coming == each.index[:COMPARED_BITS] for each in (trial, *recent)]
            m.d.sync += [trial.eq(self.trials.payload), after.eq(Mux(issued, Cat(meets[:-1]), Cat(meets[1:])))]
        with m.If(issued):
            m.d.sync += [to.eq(each) for to, each in zip(recent, [trial, *recent], strict=False)]

        arrives = Signal()
        oldest = Signal(trial_layout(config))  # of those without an answer
        for used, leaves in ((unwritten, retired), (unanswered, arrives)):
            with m.If(issued & ~leaves):
                m.d.sync += used.eq(Cat(1, used))
            with m.Elif(leaves & ~issued):
                m.d.sync += used.eq(used >> 1)
        for i, each in enumerate(recent):
            with m.If(unanswered[i]):
                m.d.comb += oldest.eq(each)

        arrived = Signal()
        weight = Signal(config.weight_bits)
        mover = Signal(trial_layout(config))  # the trial of that weight
        moves = Signal()
        at_rail = Signal()  # the trial whose write waits is lost
        up = mover.negative
        stuck = Signal()
        m.d.comb += [
            stuck.eq(weight == Cat(up.replicate(config.weight_bits - 1), ~up)),
            moves.eq(arrived & (~self.write.valid | self.write.ready)),
            self.read_data.ready.eq(~arrived | moves),
            arrives.eq(self.read_data.valid & self.read_data.ready),
            self.lost.eq(retired & at_rail),
        ]
        m.d.sync += [
            arrived.eq(arrives | (arrived & ~moves)),
            self.write.valid.eq(moves | (self.write.valid & ~self.write.ready)),
        ]
        with m.If(arrives):
            m.d.sync += [weight.eq(self.read_data.payload), mover.eq(oldest)]
        with m.If(moves):
            m.d.sync += [
                self.write.payload.address.eq(mover.index),
                self.write.payload.data.eq(
                    Mux(stuck, weight, weight + Cat(1, (~up).replicate(config.weight_bits - 1)))
                ),
                at_rail.eq(stuck),
            ]
        return m


def weight_beats(config: UnitConfig) -> WeightMemory:
    """The memory of `Flush`: a beat of weights at each address."""
    shape = data.ArrayLayout(signed(config.weight_bits), config.lanes)
    return WeightMemory(Places(config.beats, shape), lanes=config.lanes)


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
        waits = Signal()
        m.d.sync += [waits.eq(self.read.valid & ~self.read.ready), kept.eq(chosen)]
        for i in reversed(range(len(self.counts))):
            with m.If(self.counts[i].valid):
                m.d.comb += chosen.eq(i)
        with m.If(waits):
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
