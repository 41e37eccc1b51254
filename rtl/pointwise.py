"""What the circuits share that change each weight by its own gradient alone: their streams, and the core around them.

Twins: ``golden/pointwise.py``, ``emu/pointwise.py``. The units: ``rtl/float_sgd.py``, ``rtl/int_sgd.py``.
"""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from zimu.golden.pointwise import PointwiseConfig
from zimu.golden.prng import Stream
from zimu.golden.rule import WORD_BITS, counters_of
from zimu.rtl.basics import address
from zimu.rtl.generators import KINDS, Generator
from zimu.rtl.prng import SeedExpander
from zimu.rtl.update import Places, UpdateCore, count_late, frame_states, shape_of

SEEDING = {"hold": In(1), "shift": In(1), "chain_in": In(WORD_BITS)}
"""Inputs of a unit that has random words: those of `zimu.rtl.generators.Generator`."""


def lane_layout(config: PointwiseConfig) -> data.StructLayout:
    """What a weight's step works on: ``weight``, what is kept beside it by its names, and ``gradient``."""
    return data.StructLayout({**kept_layout(config).members, "gradient": shape_of(config.gradient)})


def kept_layout(config: PointwiseConfig) -> data.StructLayout:
    """What lies in the memory of each weight: ``weight``, and the configuration's memories by name."""
    beside = {name: shape_of(kind) for name, kind in config.memories.items()}
    return data.StructLayout({"weight": shape_of(config.weight), **beside})


def counted_layout(config: PointwiseConfig) -> data.StructLayout:
    """For each of the rule's counters but ``steps``, what a beat adds to it."""
    names = [name for name in counters_of(config.counters) if name != "steps"]
    return data.StructLayout(dict.fromkeys(names, range(config.lanes + 1)))


def unit_members(config: PointwiseConfig) -> dict:
    """The ports of a unit between two streams, which takes a beat a clock and gives them back in order.

    Nothing moves while a valid beat of `updated` is not taken. A reset empties it.

    Members
    -------
    the run-time values : in, by the names and widths of `RuleConfig.values`. Sampled with each beat of `operands`.
    operands : stream of ArrayLayout(`lane_layout`, lanes), in. Where bits are random a beat takes a row of words.
    updated : stream of ArrayLayout(`kept_layout`, lanes), out.
    counted : `counted_layout`, out. What happened to the weights of the beat on `updated`.
    hold, shift, chain_in : in, where bits are random. Those of `zimu.rtl.generators.Generator`.
    """
    return {
        **{name: In(value.bits) for name, value in config.values.items()},
        "operands": In(stream.Signature(data.ArrayLayout(lane_layout(config), config.lanes))),
        "updated": Out(stream.Signature(data.ArrayLayout(kept_layout(config), config.lanes))),
        "counted": Out(counted_layout(config)),
        **(SEEDING if config.row_words else {}),
    }


