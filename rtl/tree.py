"""The ``inverse`` sampler as a pipelined sum tree: one RAM a level, one draw per clock."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, fifo, memory, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from zimu.golden.config import UnitConfig
from zimu.rtl.basics import address
from zimu.rtl.beats import OUTSTANDING, BeatSums, mass_bits, sums_layout
from zimu.rtl.sampler import form_signature, landed_layout


def found_layout(config: UnitConfig) -> data.StructLayout:
    """A draw whose beat is known: u minus the prefix before the beat."""
    return data.StructLayout({"beat": address(config.beats), "residual": range(config.max_weight_mass * config.lanes)})


class BeatTree(wiring.Component):
    """Finds the beat of a draw: level l of the tree compares with one of its 2^l left sums.

    The beats are the leaves. Where the last node of a level has no right half it always goes left, so nothing is stored
    for beats that do not exist.

    Members
    -------
    clear : Signal(1), in. A sum pass begins.
    total_valid : Signal(1), in. `total` is the sum of the next beat of the pass.
    total : Signal, in.
    mass : Signal(mass_bits), out. Sum of the totals since `clear`.
    draw : stream of Signal(mass_bits), in.
    found : stream of `found_layout`, out.
    """

    def __init__(self, config: UnitConfig):
        self.config = config
        self.max_total = config.max_weight_mass * config.lanes
        super().__init__(
            {
                "clear": In(1),
                "total_valid": In(1),
                "total": In(range(self.max_total + 1)),
                "mass": Out(mass_bits(config)),
                "draw": In(stream.Signature(mass_bits(config))),
                "found": Out(stream.Signature(found_layout(config))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        levels = ceil_log2(self.config.beats)
        beat = Signal(range(self.config.beats + 1))
        with m.If(self.clear):
            m.d.sync += [beat.eq(0), self.mass.eq(0)]
        with m.Elif(self.total_valid):
            m.d.sync += [beat.eq(beat + 1), self.mass.eq(self.mass + self.total)]

        # Everything moves or nothing does: the output registers of the RAMs are part of the pipeline.
        valid = Signal(levels + 1)
        move = ~valid[-1] | self.found.ready
        with m.If(move):
            m.d.sync += valid.eq(Cat(self.draw.valid, valid))
        m.d.comb += [self.draw.ready.eq(move), self.found.valid.eq(valid[-1])]

        node, residual = None, self.draw.payload
        for level in range(levels):
            node, residual = self._level(m, level, beat, node, residual, move)
        with m.If(move):
            m.d.sync += self.found.payload.residual.eq(residual)
            if node is not None:
                m.d.sync += self.found.payload.beat.eq(node)
        return m

    def _level(self, m, level, beat, node, residual, move):
        """Add one level: takes the node and residual that enter it, returns those that leave it a clock later."""
        half = 2 ** (ceil_log2(self.config.beats) - level - 1)  # beats below the left child
        last, past_last = divmod(self.config.beats - 1, 2 * half)
        left_bits = min(bits_for(half * self.max_total), len(self.mass))
        here = Signal(min(bits_for(2 * half * self.max_total), len(self.mass)), name=f"residual{level}")
        with m.If(move):
            m.d.sync += here.eq(residual)

        # The sum pass: prefix sums at the middle and at the start of a node differ by its left sum.
        start = Signal(left_bits, name=f"start{level}")
        place = beat[: bits_for(2 * half - 1)]
        with m.If(self.total_valid & (place == 0)):
            m.d.sync += start.eq(self.mass)
        write = self.total_valid & (place == half)
        left_sum = (self.mass - start)[:left_bits]
        if level == 0:
            left = Signal(left_bits, name="root")
            with m.If(write):
                m.d.sync += left.eq(left_sum)
            number = None
        else:
            m.submodules[f"level{level}"] = ram = memory.Memory(shape=left_bits, depth=2**level, init=[])
            port, read = ram.write_port(), ram.read_port()
            m.d.comb += [
                port.en.eq(write),
                port.addr.eq(beat >> bits_for(2 * half - 1)),
                port.data.eq(left_sum),
                read.en.eq(move),
                read.addr.eq(node),
            ]
            left = read.data
            number = Signal(level, name=f"node{level}")
            with m.If(move):
                m.d.sync += number.eq(node)

        below = Signal(len(here) + 1, name=f"below{level}")
        right = Signal(name=f"right{level}")
        m.d.comb += [below.eq(here - left), right.eq(~below[-1])]
        if past_last < half:
            alone = 1 if number is None else number == last
            with m.If(alone):
                m.d.comb += right.eq(0)
        return right if number is None else Cat(right, number), Mux(right, below, here)


class LaneTree(wiring.Component):
    """Goes down the tree of a beat, a level a clock, one draw per clock.

    Members
    -------
    draw : stream of {beat, residual, sums}, in.
    landed : stream of `landed_layout`, out.
    """

    def __init__(self, config: UnitConfig):
        self.config = config
        self.layout = data.StructLayout({"found": found_layout(config), "sums": sums_layout(config)})
        super().__init__(
            {
                "draw": In(stream.Signature(self.layout)),
                "landed": Out(stream.Signature(landed_layout(config))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        lanes, levels = self.config.lanes, ceil_log2(self.config.lanes)
        valid = Signal(levels + 1)
        move = ~valid[-1] | self.landed.ready
        with m.If(move):
            m.d.sync += valid.eq(Cat(self.draw.valid, valid))
        m.d.comb += [self.draw.ready.eq(move), self.landed.valid.eq(valid[-1])]

        here, lane = self.draw.payload, None
        for level in range(levels):
            stage = Signal(self.layout, name=f"stage{level}")
            node = Signal(max(level, 1), name=f"lane{level}")
            with m.If(move):
                m.d.sync += stage.eq(here)
                if lane is not None:
                    m.d.sync += node.eq(lane)
            # Nodes of this level are 2^level .. 2^(level+1) - 1 of the heap.
            lefts = Cat(stage.sums.left[2**level + k] for k in range(2**level))
            left = lefts.word_select(node if level else 0, len(stage.sums.total))
            below = Signal(len(stage.found.residual) + 1, name=f"below{level}")
            right = Signal(name=f"right{level}")
            m.d.comb += [below.eq(stage.found.residual - left), right.eq(~below[-1])]
            lane = Cat(right, node[:level])
            here = Signal(self.layout, name=f"after{level}")
            m.d.comb += [here.eq(stage), here.found.residual.eq(Mux(right, below, stage.found.residual))]

        chosen = lane if lane is not None else 0
        with m.If(move):
            m.d.sync += [
                self.landed.payload.index.eq(here.found.beat * lanes + chosen),
                self.landed.payload.negative.eq(here.sums.negative.bit_select(chosen, 1)),
                self.landed.payload.zero.eq(here.sums.zero.bit_select(chosen, 1)),
            ]
        return m


class Tree(wiring.Component):
    """One draw per clock: the tree of the beats, a read of the beat, the tree of its lanes.

    Members: `zimu.rtl.sampler.form_signature`.
    """

    def __init__(self, config: UnitConfig):
        self.config = config
        super().__init__(form_signature(config))

    def elaborate(self, platform):
        m = Module()
        beats = self.config.beats
        m.submodules.sums = sums = BeatSums(self.config)
        m.submodules.beats = tree = BeatTree(self.config)
        m.submodules.lanes = lane_tree = LaneTree(self.config)
        found = found_layout(self.config)
        m.submodules.waiting = waiting = fifo.SyncFIFOBuffered(width=found.size, depth=OUTSTANDING)

        summing = Signal()
        issued = Signal(range(beats + 1))
        arrived = Signal(range(beats + 1))
        summed = Signal(range(beats + 1))
        oldest = data.View(found, waiting.r_data)
        m.d.comb += [
            sums.smoothing.eq(self.smoothing),
            sums.last.eq(summing & (arrived == beats - 1)),
            sums.beat.valid.eq(self.beat.valid),
            sums.beat.payload.eq(self.beat.payload),
            self.beat.ready.eq(sums.beat.ready),
            tree.clear.eq(self.sum_start),
            tree.total.eq(sums.sums.payload.total),
            self.mass.eq(tree.mass),
            tree.draw.payload.eq(self.draw.payload),
            waiting.w_data.eq(tree.found.payload),
            lane_tree.draw.payload.found.eq(oldest),
            lane_tree.draw.payload.sums.eq(sums.sums.payload),
        ]
        wiring.connect(m, lane_tree.landed, wiring.flipped(self.landed))

        with m.If(self.sum_start):
            m.d.sync += [summing.eq(1), self.sum_done.eq(0), issued.eq(0), arrived.eq(0), summed.eq(0)]
        with m.If(summing):
            m.d.comb += [
                self.request.valid.eq(issued != beats),
                self.request.payload.eq(issued),
                sums.sums.ready.eq(1),
                tree.total_valid.eq(sums.sums.valid),
            ]
            with m.If(self.request.valid & self.request.ready):
                m.d.sync += issued.eq(issued + 1)
            with m.If(self.beat.valid & self.beat.ready):
                m.d.sync += arrived.eq(arrived + 1)
            with m.If(sums.sums.valid):
                m.d.sync += summed.eq(summed + 1)
                with m.If(summed == beats - 1):
                    m.d.sync += [summing.eq(0), self.sum_done.eq(1)]
        with m.Else():
            m.d.comb += [
                tree.draw.valid.eq(self.draw.valid),
                self.draw.ready.eq(tree.draw.ready),
                # A found beat goes two ways at once: its address out, its residual to wait for the answer.
                self.request.valid.eq(tree.found.valid & waiting.w_rdy),
                self.request.payload.eq(tree.found.payload.beat),
                waiting.w_en.eq(tree.found.valid & self.request.ready),
                tree.found.ready.eq(self.request.ready & waiting.w_rdy),
                lane_tree.draw.valid.eq(sums.sums.valid & waiting.r_rdy),
                sums.sums.ready.eq(lane_tree.draw.ready & waiting.r_rdy),
                waiting.r_en.eq(sums.sums.valid & lane_tree.draw.ready),
            ]
        return m
