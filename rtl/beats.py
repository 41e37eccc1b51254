"""Beats of gradients: how they come, the mass of each gradient, and the sums of a beat."""

from amaranth.hdl import Cat, Module, Mux, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from zimu.golden.unit import UnitConfig

OUTSTANDING = 8
"""Beats that may be asked for before the first answer comes: full rate from a memory of up to that latency."""


def mass_bits(config: UnitConfig) -> int:
    """Width of W and of every prefix sum."""
    return bits_for(config.max_mass)


def beat_layout(config: UnitConfig) -> data.ArrayLayout:
    """One beat of gradients; lane i of beat b is gradient ``b * lanes + i``."""
    return data.ArrayLayout(signed(config.gradient_bits), config.lanes)


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
        tail = self.config.depth % self.config.lanes or self.config.lanes
        found = self.masses.payload
        m.d.comb += self.beat.ready.eq(~self.masses.valid | self.masses.ready)
        with m.If(self.beat.ready):
            m.d.sync += self.masses.valid.eq(self.beat.valid)
            for i in range(self.config.lanes):
                gradient = self.beat.payload[i]
                # |g| + c as one sum: the sign, added on both sides below bit 0, carries into it.
                sign = gradient[-1]
                magnitude = gradient.as_unsigned() ^ sign.replicate(len(gradient))
                mass = (Cat(sign, magnitude) + Cat(sign, self.smoothing))[1:]
                m.d.sync += [
                    found.mass[i].eq(Mux(self.last, 0, mass) if i >= tail else mass),
                    found.negative[i].eq(sign),
                    found.zero[i].eq(gradient == 0),
                ]
        return m


def sums_layout(config: UnitConfig) -> data.StructLayout:
    """Sums of one beat: ``left[k]`` that of node k's left subtree (``left[0]`` is unused), ``total`` that of all lanes.

    ``negative`` and ``zero`` are the signs of the gradients, a bit a lane.
    """
    total = range(config.max_weight_mass * config.lanes + 1)
    return data.StructLayout(
        {
            "left": data.ArrayLayout(total, config.lanes),
            "total": total,
            "negative": config.lanes,
            "zero": config.lanes,
        }
    )


class BeatSums(wiring.Component):
    """Masses of a beat and the sums of a binary tree over its lanes, in two registered stages.

    The tree is a heap: node 1 is the root, node k has the children 2k and 2k+1, lane i is the leaf ``lanes + i``.

    Members
    -------
    smoothing : Signal(smoothing_bits), in. c.
    last : Signal(1), in. The beat is the last one, whose lanes beyond depth have no mass; goes with `beat`.
    beat : stream of `beat_layout`, in.
    sums : stream of `sums_layout`, out.
    """

    def __init__(self, config: UnitConfig):
        self.config = config
        super().__init__(
            {
                "smoothing": In(config.smoothing_bits),
                "last": In(1),
                "beat": In(stream.Signature(beat_layout(config))),
                "sums": Out(stream.Signature(sums_layout(config))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        lanes = self.config.lanes
        m.submodules.masses = masses = BeatMasses(self.config)
        m.d.comb += [
            masses.smoothing.eq(self.smoothing),
            masses.last.eq(self.last),
            masses.masses.ready.eq(~self.sums.valid | self.sums.ready),
        ]
        wiring.connect(m, wiring.flipped(self.beat), masses.beat)

        found = masses.masses.payload
        sums = [None] * lanes + [found.mass[i] for i in range(lanes)]
        for k in reversed(range(1, lanes)):
            sums[k] = sums[2 * k] + sums[2 * k + 1]
        with m.If(masses.masses.ready):
            m.d.sync += [
                self.sums.valid.eq(masses.masses.valid),
                self.sums.payload.total.eq(sums[1]),
                self.sums.payload.negative.eq(found.negative),
                self.sums.payload.zero.eq(found.zero),
            ]
            m.d.sync += [self.sums.payload.left[k].eq(sums[2 * k]) for k in range(1, lanes)]
        return m
