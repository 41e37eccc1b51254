"""Drives the unit behind other buses than APB, each by a public model of it: cocotbext-axi and cocotbext-wishbone.

The circuits: ``rtl/buses.py``. The models run under cocotb alone.
"""

import logging
import random
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from amaranth.hdl import Shape, Signal

from zimu.golden.registers import Register
from zimu.golden.rule import WORD_BITS
from zimu.rtl.buses import BYTES, SLVERR, axis_bits
from zimu.rtl.onchip import kept_layout
from zimu.rtl.words import numbers_of
from zimu.sim.drivers import pack
from zimu.sim.onchip import UnitDriver
from zimu.sim.pins import CocotbPins, Pins, PortError
from zimu.sim.registers import RegisterDriver


def model(pins: CocotbPins, name: str, make: Callable[[], Any]) -> Any:
    """A model of the other side of some pins, made when it is first asked for; its messages are not wanted."""
    if name not in pins.models:
        logging.getLogger("cocotb").setLevel(logging.WARNING)
        pins.models[name] = make()
    return pins.models[name]


class AxisLayout:
    """How payloads lie on an AXI4-Stream: each number in so many bits, lowest first.

    Parameters
    ----------
    shape : of a payload.

    Attributes
    ----------
    size : bytes of a payload.
    """

    def __init__(self, shape: Any) -> None:
        self._bits = axis_bits(shape)
        self._numbers = [Shape.cast(number.shape()) for number in numbers_of(Signal(shape))]
        self.size = self._bits * len(self._numbers) // 8

    def widen(self, payload: int, rng: random.Random) -> bytes:
        """A payload as it is sent, with bits that do not matter above each number."""
        numbers = []
        for shape in self._numbers:
            numbers.append(payload & (1 << shape.width) - 1 | rng.getrandbits(self._bits) << shape.width)
            payload >>= shape.width
        return pack(numbers, self._bits).to_bytes(self.size, "little")

    def narrow(self, data: bytes) -> int:
        """The payload that was sent; what is above a number must be its sign, or nothing."""
        payload, offset, whole = 0, 0, int.from_bytes(data, "little")
        for place, shape in enumerate(self._numbers):
            number = whole >> self._bits * place & (1 << self._bits) - 1
            low = number & (1 << shape.width) - 1
            filled = (1 << self._bits) - (1 << shape.width) if shape.signed and low >> (shape.width - 1) else 0
            if number != low | filled:
                raise PortError(f"{number:#x} on an AXI4-Stream is no number of {shape.width} bits")
            payload |= low << offset
            offset += shape.width
        return payload


class AxisSource:
    """A `zimu.sim.streams.Source` that sends through an AXI4-Stream, in one frame for each call."""

    def __init__(self, pins: CocotbPins, prefix: str, shape: Any, rng: random.Random, pause: float) -> None:
        from cocotbext.axi import AxiStreamBus, AxiStreamSource

        self._rng, self._pause, self._layout = rng, pause, AxisLayout(shape)
        dut = pins.dut
        self._model = model(
            pins, prefix, lambda: AxiStreamSource(AxiStreamBus.from_prefix(dut, prefix), dut.clk, dut.rst, byte_size=8)
        )

    def put(self, payloads: Iterable[int]) -> None:
        """Have these sent."""
        self._model.send_nowait(b"".join(self._layout.widen(payload, self._rng) for payload in payloads))

    @property
    def empty(self) -> bool:
        """Whether all has been sent."""
        idle: bool = self._model.idle()
        return idle

    def clear(self, pins: Pins) -> None:
        """The model sees resets itself."""

    def clock(self, pins: Pins) -> None:
        self._model.pause = self._rng.random() < self._pause


class AxisSink:
    """A `zimu.sim.streams.Sink` at an AXI4-Stream; what it took is there when a frame has ended."""

    def __init__(self, pins: CocotbPins, prefix: str, shape: Any, rng: random.Random, pause: float) -> None:
        from cocotbext.axi import AxiStreamBus, AxiStreamSink

        self._rng, self._pause, self._layout = rng, pause, AxisLayout(shape)
        self.taken: list[int] = []
        dut = pins.dut
        self._model = model(
            pins, prefix, lambda: AxiStreamSink(AxiStreamBus.from_prefix(dut, prefix), dut.clk, dut.rst, byte_size=8)
        )

    def clear(self, pins: Pins) -> None:
        """Forget everything and take no transfer."""
        self.taken.clear()
        self._model.pause = True

    def clock(self, pins: Pins) -> None:
        while not self._model.empty():
            frame, size = bytes(self._model.recv_nowait()), self._layout.size
            self.taken += [self._layout.narrow(frame[i : i + size]) for i in range(0, len(frame), size)]
        self._model.pause = self._rng.random() < self._pause


