# amaranth: UnusedElaboratable=no
# Cores are also made for the shapes of their ports alone.
"""BOLD in hardware: Boolean weights that flip when the accumulated votes ask for it.

Twins: ``golden/bold.py``, ``emu/bold.py``.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from zimu.golden.bold import BoldConfig
from zimu.rtl.basics import add_up
from zimu.rtl.pointwise import PointwiseCore, kept_layout, lane_layout, unit_members


class BoldStep(wiring.Component):
    """The step of a weight, with a register after the multiplication.

    Members
    -------
    enable : Signal(1), in. Lets the register take new values.
    operands : `zimu.rtl.pointwise.lane_layout`, in.
    shift : Signal, in. e.
    retention : Signal(retention_bits + 1), in. B.
    updated : `zimu.rtl.pointwise.kept_layout`, out; an enabled clock after the operands.
    clipped : Signal(1), out. The accumulator stopped at a rail.
    flipped : Signal(1), out. The weight flipped.
    """

    def __init__(self, config: BoldConfig):
        self.config = config
        values = config.values
        super().__init__(
            {
                "enable": In(1),
                "operands": In(lane_layout(config)),
                "shift": In(values["shift"].bits),
                "retention": In(values["retention"].bits),
                "updated": Out(kept_layout(config)),
                "clipped": Out(1),
                "flipped": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        bits, fraction = config.accumulator_bits, config.retention_bits
        product = Signal(signed(bits + fraction + 1), reset_less=True)
        vote = Signal(signed(config.vote_bits + bits - 1), reset_less=True)
        weight = Signal(reset_less=True)
        with m.If(self.enable):
            m.d.sync += [
                product.eq(self.retention * self.operands.accumulator),
                vote.eq(self.operands.gradient << self.shift),
                weight.eq(self.operands.weight),
            ]
        # What is cut away of a negative number carries, so that it is cut towards zero: |B m / 2^k| <= |m|.
        carry = product[-1] & product[:fraction].any()
        wanted = Signal(signed(max(bits, len(vote)) + 2))
        m.d.comb += wanted.eq(product[fraction : fraction + bits].as_signed() + vote + carry)
        top = wanted[bits - 1 :]
        held = Signal(signed(bits))
        rail = Cat((~wanted[-1]).replicate(bits - 1), wanted[-1])
        m.d.comb += [
            self.clipped.eq(top.any() & ~top.all()),
            held.eq(Mux(self.clipped, rail, wanted[:bits])),
            self.flipped.eq(Mux(weight, held >= config.threshold, held <= -config.threshold)),
            self.updated.weight.eq(weight ^ self.flipped),
            self.updated.accumulator.eq(Mux(self.flipped, 0, held)),
        ]
        return m


class Bold(wiring.Component):
    """Weights that flip where their accumulators ask for it, a beat a clock.

    There are registers at the inputs, after the multiplication and at the outputs: new weights appear three clocks
    after their operands if nothing holds them up. All stand still while a valid beat is not taken.

    Members
    -------
    shift : Signal, in. e.
    retention : Signal(retention_bits + 1), in. B.
    the others : `zimu.rtl.pointwise.unit_members`.
    """

    def __init__(self, config: BoldConfig):
        self.config = config
        super().__init__(unit_members(config))

    def elaborate(self, platform):
        m = Module()
        advance = Signal()
        valid = Signal(3)
        shift, retention = Signal.like(self.shift, reset_less=True), Signal.like(self.retention, reset_less=True)
        operands = Signal.like(self.operands.payload, reset_less=True)
        updated = Signal.like(self.updated.payload, reset_less=True)
        clipped, flipped = (Signal(self.config.lanes, name=name, reset_less=True) for name in ("clipped", "flipped"))
        for lane, operand in enumerate(operands):
            m.submodules[f"lane{lane}"] = step = BoldStep(self.config)
            m.d.comb += [
                step.enable.eq(advance),
                step.operands.eq(operand),
                step.shift.eq(shift),
                step.retention.eq(retention),
            ]
            with m.If(advance):
                m.d.sync += [
                    updated[lane].eq(step.updated),
                    clipped[lane].eq(step.clipped),
                    flipped[lane].eq(step.flipped),
                ]
        with m.If(advance):
            m.d.sync += [
                shift.eq(self.shift),
                retention.eq(self.retention),
                operands.eq(self.operands.payload),
                valid.eq(Cat(self.operands.valid, valid[:-1])),
            ]
        flips = add_up(flipped)
        m.d.comb += [
            advance.eq(~self.updated.valid | self.updated.ready),
            self.operands.ready.eq(advance),
            self.updated.payload.eq(updated),
            self.updated.valid.eq(valid[-1]),
            self.counted.saturations.eq(add_up(clipped)),
            self.counted.flips.eq(flips),
            self.counted.last_flips.eq(flips),
        ]
        return m


class BoldCore(PointwiseCore):
    """The core of a unit that flips Boolean weights."""

    def __init__(self, config: BoldConfig):
        super().__init__(Bold(config))


CORE = BoldCore
