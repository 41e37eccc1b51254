"""The pipelined circuit of the ``inverse`` sampler: the weight of a draw in each clock.

The sum pass leaves in memories what a draw is compared with on its way down: prefix sums while it looks for its beat,
then sums of left halves inside the beat, down to a slice of ``probe`` gradients. Those the draw reads again.

Nothing in the pipeline waits: a draw enters only while there is room for it at the end. Twins: ``golden/sampler.py``,
``emu/sampler.py``.
"""

from typing import Any, NamedTuple

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from zimu.golden.unit import UnitConfig
from zimu.rtl.accumulator import waiting
from zimu.rtl.basics import Queue, address, later, one_of
from zimu.rtl.beats import (
    SumPass,
    halves_layout,
    mass_bits,
    partial_layout,
    prefix_layout,
    slice_layout,
    subtract_partial,
    sum_stages,
)
from zimu.rtl.encoding import Partial, encoding_of
from zimu.rtl.selection import form_signature, landed_layout
from zimu.rtl.tables import Write, look_up, read_clocks


def draw_layout(config: UnitConfig) -> data.StructLayout:
    """A draw u."""
    return data.StructLayout({"valid": 1, "u": mass_bits(config)})


def found_layout(config: UnitConfig, places: int) -> data.StructLayout:
    """A draw whose place is known, a beat or a slice of it: u less the mass of all places before."""
    most = config.max_weight_mass * -(-config.beats * config.lanes // places)
    return data.StructLayout({"valid": 1, "place": address(places), "residual": range(most)})


class BeatLevels(wiring.Component):
    """Finds the beat of a draw: of a range of beats it goes to the right half unless the prefix sum there is above u.

    A level takes `read_clocks`. The beats are the leaves of a binary tree; level l holds 2^l prefix sums, one in the
    middle of each of its ranges. As u and the prefix sum differ by no more than the mass of a half of their range, it
    is enough to compare them modulo twice that.

    Members
    -------
    prefix : `zimu.rtl.beats.prefix_layout`, in.
    draw : `draw_layout`, in.
    found : `found_layout` of beats, out.
    """

    def __init__(self, config: UnitConfig):
        self.config = config
        super().__init__(
            {
                "prefix": In(prefix_layout(config)),
                "draw": In(draw_layout(config)),
                "found": Out(found_layout(config, config.beats)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, beats = self.config, self.config.beats
        levels = ceil_log2(beats)
        # A clock for choosing the levels that keep a prefix sum.
        came, before, prefix = later(
            m, "kept", came=self.prefix.valid, before=self.prefix.beat, prefix=self.prefix.mass
        )
        valid, u, beat, edge = self.draw.valid, self.draw.u, Const(0, 0), Const(1, 1)
        for level in range(levels):
            half = 2 ** (levels - level - 1)  # beats of a half
            # Modulo 2^bits; the mass of a half is at most 2^(bits - 1). The topmost range may need no modulus.
            bits = min(bits_for(half * config.lanes * config.max_weight_mass - 1) + 1, mass_bits(config) + 1)
            middle = Signal(bits, name=f"middle{level}")
            keeps = Signal(name=f"keeps{level}")
            m.d.sync += keeps.eq(self.prefix.valid & (self.prefix.beat[: ceil_log2(2 * half)] == half))
            if level == 0:
                with m.If(keeps):
                    m.d.sync += middle.eq(prefix)
            else:
                stored = min(bits, mass_bits(config))
                kept = Write(keeps, before >> ceil_log2(2 * half), [prefix])
                m.d.comb += middle.eq(look_up(m, f"level{level}", stored, 2**level, kept, beat))
                valid, u, beat, edge = later(
                    m, f"level{level}", read_clocks(2**level), valid=valid, u=u, beat=beat, edge=edge
                )
            u = u[:bits]
            right = Signal(name=f"right{level}")
            m.d.comb += right.eq(~(u - middle)[bits - 1])
            # The last range of a level may have no right half.
            if (beats - 1) % (2 * half) < half:
                right = right & ~edge
                edge = edge & ~right
            else:
                edge = edge & right
            beat = Cat(right, beat)
        m.d.comb += [self.found.valid.eq(valid), self.found.place.eq(beat), self.found.residual.eq(u)]
        if levels:
            residual_bits = len(self.found.residual)
            kept = Write(came, before, [prefix])
            start = look_up(m, "starts", residual_bits, 2**levels, kept, beat)
            valid, u, beat = later(m, "found", read_clocks(2**levels), valid=valid, u=u[:residual_bits], beat=beat)
            m.d.comb += [self.found.valid.eq(valid), self.found.place.eq(beat), self.found.residual.eq(u - start)]
        return m


class Descent(NamedTuple):
    """A draw on its way down: at `place`, and what is left of it where it went left or right at last."""

    valid: Any
    place: Any
    right: Any
    """It went right."""
    left_residual: Any
    right_residual: Any

    def residual(self) -> Any:
        return Mux(self.right, self.right_residual, self.left_residual)


def descend(
    m: Module, name: str, config: UnitConfig, smoothing: Any, half: int, draw: Descent, left: Partial
) -> Descent:
    """Add to a module: in two clocks, go to the right half unless the left one's mass is above what is left of a draw.

    Parameters
    ----------
    half : weights in each half.
    left : the left half's magnitudes, for the place of the draw, two clocks later.
    """
    draw = Descent(*later(m, f"{name}_arrived", **draw._asdict()))
    residual = Signal(range(2 * half * config.max_weight_mass), name=f"{name}_residual")
    m.d.comb += residual.eq(draw.residual())
    # Smoothing is taken away before the magnitudes are known.
    spared = residual - (encoding_of(config).rest(smoothing) << ceil_log2(half))
    valid, place, residual, spared = later(
        m, f"{name}_compared", valid=draw.valid, place=draw.place, residual=residual, spared=spared
    )
    after = Signal(Shape(len(residual) + 2, signed=True), name=f"{name}_after")
    right = Signal(name=f"{name}_right")
    m.d.comb += [after.eq(subtract_partial(spared, left)), right.eq(~after[-1])]
    kept = bits_for(half * config.max_weight_mass - 1)
    return Descent(valid, Cat(right, place), right, residual[:kept], after[:kept])


class SliceLevels(wiring.Component):
    """Finds the slice of a draw in its beat, halving the beat in `read_clocks`.

    Level l keeps the sums of the left halves of the 2^l equal parts of all beats.

    Members
    -------
    smoothing : Signal(smoothing_bits), in. c.
    halves0, halves1, ... : `zimu.rtl.beats.halves_layout`, in.
    draw : `found_layout` of beats, in.
    found : `found_layout` of slices, out.
    """

    def __init__(self, config: UnitConfig):
        self.config = config
        self.levels = ceil_log2(config.lanes // config.slice)
        super().__init__(
            {
                "smoothing": In(config.smoothing_bits),
                **{f"halves{level}": In(halves_layout(config, level)) for level in range(self.levels)},
                "draw": In(found_layout(config, config.beats)),
                "found": Out(found_layout(config, config.beats << self.levels)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        draw = Descent(self.draw.valid, self.draw.place, Const(0, 1), self.draw.residual, self.draw.residual)
        for level in range(self.levels):
            half = config.lanes >> level + 1
            halves = getattr(self, f"halves{level}")
            shape = partial_layout(config, half)
            kept = Write(halves.valid, halves.beat, [halves.sums[part] for part in range(2**level)])
            depth = 2 ** ceil_log2(config.beats << level)
            left = shape(look_up(m, f"level{level}", shape.size, depth, kept, draw.place))
            # Going down takes two clocks itself.
            draw = Descent(*later(m, f"level{level}", read_clocks(depth) - 2, **draw._asdict()))
            draw = descend(m, f"level{level}", config, self.smoothing, half, draw, Partial(left.value, left.carry))
        draw = Descent(*later(m, "found", **draw._asdict()))
        m.d.comb += [
            self.found.valid.eq(draw.valid),
            self.found.place.eq(draw.place),
            self.found.residual.eq(draw.residual()),
        ]
        return m


class LaneLevels(wiring.Component):
    """Finds the weight of a draw in its slice, whose gradients were read again.

    Members
    -------
    smoothing : Signal(smoothing_bits), in. c.
    gradients : `zimu.rtl.beats.slice_layout`, in. The slice's, with `draw`.
    draw : `found_layout` of slices, in.
    landed : {valid, ``at``: `zimu.rtl.selection.landed_layout`}, out.
    """

    def __init__(self, config: UnitConfig):
        self.config = config
        super().__init__(
            {
                "smoothing": In(config.smoothing_bits),
                "gradients": In(slice_layout(config)),
                "draw": In(found_layout(config, config.slices)),
                "landed": Out(data.StructLayout({"valid": 1, "at": landed_layout(config)})),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        levels = ceil_log2(config.slice)
        gradients = [Signal(config.gradient_bits, name=f"gradient{i}") for i in range(config.slice)]
        m.d.sync += [to.eq(each) for to, each in zip(gradients, self.gradients, strict=True)]
        encoding = encoding_of(config)
        stages = sum_stages(m, [encoding.magnitude(g, self.smoothing) for g in gradients], "sum")
        negative, zero = Cat(g[-1] for g in gradients), Cat(encoding.is_zero(g) for g in gradients)

        # The gradients are there one clock after the draw, the sums of halves some clocks later.
        clock = max(levels - 2, 0)
        draw = Descent(
            *later(
                m,
                "draw",
                clock + 1,
                valid=self.draw.valid,
                place=self.draw.place,
                right=Const(0, 1),
                left_residual=self.draw.residual,
                right_residual=self.draw.residual,
            )
        )
        for level in range(levels):
            stage = levels - 1 - level
            lefts = stages[stage][::2]
            (lane,) = later(m, f"lane{level}", lane=draw.place[:level])
            values, carries = later(
                m,
                f"lefts{level}",
                clock + 1 - stage,
                values=Cat(left.value for left in lefts),
                carries=Cat(left.carry for left in lefts),
            )
            left = later(
                m,
                f"left{level}",
                value=one_of(values, lane, len(lefts[0].value)),
                carry=one_of(carries, lane, 1),
            )
            draw = descend(m, f"level{level}", config, self.smoothing, 2**stage, draw, Partial(*left))
            clock += 2
        valid, place, negative, zero = later(
            m,
            "chosen",
            valid=draw.valid,
            place=draw.place,
            **dict(zip(("negative", "zero"), later(m, "signs", clock, negative=negative, zero=zero), strict=True)),
        )
        lane = place[:levels]
        landed = self.landed
        m.d.sync += [
            landed.valid.eq(valid),
            landed.at.index.eq(place),
            landed.at.negative.eq(one_of(negative, lane, 1)),
            landed.at.zero.eq(one_of(zero, lane, 1)),
        ]
        return m


class Tree(wiring.Component):
    """One draw per clock: the levels of the beats, those of the slices, a read of the slice, the levels of its lanes.

    Members: `zimu.rtl.selection.form_signature`.
    """

    pending = 4  # a trial in each clock

    @staticmethod
    def clocks(config: UnitConfig) -> float:
        return 1 + waiting(config)

    @staticmethod
    def latency(config: UnitConfig) -> int:
        beats, slices, lanes = (ceil_log2(n) for n in (config.beats, config.lanes // config.slice, config.slice))
        depths = [2**level for level in range(1, beats + 1)] + [2 ** (beats + level) for level in range(slices)]
        return sum(map(read_clocks, depths)) + 2 * lanes + max(lanes - 2, 0) + 22

    def __init__(self, config: UnitConfig):
        self.config = config
        super().__init__(form_signature(config))

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.slices = slices = SliceLevels(config)
        m.submodules.sums = sums = SumPass(config, slices.levels)
        m.submodules.beats = beats = BeatLevels(config)
        m.submodules.lanes = lanes = LaneLevels(config)
        m.d.comb += [
            sums.start.eq(self.sum_start),
            sums.smoothing.eq(self.smoothing),
            slices.smoothing.eq(self.smoothing),
            lanes.smoothing.eq(self.smoothing),
            self.sum_done.eq(sums.done),
            self.mass.eq(sums.mass),
            beats.prefix.eq(sums.prefix),
            slices.draw.eq(beats.found),
        ]
        for level in range(slices.levels):
            m.d.comb += getattr(slices, f"halves{level}").eq(getattr(sums, f"halves{level}"))
        wiring.connect(m, sums.request, wiring.flipped(self.request))
        wiring.connect(m, wiring.flipped(self.beat), sums.beat)

        # All that is under way has room in any of the queues: as many as come until the first one leaves, and some to
        # spare for memories that answer late.
        room = 2 ** ceil_log2(self.latency(config) + 16)
        places = data.StructLayout({name: slices.found.shape()[name].shape for name in ("place", "residual")})
        m.submodules.asking = asking = Queue(places, room)
        m.submodules.waiting = waiting = Queue(places, room)
        m.submodules.leaving = leaving = Queue(landed_layout(config), room)
        under_way = Signal(range(room + 1))
        enters = Signal()
        # In a register: one more may enter while it is found that there is no more room.
        m.d.sync += [
            under_way.eq(under_way + enters - (leaving.leaving.valid & leaving.leaving.ready)),
            self.draw.ready.eq(sums.done & (under_way < room - 1)),
        ]
        m.d.comb += [
            enters.eq(self.draw.valid & self.draw.ready),
            beats.draw.valid.eq(enters),
            beats.draw.u.eq(self.draw.payload),
            asking.arriving.valid.eq(slices.found.valid),
            asking.arriving.payload.place.eq(slices.found.place),
            asking.arriving.payload.residual.eq(slices.found.residual),
            self.probe_request.valid.eq(asking.leaving.valid),
            self.probe_request.payload.eq(asking.leaving.payload.place),
            asking.leaving.ready.eq(self.probe_request.ready),
            waiting.arriving.valid.eq(self.probe_request.valid & self.probe_request.ready),
            waiting.arriving.payload.eq(asking.leaving.payload),
            self.probe_slice.ready.eq(waiting.leaving.valid),
            waiting.leaving.ready.eq(self.probe_slice.valid),
            lanes.draw.valid.eq(self.probe_slice.valid & self.probe_slice.ready),
            lanes.draw.place.eq(waiting.leaving.payload.place),
            lanes.draw.residual.eq(waiting.leaving.payload.residual),
            lanes.gradients.eq(self.probe_slice.payload),
            leaving.arriving.valid.eq(lanes.landed.valid),
            leaving.arriving.payload.eq(lanes.landed.at),
        ]
        wiring.connect(m, leaving.leaving, wiring.flipped(self.landed))
        return m
