"""Drives the unit whose memories are the system's, which a public model of an AXI4 memory holds (cocotbext-axi).

The unit: ``rtl/external.py``.
"""

import random
from typing import Any

from amaranth.hdl import Shape

from zimu.golden.registers import CLEARED_BY_WRITING, Control, Register, Status, Storage, address_ports, container
from zimu.golden.rule import WORD_BITS
from zimu.golden.unit import UnitConfig
from zimu.golden.vectors import Memory, Stimulus
from zimu.rtl.axi import ADDRESS_BITS, PAGE
from zimu.rtl.external import data_bits
from zimu.sim.buses import AxiLiteRegisters, model
from zimu.sim.drivers import StepError, pack, to_signed
from zimu.sim.pins import CocotbPins, PortError

_ERRORS = 1 << Status.READ_ERROR | 1 << Status.WRITE_ERROR


class SystemMemory:
    """What the model of an AXI4 subordinate reads and writes: some arrays, slow at times, with an error now and then.

    Attributes
    ----------
    arrays : by their addresses.
    stray : the first access to no array, if there was one.
    failed : an access was answered with an error since this was cleared.
    """

    def __init__(self, dut: Any) -> None:
        self._dut = dut
        self.arrays: dict[int, bytearray] = {}
        self.rng, self.pause, self.errors = random.Random(0), 0.0, 0.0
        self.stray = ""
        self.failed = False

    async def read(self, address: int, length: int) -> bytes:
        """Called by the model for a word of the bus."""
        await self._answer()
        array, place = self._find(address, length)
        return bytes(array[place : place + length])

    async def write(self, address: int, data: bytes) -> None:
        """Called by the model for bytes side by side."""
        await self._answer()
        array, place = self._find(address, len(data))
        array[place : place + len(data)] = data

    async def _answer(self) -> None:
        """Take some time, and fail at times."""
        from cocotb.triggers import ClockCycles

        if self.rng.random() < self.pause:
            await ClockCycles(self._dut.clk, self.rng.choice((1, 1, 2, 3, 9, 30)))
        if self.rng.random() < self.errors:
            self.failed = True
            raise OSError("an error was asked for")

    def _find(self, address: int, length: int) -> tuple[bytearray, int]:
        for base, array in self.arrays.items():
            if base <= address and address + length <= base + len(array):
                return array, address - base
        self.stray = self.stray or f"{length} bytes at {address:#x}"
        raise OSError("no array is there")


class ExternalDriver(AxiLiteRegisters):
    """See the module."""

    storage = Storage.EXTERNAL

    def __init__(self, pins: CocotbPins, config: UnitConfig, rng: random.Random, pause: float):
        super().__init__(pins, config, rng, pause)
        self.prepare_bus()
        from cocotbext.axi import AxiBus, AxiSlave

        dut = pins.dut
        self.memory: SystemMemory = model(pins, "memory", lambda: SystemMemory(dut))
        axi = model(
            pins, "m_axi", lambda: AxiSlave(AxiBus.from_prefix(dut, "m_axi"), dut.clk, dut.rst, target=self.memory)
        )
        write, read = axi.write_if, axi.read_if
        for channel in (write.aw_channel, write.w_channel, write.b_channel, read.ar_channel, read.r_channel):
            channel.set_pause_generator(self.pauses())
        self.memory.rng, self.memory.pause, self.memory.errors = rng, pause, 0.0
        self._lanes = max(config.lanes, data_bits(config) // 8)
        memories = {"weights": config.weight} | config.memories
        self._numbers = {
            name: (at, number) for (name, number), at in zip(memories.items(), address_ports(config)[1:], strict=True)
        }
        self._at: dict[str, int] = {}

    async def begin(self, seed: int, memory: Memory) -> None:
        # A step that a reset stopped may have been under way until now.
        self.memory.arrays, self.memory.stray, self.memory.failed = {}, "", False
        for name in address_ports(self.config):
            page = self.rng.randrange(2 ** self.rng.choice((20, 28, ADDRESS_BITS - 13)))
            while any(abs(page * PAGE - other) < 2**40 for other in self.memory.arrays):
                page = self.rng.randrange(2 ** (ADDRESS_BITS - 13))
            self._at[name] = page * PAGE
            # The low bits of an address do not matter.
            given = page * PAGE + self.rng.randrange(PAGE)
            self.memory.arrays[page * PAGE] = bytearray()
            low, high = (register for register in Register if register.of == name)
            await self.write(low, given)
            await self.write(high, given >> WORD_BITS)
        for name, values in memory.items():
            at, number = self._numbers[name]
            self._store(at, values, number.bits)
        await self.expand(seed)

    def _store(self, at: str, values: Any, bits: int) -> None:
        """Fill an array; what is beyond the depth and above each number does not matter."""
        wide = container(bits)
        numbers = [value & (1 << bits) - 1 | self.rng.getrandbits(wide) << bits for value in values]
        numbers += [self.rng.getrandbits(wide) for _ in range(-len(numbers) % self._lanes)]
        self.memory.arrays[self._at[at]][:] = pack(numbers, wide).to_bytes(len(numbers) * wide // 8, "little")

    async def start(self, stimulus: Stimulus) -> None:
        if self.now_and_then():
            await self.misuse()
        await self.set_values(stimulus)
        bits = Shape.cast(self.core.gradient_beat.payload.shape().elem_shape).width
        self._store("gradients_at", stimulus.gradients, bits)
        for name, values in stimulus.memory.items():
            self._store(self._numbers[name][0], values, self._numbers[name][1].bits)
        self.memory.errors = self.errors
        await self.write(Register.CONTROL, 1 << Control.START)

    async def step(self, stimulus: Stimulus) -> None:
        await self.start(stimulus)
        await self.until(lambda: self.pins.get("interrupt"), "a step")
        self.memory.errors = 0.0
        status = await self.load(Register.STATUS)
        await self.write(Register.STATUS, sum(1 << bit for bit in CLEARED_BY_WRITING))
        if self.memory.stray:
            raise PortError(f"the unit asks for {self.memory.stray}, which is in none of its arrays")
        if bool(status & _ERRORS) != self.memory.failed:
            seen = "an error" if self.memory.failed else "no error"
            raise PortError(f"STATUS is {status:#x} after a step that met {seen}")
        if self.memory.failed:
            raise StepError

    async def read(self) -> tuple[Memory, dict[str, int]]:
        memory = {}
        for name, (at, number) in self._numbers.items():
            array, size = self.memory.arrays[self._at[at]], container(number.bits) // 8
            places = [array[i : i + size] for i in range(0, self.config.depth * size, size)]
            held = [int.from_bytes(place, "little") & (1 << number.bits) - 1 for place in places]
            memory[name] = [to_signed(value, number.bits) for value in held] if number.signed else held
        return memory, await self.counters()
