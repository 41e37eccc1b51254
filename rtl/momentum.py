"""Integer momentum: the means of a beat's gradients, brought up to date on their way to the sum pass.

Twins: ``golden/momentum.py``, ``emu/momentum.py``.
"""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from zimu.golden.momentum import Momentum
from zimu.golden.unit import UnitConfig
from zimu.rtl.basics import add_side_by_side, address, subtract_side_by_side
from zimu.rtl.beats import beat_layout
from zimu.rtl.encoding import encoding_of
from zimu.rtl.update import Places, weight_ports


def momentum_of(config: UnitConfig) -> Momentum:
    """The means of a configuration that has them."""
    assert config.momentum is not None
    return config.momentum


def sampled(config: UnitConfig) -> UnitConfig:
    """The configuration of what comes after the means, for which v is a gradient in two's complement."""
    return config.replace(momentum_bits=None, gradient_encoding="twos_complement") if config.momentum else config


def means_layout(config: UnitConfig, number: int) -> data.ArrayLayout:
    """So many means m side by side."""
    return data.ArrayLayout(signed(momentum_of(config).bits), number)


def mean_beats(config: UnitConfig) -> Places:
    """The memory of the means: beat b holds those of the gradients of beat b."""
    return Places(config.beats, means_layout(config, config.lanes))


def upper_bits(config: UnitConfig, means: Any) -> list[Any]:
    """Of some means those bits that are v."""
    return [means[i][momentum_of(config).shift :] for i in range(len(means))]


class Means(wiring.Component):
    """Stands between the memories and the sum pass, which it gives v for g; a clock for each beat.

    Members
    -------
    decay : Signal(DECAY_BITS), in. b, must hold during a step.
    request : stream of address(beats), in. From the sum pass, which asks for the beats in order.
    beat : stream of `beat_layout` of v, out. The answers, in order; must always be taken.
    gradient_request, gradient_beat : stream of address(beats) out, stream of `beat_layout` in.
    read, read_data, write : `zimu.rtl.update.weight_ports` of `mean_beats`. A beat leaves when its write is accepted.
    """

    CLOCKS = 2
    """From the last answer to its beat."""

    def __init__(self, config: UnitConfig):
        self.config = config
        beats = stream.Signature(address(config.beats))
        super().__init__(
            {
                "decay": In(config.values["decay"].bits),
                "request": In(beats),
                "beat": Out(stream.Signature(beat_layout(sampled(config)))),
                "gradient_request": Out(beats),
                "gradient_beat": In(stream.Signature(beat_layout(config))),
                **weight_ports(mean_beats(config)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, momentum = self.config, momentum_of(self.config)
        self._ask(m)

        # Both answers of a beat are taken together; all stands still while a write waits.
        write = self.write
        moves = ~write.valid | write.ready
        both = self.gradient_beat.valid & self.read_data.valid
        m.d.comb += [
            self.gradient_beat.ready.eq(both & moves),
            self.read_data.ready.eq(both & moves),
            self.beat.valid.eq(write.valid & write.ready),
        ]
        compared = Signal()
        idle = Signal(init=1)  # in a register, as it goes to all chains
        means = [Signal(signed(momentum.bits), name=f"mean{i}") for i in range(config.lanes)]
        ways = [Signal(signed(momentum.bits + 1), name=f"way{i}") for i in range(config.lanes)]
        before = list(self.read_data.payload)
        differences = subtract_side_by_side(
            [Cat(target, target[-1]) for target in map(self._target, self.gradient_beat.payload)],
            [Cat(mean, mean[-1]) for mean in before],
            both,
        )
        # The shift is halved between two clocks; the last step of one bit fits into the cells of the adder behind it.
        decay = self.decay[: momentum.max_decay.bit_length()]  # the bits that may be set
        coarse, fine = Cat(Const(0, 1), decay[1:]), decay[:1]
        moved = add_side_by_side(means, [(way >> fine)[: momentum.bits] for way in ways], idle)
        with m.If(moves):
            m.d.sync += [compared.eq(both), idle.eq(~both), write.valid.eq(compared)]
            for i in range(config.lanes):
                m.d.sync += [
                    means[i].eq(before[i]),
                    ways[i].eq(differences[i].as_signed() >> coarse),
                    write.payload.data[i].eq(moved[i]),
                ]
        m.d.comb += [self.beat.payload[i].eq(v) for i, v in enumerate(upper_bits(config, write.payload.data))]

        # Answers and so writes come in the order of the beats.
        with m.If(write.valid & write.ready):
            m.d.sync += write.payload.address.eq(
                Mux(write.payload.address == config.beats - 1, 0, write.payload.address + 1)
            )
        return m

    def _target(self, gradient: Any) -> Any:
        """The t of a gradient."""
        momentum = momentum_of(self.config)
        number = encoding_of(self.config).number(Value.cast(gradient).as_unsigned())
        return Cat(Const(momentum.half, momentum.shift), number)

    def _ask(self, m: Module) -> None:
        """Pass a request on to both memories, either of which may take it first."""
        asked = Signal(2)
        ports = (self.gradient_request, self.read)
        taken = asked | Cat(port.ready for port in ports)
        for port, done in zip(ports, asked, strict=True):
            m.d.comb += [port.valid.eq(self.request.valid & ~done), port.payload.eq(self.request.payload)]
        m.d.comb += self.request.ready.eq(taken.all())
        with m.If(self.request.valid):
            m.d.sync += asked.eq(Mux(taken.all(), 0, taken))
