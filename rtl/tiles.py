"""Draws inside a tile: an engine with a comparator for every weight of the tile, and what it is told and tells.

Twins: ``golden/split.py`` (`draw_tile`), ``emu/tiles.py``.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from zimu.golden.rule import WORD_BITS
from zimu.golden.unit import UnitConfig
from zimu.rtl.accumulator import COUNT_BITS, counts_layout
from zimu.rtl.basics import address
from zimu.rtl.datapath import TRIAL_BITS
from zimu.rtl.sampler import reject

AHEAD = 8
"""Trials left in a tile when the beats of the engine's next one are asked for: about the clocks they take to come."""


def tile_mass(config: UnitConfig) -> range:
    """The mass of a tile."""
    return range(config.split.tile * config.max_weight_mass + 1)


def beats_of_tile(config: UnitConfig) -> int:
    """Gradient beats of a whole tile."""
    return config.split.tile // config.lanes


def contexts_of_engine(config: UnitConfig) -> int:
    """Streams of draws that take turns on one engine: `tile_streams` / `engines` in each subtree."""
    return config.split.subtrees * config.split.tile_streams // config.split.engines


def candidates_of_row(config: UnitConfig) -> int:
    """Candidates for a draw in a row of words."""
    return config.prng_lanes * WORD_BITS // config.draw_bits


def job_layout(config: UnitConfig) -> data.StructLayout:
    """A tile that has trials: their number is at least 1."""
    return data.StructLayout({"tile": address(config.tiles), "trials": TRIAL_BITS, "mass": tile_mass(config)})


def bounds_layout(config: UnitConfig) -> data.StructLayout:
    """A beat of a tile: inclusive prefix sums of the masses from the tile's beginning, and signs, a bit a lane.

    ``final`` is high with the last beat of the tile, ``tail`` with the last of all.
    """
    return data.StructLayout(
        {
            "prefix": data.ArrayLayout(tile_mass(config), config.lanes),
            "negative": config.lanes,
            "zero": config.lanes,
            "final": 1,
            "tail": 1,
        }
    )


class Select(wiring.Component):
    """The weight that a draw lands on: one comparator for each.

    Members
    -------
    draw : Signal(bits), in.
    prefix : Signal(ArrayLayout(bits, size)), in. Sums that do not fall, the last one greater than `draw`.
    chosen : Signal(size), out. One-hot: the first whose sum is greater than `draw`.
    """

    def __init__(self, size: int, bits: int):
        self.size = size
        super().__init__({"draw": In(bits), "prefix": In(data.ArrayLayout(bits, size)), "chosen": Out(size)})

    def elaborate(self, platform):
        m = Module()
        above = Signal(self.size)
        m.d.comb += [
            above.eq(Cat(self.draw < self.prefix[i] for i in range(self.size))),
            self.chosen.eq(above & ~(above << 1)),
        ]
        return m


