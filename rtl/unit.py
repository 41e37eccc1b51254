"""The unit's core: generators, gate, sampler and accumulator, with ports for the memories it works on.

Twins: ``golden/unit.py``, ``emu/unit.py``. ``rtl/onchip.py`` adds memories, streams and a register block.
"""

from typing import Any

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from zimu.golden.config import UnitConfig
from zimu.golden.prng import Stream
from zimu.rtl.accumulator import Accumulator
from zimu.rtl.gate import Gate
from zimu.rtl.generators import KINDS, Generator
from zimu.rtl.prng import SeedExpander
from zimu.rtl.sampler import Draw, WordPair, address, beat_layout, mass_bits
from zimu.rtl.search import Search
from zimu.rtl.tree import Tree

FORMS: dict[str, Any] = {"search": Search, "tree": Tree}

PENDING = {"search": 1, "tree": 4}
"""Weight reads under way: a search makes a trial in many clocks, a tree one in each."""

COUNTER_BITS = 32


def step_cycles(config: UnitConfig, *, trials: int, opened: int | None = None) -> float:
    """Expected clocks of one step with memories that answer in the next clock, for W spread evenly on a log scale.

    Parameters
    ----------
    trials : n.
    opened : N, the trials that pass the gate; all by default.

    The terms: the sum pass and its pipeline; one clock for each trial in the gate, and for those that open the clocks
    lost on rows of random words without an acceptable draw; the sampler's pipeline once. A search takes longer than
    that where its probes, or its way down the lanes, do.
    """
    opened = trials if opened is None else opened
    levels, lane_levels = ceil_log2(config.beats), ceil_log2(config.lanes)
    drawing = trials + opened * (_clocks_per_draw(config) - 1)
    if config.form == "search":
        drawing = max(drawing, opened * max(levels + 2, lane_levels + 4))
    # The mask of the draws grows a bit a clock while W does.
    summing = max(config.beats, bits_for(config.max_mass - 1)) + 7
    return summing + drawing + (levels + lane_levels + 7 if opened else 0)


