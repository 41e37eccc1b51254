"""Drivers that make a circuit take steps: what a bench knows of its pins."""

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol

from amaranth.hdl import Shape
from amaranth.lib import data

from zimu.golden.registers import container, words_of_beat
from zimu.golden.rule import WORD_BITS, RuleConfig
from zimu.golden.unit import UnitConfig
from zimu.golden.vectors import Memory, Stimulus
from zimu.rtl.update import seed_cycles, update_core
from zimu.sim.pins import Agent, Pins, run_until
from zimu.sim.simulators import SIMULATORS
from zimu.sim.streams import ReadPort, WritePort


class Peer(Agent, Protocol):
    """An agent that can be reset with the circuit."""

    def clear(self, pins: Pins) -> None:
        """Forget everything under way."""


class HangError(Exception):
    """The circuit did not come to the end of what it was told to do."""


def pack(values: Sequence[int], bits: int) -> int:
    """Values side by side in one word, the first in the low bits, two's complement."""
    word = 0
    for i, value in enumerate(values):
        word |= (value % (1 << bits)) << (bits * i)
    return word


def gradient_words(config: UnitConfig, patterns: Sequence[int]) -> list[int]:
    """The gradients of a step as the words of GRADIENTS; lanes beyond the depth are 0."""
    bits, lanes = container(config.gradient_bits), config.lanes
    beats = [pack(patterns[first : first + lanes], bits) for first in range(0, config.beats * lanes, lanes)]
    return [beat >> WORD_BITS * word & 2**WORD_BITS - 1 for beat in beats for word in range(words_of_beat(config))]


def to_signed(value: int, bits: int) -> int:
    """Read the low ``bits`` bits as two's complement."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


class StepError(Exception):
    """The circuit says that a step failed, as it may where the system's memory answers with errors."""


class PlaceLayout:
    """How a memory holds weights, read off the shape of what a place of it holds.

    Parameters
    ----------
    shape : a number, or an ArrayLayout of numbers or of StructLayouts of numbers: a weight, then what is beside it.
    names : what the memory of each of those numbers is called.

    Attributes
    ----------
    lanes : weights at a place.
    shapes : of each number, by its name.
    """

    def __init__(self, shape: Any, names: Sequence[str]):
        self.lanes = shape.length if isinstance(shape, data.ArrayLayout) else 1
        weight = shape.elem_shape if isinstance(shape, data.ArrayLayout) else shape
        numbers = weight.members.values() if isinstance(weight, data.StructLayout) else [weight]
        self.shapes = {name: Shape.cast(number) for name, number in zip(names, numbers, strict=True)}
        self._bits = sum(shape.width for shape in self.shapes.values())

    def places(self, memory: Memory, rng: random.Random) -> list[int]:
        """What the places hold; lanes beyond the depth hold rubbish, which must not matter."""
        weights = [0] * len(memory[next(iter(self.shapes))])
        offset = 0
        for name, shape in self.shapes.items():
            values = zip(weights, memory[name], strict=True)
            weights = [low | ((value % (1 << shape.width)) << offset) for low, value in values]
            offset += shape.width
        weights += [rng.getrandbits(self._bits) for _ in range(-len(weights) % self.lanes)]
        return [pack(weights[i : i + self.lanes], self._bits) for i in range(0, len(weights), self.lanes)]

    def read(self, places: Sequence[int], depth: int) -> Memory:
        """The first ``depth`` weights, and what else there is of each."""
        weights = [place >> (self._bits * lane) for place in places for lane in range(self.lanes)][:depth]
        memory: Memory = {}
        offset = 0
        for name, shape in self.shapes.items():
            raw = [(weight >> offset) % (1 << shape.width) for weight in weights]
            memory[name] = [to_signed(value, shape.width) for value in raw] if shape.signed else raw
            offset += shape.width
        return memory


class Access(NamedTuple):
    """Transfers through a port of a memory, and the bits of data that each carries."""

    transfers: int
    bits: int


class Slices(Sequence[int]):
    """A view of a memory in places of ``bits`` bits; ``parts`` of them are one of the memory, the low one first."""

    def __init__(self, memory: Sequence[int], parts: int, bits: int):
        self._memory, self._parts, self._bits = memory, parts, bits

    def __len__(self) -> int:
        return len(self._memory) * self._parts

    def __getitem__(self, place: Any) -> Any:
        whole, part = divmod(place, self._parts)
        return self._memory[whole] >> self._bits * part & (1 << self._bits) - 1


