"""Splits a step's trials down the tree of tiles: the gate, then a binomial number for each node that holds trials.

The walk through the tree, its stack and the sums it looks up are parts of their own; `Splitter` lets it take its turns
with the gate and with the binomial numbers. Twins: ``golden/split.py`` (`split`), ``emu/split.py``.
"""

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from zimu.golden.rule import WORD_BITS
from zimu.golden.unit import UnitConfig
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


def levels_of(config: UnitConfig) -> int:
    """Levels of the tree above its leaves."""
    return ceil_log2(config.leaves)


def node_layout(config: UnitConfig) -> data.StructLayout:
    """A node: ``level`` is 0 for a leaf; ``low`` and ``high`` are the masses before it and up to its end."""
    return data.StructLayout(
        {
            "tile": address(config.leaves),  # its first one
            "level": range(levels_of(config) + 1),
            "low": mass_bits(config),
            "high": mass_bits(config),
            "trials": TRIAL_BITS,
        }
    )


class TileSums(wiring.Component):
    """The sums of the masses before each tile: the sum pass writes them, the walk looks up those at middles of nodes.

    Members
    -------
    mass : Signal(mass_bits), in. W, the sum before tiles that do not exist.
    write : Signal(1), in. Keeps `bound` as the sum before `tile`.
    tile : Signal(address(tiles)), in.
    bound : Signal(mass_bits), in.
    read : Signal(1), in. Looks up the middle of `node`.
    node : `node_layout`, in. No leaf.
    middle : Signal(mass_bits), out. The sum there, from the clock after `read` on.
    """

    def __init__(self, config: UnitConfig):
        self.config = config
        super().__init__(
            {
                "mass": In(mass_bits(config)),
                "write": In(1),
                "tile": In(address(config.tiles)),
                "bound": In(mass_bits(config)),
                "read": In(1),
                "node": In(node_layout(config)),
                "middle": Out(mass_bits(config)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        tiles = self.config.tiles
        m.submodules.prefix = prefix = memory.Memory(shape=mass_bits(self.config), depth=tiles, init=[])
        keep, look = prefix.write_port(), prefix.read_port()
        half = (Const(1, len(self.node.tile)) << self.node.level) >> 1
        tile = self.node.tile | half
        beyond = Signal()
        m.d.comb += [
            keep.en.eq(self.write),
            keep.addr.eq(self.tile),
            keep.data.eq(self.bound),
            look.en.eq(self.read),
            look.addr.eq(tile),
            self.middle.eq(Mux(beyond, self.mass, look.data)),
        ]
        if tiles < self.config.leaves:
            with m.If(self.read):
                m.d.sync += beyond.eq(tile >= tiles)
        return m


class Stack(wiring.Component):
    """Right halves that wait, one of each level at most. The next one is that of the lowest level.

    Members
    -------
    push : Signal(1), in. Puts a half of the level `level` to the others, all of which are of higher ones.
    level : Signal(address(levels)), in.
    half : {high, trials}, in. The masses up to its end, and its trials.
    pop : Signal(1), in. Takes the next one away; not in the clock of a `push`.
    empty : Signal(1), out. None waits.
    next_level, next_half : out. The next one; whatever while `empty`.
    """

    def __init__(self, levels: int, mass_bits: int):
        self.levels = levels
        half = data.StructLayout({"high": mass_bits, "trials": TRIAL_BITS})
        super().__init__(
            {
                "push": In(1),
                "level": In(address(levels)),
                "half": In(half),
                "pop": In(1),
                "empty": Out(1),
                "next_level": Out(address(levels)),
                "next_half": Out(half),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.halves = halves = memory.Memory(shape=self.half.shape(), depth=self.levels, init=[])
        put, top = halves.write_port(), halves.read_port(domain="comb")
        waiting = Signal(self.levels)
        for level in reversed(range(self.levels)):
            with m.If(waiting[level]):
                m.d.comb += self.next_level.eq(level)
        m.d.comb += [
            put.en.eq(self.push),
            put.addr.eq(self.level),
            put.data.eq(self.half),
            top.addr.eq(self.next_level),
            self.next_half.eq(top.data),
            self.empty.eq(waiting == 0),
        ]
        with m.If(self.push):
            m.d.sync += waiting.eq(waiting | (1 << self.level))
        with m.If(self.pop):
            m.d.sync += waiting.eq(waiting & (waiting - 1))
        return m


class TreeWalk(wiring.Component):
    """The way through the tree in preorder: the node it has come to, and the right halves it has left behind.

    At most one of `root`, `open`, `left` and `onward` is high; while none is, it stays where it is.

    Members
    -------
    mass : Signal(mass_bits), in. W.
    root : Signal(1), in. Goes to the root, whose trials are not known yet.
    open : Signal(1), in. The root gets `trials`.
    left : Signal(1), in. Goes to the left half of the node, which ends at `middle` and gets `trials`; what is left of
        the node waits.
    onward : Signal(1), in. Leaves the node with everything below it: goes to the right half that waits next.
    middle : Signal(mass_bits), in.
    trials : Signal(32), in.
    node : `node_layout`, out.
    last : Signal(1), out. No right half waits: the way ends with this node.
    """

    def __init__(self, config: UnitConfig):
        self.config = config
        super().__init__(
            {
                "mass": In(mass_bits(config)),
                "root": In(1),
                "open": In(1),
                "left": In(1),
                "onward": In(1),
                "middle": In(mass_bits(config)),
                "trials": In(TRIAL_BITS),
                "node": Out(node_layout(config)),
                "last": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        node, levels = self.node, levels_of(self.config)
        with m.If(self.root):
            m.d.sync += [node.tile.eq(0), node.level.eq(levels), node.low.eq(0), node.high.eq(self.mass)]
        with m.If(self.open | self.left):
            m.d.sync += node.trials.eq(self.trials)
        m.d.comb += self.last.eq(1)
        if levels:
            m.submodules.stack = stack = Stack(levels, len(self.mass))
            m.d.comb += [
                stack.push.eq(self.left),
                stack.level.eq(node.level - 1),
                stack.half.high.eq(node.high),
                stack.half.trials.eq(node.trials - self.trials),
                stack.pop.eq(self.onward),
                self.last.eq(stack.empty),
            ]
            with m.If(self.left):
                m.d.sync += [node.level.eq(stack.level), node.high.eq(self.middle)]
            with m.If(self.onward):
                # The half that waits next begins where this node ends.
                begin = Const(1, levels) << stack.next_level
                m.d.sync += [
                    node.tile.eq((node.tile | begin) & ~(begin - 1)),
                    node.level.eq(stack.next_level),
                    node.low.eq(node.high),
                    node.high.eq(stack.next_half.high),
                    node.trials.eq(stack.next_half.trials),
                ]
        return m


class Splitter(wiring.Component):
    """Hands out the tiles that get trials, in a walk through the tree with a binomial number for each node.

    A node lies between two prefix sums, both known when it is reached; the third, at its middle, is read. A node
    without trials is passed by in one clock with all below it. The gate comes first: with `trial` its N is a binomial
    number too.

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
        levels = levels_of(config)
        m.submodules.binomial = binomial = Binomial(self.width, config.prng_lanes)
        m.submodules.walk = walk = TreeWalk(config)
        node = walk.node
        context = Signal(range(contexts_of_splitter(config)))
        m.d.comb += [
            binomial.row.payload.eq(self.row.payload),
            binomial.row.valid.eq(self.row.valid),
            self.row.ready.eq(binomial.row.ready),
            walk.mass.eq(self.mass),
            walk.trials.eq(binomial.successes),
            self.job.payload.tile.eq(node.tile),
            self.job.payload.trials.eq(node.trials),
            self.job.payload.mass.eq(node.high - node.low),
            self.busy.eq(1),
        ]
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += [self.busy.eq(0), self.context.eq(GATE), self.switch.eq(self.start), walk.root.eq(1)]
                m.d.sync += context.eq(GATE)
                with m.If(self.start):
                    m.next = "GATE"
            if config.gate == "trial":
                self._gate_trials(m, binomial, walk)
            else:
                self._gate_step(m, walk)
            if levels:
                wanted = self._context_of(node)
                self._visit(m, binomial, walk, context == wanted)
                self._change_streams(m, binomial, context, wanted)
            else:
                with m.State("VISIT"):
                    m.d.comb += self.job.valid.eq(node.trials != 0)
                    with m.If((node.trials == 0) | self.job.ready):
                        m.next = "IDLE"
        return m

    def _gate_trials(self, m, binomial, walk):
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
                m.d.comb += [self.opened.eq(binomial.successes), binomial.align.eq(1), walk.open.eq(1)]
                m.next = "VISIT"

    def _gate_step(self, m, walk):
        """All trials open or none, as the first word says; the row is dropped."""
        with m.State("GATE"):
            opens = self.row.payload[0][: self.config.gate_bits] < self.threshold
            m.d.comb += [self.row.ready.eq(1), walk.trials.eq(self.opened)]
            with m.If(self.row.valid):
                m.d.comb += [self.opened.eq(Mux(opens, self.trials, 0)), walk.open.eq(1)]
                m.next = "VISIT"

    def _visit(self, m, binomial, walk, at_hand):
        """A leaf becomes a job, the trials of another node are split; ``at_hand``: rows are of the node's stream."""
        node = walk.node
        m.submodules.sums = sums = TileSums(self.config)
        m.d.comb += [
            sums.mass.eq(self.mass),
            sums.write.eq(self.write),
            sums.tile.eq(self.tile),
            sums.bound.eq(self.bound),
            sums.node.eq(node),
            walk.middle.eq(sums.middle),
        ]
        with m.State("VISIT"):
            leaf, empty = node.level == 0, node.trials == 0
            m.d.comb += [self.job.valid.eq(leaf & ~empty), sums.read.eq(1)]
            with m.If(empty | leaf):
                with m.If(empty | self.job.ready):
                    m.d.comb += walk.onward.eq(1)
                    with m.If(walk.last):
                        m.next = "END"
            with m.Elif(at_hand):
                m.next = "SETUP"
            with m.Else():
                m.next = "SWITCH"
        with m.State("SETUP"):
            m.d.comb += [
                binomial.start.eq(1),
                binomial.trials.eq(node.trials),
                binomial.a.eq(sums.middle - node.low),
                binomial.b.eq(node.high - node.low),
                binomial.certain.eq(sums.middle == node.high),
            ]
            m.next = "SPLIT"
        with m.State("SPLIT"):
            with m.If(binomial.done):
                m.d.comb += walk.left.eq(1)
                m.next = "VISIT"

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
        subtrees = self.config.split.subtrees
        local = ceil_log2(self.config.leaves // subtrees)
        if subtrees == 1:
            return first_split(self.config)
        return Mux(node.level > local, TOP, (node.tile >> local) + first_split(self.config))
