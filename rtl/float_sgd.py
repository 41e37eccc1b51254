"""The floating-point rival in hardware: one weight per lane and clock, w - lr*g, between two streams.

Twins: ``golden/float_sgd.py``, ``emu/float_sgd.py``. The arithmetic is in ``rtl/float_datapath.py``.
"""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from zimu.golden.errors import check_range
from zimu.golden.float_sgd import FloatFormat
from zimu.rtl.float_datapath import FusedStep

PIPELINE = (
    "unpack",
    "measure",
    "aim",
    "add_product",
    "align_fine",
    "align_coarse",
    "add",
    "window",
    "normalise_1",
    "normalise_2",
    "normalise_3",
    "round_off",
)
"""Steps of the datapath after which the pipelined unit has a register."""

MAX_LANES = 64


class FloatSGD(wiring.Component):
    """Weights minus learning rate times gradients, rounded once to nearest even.

    Takes a beat per clock and gives them back in order, `latency` clocks later if nothing holds it up. Nothing moves
    while a valid result is not taken.

    Parameters
    ----------
    fmt : the format of weights, gradients and learning rate.
    lanes : weights per beat, 1..64.
    pipelined : whether the datapath is cut into stages, or has registers only at its inputs and outputs.

    Members
    -------
    learning_rate : Signal(width), in. Bit pattern, sampled with each beat of operands.
    operands : stream of ArrayLayout({weight: width, gradient: width}, lanes), in. Bit patterns.
    updated : stream of ArrayLayout(width, lanes), out. New weights; registered.

    Raises
    ------
    InputError
        ``lanes`` is out of range.
    """

    def __init__(self, fmt: FloatFormat, *, lanes: int = 1, pipelined: bool) -> None:
        check_range("lanes", lanes, 1, MAX_LANES)
        self.format = fmt
        self.lanes = lanes
        self.registers = PIPELINE if pipelined else ()
        pair = data.StructLayout({"weight": fmt.width, "gradient": fmt.width})
        super().__init__(
            {
                "learning_rate": In(fmt.width),
                "operands": In(stream.Signature(data.ArrayLayout(pair, lanes))),
                "updated": Out(stream.Signature(data.ArrayLayout(fmt.width, lanes))),
            }
        )

    @property
    def latency(self) -> int:
        """Clocks from operands to new weights."""
        return len(self.registers) + 2

    def elaborate(self, platform):
        m = Module()
        advance = Signal()
        m.d.comb += advance.eq(~self.updated.valid | self.updated.ready)
        m.d.comb += self.operands.ready.eq(advance)

        operands = Signal.like(self.operands.payload, reset_less=True)
        learning_rate = Signal.like(self.learning_rate, reset_less=True)
        updated = Signal.like(self.updated.payload, reset_less=True)
        valid = Signal(self.latency)
        for lane in range(self.lanes):
            datapath = FusedStep(self.format, self.registers)
            m.submodules[f"lane{lane}"] = datapath
            m.d.comb += [
                datapath.enable.eq(advance),
                datapath.w.eq(operands[lane].weight),
                datapath.g.eq(operands[lane].gradient),
                datapath.lr.eq(learning_rate),
            ]
            with m.If(advance):
                m.d.sync += updated[lane].eq(datapath.result)
        with m.If(advance):
            m.d.sync += [
                operands.eq(self.operands.payload),
                learning_rate.eq(self.learning_rate),
                valid.eq(valid << 1 | self.operands.valid),
            ]
        m.d.comb += [self.updated.payload.eq(updated), self.updated.valid.eq(valid[-1])]
        return m