class Driver(ABC):
    """Common to all circuits: clock, reset and the bound on a step's clocks.

    Parameters
    ----------
    pins : the circuit.
    config : its configuration.
    rng : decides all gaps.
    pause : probability of a pause before a transfer; 0 for none.
    """

    errors = 0.0
    """Probability of a response of the system's memory that is an error, of units that may get one."""

    models: ClassVar[str | None] = None
    """The package of the models of a bus that it takes."""

    simulators: ClassVar[tuple[str, ...]] = tuple(SIMULATORS)
    """Those under which it can work."""

    def __init__(self, pins: Any, config: Any, rng: random.Random, pause: float):
        self.pins, self.config, self.rng, self.pause = pins, config, rng, pause
        self.core = update_core(config)  # for the shapes of its ports, whatever the rule
        self.registers = dict.fromkeys(config.values, 0)
        self.agents: list[Peer] = []

    @abstractmethod
    async def begin(self, seed: int, memory: Memory) -> None:
        """Write the seed and the whole memory."""

    @abstractmethod
    async def start(self, stimulus: Stimulus) -> None:
        """Begin a step."""

    @abstractmethod
    async def step(self, stimulus: Stimulus) -> None:
        """Take a step to its end."""

    @abstractmethod
    async def read(self) -> tuple[Memory, dict[str, int]]:
        """The memory and the counters."""

    async def reset(self) -> None:
        """Hold reset for a few clocks; everything under way is forgotten."""
        self.pins.set("rst", 1)
        for agent in self.agents:
            agent.clear(self.pins)
        for _ in range(self.rng.randint(1, 3)):
            await self.pins.tick()
        self.pins.set("rst", 0)

    async def clocks(self, count: int) -> None:
        """Let ``count`` clocks pass."""
        await run_until(self.pins, self.agents, lambda: False, count)

    async def until(self, done: Callable[[], Any], what: str) -> None:
        """Clock on until ``done()``.

        Raises
        ------
        HangError
            it takes longer than the slowest step can.
        """
        limit = self.limit
        if not await run_until(self.pins, self.agents, done, limit):
            raise HangError(f"{what} did not end within {limit} clocks")

    def beats(self, gradients: Sequence[int]) -> list[int]:
        """Gradients as beats, the last one filled up with rubbish, which must not matter."""
        lanes, bits = self.config.lanes, Shape.cast(self.core.gradient_beat.payload.shape().elem_shape).width
        padded = [*gradients, *(self.rng.getrandbits(bits) for _ in range(-len(gradients) % lanes))]
        return [pack(padded[i : i + lanes], bits) for i in range(0, len(padded), lanes)]

    @property
    def limit(self) -> int:
        """More clocks than anything takes, pauses and rejected draws included."""
        slow = 1 / (1 - self.pause) ** 2
        expansion: int = seed_cycles(self.config.prng, self.core.generators)
        return round(self.core.most_clocks(self.registers) * slow) + expansion


class CoreDriver(Driver):
    """Drives the core of any rule, with memories behind its ports that answer when they like."""

    def __init__(self, pins: Pins, config: RuleConfig, rng: random.Random, pause: float):
        super().__init__(pins, config, rng, pause)
        self.gradients = [0] * self.config.beats
        self._memory_ports: dict[str, tuple[ReadPort | WritePort, int]] = {}
        beats = ReadPort("gradient_request", "gradient_beat", self.gradients, rng, pause)
        self._add_port("gradient_request", beats, self.core.gradient_beat.payload.shape())
        # By the names of their ports.
        self.layouts: dict[str, PlaceLayout] = {}
        self.memories: dict[str, list[int]] = {}
        self._add_memory("weight", ["weights", *(name for name in config.memories if name not in self.core.beside)])
        for name in self.core.beside:
            self._add_memory(name, [name])
        if self.core.slices:
            whole = ({"gradient": self.gradients} | self.memories)[self.core.sliced]
            shape = self.core.slices.shape
            slices = Slices(whole, self.config.lanes // shape.length, Shape.cast(shape).width)
            self._add_port("probe_request", ReadPort("probe_request", "probe_slice", slices, rng, pause), shape)
        for name in ("start", "reseed"):
            pins.set(name, 0)

    def _add_memory(self, port: str, names: Sequence[str]) -> None:
        """A memory that holds numbers of these names behind the ports of this one."""
        written = getattr(self.core, f"{port}_write").payload.shape().members
        self.layouts[port] = layout = PlaceLayout(written["data"], names)
        self.memories[port] = memory = [0] * -(-self.config.depth // layout.lanes)
        address_bits = Shape.cast(written["address"]).width
        # Reads before writes: a read accepted in the clock of a write gets what was there before it.
        reads = ReadPort(f"{port}_read", f"{port}_data", memory, self.rng, self.pause)
        writes = WritePort(f"{port}_write", memory, address_bits, self.rng, self.pause)
        self._add_port(f"{port}_read", reads, written["data"])
        self._add_port(f"{port}_write", writes, written["data"])

    def _add_port(self, name: str, port: ReadPort | WritePort, shape: Any) -> None:
        """A port whose transfers carry data of a shape."""
        self.agents.append(port)
        self._memory_ports[name] = (port, Shape.cast(shape).width)

    @property
    def accesses(self) -> dict[str, Access]:
        """What went through each port of the memories since the driver was made, by the names of the ports."""
        return {name: Access(port.accesses, bits) for name, (port, bits) in self._memory_ports.items()}

    async def begin(self, seed: int, memory: Memory) -> None:
        self._write(memory)
        self.pins.set("seed", seed)
        self.pins.set("reseed", 1)
        await self.clocks(1)
        self.pins.set("reseed", 0)
        await self.clocks(1)
        await self.until(lambda: not self.pins.get("busy"), "reseed")

    async def start(self, stimulus: Stimulus) -> None:
        self.gradients[:] = self.beats(stimulus.gradients)
        self._write(stimulus.memory)
        self.registers = stimulus.registers
        for name, value in stimulus.registers.items():
            # A value of no width has no port.
            if len(getattr(self.core, name)):
                self.pins.set(name, value)
        self.pins.set("start", 1)
        await self.clocks(1)
        self.pins.set("start", 0)

    async def step(self, stimulus: Stimulus) -> None:
        await self.start(stimulus)
        await self.clocks(1)
        await self.until(lambda: not self.pins.get("busy"), "a step")

    async def read(self) -> tuple[Memory, dict[str, int]]:
        raw = self.pins.get("counters")
        counters = {name: (raw >> f.offset) % (1 << f.width) for name, f in self.core.counters.shape()}
        return self._read(), counters

    def _read(self) -> Memory:
        """What the user's memories hold."""
        held: Memory = {}
        for port, layout in self.layouts.items():
            held |= layout.read(self.memories[port], self.config.depth)
        return held

    def _write(self, memory: Memory) -> None:
        """Change what the user's memories hold."""
        if memory:
            held = self._read() | memory
            for port, layout in self.layouts.items():
                self.memories[port][:] = layout.places(held, self.rng)
