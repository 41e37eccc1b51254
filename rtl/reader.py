"""The gradient port of the ``split`` sampler: the sum pass, and the prefix sums of the tiles that have trials.

Twins: ``golden/split.py``, ``emu/split.py``.
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, fifo, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from zimu.golden.unit import UnitConfig
from zimu.rtl.basics import address
from zimu.rtl.beats import OUTSTANDING, BeatMasses, beat_layout, mass_bits
from zimu.rtl.tiles import beats_of_tile, bounds_layout, tile_mass


def tag_layout(config: UnitConfig) -> data.StructLayout:
    """What a beat was asked for: its engine, and whether it is its tile's last one, or the last of all."""
    return data.StructLayout({"engine": range(config.split.engines), "final": 1, "tail": 1})


class BeatPrefix(wiring.Component):
    """Inclusive prefix sums of the masses of a beat, in three registered stages.

    The network is Sklansky's (IRE Trans. Electronic Computers EC-9, 1960): log2 lanes levels of adders.

    Members
    -------
    smoothing : Signal(smoothing_bits), in. c.
    beat : stream of {beat, tag}, in.
    sums : stream of {prefix, negative, zero, tag}, out.
    """

    def __init__(self, config: UnitConfig):
        self.config = config
        self.sum = range(config.max_weight_mass * config.lanes + 1)
        tag = tag_layout(config)
        self.layout = data.StructLayout(
            {
                "prefix": data.ArrayLayout(self.sum, config.lanes),
                "negative": config.lanes,
                "zero": config.lanes,
                "tag": tag,
            }
        )
        super().__init__(
            {
                "smoothing": In(config.smoothing_bits),
                "beat": In(stream.Signature(data.StructLayout({"beat": beat_layout(config), "tag": tag}))),
                "sums": Out(stream.Signature(self.layout)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        levels = ceil_log2(self.config.lanes)
        m.submodules.masses = masses = BeatMasses(self.config)
        tag = Signal(tag_layout(self.config))
        half = stream.Signature(self.layout).create(path=("half",))
        m.d.comb += [
            masses.smoothing.eq(self.smoothing),
            masses.last.eq(self.beat.payload.tag.tail),
            masses.beat.valid.eq(self.beat.valid),
            masses.beat.payload.eq(self.beat.payload.beat),
            self.beat.ready.eq(masses.beat.ready),
            masses.masses.ready.eq(~half.valid | half.ready),
            half.ready.eq(~self.sums.valid | self.sums.ready),
        ]
        with m.If(masses.beat.ready):
            m.d.sync += tag.eq(self.beat.payload.tag)

        found = masses.masses
        with m.If(masses.masses.ready):
            m.d.sync += half.valid.eq(found.valid)
            self._stage(m, half.payload, found.payload, found.payload.mass, tag, range(levels // 2))
        with m.If(half.ready):
            m.d.sync += self.sums.valid.eq(half.valid)
            self._stage(
                m, self.sums.payload, half.payload, half.payload.prefix, half.payload.tag, range(levels // 2, levels)
            )
        return m

    def _stage(self, m, after, before, sums, tag, levels):
        """Register what some levels of the network make of ``sums``."""
        lanes = self.config.lanes
        sums = [sums[i] for i in range(lanes)]
        for level in levels:
            sums = [sums[i] + sums[((i >> level) << level) - 1] if (i >> level) & 1 else sums[i] for i in range(lanes)]
        m.d.sync += [after.prefix[i].eq(sums[i]) for i in range(lanes)]
        m.d.sync += [after.negative.eq(before.negative), after.zero.eq(before.zero), after.tag.eq(tag)]


class Reader(wiring.Component):
    """Reads gradient beats: all of them in the sum pass, then those of the tiles that the engines want.

    Members
    -------
    smoothing : Signal(smoothing_bits), in. c, must hold during a step.
    start : Signal(1), in. Begins the sum pass; sampled while idle.
    done : Signal(1), out. High from the end of a sum pass until the next one begins.
    mass : Signal(mass_bits), out. W, valid while `done`; before that, what is summed up so far.
    tile_ends : Signal(1), out. In the sum pass: the beat now added is the last one of a tile, and not of the last tile.
    reached : Signal(mass_bits), out. The sum with that beat.
    tile : Signal, out. The next tile.
    wanting : Signal(engines), in. Engines that want the beats of a tile.
    tiles : array of address(tiles), in. Which tile, for each engine.
    asked : Signal(engines), out. The beats of that tile are on the way.
    bounds : array of streams of `bounds_layout`, out. One for each engine.
    request : stream of address(beats), out. Addresses of gradient beats to read.
    beat : stream of `beat_layout`, in. The answers, in order, after any latency.
    """

    def __init__(self, config: UnitConfig):
        self.config = config
        engines, tile = config.split.engines, address(config.tiles)
        super().__init__(
            {
                "smoothing": In(config.smoothing_bits),
                "start": In(1),
                "done": Out(1),
                "mass": Out(mass_bits(config)),
                "tile_ends": Out(1),
                "reached": Out(mass_bits(config)),
                "tile": Out(tile),
                "wanting": In(engines),
                "tiles": In(tile).array(engines),
                "asked": Out(engines),
                "bounds": Out(stream.Signature(bounds_layout(config))).array(engines),
                "request": Out(stream.Signature(address(config.beats))),
                "beat": In(stream.Signature(beat_layout(config))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        tag = tag_layout(self.config)
        m.submodules.tags = tags = fifo.SyncFIFO(width=tag.size, depth=OUTSTANDING)
        m.submodules.prefix = prefix = BeatPrefix(self.config)
        self._ask(m, tags)
        m.d.comb += [
            prefix.smoothing.eq(self.smoothing),
            prefix.beat.payload.beat.eq(self.beat.payload),
            prefix.beat.payload.tag.eq(tags.r_data),
            prefix.beat.valid.eq(self.beat.valid & tags.r_rdy),
            self.beat.ready.eq(prefix.beat.ready & tags.r_rdy),
            tags.r_en.eq(self.beat.valid & prefix.beat.ready),
        ]
        with m.If(self.start):
            m.d.sync += [self.mass.eq(0), self.tile.eq(1), self.done.eq(0)]
        sums = prefix.sums
        with m.If(self.done):
            self._hand_out(m, sums)
        with m.Else():
            self._add_up(m, sums)
        return m

    def _ask(self, m, tags):
        """Ask for beats up to the end of the depth in the sum pass, of a tile afterwards."""
        beats, per_tile = self.config.beats, beats_of_tile(self.config)
        asking = Signal()
        all_beats = Signal()
        here = data.View(tag_layout(self.config), Signal(tags.width, name="tag"))
        engine = Signal(range(self.config.split.engines))
        m.d.comb += [
            here.engine.eq(engine),
            here.tail.eq(self.request.payload == beats - 1),
            here.final.eq(here.tail | ((self.request.payload & (per_tile - 1)) == per_tile - 1)),
            self.request.valid.eq(asking & tags.w_rdy),
            tags.w_data.eq(here),
            tags.w_en.eq(asking & self.request.ready),
        ]
        with m.If(self.request.valid & self.request.ready):
            m.d.sync += self.request.payload.eq(self.request.payload + 1)
            with m.If(Mux(all_beats, here.tail, here.final)):
                m.d.sync += asking.eq(0)
        with m.If(self.start):
            m.d.sync += [asking.eq(1), all_beats.eq(1), self.request.payload.eq(0)]
        with m.Elif(self.done & ~asking):
            for i in reversed(range(self.config.split.engines)):
                with m.If(self.wanting[i]):
                    m.d.comb += self.asked.eq(1 << i)
                    m.d.sync += [
                        asking.eq(1),
                        all_beats.eq(0),
                        engine.eq(i),
                        self.request.payload.eq(self.tiles[i] * per_tile),
                    ]

    def _add_up(self, m, sums):
        """The sum pass: W, and the sum at the end of every tile."""
        tag = sums.payload.tag
        m.d.comb += [
            sums.ready.eq(1),
            self.reached.eq(self.mass + sums.payload.prefix[-1]),
            self.tile_ends.eq(sums.valid & tag.final & ~tag.tail),
        ]
        with m.If(sums.valid):
            m.d.sync += self.mass.eq(self.reached)
            with m.If(tag.final):
                m.d.sync += self.tile.eq(self.tile + 1)
            with m.If(tag.tail):
                m.d.sync += self.done.eq(1)

    def _hand_out(self, m, sums):
        """A tile on its way to its engine: the sums go on from beat to beat."""
        base = Signal(tile_mass(self.config))
        tag = sums.payload.tag
        for i, bounds in enumerate(self.bounds):
            m.d.comb += [
                bounds.valid.eq(sums.valid & (tag.engine == i)),
                bounds.payload.negative.eq(sums.payload.negative),
                bounds.payload.zero.eq(sums.payload.zero),
                bounds.payload.final.eq(tag.final),
                bounds.payload.tail.eq(tag.tail),
            ]
            m.d.comb += [
                bounds.payload.prefix[lane].eq(base + sums.payload.prefix[lane]) for lane in range(self.config.lanes)
            ]
            with m.If(bounds.valid):
                m.d.comb += sums.ready.eq(bounds.ready)
                with m.If(bounds.ready):
                    m.d.sync += base.eq(Mux(tag.final, 0, base + sums.payload.prefix[-1]))
