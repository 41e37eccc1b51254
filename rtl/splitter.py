"""Splits a step's trials down the tree of tiles: the gate, then a binomial number for each node that holds trials.

Twins: ``golden/split.py`` (`split`), ``emu/split.py``.
"""

from typing import Any, NamedTuple

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from zimu.golden.config import UnitConfig
from zimu.golden.rule import WORD_BITS
from zimu.rtl.basics import address
from zimu.rtl.beats import mass_bits
from zimu.rtl.binomial import Binomial
from zimu.rtl.datapath import TRIAL_BITS
from zimu.rtl.tiles import job_layout

GATE, TOP = 0, 1
"""The contexts of the gate stream and, with several subtrees, of the top stream; the split streams follow."""


def contexts_of_splitter(config: UnitConfig) -> int:
    """Streams that take turns on the splitter: the gate's, the top's if there is one, and each subtree's."""
    return first_split(config) + config.split.subtrees


def first_split(config: UnitConfig) -> int:
    """The context of the split stream of subtree 0."""
    return 2 if config.split.subtrees > 1 else 1


class Splitter(wiring.Component):
    """Walks the tree in preorder and hands out the tiles that get trials.

    A node lies between two prefix sums, both known when it is reached; the third, at its middle, is read. Going left
    leaves the right half on a stack. A node without trials is passed by in one clock with all below it.

    Members
    -------
    mass : Signal(mass_bits), in. W, must hold while busy.
    write : Signal(1), in. Keeps `bound` as the sum of the masses before `tile`; while not busy.
    tile : Signal, in.
    bound : Signal(mass_bits), in.
    start : Signal(1), in. Begins a step with W > 0; sampled while not busy.
    trials : Signal(32), in. n.
    threshold : Signal(gate_bits + 1), in. T. Both must hold while busy.
    row : stream of ArrayLayout(32, prng_lanes), in.
    context : Signal(range(contexts)), out. The stream that rows are to come from, with `switch`.
    switch : Signal(1), out. Strobe; the row on offer in that clock is still of the old stream.
    opened : Signal(32), out. N, not 0 in one clock only.
    job : stream of `job_layout`, out. In the order of the tiles.
    busy : Signal(1), out.
    """

    def __init__(self, config: UnitConfig):
        self.config = config
        self.width = max(mass_bits(config), config.gate_bits + 1)
        super().__init__(
            {
                "mass": In(mass_bits(config)),
                "write": In(1),
                "tile": In(address(config.tiles)),
                "bound": In(mass_bits(config)),
                "start": In(1),
                "trials": In(TRIAL_BITS),
                "threshold": In(config.gate_bits + 1),
                "row": In(stream.Signature(data.ArrayLayout(WORD_BITS, config.prng_lanes))),
                "context": Out(range(contexts_of_splitter(config))),
                "switch": Out(1),
                "opened": Out(TRIAL_BITS),
                "job": Out(stream.Signature(job_layout(config))),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        levels = ceil_log2(config.leaves)
        m.submodules.binomial = binomial = Binomial(self.width, config.prng_lanes)
        node = _Node(
            tile=Signal(address(config.leaves), name="tile"),
            level=Signal(range(levels + 1), name="level"),
            low=Signal(mass_bits(config), name="low"),
            high=Signal(mass_bits(config), name="high"),
            trials=Signal(TRIAL_BITS, name="node_trials"),
        )
        context = Signal(range(contexts_of_splitter(config)))
        m.d.comb += [
            binomial.row.payload.eq(self.row.payload),
            binomial.row.valid.eq(self.row.valid),
            self.row.ready.eq(binomial.row.ready),
            self.job.payload.tile.eq(node.tile),
            self.job.payload.trials.eq(node.trials),
            self.job.payload.mass.eq(node.high - node.low),
            self.busy.eq(1),
        ]
        tree = self._tree(m, binomial, node, levels) if levels else None
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += [self.busy.eq(0), self.context.eq(GATE), self.switch.eq(self.start)]
                m.d.sync += [node.tile.eq(0), node.level.eq(levels), node.low.eq(0), node.high.eq(self.mass)]
                m.d.sync += context.eq(GATE)
                with m.If(self.start):
                    m.next = "GATE"
            if config.gate == "trial":
                self._gate_trials(m, binomial, node)
            else:
                self._gate_step(m, node)
            if tree:
                self._walk(m, binomial, node, context, tree)
            else:
                with m.State("VISIT"):
                    m.d.comb += self.job.valid.eq(node.trials != 0)
                    with m.If((node.trials == 0) | self.job.ready):
                        m.next = "IDLE"
        return m

    def _gate_trials(self, m, binomial, node):
        """N is a binomial number too."""
        with m.State("GATE"):
            m.d.comb += [
                binomial.start.eq(1),
                binomial.trials.eq(self.trials),
                binomial.a.eq(self.threshold),
                binomial.b.eq(self.config.max_threshold),
                binomial.certain.eq(self.threshold[-1]),
            ]
            m.next = "GATED"
        with m.State("GATED"):
            with m.If(binomial.done):
                m.d.comb += [self.opened.eq(binomial.successes), binomial.align.eq(1)]
                m.d.sync += node.trials.eq(binomial.successes)
                m.next = "VISIT"

    def _gate_step(self, m, node):
        """All trials open or none, as the first word says; the row is dropped."""
        with m.State("GATE"):
            opens = self.row.payload[0][: self.config.gate_bits] < self.threshold
            m.d.comb += self.row.ready.eq(1)
            with m.If(self.row.valid):
                m.d.comb += self.opened.eq(Mux(opens, self.trials, 0))
                m.d.sync += node.trials.eq(self.opened)
                m.next = "VISIT"

    def _tree(self, m, binomial, node, levels):
        """The memories of the walk: right halves that wait, one for each level at most, and the sums of the tiles."""
        m.submodules.stack = stack = memory.Memory(
            shape=data.StructLayout({"high": mass_bits(self.config), "trials": TRIAL_BITS}), depth=levels, init=[]
        )
        push, top = stack.write_port(), stack.read_port(domain="comb")
        waiting = Signal(levels)  # levels of the right halves that wait
        for level in reversed(range(levels)):
            with m.If(waiting[level]):
                m.d.comb += top.addr.eq(level)
        m.d.comb += [
            push.addr.eq(node.level - 1),
            push.data.high.eq(node.high),
            push.data.trials.eq(node.trials - binomial.successes),
        ]
        return push, top, waiting, self._middle(m, node)

    def _walk(self, m, binomial, node, context, tree):
        """Preorder."""
        push, top, waiting, middle = tree
        wanted = self._context_of(node)
        with m.State("VISIT"):
            leaf, empty = node.level == 0, node.trials == 0
            m.d.comb += [self.job.valid.eq(leaf & ~empty), middle.read.eq(1)]
            with m.If(empty | leaf):
                with m.If(empty | self.job.ready):
                    # The right half with the lowest level begins where this node ends.
                    begin = Const(1, len(waiting)) << top.addr
                    m.d.sync += [
                        node.tile.eq((node.tile | begin) & ~(begin - 1)),
                        node.level.eq(top.addr),
                        node.low.eq(node.high),
                        node.high.eq(top.data.high),
                        node.trials.eq(top.data.trials),
                        waiting.eq(waiting & (waiting - 1)),
                    ]
                    with m.If(waiting == 0):
                        m.next = "END"
            with m.Elif(context == wanted):
                m.next = "SETUP"
            with m.Else():
                m.next = "SWITCH"
        with m.State("SETUP"):
            m.d.comb += [
                binomial.start.eq(1),
                binomial.trials.eq(node.trials),
                binomial.a.eq(middle.sum - node.low),
                binomial.b.eq(node.high - node.low),
                binomial.certain.eq(middle.sum == node.high),
            ]
            m.next = "SPLIT"
        with m.State("SPLIT"):
            with m.If(binomial.done):
                m.d.comb += push.en.eq(1)
                m.d.sync += [
                    waiting.eq(waiting | (1 << push.addr)),
                    node.level.eq(push.addr),
                    node.high.eq(middle.sum),
                    node.trials.eq(binomial.successes),
                ]
                m.next = "VISIT"
        self._change_streams(m, binomial, context, wanted)

    def _change_streams(self, m, binomial, context, wanted):
        """Each stream drops the row it began when it is left for good; the top stream comes back to its own."""
        several = self.config.split.subtrees > 1
        begun = Signal(range(self.config.prng_lanes))  # words taken of the top stream's row while it waits
        with m.State("SWITCH"):
            m.d.comb += [self.context.eq(wanted), self.switch.eq(1), binomial.switch.eq(1), binomial.align.eq(1)]
            m.d.sync += context.eq(wanted)
            if several:
                with m.If(context == TOP):
                    m.d.comb += binomial.align.eq(0)
                    m.d.sync += begun.eq(binomial.position)
                with m.If(wanted == TOP):
                    m.d.comb += binomial.taken_before.eq(begun)
            m.next = "VISIT"
        with m.State("END"):
            # After a switch it takes a while until there is a row to drop.
            with m.If((binomial.position == 0) | self.row.valid):
                m.d.comb += binomial.align.eq(1)
                m.d.sync += begun.eq(0)
                m.next = "IDLE"
                if several:
                    with m.If((context != TOP) & (begun != 0)):
                        m.d.comb += [self.context.eq(TOP), self.switch.eq(1), binomial.switch.eq(1)]
                        m.d.comb += binomial.taken_before.eq(begun)
                        m.d.sync += context.eq(TOP)
                        m.next = "END"

    def _context_of(self, node):
        """The stream of a node: the top's, or that of its subtree."""
        shape = self.config.split
        local = ceil_log2(self.config.leaves // shape.subtrees)
        if shape.subtrees == 1:
            return first_split(self.config)
        return Mux(node.level > local, TOP, (node.tile >> local) + first_split(self.config))

    def _middle(self, m, node) -> "_Middle":
        """The sum at the middle of the node, a clock after `read`."""
        tiles, leaves = self.config.tiles, self.config.leaves
        m.submodules.prefix = prefix = memory.Memory(shape=mass_bits(self.config), depth=tiles, init=[])
        keep, look = prefix.write_port(), prefix.read_port()
        tile = node.tile | (Const(1, len(node.tile)) << node.level >> 1)
        found = _Middle(Signal(mass_bits(self.config), name="middle"), look.en)
        beyond = Signal()
        m.d.comb += [
            keep.en.eq(self.write),
            keep.addr.eq(self.tile),
            keep.data.eq(self.bound),
            look.addr.eq(tile),
            found.sum.eq(Mux(beyond, self.mass, look.data)),
        ]
        if tiles < leaves:
            with m.If(found.read):
                m.d.sync += beyond.eq(tile >= tiles)
        return found


class _Node(NamedTuple):
    """A node of the tree."""

    tile: Any
    """Its first tile."""
    level: Any
    """0 for a leaf."""
    low: Any
    """The masses before it."""
    high: Any
    """The masses up to its end."""
    trials: Any


class _Middle(NamedTuple):
    sum: Any
    read: Any
