"""Steps of a unit as a script of transfers on its bus, for benches that know nothing of the project."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from zimu.golden.registers import Control, Register, Status, Storage, address_ports, container, value_words
from zimu.golden.rule import WORD_BITS
from zimu.golden.unit import UnitConfig
from zimu.golden.vectors import Memory, Step
from zimu.rtl.axi import PAGE
from zimu.sim.arrays import buffer_bytes, places_of
from zimu.sim.drivers import gradient_words, pack
from zimu.sim.stimuli import random_vectors

STEPS = 4
END, WRITE, READ, IDLE, INTERRUPT, STORE, LOAD = range(7)
"""Operations: the script ends; a register is written, must read as the value; STATUS.BUSY falls, the interrupt rises; a
word of the system's memory is written, must hold the value."""


class Line(NamedTuple):
    """A line of a script."""

    operation: int
    address: int = 0
    value: int = 0

    def to_hex(self) -> str:
        """For ``$readmemh``."""
        return f"{self.operation:02x}{self.address:08x}{self.value % 2**WORD_BITS:08x}"


def recording(config: UnitConfig, storage: Storage, seed: int = 1) -> list[Line]:
    """A script that loads a unit, takes `STEPS` random steps and checks all weights and counters after each.

    Parameters
    ----------
    config : the unit.
    storage : where it keeps what it works on.
    seed : the steps follow from it.
    """
    vectors = random_vectors(config, seed, STEPS)
    arrays = _Arrays(config) if storage is Storage.EXTERNAL else _Words(config)
    lines = [*arrays.begin(vectors.memory)]
    lines += [Line(WRITE, Register.SEED_LO, vectors.seed), Line(WRITE, Register.SEED_HI, vectors.seed >> WORD_BITS)]
    lines += [Line(WRITE, Register.CONTROL, 1 << Control.RESEED), Line(IDLE)]
    for step in vectors.steps:
        lines += [Line(WRITE, *each) for each in value_words(config, storage, step.stimulus.registers)]
        lines += arrays.gradients(step.stimulus.gradients)
        lines += [Line(WRITE, Register.CONTROL, 1 << Control.START), Line(INTERRUPT)]
        lines += [Line(WRITE, Register.STATUS, 1 << Status.DONE), *arrays.check(step.memory)]
        lines += _counters(step)
    return [*lines, Line(END)]


def memory_bytes(config: UnitConfig) -> int:
    """Of the system's memory, up to the end of the last array."""
    return PAGE + buffer_bytes(config)


def _counters(step: Step) -> Iterator[Line]:
    for register in Register:
        if register.of in step.counters:
            yield Line(READ, register, step.counters[register.of] >> register.low)


class _Words:
    """Weights and gradients through registers, into on-chip memory."""

    def __init__(self, config: UnitConfig) -> None:
        self._config = config
        self._names = ["weights", *config.memories]

    def begin(self, memory: Memory) -> Iterator[Line]:
        for numbers in zip(*(memory[name] for name in self._names), strict=True):
            yield from (Line(WRITE, Register.WEIGHTS, number) for number in numbers)

    def gradients(self, gradients: Sequence[int]) -> Iterator[Line]:
        yield from (Line(WRITE, Register.GRADIENTS, word) for word in gradient_words(self._config, gradients))

    def check(self, memory: Memory) -> Iterator[Line]:
        yield Line(WRITE, Register.CONTROL, 1 << Control.READ_WEIGHTS)
        for numbers in zip(*(memory[name] for name in self._names), strict=True):
            yield from (Line(READ, Register.WEIGHTS, number) for number in numbers)
        yield Line(IDLE)


class _Arrays:
    """Weights and gradients in the system's memory, from its second page on."""

    def __init__(self, config: UnitConfig) -> None:
        self._ports, self._places = address_ports(config), places_of(config)

    def begin(self, memory: Memory) -> Iterator[Line]:
        for port, place in zip(self._ports, self._places.values(), strict=True):
            for register in Register:
                if register.of == port:
                    yield Line(WRITE, register, PAGE + place.begin >> register.low)
        for name, values in memory.items():
            yield from self._store(name, values)

    def gradients(self, gradients: Sequence[int]) -> Iterator[Line]:
        yield from self._store("gradients", gradients)

    def check(self, memory: Memory) -> Iterator[Line]:
        for name, values in memory.items():
            wide = container(self._places[name].number.bits)
            whole = len(values) - len(values) % (WORD_BITS // wide)  # nothing is said of what is beyond the depth
            yield from self._lines(LOAD, name, values[:whole])

    def _store(self, name: str, values: Sequence[int]) -> Iterator[Line]:
        yield from self._lines(STORE, name, [*values, *[0] * (self._places[name].length - len(values))])

    def _lines(self, operation: int, name: str, values: Sequence[int]) -> Iterator[Line]:
        begin, _, number = self._places[name]
        wide = container(number.bits)
        of_word = WORD_BITS // wide
        for first in range(0, len(values), of_word):
            word = pack(values[first : first + of_word], wide)
            yield Line(operation, PAGE + begin + first * wide // 8, word)
