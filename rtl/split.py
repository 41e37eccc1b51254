"""The ``split`` sampler with its accumulator: sum pass, splitter, engines and flush, and the streams they draw from.

Twins: ``golden/split.py``, ``emu/split.py``.
"""

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import fifo, wiring
from amaranth.utils import ceil_log2

from zimu.golden.prng import Stream
from zimu.golden.rule import WORD_BITS
from zimu.golden.unit import UnitConfig
from zimu.rtl.accumulator import Flush, lost_shape, weight_beats
from zimu.rtl.basics import add_up
from zimu.rtl.datapath import TRIAL_BITS, SamplerCircuit, datapath_members
from zimu.rtl.generators import Generator
from zimu.rtl.reader import Reader
from zimu.rtl.sampler import clocks_per_draw
from zimu.rtl.splitter import GATE, TOP, Splitter, contexts_of_splitter, first_split
from zimu.rtl.tiles import AHEAD, Engine, beats_of_tile, candidates_of_row, contexts_of_engine, job_layout

WAITING_JOBS = 4
"""Tiles that may wait for one engine."""


def split_streams(config: UnitConfig) -> dict[int, int]:
    """The numbers of the streams in the order in which they are seeded, each with its lanes."""
    shape, lanes = config.split, config.prng_lanes
    top: dict[int, int] = {Stream.TOP: lanes} if shape.subtrees > 1 else {}
    rest: dict[int, int] = {
        Stream.SPLIT: shape.subtrees * lanes,
        Stream.DRAW: shape.subtrees * shape.tile_streams * lanes,
    }
    return {Stream.GATE: lanes, **top, **rest}


