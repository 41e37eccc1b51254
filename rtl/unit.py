"""The unit's core: generators, gate, sampler and accumulator, with ports for the memories it works on.

Twins: ``golden/unit.py``, ``emu/unit.py``. ``rtl/onchip.py`` adds memories, streams and a register block.
"""

from collections.abc import Mapping
from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring

from zimu.golden.unit import UnitConfig
from zimu.rtl.beats import beat_layout, mass_bits
from zimu.rtl.datapath import SamplerCircuit
from zimu.rtl.gate import TrialsFromMass
from zimu.rtl.generators import KINDS
from zimu.rtl.momentum import Means, mean_beats, means_layout, sampled, upper_bits
from zimu.rtl.prng import SeedExpander
from zimu.rtl.sampler import INVERSE
from zimu.rtl.split import SPLIT
from zimu.rtl.update import Places, UpdateCore, count_late, counters_layout, frame_states

SAMPLERS: dict[str, SamplerCircuit] = {"inverse": INVERSE, "split": SPLIT}
"""By `zimu.golden.unit.UnitConfig.sampler`."""


def unit_counters(config: UnitConfig) -> data.StructLayout:
    """The counters of `zimu.golden.unit.Counters`; ``mass`` is as wide as W may get."""
    return counters_layout(config, mass=mass_bits(config))


def step_cycles(config: UnitConfig, *, trials: int, opened: int | None = None) -> float:
    """Expected clocks of one step with memories that answer in the next clock, for W spread evenly on a log scale.

    A model, which tests hold against simulation.

    Parameters
    ----------
    trials : n.
    opened : N, the trials that pass the gate; all by default.
    """
    clocks = SAMPLERS[config.sampler].clocks(sampled(config), trials, trials if opened is None else opened)
    return (
        clocks
        + (Means.CLOCKS if config.momentum else 0)
        + (TrialsFromMass.CLOCKS if config.trials_shift is not None else 0)
    )


