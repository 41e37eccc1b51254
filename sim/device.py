"""A unit in hardware or in a simulator, driven from Python with the calls of the C driver: load, seed, step, read.

Twin: ``sim/driver/zimu.c``. How its registers are reached is a `zimu.sim.transport.Transport`.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from zimu.golden.errors import ZimuError, check_range
from zimu.golden.registers import (
    IDENTITY,
    Control,
    Register,
    Status,
    Storage,
    digest,
    value_words,
)
from zimu.golden.rule import WORD_BITS, check_vector
from zimu.golden.unit import Counters, UnitConfig
from zimu.golden.vectors import Memory
from zimu.sim.drivers import gradient_words, to_signed
from zimu.sim.transport import LinkError, Transport

T = TypeVar("T")

ATTEMPTS = 4
"""At what can be done again after the line lost something."""

POLLS = 1_000_000
"""Reads of STATUS before a wait is given up."""


class DeviceError(ZimuError):
    """The unit is another one, refused, or did not come to an end."""


class Device:
    """A unit with on-chip memory behind a transport.

    After a `LinkError` what was under way is begun anew with REWIND, which makes nothing happen twice: loads and
    read-outs begin with the first word, and whether a step was begun is read off the counter of steps.

    Parameters
    ----------
    config : what the unit was made of.
    transport : reaches its registers.

    Raises
    ------
    DeviceError
        there is no unit, or it is of another configuration.
    """

    def __init__(self, config: UnitConfig, transport: Transport) -> None:
        self.config, self._transport = config, transport
        self._names = ["weights", *config.memories]
        identity, found = self._load(Register.ID), self._load(Register.DIGEST)
        if identity != IDENTITY:
            raise DeviceError(f"there is no unit: register ID is {identity:#010x}, not {IDENTITY:#010x}")
        if found != digest(config):
            raise DeviceError(
                f"the unit is of another configuration: register DIGEST is {found:#010x}, "
                f"that of {config.name} {digest(config):#010x}"
            )

    def seed(self, seed: int) -> None:
        """Expand a seed, 0..2^64 - 1, which also clears the counters."""
        check_range("seed", seed, 0, 2**64 - 1)
        self._store(Register.SEED_LO, seed)
        self._store(Register.SEED_HI, seed >> WORD_BITS)
        self._again(self._expand)
        self._wait(Status.BUSY, False)

    def _expand(self) -> None:
        """Begin to expand the seed, once what may have begun before is over."""
        self._wait(Status.BUSY, False)
        self._control(Control.RESEED)

    def load(self, memory: Memory) -> None:
        """Load all weights, and what is kept beside them: means that are left out begin as means of zero."""
        kinds = {"weights": self.config.weight} | self.config.memories
        whole = {name: [kind.initial] * self.config.depth for name, kind in kinds.items()} | memory
        for name, kind in kinds.items():
            whole[name] = check_vector(name, list(whole[name]), self.config.depth, *kind.limits)
        words = [number for numbers in zip(*(whole[name] for name in self._names), strict=True) for number in numbers]
        self._rewound(lambda: self._transport.write(Register.WEIGHTS, words))

    def step(self, gradients: Sequence[int], **values: int) -> Counters:
        """Take a step and return the counters since the seed.

        Parameters
        ----------
        gradients : depth patterns, as `zimu.golden.unit.ReferenceUnit` and the emulator take them.
        values : the run-time values of the configuration.

        Raises
        ------
        InputError
            a number is outside its range; the unit has seen none of it.
        DeviceError
            the unit refused, for want of a seed, or did not come to an end.
        """
        config = self.config
        patterns = check_vector("gradients", list(gradients), config.depth, *config.gradient.limits)
        values = config.registers(**values)
        for register, word in value_words(config, Storage.ONCHIP, values):
            self._store(register, word)
        words = gradient_words(config, patterns)
        before = self._load(Register.STEPS)
        self._rewound(lambda: self._transport.write(Register.GRADIENTS, words))
        try:
            self._control(Control.START)
        except LinkError:
            # It has begun if it goes on, or has been counted; else it can be begun now.
            if not self._load(Register.STATUS) & 1 << Status.BUSY and self._load(Register.STEPS) == before:
                self._control(Control.START)
        self._wait(Status.DONE, True)
        self._store(Register.STATUS, 1 << Status.DONE)
        return self.counters()

    def read(self) -> Memory:
        """All weights, and what is kept beside them."""

        def words() -> list[int]:
            self._control(Control.READ_WEIGHTS)
            return self._transport.read(Register.WEIGHTS, len(self._names) * self.config.depth)

        numbers = [to_signed(word, WORD_BITS) for word in self._rewound(words)]
        self._wait(Status.BUSY, False)
        return {name: numbers[place :: len(self._names)] for place, name in enumerate(self._names)}

    def counters(self) -> Counters:
        """What was counted since the seed."""
        values: dict[str, int] = dict.fromkeys(Counters._fields, 0)
        for register in Register:
            if register.of in values:
                values[register.of] |= self._load(register) << register.low
        return Counters(**values)

    def _load(self, register: Register) -> int:
        return self._again(lambda: self._transport.read(register, 1))[0]

    def _store(self, register: Register, value: int) -> None:
        self._again(lambda: self._transport.write(register, [value % 2**WORD_BITS]))

    def _control(self, bit: Control) -> None:
        """Write a bit of CONTROL; `DeviceError` if it is refused."""
        self._transport.write(Register.CONTROL, [1 << bit])
        if self._load(Register.STATUS) >> Status.REFUSED & 1:
            self._store(Register.STATUS, 1 << Status.REFUSED)
            raise DeviceError(f"{bit.name} was refused: the unit wants a seed and all gradients first, or is busy")

    def _wait(self, bit: Status, wanted: bool) -> None:
        for _ in range(POLLS):
            if bool(self._load(Register.STATUS) >> bit & 1) is wanted:
                return
        raise DeviceError(f"STATUS.{bit.name} is not {int(wanted)} after {POLLS} reads; is the unit's clock running?")

    def _rewound(self, action: Callable[[], T]) -> T:
        """Do what passes words to or from a memory, from the first word on again if the line loses something."""
        try:
            return action()
        except LinkError:
            return self._again(lambda: self._begin_anew(action))

    def _begin_anew(self, action: Callable[[], T]) -> T:
        self._control(Control.REWIND)
        self._wait(Status.BUSY, False)
        return action()

    def _again(self, action: Callable[[], T]) -> T:
        """Do what can be done twice, again if the line loses something."""
        for _ in range(ATTEMPTS - 1):
            try:
                return action()
            except LinkError:
                pass
        return action()
