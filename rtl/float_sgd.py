# amaranth: UnusedElaboratable=no
# Cores are also made for the shapes of their ports alone.
"""The floating-point rival in hardware: a step of one weight per lane and clock, between two streams.

Twins: ``golden/float_sgd.py``, ``emu/float_sgd.py``. The arithmetic is in ``rtl/float_step.py``.
"""

from amaranth.hdl import Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from zimu.golden.float_sgd import FloatSGDConfig
from zimu.rtl.float_step import Step, delayed
from zimu.rtl.pointwise import PointwiseCore, add_random_words, kept_layout, lane_layout, unit_members


class Lane(wiring.Component):
    """The step of a weight: w - lr*g, or v' = g + mu*v and w - lr*v'.

    Members
    -------
    enable : Signal(1), in. Lets the registers take new values; without registers it does nothing.
    learning_rate, momentum : Signal, in. Those of `FloatSGDConfig.values`.
    operands : `zimu.rtl.pointwise.lane_layout`, in.
    random : Signal(random_bits), in. Taken `draw` enabled clocks after the operands.
    updated : `zimu.rtl.pointwise.kept_layout`, out; `latency` enabled clocks after the operands.
    """

    def __init__(self, config: FloatSGDConfig) -> None:
        numbers, pipelined = config.arithmetic, config.stages == "pipelined"
        self.step = Step(numbers, rate=config.rate, pipelined=pipelined)
        self.velocity_step = Step(numbers.of_velocity, pipelined=pipelined) if config.momentum else None
        super().__init__(
            {
                "enable": In(1),
                **{name: In(value.bits) for name, value in config.values.items()},
                "operands": In(lane_layout(config)),
                "random": In(config.random_bits),
                "updated": Out(kept_layout(config)),
            }
        )

    @property
    def latency(self) -> int:
        """Enabled clocks from operands to what is updated."""
        return self._ahead + self.step.latency

    @property
    def draw(self) -> int:
        """Enabled clocks from operands to the random bits that round their weight."""
        return self._ahead + self.step.draw

    @property
    def _ahead(self) -> int:
        return self.velocity_step.latency if self.velocity_step else 0

    def elaborate(self, platform):
        m = Module()
        m.submodules.step = step = self.step
        gradient = self.operands.gradient
        if self.velocity_step:
            m.submodules.velocity_step = own = self.velocity_step
            m.d.comb += [
                own.enable.eq(self.enable),
                own.w.eq(gradient),
                own.lr.eq(self.momentum ^ (1 << (len(self.momentum) - 1))),
                own.g.eq(self.operands.velocity),
            ]
            gradient = own.result
            m.d.comb += self.updated.velocity.eq(delayed(m, self.enable, own.result, step.latency))
        m.d.comb += [
            step.enable.eq(self.enable),
            step.w.eq(delayed(m, self.enable, self.operands.weight, self._ahead)),
            step.lr.eq(delayed(m, self.enable, self.learning_rate, self._ahead)),
            step.g.eq(gradient),
            step.random.eq(self.random),
            self.updated.weight.eq(step.result),
        ]
        return m


class FloatSGD(wiring.Component):
    """Weights minus learning rate times gradients, or times velocities.

    Takes a beat per clock and gives them back in order, `latency` clocks later if nothing holds it up. All stand still
    while a valid result is not taken, and while a beat is to be rounded and no row of random words is valid.

    Parameters
    ----------
    config : the configuration.

    Members
    -------
    learning_rate, momentum : Signal, in. Bit patterns, of the widths of `FloatSGDConfig.values`.
    the others : those of `zimu.rtl.pointwise.unit_members`. ``updated`` is registered, ``counted`` is always 0.
    """

    def __init__(self, config: FloatSGDConfig) -> None:
        self.config = config
        self._lanes = [Lane(config) for _ in range(config.lanes)]
        super().__init__(unit_members(config))

    @property
    def latency(self) -> int:
        """Clocks from operands to new weights."""
        return self._lanes[0].latency + 2

    def elaborate(self, platform):
        m = Module()
        advance = Signal()
        valid = Signal(self.latency)
        free = Signal()
        m.d.comb += free.eq(~self.updated.valid | self.updated.ready)
        if self.config.row_words:
            rows, randoms = add_random_words(m, self)
            rounding = valid[self._lanes[0].draw]
            m.d.comb += [advance.eq(free & (rows.valid | ~rounding)), rows.ready.eq(advance & rounding)]
        else:
            randoms = [Const(0, 0)] * self.config.lanes
            m.d.comb += advance.eq(free)

        taken = {
            name: Signal.like(getattr(self, name), reset_less=True, name=f"{name}_taken") for name in self.config.values
        }
        operands = Signal.like(self.operands.payload, reset_less=True)
        updated = Signal.like(self.updated.payload, reset_less=True)
        for i, (lane, random) in enumerate(zip(self._lanes, randoms, strict=True)):
            m.submodules[f"lane{i}"] = lane
            m.d.comb += [
                lane.enable.eq(advance),
                *(getattr(lane, name).eq(value) for name, value in taken.items()),
                lane.operands.eq(operands[i]),
                lane.random.eq(random),
            ]
        with m.If(advance):
            m.d.sync += [
                *(value.eq(getattr(self, name)) for name, value in taken.items()),
                operands.eq(self.operands.payload),
                *(updated[i].eq(lane.updated) for i, lane in enumerate(self._lanes)),
                valid.eq((valid << 1) | self.operands.valid),
            ]
        with m.Elif(free):
            # What was taken is gone, though the rest waits for a row.
            m.d.sync += valid[-1].eq(0)
        m.d.comb += [
            self.operands.ready.eq(advance),
            self.updated.payload.eq(updated),
            self.updated.valid.eq(valid[-1]),
        ]
        return m


class FloatSGDCore(PointwiseCore):
    """The core of a floating-point SGD unit."""

    def __init__(self, config: FloatSGDConfig):
        super().__init__(FloatSGD(config))


CORE = FloatSGDCore
