"""The registers of a unit as the Python driver uses them: what the line lost is done again where it can be."""

from collections.abc import Callable
from typing import TypeVar

from zimu.golden.errors import ZimuError
from zimu.golden.registers import Bit, Control, Register, Status
from zimu.golden.rule import WORD_BITS
from zimu.sim.transport import LinkError, Transport

T = TypeVar("T")

ATTEMPTS = 4
"""At what can be done again after the line lost something."""

POLLS = 1_000_000
"""Reads of STATUS before a wait is given up."""


class DeviceError(ZimuError):
    """The unit is another one, refused, met an error of the memory, or did not come to an end."""


class RegisterAccess:
    """Registers and their bits.

    Parameters
    ----------
    transport : reaches them.
    """

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    def load(self, register: Register) -> int:
        """Read a register."""
        return self.again(lambda: self.transport.read(register, 1))[0]

    def store(self, register: Register, value: int) -> None:
        """Write the low 32 bits of a value to a register that it does no harm to write twice."""
        self.again(lambda: self.transport.write(register, [value % 2**WORD_BITS]))

    def load_value(self, name: str) -> int:
        """Read a number from all registers that hold bits of it, `zimu.golden.registers.Register.of`."""
        return sum(self.load(register) << register.low for register in Register if register.of == name)

    def store_value(self, name: str, value: int) -> None:
        """Write a number to all registers that hold bits of it."""
        for register in Register:
            if register.of == name:
                self.store(register, value >> register.low)

    def clear(self, *bits: Bit) -> None:
        """Clear bits of STATUS."""
        self.store(Register.STATUS, sum(1 << bit for bit in bits))

    def control(self, bit: Control) -> None:
        """Write a bit of CONTROL, once.

        Raises
        ------
        DeviceError
            it was refused.
        LinkError
            it is not known whether it was heard.
        """
        self.transport.write(Register.CONTROL, [1 << bit])
        if self.load(Register.STATUS) >> Status.REFUSED & 1:
            self.clear(Status.REFUSED)
            raise DeviceError(f"{bit.name} was refused: the unit wants a seed and all gradients first, or is busy")

    def wait(self, bit: Status, wanted: bool) -> int:
        """Poll STATUS until a bit is as wanted; what it then was."""
        for _ in range(POLLS):
            status = self.load(Register.STATUS)
            if bool(status >> bit & 1) is wanted:
                return status
        raise DeviceError(f"STATUS.{bit.name} is not {int(wanted)} after {POLLS} reads; is the unit's clock running?")

    def again(self, action: Callable[[], T]) -> T:
        """Do what can be done twice, again if the line loses something."""
        for _ in range(ATTEMPTS - 1):
            try:
                return action()
            except LinkError:
                pass
        return action()
