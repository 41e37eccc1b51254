"""Drivers that make a circuit take steps: what a bench knows of its pins."""

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol

from amaranth.hdl import Shape

from zimu.golden.config import UnitConfig
from zimu.golden.unit import Counters
from zimu.golden.vectors import Stimulus
from zimu.rtl.datapath import weight_lanes, weight_places
from zimu.rtl.registers import Control, Register, Status
from zimu.rtl.sampler import address
from zimu.rtl.unit import counters_layout, seed_cycles
from zimu.sim.pins import Agent, Pins, run_until
from zimu.sim.streams import ReadPort, Sink, Source, WritePort


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
        word |= (value & ((1 << bits) - 1)) << (bits * i)
    return word


def to_signed(value: int, bits: int) -> int:
    """Read the low ``bits`` bits as two's complement."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


class Driver(ABC):
    """Common to all units: clock, reset and the bound on a step's clocks.

    Parameters
    ----------
    pins : the circuit.
    config : its configuration.
    rng : decides all gaps.
    pause : probability of a pause before a transfer; 0 for none.
    """

    def __init__(self, pins: Pins, config: UnitConfig, rng: random.Random, pause: float):
        self.pins, self.config, self.rng, self.pause = pins, config, rng, pause
        self.agents: list[Peer] = []

    @abstractmethod
    async def begin(self, seed: int, weights: Sequence[int]) -> None:
        """Write the seed and the weights."""

    @abstractmethod
    async def start(self, stimulus: Stimulus) -> None:
        """Begin a step."""

    @abstractmethod
    async def step(self, stimulus: Stimulus) -> None:
        """Take a step to its end."""

    @abstractmethod
    async def read(self) -> tuple[list[int], Counters]:
        """The weights and the counters."""

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

    async def until(self, done, what: str) -> None:
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
        lanes, bits = self.config.lanes, self.config.gradient_bits
        padded = list(gradients)
        padded += [self.rng.getrandbits(bits) for _ in range(lanes * self.config.beats - len(padded))]
        return [pack(padded[i : i + lanes], bits) for i in range(0, len(padded), lanes)]

    @property
    def limit(self) -> int:
        """More clocks than anything takes, pauses and rejected draws included."""
        slow = 1 / (1 - self.pause) ** 2
        return round((4000 + 40 * self.config.depth + 400 * self.trials) * slow) + seed_cycles(self.config)

    trials = 0


class CoreDriver(Driver):
    """Drives `zimu.rtl.unit.ZimCore`, with memories behind its ports that answer when they like."""

    def __init__(self, pins: Pins, config: UnitConfig, rng: random.Random, pause: float):
        super().__init__(pins, config, rng, pause)
        self.gradients = [0] * config.beats
        self.lanes = weight_lanes(config)
        self.weights = [0] * weight_places(config)
        address_bits = Shape.cast(address(weight_places(config))).width
        # Reads before writes: a read accepted in the clock of a write gets the old weight.
        self.agents = [
            ReadPort("gradient_request", "gradient_beat", self.gradients, rng, pause),
            ReadPort("weight_read", "weight_data", self.weights, rng, pause),
            WritePort("weight_write", self.weights, address_bits, rng, pause),
        ]
        for name in ("start", "reseed"):
            pins.set(name, 0)

    async def begin(self, seed: int, weights: Sequence[int]) -> None:
        lanes, bits = self.lanes, self.config.weight_bits
        # Lanes beyond the depth hold rubbish, which must not matter.
        padded = [*weights, *(self.rng.getrandbits(bits) for _ in range(-len(weights) % lanes))]
        self.weights[:] = [pack(padded[i : i + lanes], bits) for i in range(0, len(padded), lanes)]
        self.pins.set("seed", seed)
        await self._pulse("reseed")

    async def start(self, stimulus: Stimulus) -> None:
        self.gradients[:] = self.beats(stimulus.gradients)
        self.trials = stimulus.trials
        self.pins.set("trials", stimulus.trials)
        self.pins.set("threshold", stimulus.threshold)
        if self.config.smoothing_bits:
            self.pins.set("smoothing", stimulus.smoothing)
        self.pins.set("start", 1)
        await self.clocks(1)
        self.pins.set("start", 0)

    async def step(self, stimulus: Stimulus) -> None:
        await self.start(stimulus)
        await self.clocks(1)
        await self.until(lambda: not self.pins.get("busy"), "a step")

    async def read(self) -> tuple[list[int], Counters]:
        raw, values = self.pins.get("counters"), []
        for _, field in counters_layout(self.config):
            values.append(raw >> field.offset & ((1 << field.width) - 1))
        bits = self.config.weight_bits
        weights = [to_signed(place >> bits * lane, bits) for place in self.weights for lane in range(self.lanes)]
        return weights[: self.config.depth], Counters(*values)

    async def _pulse(self, name: str) -> None:
        self.pins.set(name, 1)
        await self.clocks(1)
        self.pins.set(name, 0)
        await self.clocks(1)
        await self.until(lambda: not self.pins.get("busy"), name)


class UnitDriver(Driver):
    """Drives `zimu.rtl.onchip.ZimUnit` as its system would: through the register block and the streams."""

    def __init__(self, pins: Pins, config: UnitConfig, rng: random.Random, pause: float):
        super().__init__(pins, config, rng, pause)
        self.weights_in = Source("weights_in", rng, pause)
        self.gradients = Source("gradients", rng, pause)
        self.weights_out = Sink("weights_out", rng, pause)
        self.agents = [self.weights_in, self.gradients, self.weights_out]
        pins.set("bus__psel", 0)

    async def begin(self, seed: int, weights: Sequence[int]) -> None:
        self.weights_in.queue.extend(weights)
        await self.until(lambda: not self.weights_in.queue, "loading the weights")
        await self.write(Register.SEED_LO, seed)
        await self.write(Register.SEED_HI, seed >> 32)
        await self.write(Register.CONTROL, 1 << Control.RESEED)
        await self.rest("the seed's expansion")

    async def start(self, stimulus: Stimulus) -> None:
        self.trials = stimulus.trials
        self.gradients.queue.extend(self.beats(stimulus.gradients))
        await self.write(Register.TRIALS, stimulus.trials)
        await self.write(Register.THRESHOLD_LO, stimulus.threshold)
        await self.write(Register.THRESHOLD_HI, stimulus.threshold >> 32)
        await self.write(Register.SMOOTHING, stimulus.smoothing)
        await self.until(lambda: not self.gradients.queue, "loading the gradients")
        await self.write(Register.CONTROL, 1 << Control.START)

    async def step(self, stimulus: Stimulus) -> None:
        await self.start(stimulus)
        await self.until(lambda: self.pins.get("interrupt"), "a step")
        await self.write(Register.STATUS, 1 << Status.DONE)

    async def read(self) -> tuple[list[int], Counters]:
        await self.write(Register.CONTROL, 1 << Control.READ_WEIGHTS)
        await self.until(lambda: len(self.weights_out.taken) == self.config.depth, "reading the weights")
        weights = [to_signed(w, self.config.weight_bits) for w in self.weights_out.taken]
        self.weights_out.taken.clear()
        await self.rest("reading the weights")
        registers = [await self.load(address) for address in range(Register.STEPS, Register.MASS_HI + 4, 4)]
        *counts, mass_low, mass_high = registers
        return weights, Counters._make([*counts, mass_low | mass_high << 32])

    async def rest(self, what: str) -> None:
        """Poll STATUS until nothing is under way."""
        for _ in range(self.limit):
            if not await self.load(Register.STATUS) >> Status.BUSY & 1:
                return
        raise HangError(f"{what} did not end within {self.limit} reads of STATUS")

    async def write(self, register: int, value: int) -> None:
        """One APB write."""
        self.pins.set("bus__pwdata", value)
        await self._transfer(register, write=True)

    async def load(self, register: int) -> int:
        """One APB read."""
        await self._transfer(register, write=False)
        return self.pins.get("bus__prdata")

    async def _transfer(self, register: int, *, write: bool) -> None:
        self.pins.set("bus__psel", 1)
        self.pins.set("bus__paddr", register)
        self.pins.set("bus__pwrite", write)
        await self.clocks(1)
        self.pins.set("bus__penable", 1)
        await self.until(lambda: self.pins.get("bus__pready"), "a bus transfer")
        self.pins.set("bus__psel", 0)
        self.pins.set("bus__penable", 0)
        if self.pins.get("bus__pslverr"):
            raise HangError(f"the bus refused address {register:#x}")
