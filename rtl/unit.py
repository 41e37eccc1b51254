"""The unit's core: generators, gate, sampler and accumulator, with ports for the memories it works on.

Twins: ``golden/unit.py``, ``emu/unit.py``. ``rtl/onchip.py`` adds memories, streams and a register block.
"""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from zimu.golden.config import UnitConfig
from zimu.rtl.datapath import weight_members
from zimu.rtl.generators import KINDS
from zimu.rtl.inverse import Inverse, inverse_streams
from zimu.rtl.prng import CYCLES_PER_WORD, SeedExpander
from zimu.rtl.sampler import address, beat_layout, mass_bits
from zimu.rtl.split import Split, split_streams

DATAPATHS: dict[str, Any] = {"inverse": Inverse, "split": Split}
"""By the sampler."""

STREAMS = {"inverse": inverse_streams, "split": split_streams}

COUNTER_BITS = 32


def seed_cycles(config: UnitConfig) -> int:
    """Clocks of the expansion of a seed."""
    generators = sum(STREAMS[config.sampler](config).values())
    return generators * KINDS[config.prng].words * CYCLES_PER_WORD


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

    Gradients are read beat by beat and weights one by one (with ``split`` by beats too) through memory ports: requests
    go out, answers come back in order after any number of clocks. A weight write must be seen by every weight read
    accepted at a later clock. A reset stops everything at once; answers to requests from before it must not arrive
    after it.

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
    weight_read, weight_data, weight_write : `zimu.rtl.datapath.weight_members`.
    """

    def __init__(self, config: UnitConfig):
        self.config = config
        weights = weight_members(config)
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
                "weight_read": weights["read"],
                "weight_data": weights["read_data"],
                "weight_write": weights["write"],
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        streams = STREAMS[config.sampler](config)
        m.submodules.expander = expander = SeedExpander(KINDS[config.prng].words, streams)
        m.submodules.datapath = datapath = DATAPATHS[config.sampler](config)
        m.d.comb += [
            expander.seed.eq(self.seed),
            datapath.smoothing.eq(self.smoothing),
            datapath.trials.eq(self.trials),
            datapath.threshold.eq(self.threshold),
        ]
        for name in ("strobe", "word", "stream", "lane", "last"):
            m.d.comb += getattr(datapath, name).eq(getattr(expander, name))
        wiring.connect(m, datapath.request, wiring.flipped(self.gradient_request))
        wiring.connect(m, wiring.flipped(self.gradient_beat), datapath.beat)
        wiring.connect(m, datapath.read, wiring.flipped(self.weight_read))
        wiring.connect(m, wiring.flipped(self.weight_data), datapath.read_data)
        wiring.connect(m, datapath.write, wiring.flipped(self.weight_write))

        counters = self.counters
        with m.FSM() as fsm:
            with m.State("IDLE"):
                with m.If(self.reseed):
                    m.d.comb += expander.start.eq(1)
                    m.d.sync += counters.eq(0)
                    m.next = "RESEED"
                with m.Elif(self.start & self.seeded):
                    m.d.comb += datapath.sum_start.eq(1)
                    m.next = "SUM"
            with m.State("RESEED"):
                with m.If(~expander.busy):
                    m.d.sync += self.seeded.eq(1)
                    m.next = "IDLE"
            with m.State("SUM"):
                with m.If(datapath.sum_done):
                    m.d.sync += counters.mass.eq(datapath.mass)
                    m.next = "DRAW"
                    with m.If(datapath.mass == 0):
                        m.d.sync += counters.empty_steps.eq(counters.empty_steps + 1)
                        m.next = "END"
                    with m.Else():
                        m.d.comb += datapath.start.eq(1)
            with m.State("DRAW"):
                with m.If(~datapath.busy):
                    m.next = "END"
            with m.State("END"):
                m.d.sync += counters.steps.eq(counters.steps + 1)
                m.next = "IDLE"
        # Counted a clock late, to keep the long carries out of the paths of the parts.
        with m.If(self.busy):
            for name, now in {
                "open_trials": datapath.opened,
                "discarded_trials": datapath.discarded,
                "rejected_draws": datapath.rejected,
                "saturations": datapath.lost,
            }.items():
                late = Signal(len(now), name=f"{name}_now")
                m.d.sync += [late.eq(now), counters[name].eq(counters[name] + late)]
        m.d.comb += [self.busy.eq(~fsm.ongoing("IDLE")), datapath.hold.eq(fsm.ongoing("RESEED") | ~self.seeded)]
        return m
