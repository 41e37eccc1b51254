# amaranth: UnusedElaboratable=no
# Cores are also made for what is priced of them, and for the shapes of their ports, alone.
"""What an update unit is in hardware: the ports of a core, the sequence that all share, and how a core is found.

Twins: ``golden/update.py``, ``emu/update.py``. The cores: ``rtl/unit.py``, and ``rtl/pointwise.py`` around rules that
work weight by weight.
"""

from abc import abstractmethod
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

from amaranth.hdl import Const, Module, Shape, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from zimu.golden.rule import RULES, Integer, RuleConfig, counters_of
from zimu.rtl.basics import address
from zimu.rtl.generators import KINDS
from zimu.rtl.prng import CYCLES_PER_WORD, SeedExpander


class Places(NamedTuple):
    """A memory as a core sees it: how many places, and the shape of what each holds."""

    number: int
    shape: Any


def shape_of(kind: Integer) -> Shape:
    """The shape of a number of this kind."""
    return Shape(kind.bits, kind.signed)


def counters_layout(config: RuleConfig, **narrower: int) -> data.StructLayout:
    """The counters of a rule in their order; ``narrower`` are widths of those that never need the width declared."""
    widths = {name: kind.bits for name, kind in counters_of(config.counters).items()}
    return data.StructLayout(widths | narrower)


class UpdateCore(wiring.Component):
    """Base of the cores: an update unit without the memories it works on.

    Requests to the memories go out and answers come back in order, after any number of clocks. A reset stops
    everything at once; answers to requests from before it must not arrive after it.

    Parameters
    ----------
    config : the configuration.
    gradients, weights : the memories.
    counters : `counters_layout`, all of their declared widths by default.
    beside : memories of the rule with ports of their own, by name; the others lie beside the weights.
    slices : what single reads of a few lanes see, of cores that have such.
    sliced : the memory they read: ``gradient``, or one of ``beside``.

    Members
    -------
    seed : Signal(64), in. Must hold while busy with a `reseed`.
    reseed : Signal(1), in. Expands the seed, if anything is random, and clears the counters; sampled while not busy.
    seeded : Signal(1), out. There was a `reseed` since the last reset.
    the run-time values : in, by the names and widths of `RuleConfig.values`. Must hold during a step.
    start : Signal(1), in. Begins a step; sampled while not busy, ignored before the first seed.
    busy : Signal(1), out. When it falls after a step, every write was accepted and the counters are those after it.
    counters : out. Since the seed.
    gradient_request : stream of address(gradients.number), out.
    gradient_beat : stream of gradients.shape, in. The answers, in order.
    weight_read, weight_data, weight_write : `weight_ports`; for each memory in ``beside`` the same, with its name.
    probe_request, probe_slice : `probe_ports`, of cores that read single gradients.
    """

    def __init__(
        self,
        config: RuleConfig,
        gradients: Places,
        weights: Places,
        counters: data.StructLayout | None = None,
        beside: Mapping[str, Places] | None = None,
        slices: Places | None = None,
        sliced: str = "gradient",
    ) -> None:
        self.config: Any = config  # of the rule's own kind
        self.beside, self.slices, self.sliced = beside or {}, slices, sliced
        memories = {"weight": weights, **self.beside}
        super().__init__(
            {
                "seed": In(64),
                "reseed": In(1),
                "seeded": Out(1),
                **{name: In(value.bits) for name, value in config.values.items()},
                "start": In(1),
                "busy": Out(1),
                "counters": Out(counters or counters_layout(config)),
                "gradient_request": Out(stream.Signature(address(gradients.number))),
                "gradient_beat": In(stream.Signature(gradients.shape)),
                **{
                    f"{name}_{port}": member
                    for name, places in memories.items()
                    for port, member in zip(("read", "data", "write"), weight_ports(places).values(), strict=True)
                },
                **probe_ports(slices),
            }
        )

    @property
    @abstractmethod
    def generators(self) -> int:
        """Generators that the expansion of a seed fills."""

    def most_clocks(self, registers: Mapping[str, int]) -> int:
        """More clocks than a step with these run-time values takes, pauses of the memories not counted."""
        return 4000 + 40 * self.config.depth


def update_core(config: RuleConfig) -> UpdateCore:
    """The core of a configuration of any rule."""
    core: UpdateCore = import_module(f"zimu.rtl.{RULES[config.rule]}").CORE(config)
    return core


def weight_ports(weights: Places) -> dict:
    """Ports of the weight memory.

    read : stream of address(weights.number), out.
    read_data : stream of weights.shape, in. The answers, in order.
    write : stream of {address, data}, out. Must be seen by every read accepted at a later clock.
    """
    place = address(weights.number)
    return {
        "read": Out(stream.Signature(place)),
        "read_data": In(stream.Signature(weights.shape)),
        "write": Out(stream.Signature(data.StructLayout({"address": place, "data": weights.shape}))),
    }


def probe_ports(slices: Places | None) -> dict:
    """Ports on which few gradients at a time are read, if any are.

    probe_request : stream of address(slices.number), out.
    probe_slice : stream of slices.shape, in. The answers, in order.
    """
    if slices is None:
        return {}
    return {
        "probe_request": Out(stream.Signature(address(slices.number))),
        "probe_slice": In(stream.Signature(slices.shape)),
    }


def seed_cycles(kind: str, generators: int) -> int:
    """Clocks of the expansion of a seed for so many generators in all."""
    return generators * KINDS[kind].words * CYCLES_PER_WORD


def frame_states(m: Module, core: Any, expander: SeedExpander | None, first: str) -> Any:
    """Add the states of a core's FSM in which it rests (IDLE), takes a seed (RESEED) and counts a step (END).

    To be called before the core's own states are added; the last of those goes to END.

    Parameters
    ----------
    expander : expands the seed; None where nothing is random.
    first : the state in which a step begins.

    Returns
    -------
    Signal(1), a step begins in this clock.
    """
    begin = Signal(name="begin")
    with m.State("IDLE"):
        with m.If(core.reseed):
            m.next = "RESEED"
        with m.Elif(core.start & core.seeded):
            m.d.comb += begin.eq(1)
            m.next = first
        if expander is not None:
            m.d.comb += expander.start.eq(core.reseed)
    with m.State("RESEED"):
        with m.If(~expander.busy if expander is not None else Const(1)):
            m.d.sync += core.seeded.eq(1)
            m.next = "IDLE"
    with m.State("END"):
        m.d.sync += core.counters.steps.eq(core.counters.steps + 1)
        m.next = "IDLE"
    return begin


def count_late(m: Module, core: Any, **now: Any) -> None:
    """Add to the counters of these names what happens now, while busy; a new seed clears all counters.

    It is counted a clock late, to keep the long carries out of the paths of the parts.
    """
    with m.If(core.busy):
        for name, value in now.items():
            late = Signal(len(value), name=f"{name}_now")
            m.d.sync += [late.eq(value), core.counters[name].eq(core.counters[name] + late)]
    # Above all else, so that registers can be cleared by their reset.
    with m.If(core.reseed & ~core.busy):
        m.d.sync += core.counters.eq(0)
