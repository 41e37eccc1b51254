"""The other ends of streams and memory ports, with random gaps."""

import random
from collections import deque
from collections.abc import Iterable, Sequence

from zimu.sim.pins import Pins, PortError


class Source:
    """Feeds a stream of the circuit from a queue, pausing at random; `valid` never waits for `ready`.

    Parameters
    ----------
    name : path of the stream's port.
    rng : decides the pauses.
    pause : probability of a pause before a transfer.
    """

    def __init__(self, name: str, rng: random.Random, pause: float):
        self.name, self.rng, self.pause = name, rng, pause
        self.queue: deque[int] = deque()
        self._valid = False

    def put(self, payloads: Iterable[int]) -> None:
        """Have these sent."""
        self.queue.extend(payloads)

    @property
    def empty(self) -> bool:
        """Whether all has been sent."""
        return not self.queue

    def clear(self, pins: Pins) -> None:
        """Forget everything and drive no transfer."""
        self.queue.clear()
        self._valid = False
        pins.set(f"{self.name}__valid", 0)

    def clock(self, pins: Pins) -> None:
        if self._valid and pins.get(f"{self.name}__ready"):
            self.queue.popleft()
            self._valid = False
        if not self._valid and self.queue and self.rng.random() >= self.pause:
            self._valid = True
            pins.set(f"{self.name}__payload", self.queue[0])
        pins.set(f"{self.name}__valid", self._valid)


class Sink:
    """Takes transfers of a stream of the circuit into a list, refusing at random."""

    def __init__(self, name: str, rng: random.Random, pause: float):
        self.name, self.rng, self.pause = name, rng, pause
        self.taken: list[int] = []
        self._ready = False

    def clear(self, pins: Pins) -> None:
        """Forget everything and take no transfer."""
        self.taken.clear()
        self._ready = False
        pins.set(f"{self.name}__ready", 0)

    def clock(self, pins: Pins) -> None:
        if self._ready and pins.get(f"{self.name}__valid"):
            self.taken.append(pins.get(f"{self.name}__payload"))
        self._ready = self.rng.random() >= self.pause
        pins.set(f"{self.name}__ready", self._ready)


class ReadPort:
    """A memory's read side: takes addresses, answers in order after random delays.

    Attributes
    ----------
    accesses : places read.
    """

    def __init__(self, request: str, answer: str, memory: Sequence[int], rng: random.Random, pause: float):
        self.memory = memory
        self.accesses = 0
        self._requests = Sink(request, rng, pause)
        self._answers = Source(answer, rng, pause)

    def clear(self, pins: Pins) -> None:
        """Forget requests under way."""
        self._requests.clear(pins)
        self._answers.clear(pins)

    def clock(self, pins: Pins) -> None:
        self._requests.clock(pins)
        # Read when the request is accepted: writes accepted before it are in the memory, later ones must not matter.
        self._answers.queue.extend(self.memory[_within(self.memory, address)] for address in self._requests.taken)
        self.accesses += len(self._requests.taken)
        self._requests.taken.clear()
        self._answers.clock(pins)


def _within(memory: Sequence[int], address: int) -> int:
    if address >= len(memory):
        raise PortError(f"address {address} of a memory of {len(memory)} places")
    return address


class WritePort:
    """A memory's write side: {address, data} with the address in the low bits.

    Attributes
    ----------
    accesses : places written.
    """

    def __init__(self, name: str, memory: list[int], address_bits: int, rng: random.Random, pause: float):
        self.memory, self.address_bits = memory, address_bits
        self.accesses = 0
        self._writes = Sink(name, rng, pause)

    def clear(self, pins: Pins) -> None:
        """Take no write."""
        self._writes.clear(pins)

    def clock(self, pins: Pins) -> None:
        self._writes.clock(pins)
        for write in self._writes.taken:
            address = _within(self.memory, write & ((1 << self.address_bits) - 1))
            self.memory[address] = write >> self.address_bits
        self.accesses += len(self._writes.taken)
        self._writes.taken.clear()