class ZimCore(UpdateCore):
    """The integer weight-update unit without its memories.

    Beat b of the gradients holds gradients ``b * lanes`` and up. How weights are read is the sampler's: one by one, or
    by beats too.

    Members
    -------
    trials : Signal(32), in. n.
    threshold : Signal(gate_bits + 1), in. T.
    smoothing : Signal(smoothing_bits), in. c.
    decay, rate : Signal(3), Signal(16), in. b and T', where the configuration has them; n is at most `trials` then.
    counters : `unit_counters`, out.
    gradient_beat : stream of `zimu.rtl.beats.beat_layout`, in.
    weight_data : stream of what the sampler's `zimu.rtl.datapath.WeightMemory` holds, in.
    momentum_read, momentum_data, momentum_write : those of `zimu.rtl.momentum.mean_beats`, with momentum. Every mean is
        read and written once in a step.
    probe_slice : stream of `zimu.rtl.beats.slice_layout`, in; with momentum of as many means in place of gradients.
    the others : `zimu.rtl.update.UpdateCore`.
    """

    def __init__(self, config: UnitConfig):
        self.sampler = SAMPLERS[config.sampler]
        gradients = Places(config.beats, beat_layout(config))
        weights, counters = self.sampler.weights(config).places, unit_counters(config)
        if config.momentum:
            slices = Places(config.slices, means_layout(config, config.slice))
            super().__init__(config, gradients, weights, counters, {"momentum": mean_beats(config)}, slices, "momentum")
        else:
            super().__init__(config, gradients, weights, counters, slices=self.sampler.slices(config))

    @property
    def generators(self) -> int:
        """Generators that the expansion of a seed fills."""
        generators: int = sum(self.sampler.streams(self.config).values())
        return generators

    def most_clocks(self, registers: Mapping[str, int]) -> int:
        return super().most_clocks(registers) + 400 * registers["trials"]

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.expander = expander = SeedExpander(KINDS[config.prng].words, self.sampler.streams(config))
        m.submodules.datapath = datapath = self.sampler.datapath(sampled(config))
        m.d.comb += [
            expander.seed.eq(self.seed),
            datapath.smoothing.eq(self.smoothing),
            datapath.threshold.eq(self.threshold),
        ]
        for name in ("strobe", "word", "stream", "lane", "last"):
            m.d.comb += getattr(datapath, name).eq(getattr(expander, name))
        self._connect_gradients(m, datapath)
        wiring.connect(m, datapath.read, wiring.flipped(self.weight_read))
        wiring.connect(m, wiring.flipped(self.weight_data), datapath.read_data)
        wiring.connect(m, datapath.write, wiring.flipped(self.weight_write))

        counters = self.counters
        # In registers, as they go far or take long to find. For the same reason a sum pass begins in its own state.
        empty = Signal()
        hold = Signal(init=1)
        with m.FSM() as fsm:
            frame_states(m, self, expander, "START")
            with m.State("START"):
                m.next = "SUM"
            with m.State("SUM"):
                with m.If(datapath.sum_done):
                    m.d.sync += counters.mass.eq(datapath.mass)
                    m.next = "SUMMED" if config.trials_shift is None else "SCALE"
            if config.trials_shift is None:
                m.d.comb += datapath.trials.eq(self.trials)
            else:
                m.submodules.trials_from_mass = scaling = TrialsFromMass(config)
                m.d.comb += [
                    scaling.start.eq(fsm.ongoing("SUM") & datapath.sum_done),
                    scaling.mass.eq(counters.mass),
                    scaling.rate.eq(self.rate),
                    scaling.limit.eq(self.trials),
                    datapath.trials.eq(scaling.trials),
                ]
                with m.State("SCALE"):
                    with m.If(scaling.done):
                        m.next = "SUMMED"
            with m.State("SUMMED"):
                with m.If(empty):
                    m.d.sync += counters.empty_steps.eq(counters.empty_steps + 1)
                    m.next = "END"
                with m.Else():
                    m.next = "DRAW"
            with m.State("DRAW"):
                with m.If(~datapath.busy):
                    m.next = "END"
        count_late(
            m,
            self,
            open_trials=datapath.opened,
            discarded_trials=datapath.discarded,
            rejected_draws=datapath.rejected,
            saturations=datapath.lost,
        )
        m.d.comb += [
            self.busy.eq(~fsm.ongoing("IDLE")),
            datapath.sum_start.eq(fsm.ongoing("START")),
            datapath.start.eq(fsm.ongoing("SUMMED") & ~empty),
            datapath.hold.eq(hold),
        ]
        m.d.sync += [empty.eq(datapath.mass == 0), hold.eq(fsm.ongoing("RESEED") | ~self.seeded)]
        return m

    def _connect_gradients(self, m: Module, datapath: Any) -> None:
        """Let the datapath read gradients, or with momentum the upper bits of their means."""
        config = self.config
        if config.momentum is None:
            wiring.connect(m, datapath.request, wiring.flipped(self.gradient_request))
            wiring.connect(m, wiring.flipped(self.gradient_beat), datapath.beat)
            if self.sampler.slices(config):
                wiring.connect(m, datapath.probe_request, wiring.flipped(self.probe_request))
                wiring.connect(m, wiring.flipped(self.probe_slice), datapath.probe_slice)
            return
        m.submodules.means = means = Means(config)
        m.d.comb += means.decay.eq(self.decay)
        wiring.connect(m, datapath.request, means.request)
        wiring.connect(m, means.beat, datapath.beat)
        wiring.connect(m, means.gradient_request, wiring.flipped(self.gradient_request))
        wiring.connect(m, wiring.flipped(self.gradient_beat), means.gradient_beat)
        wiring.connect(m, means.read, wiring.flipped(self.momentum_read))
        wiring.connect(m, wiring.flipped(self.momentum_data), means.read_data)
        wiring.connect(m, means.write, wiring.flipped(self.momentum_write))
        wiring.connect(m, datapath.probe_request, wiring.flipped(self.probe_request))
        m.d.comb += [
            datapath.probe_slice.valid.eq(self.probe_slice.valid),
            self.probe_slice.ready.eq(datapath.probe_slice.ready),
        ]
        for v, sampled_as in zip(
            upper_bits(config, self.probe_slice.payload), datapath.probe_slice.payload, strict=True
        ):
            m.d.comb += sampled_as.eq(v)


CORE = ZimCore
