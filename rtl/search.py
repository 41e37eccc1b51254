"""The ``inverse`` sampler as a binary search: the smallest circuit, about log2(depth) clocks a draw."""

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import memory, wiring
from amaranth.utils import ceil_log2

from zimu.golden.config import UnitConfig
from zimu.rtl.sampler import BeatSums, form_signature, mass_bits


class Search(wiring.Component):
    """One draw at a time: search the prefix sums of the beats, then go down the tree of the beat.

    The sum pass stores the inclusive prefix sum after every beat. One subtractor serves the search (its borrow is the
    comparison) and the residual u - prefix at its end. Members: `zimu.rtl.sampler.form_signature`.
    """

    def __init__(self, config: UnitConfig):
        self.config = config
        super().__init__(form_signature(config))

    def elaborate(self, platform):
        m = Module()
        config = self.config
        beats, lanes, bits = config.beats, config.lanes, mass_bits(config)
        m.submodules.sums = sums = BeatSums(config)
        m.submodules.prefix = prefix = memory.Memory(shape=bits, depth=beats, init=[])
        write, read = prefix.write_port(), prefix.read_port()

        issued = Signal(range(beats + 1))  # beats requested
        arrived = Signal(range(beats + 1))  # beats that entered the tree
        summed = Signal(range(beats + 1))  # beats whose sum is in W
        total = sums.sums.payload.total
        m.d.comb += [
            sums.smoothing.eq(self.smoothing),
            sums.beat.valid.eq(self.beat.valid),
            sums.beat.payload.eq(self.beat.payload),
            self.beat.ready.eq(sums.beat.ready),
            write.addr.eq(summed),
            write.data.eq(self.mass + total),
        ]

        residual = Signal(bits)  # u, then u minus the prefix before the beat
        beat = Signal(range(beats))  # beats known to end at or below u; in the end the beat of the draw
        probe = Signal(range(max(beats, 2)))  # the power of two under test
        started = Signal()  # the first read of the prefix memory has been issued
        below = Signal(bits + 1)
        m.d.comb += below.eq(residual - read.data)
        node, level_residual = Signal(range(2 * lanes)), Signal(range(config.max_weight_mass * lanes + 1))
        left = Array(sums.sums.payload.left)[node]

        def look(address):
            m.d.comb += read.addr.eq(address)

        with m.FSM():
            with m.State("IDLE"):
                with m.If(self.sum_start):
                    m.d.sync += [
                        issued.eq(0),
                        arrived.eq(0),
                        summed.eq(0),
                        self.mass.eq(0),
                        self.sum_done.eq(0),
                    ]
                    m.next = "SUM"
                with m.Else():
                    m.d.comb += self.draw.ready.eq(self.sum_done)
                    with m.If(self.draw.valid & self.draw.ready):
                        m.d.sync += [residual.eq(self.draw.payload), beat.eq(0)]
                        m.d.sync += probe.eq(2 ** max(ceil_log2(beats) - 1, 0))
                        m.next = "SEARCH" if beats > 1 else "REQUEST"
            with m.State("SUM"):
                m.d.comb += [
                    self.request.valid.eq(issued != beats),
                    self.request.payload.eq(issued),
                    sums.last.eq(arrived == beats - 1),
                    sums.sums.ready.eq(1),
                ]
                with m.If(self.request.valid & self.request.ready):
                    m.d.sync += issued.eq(issued + 1)
                with m.If(self.beat.valid & self.beat.ready):
                    m.d.sync += arrived.eq(arrived + 1)
                with m.If(sums.sums.valid):
                    m.d.comb += write.en.eq(1)
                    m.d.sync += [summed.eq(summed + 1), self.mass.eq(self.mass + total)]
                    with m.If(summed == beats - 1):
                        m.d.sync += self.sum_done.eq(1)
                        m.next = "IDLE"
            with m.State("SEARCH"):
                # `beat` counts prefixes known to be <= u. Each clock asks for one more power of two of them.
                inside = Signal()  # the probed prefix exists and is <= u
                m.d.comb += inside.eq(started & ~below[-1] & ((beat | probe) < beats))
                found = Mux(inside, beat | probe, beat)
                half = Mux(started, probe >> 1, probe)
                m.d.sync += [started.eq(1), probe.eq(half), beat.eq(found)]
                look((found | half) - 1)
                with m.If(started & (probe == 1)):
                    m.d.sync += started.eq(0)
                    m.next = "RESIDUAL"
                    look(found - 1)
            with m.State("RESIDUAL"):
                with m.If(beat != 0):
                    m.d.sync += residual.eq(below)
                m.next = "REQUEST"
            with m.State("REQUEST"):
                m.d.comb += [self.request.valid.eq(1), self.request.payload.eq(beat)]
                with m.If(self.request.ready):
                    m.d.sync += [node.eq(1), level_residual.eq(residual)]
                    m.next = "DESCEND"
            with m.State("DESCEND"):
                with m.If(sums.sums.valid & (node < lanes)):
                    right = level_residual >= left
                    m.d.sync += node.eq((node << 1) | right)
                    with m.If(right):
                        m.d.sync += level_residual.eq(level_residual - left)
                with m.Elif(sums.sums.valid):
                    lane = node[: ceil_log2(lanes)] if lanes > 1 else 0
                    m.d.comb += [
                        self.landed.valid.eq(1),
                        self.landed.payload.index.eq(beat * lanes + lane),
                        self.landed.payload.negative.eq(sums.sums.payload.negative.bit_select(lane, 1)),
                        self.landed.payload.zero.eq(sums.sums.payload.zero.bit_select(lane, 1)),
                        sums.sums.ready.eq(self.landed.ready),
                    ]
                    with m.If(self.landed.ready):
                        m.next = "IDLE"
        return m