def add_random_words(m: Module, unit: Any) -> tuple[Any, list[Any]]:
    """Add the generators of a unit's rounding bits.

    Returns
    -------
    The stream of rows, and the random bits of each lane, valid with a row.
    """
    config = unit.config
    bits, share = config.rounding_bits, config.weights_per_word
    m.submodules.words = words = Generator(config.prng, config.row_words)
    m.d.comb += [getattr(words, name).eq(getattr(unit, name)) for name in SEEDING]
    row = words.row.payload
    return words.row, [row[i // share][bits * (i % share) :][:bits] for i in range(config.lanes)]


class Walk(wiring.Component):
    """All places of a memory in order, once for each `start`.

    Members
    -------
    start : Signal(1), in. Sampled while nothing is left.
    place : stream of address(places), out.
    last : Signal(1), out. The place on offer is the last one.
    """

    def __init__(self, places: int):
        self.places = places
        super().__init__({"start": In(1), "place": Out(stream.Signature(address(places))), "last": Out(1)})

    def elaborate(self, platform):
        m = Module()
        place = self.place
        m.d.comb += self.last.eq(place.payload == self.places - 1)
        with m.If(self.start & ~place.valid):
            m.d.sync += place.valid.eq(1)
        with m.If(place.valid & place.ready):
            wraps = self.places == 1 << len(place.payload)
            m.d.sync += place.payload.eq(place.payload + 1 if wraps else Mux(self.last, 0, place.payload + 1))
            m.d.sync += place.valid.eq(~self.last)
        return m


class PointwiseCore(UpdateCore):
    """A unit between streams made a core: it walks the memories, takes the seed and counts.

    Place b of both memories holds a beat, lane i of it is weight ``b * lanes + i``. What is kept beside a weight lies
    beside it in the memory; nothing here ever clears it. Lanes beyond the depth may hold anything; they are written
    with the others and never count. Reads run ahead as far as the memories let them; the writes follow in order.

    Parameters
    ----------
    unit : its members are those of `unit_members`; it has its ``config``.

    Members
    -------
    gradient_beat : stream of ArrayLayout(gradient, lanes), in.
    weight_data : stream of what the unit's `updated` is, in.
    the others : `zimu.rtl.update.UpdateCore`.
    """

    def __init__(self, unit: Any):
        self.unit = unit
        config: PointwiseConfig = unit.config
        gradients = Places(config.beats, data.ArrayLayout(shape_of(config.gradient), config.lanes))
        super().__init__(config, gradients, Places(config.beats, unit.updated.payload.shape()))

    @property
    def generators(self) -> int:
        """Generators that the expansion of a seed fills."""
        return self.config.row_words

    def elaborate(self, platform):
        m = Module()
        m.submodules.unit = unit = self.unit
        m.submodules.gradients = gradients = Walk(self.config.beats)
        m.submodules.weights = weights = Walk(self.config.beats)
        m.submodules.writes = writes = Walk(self.config.beats)
        wiring.connect(m, gradients.place, wiring.flipped(self.gradient_request))
        wiring.connect(m, weights.place, wiring.flipped(self.weight_read))
        written = Signal()
        m.d.comb += [
            self.weight_write.valid.eq(unit.updated.valid),
            self.weight_write.payload.address.eq(writes.place.payload),
            self.weight_write.payload.data.eq(unit.updated.payload),
            unit.updated.ready.eq(self.weight_write.ready),
            written.eq(unit.updated.valid & self.weight_write.ready),
            writes.place.ready.eq(written),
        ]
        with m.FSM() as fsm:
            begin = frame_states(m, self, self._seeding(m), "RUN")
            with m.State("RUN"):
                with m.If(written & writes.last):
                    m.next = "END"
        m.d.comb += [
            self.busy.eq(~fsm.ongoing("IDLE")),
            *(walk.start.eq(begin) for walk in (gradients, weights, writes)),
            *(getattr(unit, name).eq(getattr(self, name)) for name in self.config.values),
        ]
        if self.config.row_words:
            m.d.comb += unit.hold.eq(fsm.ongoing("RESEED") | ~self.seeded)
        self._operands(m, begin)
        count_late(m, self, **{name: Mux(written, unit.counted[name], 0) for name, _ in unit.counted.shape()})
        with m.If(begin):
            latest = [name for name, kind in counters_of(self.config.counters).items() if kind.latest]
            m.d.sync += [self.counters[name].eq(0) for name in latest]
        return m

    def _seeding(self, m: Module) -> SeedExpander | None:
        """What fills the unit's generators, where it has any."""
        config = self.config
        if not config.row_words:
            return None
        m.submodules.expander = expander = SeedExpander(KINDS[config.prng].words, {Stream.ROUND: config.row_words})
        m.d.comb += [
            expander.seed.eq(self.seed),
            self.unit.chain_in.eq(expander.word),
            self.unit.shift.eq(expander.strobe),
        ]
        return expander

    def _operands(self, m: Module, begin: Signal) -> None:
        """Give the unit each beat of gradients with its weights."""
        operands = self.unit.operands
        both = Signal()
        m.d.comb += [
            both.eq(self.gradient_beat.valid & self.weight_data.valid),
            operands.valid.eq(both),
            self.gradient_beat.ready.eq(both & operands.ready),
            self.weight_data.ready.eq(both & operands.ready),
        ]
        for lane, operand in enumerate(operands.payload):
            weight = self.weight_data.payload[lane]
            m.d.comb += operand.gradient.eq(self.gradient_beat.payload[lane])
            m.d.comb += [operand[name].eq(weight[name]) for name in ("weight", *self.config.memories)]
        filled = self.config.depth % self.config.lanes
        if filled:
            # What lies beyond the depth must not be counted: zeros are never clipped.
            m.submodules.taken = taken = Walk(self.config.beats)
            m.d.comb += [taken.start.eq(begin), taken.place.ready.eq(both & operands.ready)]
            with m.If(taken.last):
                for lane in range(filled, self.config.lanes):
                    m.d.comb += operands.payload[lane].eq(0)
