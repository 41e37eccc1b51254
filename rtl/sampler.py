"""The ``inverse`` sampler with its gate and accumulator: a token for each open trial, a draw for it, a weight for that.

Draws come by masked rejection; what finds their weights is in ``rtl/selection.py``.
Twins: ``golden/sampler.py``, ``emu/sampler.py``.
"""

from typing import Any, NamedTuple

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from zimu.golden.prng import Stream
from zimu.golden.rule import WORD_BITS
from zimu.golden.unit import UnitConfig
from zimu.rtl.accumulator import Accumulator, single_weights
from zimu.rtl.basics import Relay, add_up
from zimu.rtl.beats import mass_bits, slice_layout
from zimu.rtl.datapath import SamplerCircuit, datapath_members
from zimu.rtl.gate import Gate
from zimu.rtl.generators import KINDS, Generator
from zimu.rtl.search import Search
from zimu.rtl.selection import landed_layout
from zimu.rtl.tree import Tree
from zimu.rtl.update import Places

FORMS: dict[str, Any] = {"search": Search, "tree": Tree}
"""By `zimu.golden.unit.UnitConfig.form`.

``pending`` is how many weight reads may be under way at its rate; ``clocks(config)`` are those of a draw where many
follow one another, ``latency(config)`` those from the start of the trials to the end of a single one that is open.
"""

SHARES = [2 ** -((i + 0.5) / 64) for i in range(64)]
"""Shares a = M / 2^ceil(log2 M) of acceptable candidates, for M spread evenly on a log scale."""


class WordPair(wiring.Component):
    """Joins two words of a one-lane stream into a row of two, the first being the low one.

    Members
    -------
    hold : Signal(1), in. Forgets a first word that waits.
    word : stream of one word, in.
    row : stream of two words, out.
    """

    hold: In(1)
    word: In(stream.Signature(data.ArrayLayout(WORD_BITS, 1)))
    row: Out(stream.Signature(data.ArrayLayout(WORD_BITS, 2)))

    def elaborate(self, platform):
        m = Module()
        first = Signal(WORD_BITS)
        waiting = Signal()
        m.d.comb += [
            self.row.payload.eq(Cat(first, self.word.payload[0])),
            self.row.valid.eq(waiting & self.word.valid),
            self.word.ready.eq(~waiting | self.row.ready),
        ]
        with m.If(self.hold):
            m.d.sync += waiting.eq(0)
        with m.Elif(self.word.valid & self.word.ready):
            m.d.sync += [waiting.eq(~waiting), first.eq(self.word.payload[0])]
        return m


