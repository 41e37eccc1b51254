"""Beats of gradients: how they come, the mass of each gradient, and the sums of a beat."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from zimu.golden.unit import UnitConfig
from zimu.rtl.basics import CHAIN, add_up, address
from zimu.rtl.encoding import Partial, encoding_of

OUTSTANDING = 8
"""Beats that may be asked for before the first answer comes: full rate from a memory of up to that latency."""


def mass_bits(config: UnitConfig) -> int:
    """Width of W and of every prefix sum."""
    return bits_for(config.max_mass)


def beat_layout(config: UnitConfig) -> data.ArrayLayout:
    """One beat of gradients; lane i of beat b is gradient ``b * lanes + i``."""
    return data.ArrayLayout(encoding_of(config).shape(config.gradient_bits), config.lanes)


def slice_layout(config: UnitConfig) -> data.ArrayLayout:
    """One slice of gradients; lane i of slice s is gradient ``s * slice + i``."""
    return data.ArrayLayout(encoding_of(config).shape(config.gradient_bits), config.slice)


def masses_layout(config: UnitConfig) -> data.StructLayout:
    """The masses of one beat, and the signs of its gradients, a bit a lane."""
    return data.StructLayout(
        {
            "mass": data.ArrayLayout(range(config.max_weight_mass + 1), config.lanes),
            "negative": config.lanes,
            "zero": config.lanes,
        }
    )


class BeatMasses(wiring.Component):
    """The masses |g| + c of a beat, registered.

    Members
    -------
    smoothing : Signal(smoothing_bits), in. c.
    last : Signal(1), in. The beat is the last one, whose lanes beyond depth have no mass; goes with `beat`.
    beat : stream of `beat_layout`, in.
    masses : stream of `masses_layout`, out.
    """

    def __init__(self, config: UnitConfig):
        self.config = config
        super().__init__(
            {
                "smoothing": In(config.smoothing_bits),
                "last": In(1),
                "beat": In(stream.Signature(beat_layout(config))),
                "masses": Out(stream.Signature(masses_layout(config))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        encoding = encoding_of(self.config)
        tail = self.config.depth % self.config.lanes or self.config.lanes
        found = self.masses.payload
        m.d.comb += self.beat.ready.eq(~self.masses.valid | self.masses.ready)
        with m.If(self.beat.ready):
            m.d.sync += self.masses.valid.eq(self.beat.valid)
            for i in range(self.config.lanes):
                gradient = Value.cast(self.beat.payload[i]).as_unsigned()
                size = encoding.magnitude(gradient, self.smoothing)
                mass = add_partial(size, encoding.rest(self.smoothing))
                m.d.sync += [
                    found.mass[i].eq(Mux(self.last, 0, mass) if i >= tail else mass),
                    found.negative[i].eq(gradient[-1]),
                    found.zero[i].eq(encoding.is_zero(gradient)),
                ]
        return m


def partial_layout(config: UnitConfig, weights: int) -> data.StructLayout:
    """The sum of the magnitudes of so many gradients, as a `Partial`."""
    return data.StructLayout({"value": range(weights << config.gradient_bits - 1), "carry": 1})


def add_partial(partial: Partial, number: Any) -> Any:
    """``number`` and a sum, by one adder."""
    # Both sides begin with the same bit below bit 0: it carries into bit 0 if it is 1.
    return (Cat(partial.carry, partial.value) + Cat(partial.carry, number))[1:]


def add_pairs(m: Module, values: Sequence[Partial], name: str) -> list[Partial]:
    """The sums of each two values of the same width, in registers of this name."""
    bits = len(values[0].value) + 1
    sums = [
        Partial(Signal(bits, name=f"{name}_{i}"), Signal(name=f"{name}_carry_{i}")) for i in range(len(values) // 2)
    ]
    m.d.sync += [total.carry.eq(b.carry) for total, b in zip(sums, values[1::2], strict=True)]
    # Several sums share a carry chain, as each chain takes cells to begin and to end. Where both sides have the carry
    # of a sum below its bit 0, the carry out of the sum before is seen and ends.
    shared = max(CHAIN // bits, 1)
    for i in range(0, len(sums), shared):
        left, right = [], []
        for a, b in zip(values[2 * i : 2 * (i + shared) : 2], values[2 * i + 1 : 2 * (i + shared) : 2], strict=True):
            left += [a.carry, a.value]
            right += [a.carry, b.value]
        chain = Cat(left) + Cat(right)
        m.d.sync += [total.value.eq(chain[bits * j + 1 :]) for j, total in enumerate(sums[i : i + shared])]
    return sums


def subtract_partial(number: Any, partial: Partial) -> Any:
    """``number`` less a sum, signed, by one adder."""
    return ((number << 1) - Cat(partial.carry, partial.value)) >> 1


def sum_stages(m: Module, magnitudes: Sequence[Partial], name: str) -> list[list[Partial]]:
    """Sums over aligned groups of 1, 2, 4, ... magnitudes: those of 2^s come s clocks after the magnitudes.

    ``name`` distinguishes the registers of a module.
    """
    stages = [list(magnitudes)]
    while len(stages[-1]) > 1:
        stages.append(add_pairs(m, stages[-1], f"{name}{2 ** len(stages)}"))
    return stages


def halves_layout(config: UnitConfig, level: int) -> data.StructLayout:
    """Of beat ``beat``, the sums of the left halves of its 2^``level`` equal parts, as `Partial`."""
    half = config.lanes >> level + 1
    return data.StructLayout(
        {
            "valid": 1,
            "beat": address(config.beats),
            "sums": data.ArrayLayout(partial_layout(config, half), 2**level),
        }
    )


def prefix_layout(config: UnitConfig) -> data.StructLayout:
    """The mass of all beats before beat ``beat``."""
    return data.StructLayout({"valid": 1, "beat": address(config.beats), "mass": mass_bits(config)})


class SumPass(wiring.Component):
    """Reads all gradients, a beat each clock, and adds up their masses in a pipelined tree.

    Members
    -------
    start : Signal(1), in. Begins a pass.
    done : Signal(1), out. High from the end of a pass until the next one begins.
    smoothing : Signal(smoothing_bits), in. c, must hold during a step.
    request : stream of address(beats), out.
    beat : stream of `beat_layout`, in. The answers, in order, after any latency; none waits.
    prefix : `prefix_layout`, out. One for each beat.
    mass : Signal(mass_bits), out. W, valid while `done`; before, it grows to it.
    halves0, halves1, ... : `halves_layout`, out. One for each beat and each of `levels` levels.
    """

    def __init__(self, config: UnitConfig, levels: int = 0):
        self.config, self.levels = config, levels
        super().__init__(
            {
                "start": In(1),
                "done": Out(1),
                "smoothing": In(config.smoothing_bits),
                "request": Out(stream.Signature(address(config.beats))),
                "beat": In(stream.Signature(beat_layout(config))),
                "prefix": Out(prefix_layout(config)),
                "mass": Out(mass_bits(config)),
                **{f"halves{level}": Out(halves_layout(config, level)) for level in range(levels)},
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, lanes, beats = self.config, self.config.lanes, self.config.beats
        tail = config.depth % lanes or lanes

        asked = Signal(range(beats + 1), init=beats)
        came = Signal(range(beats))
        last = Signal()  # the beat to come is; a register, for it clears many others
        m.d.comb += [
            self.request.valid.eq(asked != beats),
            self.request.payload.eq(asked),
            self.beat.ready.eq(1),
        ]
        with m.If(self.start):
            m.d.sync += asked.eq(0)
        with m.Elif(self.request.valid & self.request.ready):
            m.d.sync += asked.eq(asked + 1)
        with m.If(self.start):
            m.d.sync += [came.eq(0), last.eq(beats == 1)]
        with m.Elif(self.beat.valid):
            m.d.sync += [came.eq(came + 1), last.eq(came == beats - 2)]

        # What lies beyond depth in the last beat has no mass.
        gradients = [Signal(config.gradient_bits, name=f"gradient{i}") for i in range(lanes)]
        for i, gradient in enumerate(gradients):
            m.d.sync += gradient.eq(self.beat.payload[i])
            if i >= tail:
                with m.If(last):
                    m.d.sync += gradient.eq(0)
        marks = [Signal(data.StructLayout({"valid": 1, "last": 1, "beat": address(beats)}), name="mark0")]
        m.d.sync += [marks[0].valid.eq(self.beat.valid), marks[0].last.eq(last), marks[0].beat.eq(came)]

        smoothing = Signal(config.smoothing_bits)  # a register of its own, as it goes to all lanes
        m.d.sync += smoothing.eq(self.smoothing)
        encoding = encoding_of(config)
        stages = sum_stages(m, [encoding.magnitude(gradient, smoothing) for gradient in gradients], "sum")
        for _ in stages:
            marks.append(Signal(marks[0].shape(), name=f"mark{len(marks)}"))
            m.d.sync += marks[-1].eq(marks[-2])
        for level in range(self.levels):
            stage = len(stages) - 2 - level
            halves = getattr(self, f"halves{level}")
            m.d.comb += [halves.valid.eq(marks[stage].valid), halves.beat.eq(marks[stage].beat)]
            for part, half in enumerate(stages[stage][::2]):
                m.d.comb += [halves.sums[part].value.eq(half.value), halves.sums[part].carry.eq(half.carry)]

        # The smoothing still to be added is the same for every beat but the last one, where it may be negative.
        magnitudes, ended = stages[-1][0], marks[-1]
        whole = Signal(range(config.max_smoothing * lanes + 1))
        rest = Signal(range(-lanes, config.max_smoothing * tail + 1))
        total = Partial(Signal(range(config.max_weight_mass * lanes), name="total"), Signal(name="total_carry"))
        m.d.comb += whole.eq(encoding.rest(smoothing) << ceil_log2(lanes))
        m.d.sync += [
            rest.eq(
                add_up([smoothing << k for k in range(tail.bit_length()) if tail >> k & 1])
                - (encoding.held(smoothing) << ceil_log2(lanes))
            ),
            total.value.eq(magnitudes.value + Mux(marks[-2].last, rest, whole)),
            total.carry.eq(magnitudes.carry),
        ]
        m.d.comb += [self.prefix.valid.eq(ended.valid), self.prefix.beat.eq(ended.beat), self.prefix.mass.eq(self.mass)]
        with m.If(self.start):
            m.d.sync += [self.mass.eq(0), self.done.eq(0)]
        with m.Elif(ended.valid):
            m.d.sync += [
                self.mass.eq(add_partial(total, self.mass)),
                self.done.eq(ended.last),
            ]
        return m