class Split(wiring.Component):
    """Everything of a step but its sequence. Members: `zimu.rtl.datapath.datapath_members`."""

    def __init__(self, config: UnitConfig):
        self.config = config
        engines = config.split.engines
        counts: dict[str, Any] = {
            "opened": TRIAL_BITS,
            "discarded": range(engines + 1),
            "rejected": range(engines * (2 * candidates_of_row(config) - 1) + 1),
            "lost": lost_shape(config),
        }
        super().__init__(datapath_members(config, weight_beats(config).places, None, **counts))

    def elaborate(self, platform):
        m = Module()
        m.submodules.reader = reader = Reader(self.config)
        m.submodules.splitter = splitter = Splitter(self.config)
        m.submodules.flush = flush = Flush(self.config)
        m.d.comb += [
            reader.smoothing.eq(self.smoothing),
            reader.start.eq(self.sum_start),
            self.sum_done.eq(reader.done),
            self.mass.eq(reader.mass),
            splitter.mass.eq(reader.mass),
            splitter.write.eq(reader.tile_ends),
            splitter.tile.eq(reader.tile),
            splitter.bound.eq(reader.reached),
            splitter.start.eq(self.start),
            splitter.trials.eq(self.trials),
            splitter.threshold.eq(self.threshold),
            self.opened.eq(splitter.opened),
            self.lost.eq(flush.lost),
        ]
        wiring.connect(m, reader.request, wiring.flipped(self.request))
        wiring.connect(m, wiring.flipped(self.beat), reader.beat)
        wiring.connect(m, flush.read, wiring.flipped(self.read))
        wiring.connect(m, wiring.flipped(self.read_data), flush.read_data)
        wiring.connect(m, flush.write, wiring.flipped(self.write))
        self._splits(m, splitter)
        engines = [self._engine(m, i, reader, splitter, flush) for i in range(self.config.split.engines)]
        # Sums of many small numbers, taken a clock late.
        m.d.sync += [
            self.discarded.eq(add_up([engine.discarded for engine in engines])),
            self.rejected.eq(add_up([engine.rejected for engine in engines])),
        ]
        m.d.comb += self.busy.eq(splitter.busy | Cat(engine.busy for engine in engines).any() | flush.busy)
        return m

    def _splits(self, m, splitter):
        """The splitter's stream: gate, top and splits in turn."""
        count = contexts_of_splitter(self.config)
        seeded = Signal(range(count))
        with m.Switch(self.stream):
            with m.Case(Stream.GATE):
                m.d.comb += seeded.eq(GATE)
            with m.Case(Stream.TOP):
                m.d.comb += seeded.eq(TOP)
            with m.Default():
                m.d.comb += seeded.eq(self._stream_index() + first_split(self.config))
        words = self._generator(m, "split_words", count, self.stream != Stream.DRAW, seeded)
        with m.If(~self.hold):
            m.d.comb += words.context.eq(splitter.context)
        m.d.comb += words.switch.eq(splitter.switch)
        wiring.connect(m, words.row, splitter.row)

    def _engine(self, m, number, reader, splitter, flush):
        """One engine with the jobs that wait for it and its stream of draws."""
        engine = Engine(self.config)
        jobs = fifo.SyncFIFO(width=job_layout(self.config).size, depth=WAITING_JOBS)
        m.submodules[f"engine{number}"] = engine
        m.submodules[f"jobs{number}"] = jobs

        index = self._stream_index()
        within = ceil_log2(self.config.split.engines)
        contexts = contexts_of_engine(self.config)
        mine = (self.stream == Stream.DRAW) & (index[:within] == number)
        words = self._generator(m, f"draw_words{number}", contexts, mine, index[within:])
        if contexts > 1:
            m.d.comb += words.switch.eq(engine.switch)
            with m.If(~self.hold):
                m.d.comb += words.context.eq(engine.context)

        # The tiles of a subtree take turns; with fewer tiles than engines the last engines have nothing to do.
        turns = min(within, ceil_log2(self.config.leaves // self.config.split.subtrees))
        chosen = splitter.job.payload.tile[:turns] == number
        with m.If(chosen):
            m.d.comb += splitter.job.ready.eq(jobs.w_rdy)
        m.d.comb += [
            jobs.w_data.eq(splitter.job.payload),
            jobs.w_en.eq(splitter.job.valid & chosen),
            engine.job.payload.eq(jobs.r_data),
            engine.job.valid.eq(jobs.r_rdy),
            jobs.r_en.eq(engine.job.ready),
            reader.wanting[number].eq(engine.wanting),
            reader.tiles[number].eq(engine.job.payload.tile),
            engine.asked.eq(reader.asked[number]),
        ]
        wiring.connect(m, reader.bounds[number], engine.bounds)
        wiring.connect(m, words.row, engine.row)
        wiring.connect(m, engine.counts, flush.counts[number])
        return engine

    def _stream_index(self):
        """Which of the streams with one number a word of the seed's expansion is for."""
        return self.lane[ceil_log2(self.config.prng_lanes) :]

    def _generator(self, m, name, contexts, mine, context):
        """A generator that takes the words of the seed that are `mine`, each stream's as `context`."""
        words = Generator(self.config.prng, self.config.prng_lanes, contexts)
        m.submodules[name] = words
        m.d.comb += [words.hold.eq(self.hold), words.chain_in.eq(self.word), words.shift.eq(self.strobe & mine)]
        if contexts > 1:
            # A stream is stored in the clock after its last word went in.
            last_lane = self.config.prng_lanes - 1
            complete = words.shift & self.last & ((self.lane & last_lane) == last_lane)
            m.d.sync += words.store.eq(complete)
            kept = Signal(range(contexts), name=f"{name}_kept")
            m.d.sync += kept.eq(context)
            with m.If(self.hold):
                m.d.comb += words.context.eq(kept)
        return words


def split_clocks(config: UnitConfig, trials: int, opened: int) -> float:
    """The clocks of a step, see `zimu.rtl.datapath.SamplerCircuit`, for masses spread evenly over the weights.

    The terms: the sum pass and its pipeline; the gate; the way down to the first tile; and then the longest of three,
    which go on side by side: the splitter's way through the rest of the tree, the reader's beats, the engines' tiles.
    """
    summing = config.beats + 13
    gating = 1.0
    if config.gate == "trial" and 0 < opened < trials:
        gating = _clocks_per_binomial(config, trials)
    if not opened:
        return summing + gating
    # Nodes with trials on each level, and the clocks of one of them.
    levels = ceil_log2(config.leaves)
    nodes = [_visited(2**level, opened) for level in range(levels + 1)]
    clocks = [_clocks_per_binomial(config, opened / count) + 3 for count in nodes[:-1]]
    first = sum(clocks)
    splitting = sum(count * each for count, each in zip(nodes, clocks, strict=False)) + nodes[-1]
    if config.split.subtrees > 1:
        splitting += 4 * _visited(config.split.subtrees, opened)

    tiles, beats, engines = nodes[-1], beats_of_tile(config), config.split.engines
    drawing = opened / tiles * clocks_per_draw(candidates_of_row(config))
    # The pipeline runs empty, the counts leave, the next tile comes in. Its beats are asked for some clocks before this
    # one ends, or when it begins. Engines wait for each other at the two ports.
    each = drawing + 2 + 2 * beats + max(AHEAD - drawing - beats - 3, 0) + 0.75 * (engines - 1)
    if contexts_of_engine(config) > 1:
        each += 2
    # The engine with most to do counts: about 0.55 log2 K standard deviations above the mean of K.
    share = tiles / engines
    most = share * each + 0.55 * ceil_log2(engines) * (share * drawing) ** 0.5
    reading = tiles * (beats + 1)
    return summing + gating + first + max(splitting - first + each, most, reading + each) + 8


def _visited(places: int, trials: float) -> float:
    """Of some places of equal mass, those that get a trial, on average."""
    return places * (1 - (1 - 1 / places) ** trials)


def _clocks_per_binomial(config: UnitConfig, trials: float) -> float:
    """Clocks of a binomial number: half of the trials are decided in each round, in a row's bits a clock."""
    row = WORD_BITS * config.prng_lanes
    total, undecided = 0.0, trials
    for level in range(64):
        happens = 1 - (1 - 2.0**-level) ** trials
        # A round whose words lie in two rows takes a clock more.
        total += happens * max(1, (undecided + row / 2) / row)
        undecided /= 2
    return total


SPLIT = SamplerCircuit(Split, split_streams, weight_beats, lambda config: None, split_clocks)