def _clocks_per_draw(config: UnitConfig) -> float:
    """Mean clocks from one accepted draw to the next, from the share a = W / 2^ceil(log2 W) of acceptable candidates.

    A row of c candidates takes as many clocks as it holds acceptable ones, but at least one.
    """
    candidates, points = config.row_words // config.draw_words, 64
    shares = [2 ** -((i + 0.5) / points) for i in range(points)]
    mean = sum(1 + (1 - a) ** candidates / (candidates * a) for a in shares) / points
    return mean * max(config.row_words // config.prng_lanes, 1)


def counters_layout(config: UnitConfig) -> data.StructLayout:
    """The counters of `zimu.golden.unit.Counters`, in its order."""
    return data.StructLayout(
        {
            "steps": COUNTER_BITS,
            "open_trials": COUNTER_BITS,
            "discarded_trials": COUNTER_BITS,
            "rejected_draws": COUNTER_BITS,
            "saturations": COUNTER_BITS,
            "empty_steps": COUNTER_BITS,
            "mass": mass_bits(config),
        }
    )


class ZimCore(wiring.Component):
    """The integer weight-update unit without its memories.

    Gradients are read beat by beat and weights one by one through memory ports: requests go out, answers come back in
    order after any number of clocks. A weight write must be seen by every weight read accepted at a later clock. A
    reset stops everything at once; answers to requests from before it must not arrive after it.

    Members
    -------
    seed : Signal(64), in. Must hold while busy with a `reseed`.
    reseed : Signal(1), in. Expands the seed and clears the counters; sampled while not busy.
    seeded : Signal(1), out. A seed was expanded since the last reset.
    trials : Signal(32), in. n.
    threshold : Signal(gate_bits + 1), in. T.
    smoothing : Signal(smoothing_bits), in. c. These three must hold during a step.
    start : Signal(1), in. Begins a step; sampled while not busy, ignored before the first seed.
    busy : Signal(1), out.
    counters : `counters_layout`, out.
    gradient_request : stream of address(beats), out. Beat b holds gradients ``b * lanes`` and up.
    gradient_beat : stream of ArrayLayout(signed(gradient_bits), lanes), in.
    weight_read : stream of address(depth), out.
    weight_data : stream of signed(weight_bits), in.
    weight_write : stream of {address, data}, out.
    """

    def __init__(self, config: UnitConfig):
        self.config = config
        place, weight = address(config.depth), signed(config.weight_bits)
        super().__init__(
            {
                "seed": In(64),
                "reseed": In(1),
                "seeded": Out(1),
                "trials": In(32),
                "threshold": In(config.gate_bits + 1),
                "smoothing": In(config.smoothing_bits),
                "start": In(1),
                "busy": Out(1),
                "counters": Out(counters_layout(config)),
                "gradient_request": Out(stream.Signature(address(config.beats))),
                "gradient_beat": In(stream.Signature(beat_layout(config))),
                "weight_read": Out(stream.Signature(place)),
                "weight_data": In(stream.Signature(weight)),
                "weight_write": Out(stream.Signature(data.StructLayout({"address": place, "data": weight}))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        streams = {Stream.GATE: 1, Stream.TRIALS: config.prng_lanes}
        m.submodules.expander = expander = SeedExpander(KINDS[config.prng].words, streams)
        m.submodules.gate_words = gate_words = Generator(config.prng, 1)
        m.submodules.trial_words = trial_words = Generator(config.prng, config.prng_lanes)
        m.submodules.gate = gate = Gate(config)
        m.submodules.draw = draw = Draw(config)
        m.submodules.sampler = sampler = FORMS[config.form](config)
        m.submodules.accumulator = accumulator = Accumulator(config, PENDING[config.form])

        reseeding, landed = expander.busy, sampler.landed
        m.d.comb += [
            expander.seed.eq(self.seed),
            trial_words.chain_in.eq(expander.word),
            gate_words.chain_in.eq(trial_words.chain_out),
            gate.trials.eq(self.trials),
            gate.threshold.eq(self.threshold),
            draw.mass.eq(sampler.mass),
            draw.token_valid.eq(gate.token_valid),
            gate.token_ready.eq(draw.token_ready),
            sampler.smoothing.eq(self.smoothing),
        ]
        for words in (gate_words, trial_words):
            m.d.comb += [words.hold.eq(reseeding | ~self.seeded), words.shift.eq(expander.strobe)]
        wiring.connect(m, gate_words.row, gate.row)
        if config.row_words > config.prng_lanes:
            m.submodules.pair = pair = WordPair()
            m.d.comb += pair.hold.eq(trial_words.hold)
            wiring.connect(m, trial_words.row, pair.word)
            wiring.connect(m, pair.row, draw.row)
        else:
            wiring.connect(m, trial_words.row, draw.row)
        wiring.connect(m, draw.draw, sampler.draw)
        wiring.connect(m, sampler.request, wiring.flipped(self.gradient_request))
        wiring.connect(m, wiring.flipped(self.gradient_beat), sampler.beat)
        wiring.connect(m, accumulator.read, wiring.flipped(self.weight_read))
        wiring.connect(m, wiring.flipped(self.weight_data), accumulator.read_data)
        wiring.connect(m, accumulator.write, wiring.flipped(self.weight_write))

        # A draw that lands on a zero gradient changes nothing and ends here.
        m.d.comb += [
            accumulator.trials.valid.eq(landed.valid & ~landed.payload.zero),
            accumulator.trials.payload.index.eq(landed.payload.index),
            accumulator.trials.payload.negative.eq(landed.payload.negative),
            landed.ready.eq(landed.payload.zero | accumulator.trials.ready),
        ]
        opened = Signal()
        left = Signal()
        m.d.comb += [
            opened.eq(gate.token_valid & gate.token_ready),
            left.eq(landed.valid & landed.ready),
        ]
        in_flight = Signal(8)  # draws between the gate and the accumulator; the deepest pipeline holds fewer than 64
        m.d.sync += in_flight.eq(in_flight + opened - left)

        counters = self.counters
        with m.FSM() as fsm:
            with m.State("IDLE"):
                with m.If(self.reseed):
                    m.d.comb += expander.start.eq(1)
                    m.d.sync += counters.eq(0)
                    m.next = "RESEED"
                with m.Elif(self.start & self.seeded):
                    m.d.comb += [sampler.sum_start.eq(1), draw.clear.eq(1)]
                    m.next = "SUM"
            with m.State("RESEED"):
                with m.If(~reseeding):
                    m.d.sync += self.seeded.eq(1)
                    m.next = "IDLE"
            with m.State("SUM"):
                with m.If(sampler.sum_done & draw.settled):
                    m.d.sync += counters.mass.eq(sampler.mass)
                    m.next = "DRAW"
                    with m.If(sampler.mass == 0):
                        m.d.sync += counters.empty_steps.eq(counters.empty_steps + 1)
                        m.next = "END"
                    with m.Else():
                        m.d.comb += gate.start.eq(1)
            with m.State("DRAW"):
                with m.If(~gate.busy & (in_flight == 0) & ~accumulator.busy):
                    m.next = "END"
            with m.State("END"):
                m.d.comb += draw.align.eq(1)
                m.d.sync += counters.steps.eq(counters.steps + 1)
                m.next = "IDLE"
        # Counted a clock late, to keep the long carries out of the paths of the parts.
        with m.If(self.busy):
            for name, now in {
                "open_trials": opened,
                "discarded_trials": left & landed.payload.zero,
                "rejected_draws": draw.rejected,
                "saturations": accumulator.lost,
            }.items():
                late = Signal(len(now), name=f"{name}_now")
                m.d.sync += [late.eq(now), counters[name].eq(counters[name] + late)]
        m.d.comb += self.busy.eq(~fsm.ongoing("IDLE"))
        return m