class AxiLiteRegisters(RegisterDriver):
    """Registers behind AXI4-Lite."""

    pins: CocotbPins
    models: ClassVar[str | None] = "cocotbext.axi"
    simulators: ClassVar[tuple[str, ...]] = ("verilator", "icarus")

    def prepare_bus(self) -> None:
        from cocotbext.axi import AxiLiteBus, AxiLiteMaster

        dut = self.pins.dut
        self._axi = model(
            self.pins, "s_axi", lambda: AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), dut.clk, dut.rst)
        )
        write, read = self._axi.write_if, self._axi.read_if
        for channel in (write.aw_channel, write.w_channel, write.b_channel, read.ar_channel, read.r_channel):
            channel.set_pause_generator(self.pauses())

    def pauses(self) -> Iterable[bool]:
        """Whether a channel pauses, clock by clock."""
        rng = random.Random(self.rng.random())
        while True:
            yield rng.random() < self.pause

    async def transfer(self, address: int, value: int | None) -> tuple[int, bool]:
        if value is None:
            answer = await self._axi.read(address, BYTES)
            return int.from_bytes(answer.data, "little"), answer.resp == SLVERR
        answer = await self._axi.write(address, (value % 2**WORD_BITS).to_bytes(BYTES, "little"))
        return 0, answer.resp == SLVERR

    async def strange_transfers(self) -> list[bool]:
        # Writes of less than a word, to places aligned and not.
        first = self.rng.randint(0, BYTES - 1)
        count = self.rng.randint(1, BYTES - first - (first == 0))
        answers = [
            await self._axi.write(register + first, bytes(255 for _ in range(count)))
            for register in (Register.TRIALS, Register.CONTROL, Register.STATUS)
        ]
        return [answer.resp == SLVERR for answer in answers]


class AxiLiteDriver(AxiLiteRegisters, UnitDriver):
    """The unit with its memories behind AXI4-Lite and AXI4-Stream."""

    def streams(self) -> tuple[Any, Any, Any]:
        kept, beat = kept_layout(self.config), self.core.gradient_beat.payload.shape()
        return (
            AxisSource(self.pins, "s_axis_weights", kept, self.rng, self.pause),
            AxisSource(self.pins, "s_axis_gradients", beat, self.rng, self.pause),
            AxisSink(self.pins, "m_axis_weights", kept, self.rng, self.pause),
        )


class WishboneDriver(UnitDriver):
    """The unit behind Wishbone."""

    pins: CocotbPins
    models: ClassVar[str | None] = "cocotbext.wishbone"
    simulators: ClassVar[tuple[str, ...]] = ("verilator",)
    # The model's first values, which it sets past the scheduler, cut the ports off from what is behind them in Icarus.

    def prepare_bus(self) -> None:
        from cocotbext.wishbone.driver import WishboneMaster

        names = {name: name for name in ("cyc", "stb", "we", "adr", "ack", "sel", "err")}
        names |= {"datwr": "dat_w", "datrd": "dat_r"}
        dut = self.pins.dut
        self._wishbone = model(
            self.pins, "wb", lambda: WishboneMaster(dut, "wb", dut.clk, timeout=self.limit, signals_dict=names)
        )

    async def transfer(self, address: int, value: int | None) -> tuple[int, bool]:
        return await self._cycle(address, value, 2**BYTES - 1)

    async def strange_transfers(self) -> list[bool]:
        # Writes of less than a word; its addresses are those of words.
        registers = (Register.TRIALS, Register.CONTROL, Register.STATUS)
        return [(await self._cycle(each, 2**WORD_BITS - 1, self.rng.randrange(2**BYTES - 1)))[1] for each in registers]

    async def _cycle(self, address: int, value: int | None, select: int) -> tuple[int, bool]:
        from cocotbext.wishbone.driver import WBOp

        idle = 0
        while self.rng.random() < self.pause:
            idle += 1
        data = None if value is None else value % 2**WORD_BITS
        (result,) = await self._wishbone.send_cycle(
            [WBOp(adr=address // BYTES, dat=data, sel=select, idle=idle, acktimeout=self.limit)]
        )
        failed = result.ack == _ERR
        return 0 if failed or value is not None else int(result.datrd), failed


_ERR = 2
"""What the model calls an answer by ``err``."""
