"""The ``inverse`` sampler with its gate and accumulator: a token for each open trial, a draw for it, a weight for that.

Twins: ``golden/sampler.py``, ``emu/sampler.py``.
"""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring

from zimu.golden.config import UnitConfig
from zimu.golden.prng import Stream
from zimu.rtl.accumulator import Accumulator, lost_bits
from zimu.rtl.datapath import datapath_members
from zimu.rtl.gate import Gate
from zimu.rtl.generators import Generator
from zimu.rtl.sampler import Draw, WordPair, rejected_shape
from zimu.rtl.search import Search
from zimu.rtl.tree import Tree

FORMS: dict[str, Any] = {"search": Search, "tree": Tree}

PENDING = {"search": 1, "tree": 4}
"""Weight reads under way: a search makes a trial in many clocks, a tree one in each."""


def form_of(config: UnitConfig) -> str:
    """The circuit of an ``inverse`` configuration, which always has one."""
    assert config.form is not None
    return config.form


def inverse_streams(config: UnitConfig) -> dict[int, int]:
    """The numbers of the streams in the order in which they are seeded, each with its lanes."""
    return {Stream.GATE: 1, Stream.TRIALS: config.prng_lanes}


class Inverse(wiring.Component):
    """Everything of a step but its sequence, trial by trial. Members: `zimu.rtl.datapath.datapath_members`."""

    def __init__(self, config: UnitConfig):
        self.config = config
        lost = lost_bits(PENDING[form_of(config)])
        super().__init__(datapath_members(config, discarded=1, rejected=rejected_shape(config), lost=lost))

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.gate_words = gate_words = Generator(config.prng, 1)
        m.submodules.trial_words = trial_words = Generator(config.prng, config.prng_lanes)
        m.submodules.gate = gate = Gate(config)
        m.submodules.draw = draw = Draw(config)
        m.submodules.sampler = sampler = FORMS[form_of(config)](config)
        m.submodules.accumulator = accumulator = Accumulator(config, PENDING[form_of(config)])

        landed = sampler.landed
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
            draw.align.eq(~self.busy),
            sampler.smoothing.eq(self.smoothing),
            sampler.sum_start.eq(self.sum_start),
            self.sum_done.eq(sampler.sum_done & draw.settled),
            self.mass.eq(sampler.mass),
        ]
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
        wiring.connect(m, accumulator.read, wiring.flipped(self.read))
        wiring.connect(m, wiring.flipped(self.read_data), accumulator.read_data)
        wiring.connect(m, accumulator.write, wiring.flipped(self.write))

        # A draw that lands on a zero gradient changes nothing and ends here.
        left = Signal()
        m.d.comb += [
            accumulator.trials.valid.eq(landed.valid & ~landed.payload.zero),
            accumulator.trials.payload.index.eq(landed.payload.index),
            accumulator.trials.payload.negative.eq(landed.payload.negative),
            landed.ready.eq(landed.payload.zero | accumulator.trials.ready),
            left.eq(landed.valid & landed.ready),
            self.opened.eq(gate.token_valid & gate.token_ready),
            self.discarded.eq(left & landed.payload.zero),
            self.rejected.eq(draw.rejected),
            self.lost.eq(accumulator.lost),
        ]
        in_flight = Signal(8)  # draws between the gate and the accumulator; the deepest pipeline holds fewer than 64
        m.d.sync += in_flight.eq(in_flight + self.opened - left)
        m.d.comb += self.busy.eq(gate.busy | (in_flight != 0) | accumulator.busy)
        return m