class Engine(wiring.Component):
    """Draws the trials of one tile after the other: one accepted draw a clock, compared with all prefix sums at once.

    The counts leave a beat at a time when the tile is done, or earlier where one of them grows large. Beats without a
    trial to apply are left out, so the weights of beats that do not exist are never asked for.

    Members
    -------
    job : stream of `job_layout`, in. Taken when the tile's last beat has come.
    wanting : Signal(1), out. The beats of the job on offer may be asked for.
    asked : Signal(1), in. They are.
    bounds : stream of `bounds_layout`, in.
    row : stream of ArrayLayout(32, prng_lanes), in.
    context : Signal(range(contexts)), out. The stream of draws of the tile; with `switch` only where there are several.
    switch : Signal(1), out. Strobe before the first row of a tile: rows are to come from `context`.
    counts : stream of `counts_layout`, out.
    rejected : Signal, out. Draws rejected before the one accepted in this clock.
    discarded : Signal(1), out. A draw landed on a weight without gradient.
    busy : Signal(1), out.
    """

    def __init__(self, config: UnitConfig):
        self.config = config
        members = {
            "job": In(stream.Signature(job_layout(config))),
            "wanting": Out(1),
            "asked": In(1),
            "bounds": In(stream.Signature(bounds_layout(config))),
            "row": In(stream.Signature(data.ArrayLayout(WORD_BITS, config.prng_lanes))),
            "counts": Out(stream.Signature(counts_layout(config))),
            "rejected": Out(range(2 * candidates_of_row(config))),
            "discarded": Out(1),
            "busy": Out(1),
        }
        if contexts_of_engine(config) > 1:
            members |= {"context": Out(range(contexts_of_engine(config))), "switch": Out(1)}
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        config = self.config
        size, lanes, beats = config.split.tile, config.lanes, beats_of_tile(config)
        missing = -config.beats % beats  # beats of the last tile that do not exist
        several = contexts_of_engine(config) > 1

        left = Signal(TRIAL_BITS)
        mass = Signal(tile_mass(config))
        mask = Signal(min(config.draw_bits, bits_for(tile_mass(config)[-1] - 1)))
        place = Signal(address(config.tiles))
        prefix = [Signal(tile_mass(config), name=f"prefix{i}") for i in range(size)]
        count = [Signal(COUNT_BITS, name=f"count{i}") for i in range(size)]
        negative = Signal(size)
        zero = Signal(size)
        drawing = Signal()
        align = Signal()
        picked = self._pick(m, mass, mask, drawing, align)
        under_way, hits = self._select(m, picked, prefix)
        with m.If(picked.accepted):
            m.d.sync += left.eq(left - 1)

        for i in range(size):
            with m.If(hits[i] & ~zero[i]):
                m.d.sync += count[i].eq(count[i] + 1)
        m.d.sync += self.discarded.eq((hits & zero).any())
        # Between this and the last draw that gets through lie three more: the upper quarter holds them.
        crowded = Signal()
        m.d.sync += crowded.eq(Cat(number[-2:].all() for number in count).any())

        coming = Signal()  # beats were asked for
        beat = Signal(range(max(beats, missing)))
        waiting = Signal()
        m.d.comb += [
            self.wanting.eq(self.job.valid & ~coming & (left < AHEAD)),
            self.busy.eq(~waiting | self.job.valid | self.discarded),
            self.counts.payload.beat.eq(place * beats + beat),
            self.counts.payload.negative.eq(negative[:lanes]),
        ]
        m.d.comb += [self.counts.payload.count[i].eq(count[i]) for i in range(lanes)]
        with m.If(self.asked):
            m.d.sync += coming.eq(1)

        with m.FSM():
            with m.State("LOAD"):
                m.d.comb += [waiting.eq(~coming), self.bounds.ready.eq(1)]
                with m.If(self.bounds.valid):
                    self._shift_in(m, prefix, negative, zero, self.bounds.payload)
                    with m.If(self.bounds.payload.final):
                        m.d.comb += self.job.ready.eq(1)
                        m.d.sync += [
                            place.eq(self.job.payload.tile),
                            left.eq(self.job.payload.trials),
                            mass.eq(self.job.payload.mass),
                            mask.eq(_mask(self.job.payload.mass)),
                            coming.eq(0),
                        ]
                        m.next = "SWITCH" if several else "DRAW"
                        if missing:
                            with m.If(self.bounds.payload.tail):
                                m.next = "FILL"
            if missing:
                with m.State("FILL"):
                    # In place of beats that do not exist comes what no draw lands on.
                    self._shift_in(m, prefix, negative, zero, None)
                    m.d.sync += beat.eq(beat + 1)
                    with m.If(beat == missing - 1):
                        m.d.sync += beat.eq(0)
                        m.next = "SWITCH" if several else "DRAW"
            if several:
                with m.State("SWITCH"):
                    m.d.comb += [self.switch.eq(1), self.context.eq(_context(config, place))]
                    m.next = "DRAW"
            with m.State("DRAW"):
                m.d.comb += drawing.eq(~crowded)
                with m.If(crowded | (picked.accepted & (left == 1))):
                    m.next = "DRAIN"
            with m.State("DRAIN"):
                with m.If(~under_way):
                    m.next = "COUNTS"
            with m.State("COUNTS"):
                m.d.comb += [
                    align.eq(left == 0),
                    self.counts.valid.eq(Cat(count[:lanes]).any()),
                ]
                with m.If(~self.counts.valid | self.counts.ready):
                    m.d.sync += [
                        Cat(count).eq(Cat(count[lanes:])),
                        negative.eq(Cat(negative[lanes:], negative[:lanes])),
                    ]
                    m.d.sync += [crowded.eq(0), beat.eq(beat + 1)]
                    with m.If(beat == beats - 1):
                        m.d.sync += beat.eq(0)
                        m.next = "DRAW"
                        with m.If(left == 0):
                            m.next = "LOAD"
        return m

    def _pick(self, m, mass, mask, drawing, align):
        """Masked rejection on the row."""
        bits, words = self.config.draw_bits, self.row.payload.as_value()
        candidate = [words[bits * i :][: len(mask)] & mask for i in range(candidates_of_row(self.config))]
        picked = reject(m, candidate, [each < mass for each in candidate], drawing & self.row.valid, align)
        m.d.comb += [self.row.ready.eq(picked.used_up), self.rejected.eq(picked.rejected)]
        return picked

    def _select(self, m, picked, prefix):
        """The weight of each draw, one-hot, two clocks after it was accepted; and whether one is on the way."""
        m.submodules.select = select = Select(len(prefix), len(prefix[0]))
        valid = Signal()
        hits = Signal(len(prefix))
        m.d.sync += [valid.eq(picked.accepted), select.draw.eq(picked.draw), hits.eq(Mux(valid, select.chosen, 0))]
        m.d.comb += [select.prefix[i].eq(bound) for i, bound in enumerate(prefix)]
        return valid, hits

    def _shift_in(self, m, prefix, negative, zero, beat):
        """Move all weights down by a beat; ``beat`` comes in on top, or where it is None one that no draw lands on."""
        lanes = self.config.lanes
        new = [~Const(0, len(prefix[0]))] * lanes if beat is None else [beat.prefix[i] for i in range(lanes)]
        m.d.sync += [old.eq(bound) for old, bound in zip(prefix, [*prefix[lanes:], *new], strict=True)]
        for signs, of_beat in ((negative, "negative"), (zero, "zero")):
            m.d.sync += signs.eq(Cat(signs[lanes:], 0 if beat is None else beat[of_beat]))


def _mask(mass):
    """Ones up to the highest bit of ``mass`` - 1."""
    bits = mass - 1
    for shift in (1, 2, 4, 8, 16):
        bits = bits | (bits >> shift)
    return bits


def _context(config: UnitConfig, tile):
    """The stream of draws of a tile, counted among those of its engine."""
    shape = config.split
    local = ceil_log2(config.leaves // shape.subtrees)
    first, last = ceil_log2(shape.engines), ceil_log2(shape.tile_streams)
    turn = tile[min(first, local) : min(last, local)]
    return Cat(turn, Const(0, last - first - len(turn)), tile[local:])
