"""The plain integer rival in hardware: integer weights, fixed-point learning rate, stochastic rounding.

Twins: ``golden/int_sgd.py``, ``emu/int_sgd.py``.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from zimu.golden.int_sgd import IntSGDConfig
from zimu.rtl.basics import add_up
from zimu.rtl.pointwise import PointwiseCore, add_random_words, unit_members


class IntStep(wiring.Component):
    """The arithmetic of a weight's step, saturate((w * 2^f - eta * g + r) >> f).

    As r < 2^f, w * 2^f + r is w with r behind it, so one subtraction does it all. A product that needs more than a bit
    beyond that number clips whatever the weight is, so the subtraction never gets wider.

    Parameters
    ----------
    config : the configuration.
    pipelined : whether there is a register after the multiplication; otherwise there is no state.

    Members
    -------
    enable : Signal(1), in. Lets the register take new values.
    weight : Signal(signed(weight_bits)), in. w.
    rate : Signal(rate_bits), in. eta.
    gradient : Signal(signed(gradient_bits)), in. g.
    random : Signal(fraction_bits), in. r; with the register it comes an enabled clock after the others.
    updated : Signal(signed(weight_bits)), out.
    clipped : Signal(1), out. The result stopped at a rail.
    """

    def __init__(self, config: IntSGDConfig, *, pipelined: bool = False):
        self.config, self.pipelined = config, pipelined
        super().__init__(
            {
                "enable": In(1),
                "weight": In(signed(config.weight_bits)),
                "rate": In(config.rate_bits),
                "gradient": In(signed(config.gradient_bits)),
                "random": In(config.fraction_bits),
                "updated": Out(signed(config.weight_bits)),
                "clipped": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        weight = Signal.like(self.weight, reset_less=True)
        product = Signal(signed(config.rate_bits + config.gradient_bits), reset_less=True)
        with m.If(self.enable if self.pipelined else Const(1)):
            m.d["sync" if self.pipelined else "comb"] += [
                weight.eq(self.weight),
                product.eq(self.rate * self.gradient),
            ]
        minuend = Cat(self.random, weight).as_signed()
        kept_bits = min(len(product), len(minuend) + 1)
        difference = Signal(signed(max(kept_bits, len(minuend)) + 1))
        m.d.comb += difference.eq(minuend - product[:kept_bits].as_signed())
        large = _overflows(product, kept_bits)
        wanted = difference[config.fraction_bits :]
        negative = Mux(large, ~product[-1], difference[-1])
        rail = Cat((~negative).replicate(config.weight_bits - 1), negative)
        m.d.comb += [
            self.clipped.eq(large | _overflows(wanted, config.weight_bits)),
            self.updated.eq(Mux(self.clipped, rail, wanted)),
        ]
        return m


def _overflows(number, bits: int):
    """Whether a number in two's complement does not fit ``bits`` bits."""
    top = number[bits - 1 :]
    return top.any() & ~top.all()


class IntSGD(wiring.Component):
    """Weights minus learning rate times gradients, stochastically rounded, saturating.

    There are registers at the inputs, after the multiplication and at the outputs: new weights appear three clocks
    after their operands if nothing holds them up. On an ECP5 the register in the middle makes units of 8 and 16 bits
    half as fast again, as fast as their generators, without more logic. All stand still while a valid beat is not
    taken, and while a product waits for a row of random words.

    Members
    -------
    rate : Signal(rate_bits), in. eta.
    operands : stream of ArrayLayout({weight: signed(weight_bits), gradient: signed(gradient_bits)}, lanes), in.
    updated : stream of ArrayLayout({weight: signed(weight_bits)}, lanes), out.
    the others : `zimu.rtl.pointwise.unit_members`.
    """

    def __init__(self, config: IntSGDConfig):
        self.config = config
        super().__init__(unit_members(config))

    def elaborate(self, platform):
        m = Module()
        config = self.config
        advance = Signal()
        taken = Signal()
        multiplied = Signal()
        free = ~self.updated.valid | self.updated.ready
        if config.row_words:
            # A row is taken with the product: its bits go into the subtraction.
            row, random = add_random_words(m, self)
            kept = [Signal(config.fraction_bits, name=f"random{lane}", reset_less=True) for lane in range(config.lanes)]
            m.d.comb += [advance.eq(free & (row.valid | ~taken)), row.ready.eq(advance & taken)]
            with m.If(advance):
                m.d.sync += Cat(kept).eq(Cat(random))
        else:
            kept = [Const(0, 0)] * config.lanes
            m.d.comb += advance.eq(free)

        rate = Signal.like(self.rate, reset_less=True)
        operands = Signal.like(self.operands.payload, reset_less=True)
        updated = Signal.like(self.updated.payload, reset_less=True)
        clipped = Signal(config.lanes, reset_less=True)
        for lane, operand in enumerate(operands):
            m.submodules[f"lane{lane}"] = step = IntStep(config, pipelined=True)
            m.d.comb += [
                step.enable.eq(advance),
                step.weight.eq(operand.weight),
                step.gradient.eq(operand.gradient),
                step.rate.eq(rate),
                step.random.eq(kept[lane]),
            ]
            with m.If(advance):
                m.d.sync += [updated[lane].weight.eq(step.updated), clipped[lane].eq(step.clipped)]
        with m.If(advance):
            m.d.sync += [
                rate.eq(self.rate),
                operands.eq(self.operands.payload),
                taken.eq(self.operands.valid),
                multiplied.eq(taken),
                self.updated.valid.eq(multiplied),
            ]
        with m.Elif(free):
            m.d.sync += self.updated.valid.eq(0)
        m.d.comb += [
            self.operands.ready.eq(advance),
            self.updated.payload.eq(updated),
            self.counted.saturations.eq(add_up(clipped)),
        ]
        return m


class IntSGDCore(PointwiseCore):
    """The core of an integer SGD unit."""

    def __init__(self, config: IntSGDConfig):
        super().__init__(IntSGD(config))


CORE = IntSGDCore