def rejected_shape(config: UnitConfig) -> range:
    """Draws of the `inverse` sampler rejected before one that is accepted in the same clock, in two rows at most."""
    return range(2 * (config.row_words // config.draw_words))


class Draw(wiring.Component):
    """Masked rejection: an accepted u < W for every token, candidates taken in order from rows of random words.

    One candidate per clock is accepted if the row holds one.

    Members
    -------
    clear : Signal(1), in. A step begins: the mask is found anew.
    mass : Signal(mass_bits), in. W, or what is known of it so far; it only grows between two `clear`.
    settled : Signal(1), out. The mask covers what `mass` was a clock ago.
    row : stream of `row_words` words, in.
    token_valid, token_ready : Signal(1), in and out. A handshake for every draw wanted.
    draw : stream of Signal(mass_bits), out. Registered.
    rejected : Signal(range(2 * candidates)), out. Draws rejected before the one accepted in this clock.
    align : Signal(1), in. A step ends: a row that was begun is dropped.
    """

    def __init__(self, config: UnitConfig):
        self.config = config
        self.candidates = config.row_words // config.draw_words
        super().__init__(
            {
                "clear": In(1),
                "mass": In(mass_bits(config)),
                "settled": Out(1),
                "row": In(stream.Signature(data.ArrayLayout(WORD_BITS, config.row_words))),
                "token_valid": In(1),
                "token_ready": Out(1),
                "draw": Out(stream.Signature(mass_bits(config))),
                "rejected": Out(rejected_shape(config)),
                "align": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        count = self.candidates
        draw_bits = bits_for(self.config.max_mass - 1)

        # The mask grows by a bit in two clocks while 2^bits < W, during the sum pass and for a few clocks after it: in
        # one it is compared, in the other it may grow.
        mask = Signal(draw_bits)
        bound = Cat(mask, 0) ^ Cat(1, mask)  # mask + 1, one-hot
        grows = Signal()
        m.d.sync += [self.settled.eq(bound >= self.mass), grows.eq(~grows)]
        with m.If(self.clear):
            m.d.sync += [mask.eq(0), self.settled.eq(1)]
        with m.Elif(grows & ~self.settled):
            m.d.sync += mask.eq(Cat(1, mask))

        # A row is taken when it is certain that a draw wants it, and judged on its way in.
        width = WORD_BITS * self.config.draw_words
        words = self.row.payload.as_value()
        candidates = Signal(data.ArrayLayout(draw_bits, count))
        fits = Signal(count)
        held = Signal()  # there is a row
        tokens = Signal(range(4))
        free = ~self.draw.valid | self.draw.ready
        picked = reject(m, list(candidates), fits, held & (tokens != 0) & free, self.align)
        wanted = Mux(picked.accepted, tokens[1], tokens.any()) & (~held | picked.used_up)
        m.d.comb += [
            self.token_ready.eq(tokens != 3),
            self.row.ready.eq(wanted),
            self.rejected.eq(picked.rejected),
        ]
        m.d.sync += tokens.eq(tokens + (self.token_valid & self.token_ready) - picked.accepted)
        with m.If(self.row.valid & self.row.ready):
            for i in range(count):
                candidate = words[width * i : width * (i + 1)][:draw_bits] & mask
                m.d.sync += [candidates[i].eq(candidate), fits[i].eq(candidate < self.mass)]
        m.d.sync += held.eq((self.row.valid & self.row.ready) | (held & ~picked.used_up))
        with m.If(picked.accepted):
            m.d.sync += [self.draw.valid.eq(1), self.draw.payload.eq(picked.draw)]
        with m.Elif(self.draw.ready):
            m.d.sync += self.draw.valid.eq(0)
        return m


class Picked(NamedTuple):
    """What `reject` makes of a row in one clock."""

    accepted: Any
    """There is a draw."""
    draw: Any
    rejected: Any
    """Draws rejected before it, those of earlier rows included where they were not counted yet."""
    used_up: Any
    """The row is not needed any more."""


def reject(m, candidate, fits, wanted, align) -> Picked:
    """Add masked rejection to a module: the first candidate of a row that fits and is not yet used.

    Rejected candidates that follow the last accepted one of a row are counted when a later one is wanted.

    Parameters
    ----------
    candidate : the candidates of the row.
    fits : a bit for each, whether it is less than the mass.
    wanted : a draw is taken if there is one; only while the row is valid.
    align : a row that was begun is dropped.
    """
    count = len(candidate)
    position = Signal(range(count))
    accepts = Signal(count)  # of the candidates not yet used
    rejects = Signal(count)
    for i in range(count):
        m.d.comb += [accepts[i].eq((position <= i) & fits[i]), rejects[i].eq((position <= i) & ~fits[i])]

    first = Signal(range(count))
    for i in reversed(range(count)):
        with m.If(accepts[i]):
            m.d.comb += first.eq(i)
    passed = (1 << first) - 1  # mask of the candidates before the first accepted one
    more = (accepts >> first)[1:].any()

    carried = Signal(range(count + 1))  # rejected at the end of a row whose last accepted draw is gone
    accepted = Signal()
    rejected = Signal(range(2 * count))
    used_up = Signal()
    with m.If(align):
        m.d.comb += used_up.eq(position != 0)
        m.d.sync += [position.eq(0), carried.eq(0)]
    with m.Elif(wanted):
        with m.If(accepts.any()):
            m.d.comb += [accepted.eq(1), used_up.eq(~more), rejected.eq(carried + add_up(rejects & passed))]
            m.d.sync += [
                position.eq(Mux(more, first + 1, 0)),
                carried.eq(Mux(more, 0, add_up(rejects & ~passed))),
            ]
        with m.Else():
            m.d.comb += [used_up.eq(1), rejected.eq(carried + add_up(rejects))]
            m.d.sync += [position.eq(0), carried.eq(0)]
    return Picked(accepted, Array(candidate)[first], rejected, used_up)


def clocks_per_draw(candidates: int) -> float:
    """Mean clocks from one accepted draw to the next.

    A row of ``candidates`` takes as many clocks as it holds acceptable ones, but at least one.
    """
    return sum(1 + (1 - a) ** candidates / (candidates * a) for a in SHARES) / len(SHARES)


def form_of(config: UnitConfig) -> Any:
    """The circuit of an ``inverse`` configuration, which always has one."""
    assert config.form is not None
    return FORMS[config.form]


def gradient_slices(config: UnitConfig) -> Places:
    """The gradients as a draw reads them again."""
    return Places(config.slices, slice_layout(config))


def inverse_streams(config: UnitConfig) -> dict[int, int]:
    """The numbers of the streams in the order in which they are seeded, each with its lanes."""
    return {Stream.GATE: 1, Stream.TRIALS: config.prng_lanes}


class Inverse(wiring.Component):
    """Everything of a step but its sequence, trial by trial. Members: `zimu.rtl.datapath.datapath_members`."""

    def __init__(self, config: UnitConfig):
        self.config = config
        counts = {"opened": 1, "discarded": 1, "rejected": rejected_shape(config), "lost": 1}
        super().__init__(datapath_members(config, single_weights(config).places, gradient_slices(config), **counts))

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.gate_words = gate_words = Generator(config.prng, 1)
        m.submodules.trial_words = trial_words = Generator(config.prng, config.prng_lanes)
        m.submodules.gate = gate = Gate(config)
        m.submodules.draw = draw = Draw(config)
        m.submodules.sampler = sampler = form_of(config)(config)
        m.submodules.accumulator = accumulator = Accumulator(config, sampler.pending)

        landed, trials = sampler.landed, accumulator.trials
        if sampler.pending > 1:
            m.submodules.relay = relay = Relay(landed_layout(config))
            wiring.connect(m, landed, relay.arriving)
            landed = relay.leaving
        summed = Signal()  # W was known a clock ago
        m.d.sync += summed.eq(sampler.sum_done)
        m.d.comb += [
            trial_words.chain_in.eq(self.word),
            gate_words.chain_in.eq(trial_words.chain_out),
            gate.start.eq(self.start),
            gate.trials.eq(self.trials),
            gate.threshold.eq(self.threshold),
            draw.clear.eq(self.sum_start),
            draw.mass.eq(sampler.mass),
            draw.token_valid.eq(gate.token_valid),
            gate.token_ready.eq(draw.token_ready),
            sampler.smoothing.eq(self.smoothing),
            sampler.sum_start.eq(self.sum_start),
            self.sum_done.eq(sampler.sum_done & summed & draw.settled),
            self.mass.eq(sampler.mass),
        ]
        m.d.sync += draw.align.eq(~self.busy)  # a clock late is early enough: a sum pass comes first
        for words in (gate_words, trial_words):
            m.d.comb += [words.hold.eq(self.hold), words.shift.eq(self.strobe)]
        wiring.connect(m, gate_words.row, gate.row)
        if config.row_words > config.prng_lanes:
            m.submodules.pair = pair = WordPair()
            m.d.comb += pair.hold.eq(self.hold)
            wiring.connect(m, trial_words.row, pair.word)
            wiring.connect(m, pair.row, draw.row)
        else:
            wiring.connect(m, trial_words.row, draw.row)
        wiring.connect(m, draw.draw, sampler.draw)
        wiring.connect(m, sampler.request, wiring.flipped(self.request))
        wiring.connect(m, wiring.flipped(self.beat), sampler.beat)
        wiring.connect(m, sampler.probe_request, wiring.flipped(self.probe_request))
        wiring.connect(m, wiring.flipped(self.probe_slice), sampler.probe_slice)
        wiring.connect(m, accumulator.read, wiring.flipped(self.read))
        wiring.connect(m, wiring.flipped(self.read_data), accumulator.read_data)
        wiring.connect(m, accumulator.write, wiring.flipped(self.write))

        # A draw that lands on a zero gradient changes nothing and ends here.
        left = Signal()
        m.d.comb += [
            trials.valid.eq(landed.valid & ~landed.payload.zero),
            trials.payload.index.eq(landed.payload.index),
            trials.payload.negative.eq(landed.payload.negative),
            landed.ready.eq(landed.payload.zero | trials.ready),
            left.eq(landed.valid & landed.ready),
            self.opened.eq(gate.token_valid & gate.token_ready),
            self.discarded.eq(left & landed.payload.zero),
            self.rejected.eq(draw.rejected),
            self.lost.eq(accumulator.lost),
        ]
        in_flight = Signal(8)  # draws between the gate and the accumulator, of which a tree holds fewer than 128
        m.d.sync += in_flight.eq(in_flight + self.opened - left)
        m.d.comb += self.busy.eq(gate.busy | (in_flight != 0) | accumulator.trials.valid | accumulator.busy)
        return m


def inverse_clocks(config: UnitConfig, trials: int, opened: int) -> float:
    """The clocks of a step: see `zimu.rtl.datapath.SamplerCircuit`.

    The terms: the sum pass and its pipeline; one clock for each trial in the gate, and for those that open the clocks
    lost on rows of random words without an acceptable draw; the sampler's pipeline once. It takes longer than that
    where a search's probes do, its way along the lanes, weights that are still under way, or generators that do not
    give a row in each clock.
    """
    form = form_of(config)
    per_draw = clocks_per_draw(config.row_words // config.draw_words) * max(config.row_words // config.prng_lanes, 1)
    drawing = max(trials + opened * (per_draw - 1), _clocks_of_words(config, trials, opened))
    drawing = max(drawing, opened * form.clocks(config))
    # The mask of the draws grows a bit in two clocks while W does; W ends a bit or two below its limit.
    levels = ceil_log2(config.lanes)
    summing = max(config.beats + 11, 2 * bits_for(config.max_mass - 1) + 8) + levels
    return summing + drawing + (form.latency(config) if opened else 0)


def _clocks_of_words(config: UnitConfig, trials: int, opened: int) -> float:
    """Clocks until gate and draws have their random words, from generators that pause between them.

    Each takes a word in a clock in which the other has one too, which makes both together slower than the slower one;
    the fourth powers are fitted to simulations.
    """
    kind = KINDS[config.prng]
    gating = trials if config.gate == "trial" else 0
    drawing = opened * config.draw_words / config.prng_lanes * sum(1 / a for a in SHARES) / len(SHARES)
    clocks = [rows + max(rows - kind.rows_ahead, 0) * (kind.row_clocks - 1) for rows in (gating, drawing)]
    return sum(each**4 for each in clocks) ** 0.25 if kind.row_clocks > 1 else max(clocks)


INVERSE = SamplerCircuit(Inverse, inverse_streams, single_weights, gradient_slices, inverse_clocks)
