"""The circuits that find the weight of a draw: a binary search, and a pipelined sum tree.

Both are the ``inverse`` sampler of ``rtl/sampler.py``. Twins: ``golden/sampler.py``, ``emu/sampler.py``.
"""

from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, fifo, memory, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from zimu.golden.unit import UnitConfig
from zimu.rtl.basics import address
from zimu.rtl.beats import OUTSTANDING, BeatSums, beat_layout, mass_bits, sums_layout


def landed_layout(config: UnitConfig) -> data.StructLayout:
    """Where a draw landed: the weight's index and its gradient's sign."""
    return data.StructLayout({"index": address(config.depth), "negative": 1, "zero": 1})


def form_signature(config: UnitConfig) -> dict:
    """Members of a circuit that finds the weights of draws.

    sum_start : Signal(1), in. Begins the sum pass of a step; sampled while idle.
    sum_done : Signal(1), out. High from the end of a sum pass until the next one begins.
    mass : Signal(mass_bits), out. W, valid while `sum_done`.
    smoothing : Signal(smoothing_bits), in. c, must hold during a step.
    draw : stream of Signal(mass_bits), in. Accepted draws u < W.
    landed : stream of `landed_layout`, out. One for each draw, in order.
    request : stream of address(beats), out. Addresses of gradient beats to read.
    beat : stream of `beat_layout`, in. The answers, in order, after any latency.
    """
    return {
        "sum_start": In(1),
        "sum_done": Out(1),
        "mass": Out(mass_bits(config)),
        "smoothing": In(config.smoothing_bits),
        "draw": In(stream.Signature(mass_bits(config))),
        "landed": Out(stream.Signature(landed_layout(config))),
        "request": Out(stream.Signature(address(config.beats))),
        "beat": In(stream.Signature(beat_layout(config))),
    }


class Search(wiring.Component):
    """Searches the prefix sums of the beats for one draw while the one before goes down the tree of its beat.

    The sum pass stores the prefix sum before every beat. One subtractor serves the search (its borrow is the
    comparison) and the residual u - prefix at its end. Members: `form_signature`.
    """

    pending = 1  # a search makes a trial in many clocks

    @staticmethod
    def clocks(config: UnitConfig) -> int:
        return max(ceil_log2(config.beats) + 2, ceil_log2(config.lanes) + 4)

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

    Members: `form_signature`.
    """

    pending = 4  # a trial in each clock

    @staticmethod
    def clocks(config: UnitConfig) -> int:
        return 1

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


FORMS: dict[str, Any] = {"search": Search, "tree": Tree}
"""By `zimu.golden.unit.UnitConfig.form`.

``pending`` is how many weight reads may be under way at its rate; ``clocks(config)`` are those of a draw where many
follow one another.
"""


def form_of(config: UnitConfig) -> Any:
    """The circuit of an ``inverse`` configuration, which always has one."""
    assert config.form is not None
    return FORMS[config.form]
