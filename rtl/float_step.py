"""A weight's step in floating point, w - lr*g, of one rounding or two: the datapaths of an `Arithmetic` put together.

Twins: ``golden/float_sgd.py``, ``emu/float_sgd.py``. The datapath of one rounding: ``rtl/float_datapath.py``.
"""

from dataclasses import replace
from typing import Literal

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from zimu.golden.float_sgd import Arithmetic
from zimu.rtl.float_adder import steps_of
from zimu.rtl.float_datapath import Datapath
from zimu.rtl.float_frame import Frame, OrdinaryFrame

DSP_BITS = 18
"""Factors wider than this are multiplied in parts where there are registers between them: that of FPGA multipliers."""

_LAST = ("window", "normalise_1", "normalise_2", "normalise_3", "round_off")
REGISTERS = {
    "fused": ("unpack", "measure", "aim", "add_product", "align_fine", "align_coarse", "add", *_LAST),
    "product": ("unpack", "measure", "aim", "add_product", *_LAST),
    "sum": ("unpack", "measure", "aim", "align_fine", "align_coarse", "add", *_LAST),
}
"""Steps after which there is a register: where there is one rounding, and for product and sum where there are two."""


class Step(wiring.Component):
    """w - lr*g on bit patterns.

    Parameters
    ----------
    arithmetic : formats and roundings.
    rate : ``"any"`` learning rate, or ``"power_of_two"``.
    pipelined : whether there are registers on the way.

    Members
    -------
    enable : Signal(1), in. Lets the registers take new values; without registers it does nothing.
    w : Signal(weights.width), in.
    lr : Signal(weights.width), in; a power of two is its exponent field alone.
    g : Signal(gradients.width), in.
    random : Signal(random_bits), in. Taken `draw` enabled clocks after the operands.
    result : Signal(weights.width), out. `latency` enabled clocks after the operands.
    """

    def __init__(
        self, arithmetic: Arithmetic, *, rate: Literal["any", "power_of_two"] = "any", pipelined: bool = False
    ) -> None:
        weights, gradients = arithmetic.weights, arithmetic.gradients
        kind = OrdinaryFrame if arithmetic.fused and rate == "power_of_two" and arithmetic.flush else Frame
        frame = kind(weights, gradients, arithmetic.flush, arithmetic.random_bits, rate)
        if pipelined:
            frame = replace(frame, factor_bits=DSP_BITS)
        parts = {"fused": frame}
        if not arithmetic.fused:
            parts = {
                "product": replace(frame, random_bits=0, addend=False),
                "sum": OrdinaryFrame(weights, weights, arithmetic.flush, arithmetic.random_bits, "minus_one"),
            }
        *self._before, self._last = [
            Datapath(frame, REGISTERS[name] if pipelined else (), steps_of(frame)) for name, frame in parts.items()
        ]
        super().__init__(
            {
                "enable": In(1),
                "w": In(weights.width),
                "lr": In(weights.exponent_bits if rate == "power_of_two" else weights.width),
                "g": In(gradients.width),
                "random": In(arithmetic.random_bits),
                "result": Out(weights.width),
            }
        )

    @property
    def latency(self) -> int:
        """Enabled clocks from operands to result."""
        return self._ahead + self._last.latency

    @property
    def draw(self) -> int:
        """Enabled clocks from operands to the random bits that round their result."""
        return self._ahead + self._last.draw

    @property
    def _ahead(self) -> int:
        return sum(part.latency for part in self._before)

    def elaborate(self, platform):
        m = Module()
        g: Value = self.g
        for part in self._before:
            g = part.add_to(m, self.enable, g=g, lr=self.lr, w=self.w, random=self.random)
        w = delayed(m, self.enable, self.w, self._ahead)
        result = self._last.add_to(m, self.enable, g=g, lr=self.lr, w=w, random=self.random)
        m.d.comb += self.result.eq(result)
        return m


def delayed(m: Module, enable: Signal, value: Value, clocks: int) -> Value:
    """``value`` as it was so many enabled clocks ago; it is not reset."""
    for clock in range(clocks):
        before, value = value, Signal.like(value, name=f"delayed{clock}", reset_less=True)
        with m.If(enable):
            m.d.sync += value.eq(before)
    return value
