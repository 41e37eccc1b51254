"""What drives a unit through its registers, whatever the bus and wherever its memories are.

The circuit: ``rtl/registers.py``. The drivers of whole units: ``sim/onchip.py``, ``sim/external.py``.
"""

from typing import ClassVar

from zimu.golden.registers import ADDRESS_BITS, Control, Register, Status, Storage, registers_of, value_words
from zimu.golden.rule import WORD_BITS
from zimu.golden.vectors import Stimulus
from zimu.sim.drivers import Driver, HangError
from zimu.sim.pins import PortError


class RegisterDriver(Driver):
    """Drives a unit with a register block behind APB."""

    storage: ClassVar[Storage]

    async def expand(self, seed: int) -> None:
        """Write a seed and have it expanded."""
        await self.write(Register.SEED_LO, seed)
        await self.write(Register.SEED_HI, seed >> WORD_BITS)
        await self.write(Register.CONTROL, 1 << Control.RESEED)
        await self.rest("the seed's expansion")

    async def set_values(self, stimulus: Stimulus) -> None:
        """Write the run-time values of a step."""
        self.registers = stimulus.registers
        for register, word in value_words(self.config, self.storage, stimulus.registers):
            await self.write(register, word)

    async def counters(self) -> dict[str, int]:
        """Read all counters."""
        values = [await self.load(address) for address in range(Register.STEPS, Register.MASS_HI + 4, 4)]
        *counts, mass_low, mass_high = values
        names = [name for name, _ in self.core.counters.shape()]
        return dict(zip(names, [*counts, mass_low | mass_high << WORD_BITS], strict=True))

    async def rest(self, what: str) -> None:
        """Poll STATUS until nothing is under way."""
        for _ in range(self.limit):
            if not await self.load(Register.STATUS) >> Status.BUSY & 1:
                return
        raise HangError(f"{what} did not end within {self.limit} reads of STATUS")

    async def write(self, register: int, value: int) -> None:
        """Write a register."""
        _, error = await self.transfer(register, value)
        if error:
            raise HangError(f"the bus refused to write address {register:#x}")

    async def load(self, register: int) -> int:
        """Read a register."""
        value, error = await self.transfer(register, None)
        if error:
            raise HangError(f"the bus refused to read address {register:#x}")
        return value

    async def misuse(self) -> None:
        """Do what must be answered with an error and change nothing."""
        there = set(registers_of(self.config, self.storage))
        missing = self.rng.choice([each for each in range(0, 1 << ADDRESS_BITS, 4) if each not in there])
        errors = [(await self.transfer(missing, None))[1], (await self.transfer(missing, 1))[1]]
        errors += [(await self.transfer(Register.ID, 1))[1], *await self.strange_transfers()]
        if not all(errors):
            raise PortError(f"of the transfers that must be refused these were not: {errors}")

    def now_and_then(self) -> bool:
        """Whether to do something out of the usual."""
        return self.rng.random() < 0.1

    def prepare_bus(self) -> None:
        """Drive the bus so that nothing goes on."""
        for name in ("psel", "penable"):
            self.pins.set(f"bus__{name}", 0)

    async def transfer(self, address: int, value: int | None) -> tuple[int, bool]:
        """One transfer on the bus, a read if there is no value: what was read, and whether the answer is an error."""
        self.pins.set("bus__psel", 1)
        self.pins.set("bus__paddr", address)
        self.pins.set("bus__pwrite", value is not None)
        self.pins.set("bus__pwdata", value or 0)
        await self.clocks(1)
        self.pins.set("bus__penable", 1)
        await self.until(lambda: self.pins.get("bus__pready"), "a bus transfer")
        self.pins.set("bus__psel", 0)
        self.pins.set("bus__penable", 0)
        failed = bool(self.pins.get("bus__pslverr"))
        return 0 if failed or value is not None else self.pins.get("bus__prdata"), failed

    async def strange_transfers(self) -> list[bool]:
        """Transfers of which a register must take none: whether each was answered with an error."""
        unaligned = (Register.TRIALS | self.rng.randint(1, 3), Register.CONTROL | self.rng.randint(1, 3))
        return [(await self.transfer(address, 2**32 - 1))[1] for address in unaligned]
