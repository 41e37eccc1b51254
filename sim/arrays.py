"""Where a unit keeps gradients, weights and means, and how the Python driver reaches them there.

In the unit's own memories they pass through registers, in the system's memory they are arrays that both sides reach.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, TypeVar

from zimu.golden.errors import InputError
from zimu.golden.registers import Control, Register, Status, Storage, address_ports, container
from zimu.golden.rule import WORD_BITS, Integer
from zimu.golden.unit import UnitConfig
from zimu.golden.vectors import Memory
from zimu.rtl.axi import PAGE
from zimu.rtl.external import data_bits
from zimu.sim.access import DeviceError, RegisterAccess
from zimu.sim.drivers import gradient_words, pack, to_signed
from zimu.sim.transport import Buffer

T = TypeVar("T")


class Arrays(Protocol):
    """Gradients, weights and what is kept beside them.

    Attributes
    ----------
    storage : where they are.
    """

    storage: Storage

    def load(self, memory: Memory) -> None:
        """Fill all but the gradients, by name."""

    def read(self) -> Memory:
        """All but the gradients."""

    def put(self, gradients: Sequence[int]) -> None:
        """Have these patterns there for the next step."""

    def check(self, status: int) -> None:
        """`DeviceError` if STATUS says that a step failed for want of them."""


class OnChipArrays:
    """In the unit: words of GRADIENTS and WEIGHTS, from the first on after a REWIND.

    Parameters
    ----------
    config, registers : of the unit.
    """

    storage = Storage.ONCHIP

    def __init__(self, config: UnitConfig, registers: RegisterAccess) -> None:
        self._config, self._registers = config, registers
        self._names = ["weights", *config.memories]

    def load(self, memory: Memory) -> None:
        words = [number for numbers in zip(*(memory[name] for name in self._names), strict=True) for number in numbers]
        self._from_the_first(lambda: self._registers.transport.write(Register.WEIGHTS, words))

    def read(self) -> Memory:
        def words() -> list[int]:
            self._registers.control(Control.READ_WEIGHTS)
            return self._registers.transport.read(Register.WEIGHTS, len(self._names) * self._config.depth)

        numbers = [to_signed(word, WORD_BITS) for word in self._from_the_first(words)]
        self._registers.wait(Status.BUSY, False)
        return {name: numbers[place :: len(self._names)] for place, name in enumerate(self._names)}

    def put(self, gradients: Sequence[int]) -> None:
        words = gradient_words(self._config, gradients)
        self._from_the_first(lambda: self._registers.transport.write(Register.GRADIENTS, words))

    def check(self, status: int) -> None:
        """Nothing in the unit can be missing."""

    def _from_the_first(self, action: Callable[[], T]) -> T:
        """Do what passes words to or from a memory, from the first word on, whatever was left half done before."""
        return self._registers.again(lambda: self._rewound(action))

    def _rewound(self, action: Callable[[], T]) -> T:
        self._registers.control(Control.REWIND)
        self._registers.wait(Status.BUSY, False)
        return action()


class Place(NamedTuple):
    """An array in the system's memory."""

    begin: int
    """Bytes from the beginning of the first array."""
    length: int
    """Numbers, to a whole beat and a whole word of the bus: so far it is read."""
    number: Integer
    """What each is."""

    @property
    def end(self) -> int:
        """Where the next array may begin: at a page."""
        return self.begin + -(-self.length * container(self.number.bits) // 8 // PAGE) * PAGE


def places_of(config: UnitConfig) -> dict[str, Place]:
    """The arrays of a unit, one after the other, by name, in the order of `zimu.golden.registers.address_ports`."""
    whole = max(config.lanes, data_bits(config) // 8)
    length = -(-config.depth // whole) * whole
    places: dict[str, Place] = {}
    begin = 0
    for name, number in ({"gradients": config.gradient, "weights": config.weight} | config.memories).items():
        places[name] = Place(begin, length, number)
        begin = places[name].end
    return places


def buffer_bytes(config: UnitConfig) -> int:
    """How much memory the arrays of a unit with external memory take, in bytes: a multiple of a page."""
    return max(place.end for place in places_of(config).values())


class BufferArrays:
    """In memory that the unit and this program both reach, one array after the other, each at a page of its own.

    Parameters
    ----------
    config, registers : of the unit, which is told where the arrays are.
    buffer : the memory.

    Raises
    ------
    InputError
        the buffer is too small, or does not begin at a page.
    """

    storage = Storage.EXTERNAL

    def __init__(self, config: UnitConfig, registers: RegisterAccess, buffer: Buffer) -> None:
        self._config, self._buffer = config, buffer
        self._places, size = places_of(config), buffer_bytes(config)
        if buffer.address % PAGE:
            raise InputError(f"buffer at {buffer.address:#x}: must begin at a multiple of {PAGE:#x}")
        if buffer.size < size:
            raise InputError(f"buffer of {buffer.size} bytes: the arrays of {config.name} take {size}")
        for port, place in zip(address_ports(config), self._places.values(), strict=True):
            registers.store_value(port, buffer.address + place.begin)

    def load(self, memory: Memory) -> None:
        for name, numbers in memory.items():
            self._fill(name, numbers)

    def read(self) -> Memory:
        return {name: self._numbers(name) for name in self._places if name != "gradients"}

    def put(self, gradients: Sequence[int]) -> None:
        self._fill("gradients", gradients)

    def check(self, status: int) -> None:
        for bit, what in ((Status.READ_ERROR, "a read"), (Status.WRITE_ERROR, "a write")):
            if status >> bit & 1:
                raise DeviceError(
                    f"the memory answered {what} with an error: load the weights, seed the unit, repeat the step"
                )

    def _fill(self, name: str, numbers: Sequence[int]) -> None:
        place = self._places[name]
        bits = container(place.number.bits)
        self._buffer.write(place.begin, pack(numbers, bits).to_bytes(len(numbers) * bits // 8, "little"))

    def _numbers(self, name: str) -> list[int]:
        begin, _, number = self._places[name]
        size = container(number.bits) // 8
        data = self._buffer.read(begin, self._config.depth * size)
        words = [int.from_bytes(data[i : i + size], "little") for i in range(0, len(data), size)]
        return [to_signed(word, number.bits) if number.signed else word % (1 << number.bits) for word in words]
