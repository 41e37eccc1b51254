"""The ``inverse`` sampler as a binary search: the smallest circuit, about log2(depth) clocks a draw."""

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import memory, wiring
from amaranth.utils import ceil_log2

from zimu.golden.config import UnitConfig
from zimu.rtl.beats import BeatSums, mass_bits
from zimu.rtl.sampler import form_signature


class Search(wiring.Component):
    """Searches the prefix sums of the beats for one draw while the one before goes down the tree of its beat.

    The sum pass stores the prefix sum before every beat. One subtractor serves the search (its borrow is the
    comparison) and the residual u - prefix at its end. Members: `zimu.rtl.sampler.form_signature`.
    """

    def __init__(self, config: UnitConfig):
        self.config = config
        super().__init__(form_signature(config))

    def elaborate(self, platform):
        m = Module()
        m.submodules.sums = sums = BeatSums(self.config)
        m.submodules.prefix = prefix = memory.Memory(shape=mass_bits(self.config), depth=self.config.beats, init=[])
        m.d.comb += [
            sums.smoothing.eq(self.smoothing),
            sums.beat.valid.eq(self.beat.valid),
            sums.beat.payload.eq(self.beat.payload),
            self.beat.ready.eq(sums.beat.ready),
        ]
        summing = Signal()
        with m.If(self.sum_start):
            m.d.sync += summing.eq(1)
        with m.If(summing):
            self._sum_pass(m, sums, prefix.write_port(), summing)
        with m.Else():
            self._find_beat(m, sums, prefix.read_port())
        with m.If(self.sum_start):
            m.d.sync += [self.mass.eq(0), self.sum_done.eq(0)]
        return m

    def _sum_pass(self, m, sums, write, summing):
        """Ask for every beat, add up what comes, keep each prefix sum."""
        beats = self.config.beats
        issued = Signal(range(beats + 1))  # beats requested
        arrived = Signal(range(beats))  # beats that entered the tree of the lanes
        summed = Signal(range(beats))  # beats whose sum is in W
        mass = self.mass + sums.sums.payload.total
        m.d.comb += [
            self.request.valid.eq(issued != beats),
            self.request.payload.eq(issued),
            sums.last.eq(arrived == beats - 1),
            sums.sums.ready.eq(1),
            write.en.eq(sums.sums.valid),
            write.addr.eq(summed),
            write.data.eq(self.mass),
        ]
        with m.If(self.request.valid & self.request.ready):
            m.d.sync += issued.eq(issued + 1)
        with m.If(self.beat.valid & self.beat.ready):
            m.d.sync += arrived.eq(arrived + 1)
        with m.If(sums.sums.valid):
            m.d.sync += [summed.eq(summed + 1), self.mass.eq(mass)]
            with m.If(summed == beats - 1):
                m.d.sync += [issued.eq(0), arrived.eq(0), summed.eq(0), self.sum_done.eq(1), summing.eq(0)]

    def _find_beat(self, m, sums, read):
        """Find the last beat whose prefix sum is <= u, a power of two at a time."""
        beats = self.config.beats
        first = 2 ** max(ceil_log2(beats) - 1, 0)
        u = Signal(mass_bits(self.config))
        beat = Signal(range(max(beats, 2)))
        probe = Signal(range(max(beats, 2)))  # the power of two under test
        below = Signal(len(u) + 1)
        found_one = Signal()
        taken = Signal()
        m.d.comb += below.eq(u - read.data)
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += [self.draw.ready.eq(self.sum_done), read.addr.eq(first)]
                with m.If(self.draw.valid & self.draw.ready):
                    m.d.sync += [u.eq(self.draw.payload), beat.eq(0), probe.eq(first)]
                    m.next = "PROBE" if beats > 1 else "HAND"
            with m.State("PROBE"):
                inside = ~below[-1] & ((beat | probe) < beats)  # there is a beat, and u is not before it
                found, half = Mux(inside, beat | probe, beat), probe >> 1
                m.d.comb += read.addr.eq(found | half)
                m.d.sync += [beat.eq(found), probe.eq(half)]
                with m.If(probe == 1):
                    m.next = "HAND"
            with m.State("HAND"):
                m.d.comb += [read.addr.eq(beat), found_one.eq(1)]
                with m.If(taken):
                    m.next = "IDLE"
        self._find_lane(m, sums, found_one, taken, beat, below if beats > 1 else u)

    def _find_lane(self, m, sums, found_one, taken, beat, residual):
        """Read the beat again and go down the tree of its lanes, a level a clock."""
        lanes = self.config.lanes
        busy = Signal()
        place = Signal(len(beat))
        node = Signal(range(2 * lanes))
        rest = Signal(range(self.config.max_weight_mass * lanes))
        below = Signal(len(rest) + 1)
        answer = sums.sums
        m.d.comb += [
            self.request.valid.eq(found_one & ~busy),
            self.request.payload.eq(beat),
            taken.eq(self.request.valid & self.request.ready),
            below.eq(rest - Array(answer.payload.left)[node]),
        ]
        with m.If(taken):
            m.d.sync += [busy.eq(1), place.eq(beat), rest.eq(residual), node.eq(1)]
        with m.If(busy & answer.valid & (node < lanes)):
            m.d.sync += [node.eq((node << 1) | ~below[-1]), rest.eq(Mux(below[-1], rest, below))]
        with m.Elif(busy & answer.valid):
            lane = node[: ceil_log2(lanes)] if lanes > 1 else 0
            m.d.comb += [
                self.landed.valid.eq(1),
                self.landed.payload.index.eq(place * lanes + lane),
                self.landed.payload.negative.eq(answer.payload.negative.bit_select(lane, 1)),
                self.landed.payload.zero.eq(answer.payload.zero.bit_select(lane, 1)),
                answer.ready.eq(self.landed.ready),
            ]
            with m.If(self.landed.ready):
                m.d.sync += busy.eq(0)
