# amaranth: UnusedElaboratable=no
# Cores are also made for the shapes of their ports alone.
"""The plain integer rival in hardware: integer weights, fixed-point learning rate, stochastic rounding.

Twins: ``golden/int_sgd.py``, ``emu/int_sgd.py``.
"""

from amaranth.hdl import Cat, Const, Module, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from zimu.golden.int_sgd import IntSGDConfig
from zimu.rtl.basics import add_up
from zimu.rtl.pointwise import PointwiseCore, add_random_words, unit_members


class IntStep(wiring.Component):
    """The arithmetic of a weight's step, saturate((w * 2^f - eta * g + r) >> f).

    *Any rate:* as r < 2^f, w * 2^f + r is w with r behind it, so one subtraction does it all. A product that needs more
    than a bit beyond that number clips whatever the weight is, so the subtraction never gets wider.

    *A power of two:* with s = f - k the result is w + ((r - g) >> s), r of s bits, so a short shift and two short sums
    do.

    Parameters
    ----------
    config : the configuration.
    pipelined : whether there are registers, `latency` of them on the way; otherwise there is no state.

    Members
    -------
    enable : Signal(1), in. Lets the registers take new values.
    weight : Signal(signed(weight_bits)), in. w.
    rate : Signal(rate_bits), in. eta, or k.
    gradient : Signal(signed(gradient_bits)), in. g.
    random : Signal(fraction_bits), in. r; it comes `draw` enabled clocks after the others.
    updated : Signal(signed(weight_bits)), out.
    clipped : Signal(1), out. The result stopped at a rail.
    """

    latency = 4
    """Enabled clocks from operands to what is updated, with registers."""

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

    @property
    def draw(self) -> int:
        """Enabled clocks from operands to the random bits that round their weight, with registers."""
        return 0 if self.config.rate else 1

    def elaborate(self, platform):
        m = Module()
        bits = self.config.weight_bits
        wanted, negative, large = self._shifted(m) if self.config.rate else self._multiplied(m)
        over = Signal()
        m.d.comb += over.eq(large | _overflows(wanted, bits))
        # One rail after the other: registers that are cleared or set need no logic for it.
        above = self._registered(m, "above", over & ~negative)
        bounded = self._registered(m, "bounded", wanted[:bits], over & negative, 1 << (bits - 1))
        updated = self._registered(m, "updated", bounded, above, (1 << (bits - 1)) - 1)
        clipped = self._registered(m, "clipped", self._registered(m, "over", over))
        m.d.comb += [self.updated.eq(updated), self.clipped.eq(clipped)]
        return m

    def _multiplied(self, m: Module) -> tuple[Value, Value, Value]:
        """The result before it is bounded, its sign, and whether the product alone is too large."""
        weight, rate, gradient = (
            self._registered(m, f"{name}_taken", getattr(self, name)) for name in ("weight", "rate", "gradient")
        )
        product = self._registered(m, "product", rate * gradient)
        minuend = Cat(
            self._registered(m, "random_taken", self.random), self._registered(m, "weight_kept", weight)
        ).as_signed()
        kept_bits = min(len(product), len(minuend) + 1)
        difference = Signal(signed(max(kept_bits, len(minuend)) + 1))
        m.d.comb += difference.eq(minuend - product[:kept_bits].as_signed())
        large = _overflows(product, kept_bits)
        negative = (large & ~product[-1]) | (~large & difference[-1])
        return difference[self.config.fraction_bits :], negative, large

    def _shifted(self, m: Module) -> tuple[Value, Value, Value]:
        """The same at a power of two; nothing is too large before the sum."""
        config = self.config
        f, largest = config.fraction_bits, config.largest_rate
        weight, rate, gradient = (
            self._registered(m, f"{name}_taken", getattr(self, name)) for name in ("weight", "rate", "gradient")
        )
        # Bit i counts where i < f - k.
        random = Cat(
            self._registered(m, f"random_{i}", self.random[i], self.rate >= f - i if i >= f - largest else None)
            for i in range(f)
        )
        wanted = random - gradient
        shifted = Signal(signed(len(wanted) - (f - largest)))
        m.d.comb += shifted.eq(wanted[f - largest :].as_signed() >> ~rate)
        change, weight = self._registered(m, "change", shifted), self._registered(m, "weight_kept", weight)
        total = Signal(signed(max(len(change), len(weight))))
        m.d.comb += total.eq(weight + change)
        # A sum of numbers of one sign has that sign, whatever is left of it.
        differ = weight[-1] ^ change[-1]
        negative = (differ & total[-1]) | (~differ & weight[-1])
        return Cat(total, negative).as_signed(), negative, Const(0)

    def _registered(self, m: Module, name: str, value: Value, forced: Value | None = None, instead: int = 0) -> Signal:
        """``value`` an enabled clock later, or ``instead`` where it was ``forced``; without registers at once."""
        value = Value.cast(value)
        # FPGAs force a register to what it begins with.
        later = Signal(value.shape(), name=name, init=instead, reset_less=True)
        with m.If(self.enable if self.pipelined else Const(1)):
            m.d["sync" if self.pipelined else "comb"] += later.eq(value)
            if forced is not None:
                with m.If(forced):
                    m.d["sync" if self.pipelined else "comb"] += later.eq(instead)
        return later


def _overflows(number, bits: int):
    """Whether a number in two's complement does not fit ``bits`` bits."""
    top = number[bits - 1 :]
    return top.any() & ~top.all()


class IntSGD(wiring.Component):
    """Weights minus learning rate times gradients, stochastically rounded, saturating.

    New weights appear four clocks after their operands if nothing holds them up. On an ECP5 the register after the
    multiplication makes units of 8 and 16 bits half as fast again, without more logic. All stand still while a valid
    beat is not taken, and while a beat that is to be rounded waits for a row of random words; at a rate that is a power
    of two, while there is no row for the next beat.

    Members
    -------
    rate : Signal(rate_bits), in. eta, or k.
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
        steps = [IntStep(config, pipelined=True) for _ in range(config.lanes)]
        advance = Signal()
        free = Signal()
        valid = Signal(steps[0].latency)
        m.d.comb += free.eq(~self.updated.valid | self.updated.ready)
        randoms: list[Value] = [Const(0, 0)] * config.lanes
        if config.row_words:
            row, randoms = add_random_words(m, self)
            # Whether there are operands does not tell whether they are taken.
            needed, used = (Const(1), self.operands.valid) if steps[0].draw == 0 else (valid[0], valid[0])
            m.d.comb += [advance.eq(free & (row.valid | ~needed)), row.ready.eq(advance & used)]
        else:
            m.d.comb += advance.eq(free)

        for lane, (step, operand, random) in enumerate(zip(steps, self.operands.payload, randoms, strict=True)):
            m.submodules[f"lane{lane}"] = step
            m.d.comb += [
                step.enable.eq(advance),
                step.weight.eq(operand.weight),
                step.gradient.eq(operand.gradient),
                step.rate.eq(self.rate),
                step.random.eq(random),
                self.updated.payload[lane].weight.eq(step.updated),
            ]
        with m.If(advance):
            m.d.sync += valid.eq(Cat(self.operands.valid, valid))
        with m.Elif(free):
            # What was taken is gone, though the rest waits for a row.
            m.d.sync += valid[-1].eq(0)
        m.d.comb += [
            self.operands.ready.eq(advance),
            self.updated.valid.eq(valid[-1]),
            self.counted.saturations.eq(add_up(Cat(step.clipped for step in steps))),
        ]
        return m


class IntSGDCore(PointwiseCore):
    """The core of an integer SGD unit."""

    def __init__(self, config: IntSGDConfig):
        super().__init__(IntSGD(config))


CORE = IntSGDCore
