"""The registers of a unit as plain data, from which everything beside the Verilog that names a register is made."""

from dataclasses import asdict, dataclass
from typing import Any

from zimu.golden.registers import (
    CLEARED_BY_WRITING,
    SHAPE_FIELDS,
    Bit,
    Control,
    Register,
    Status,
    Storage,
    bits_of,
    constants,
    registers_of,
)
from zimu.golden.rule import WORD_BITS, counters_of
from zimu.golden.unit import UnitConfig


@dataclass(frozen=True)
class Field:
    """Some bits of a register that mean something of their own."""

    name: str
    low: int
    bits: int
    access: str
    """r, w, rw, or rw1c where writing 1 clears it."""
    what: str


@dataclass(frozen=True)
class Entry:
    """A register of a unit."""

    name: str
    address: int
    access: str
    what: str
    reset: int
    """What it reads as after a reset."""
    fields: tuple[Field, ...]


def register_map(config: UnitConfig, storage: Storage) -> list[Entry]:
    """The registers of a unit, by address."""
    return [_entry(config, storage, register) for register in registers_of(config, storage)]


def as_data(entries: list[Entry]) -> list[dict[str, Any]]:
    """Registers for JSON."""
    return [asdict(entry) for entry in entries]


def _entry(config: UnitConfig, storage: Storage, register: Register) -> Entry:
    fields: list[Field] = []
    if register in (Register.CONTROL, Register.STATUS):
        bits: list[Bit] = bits_of(Control if register is Register.CONTROL else Status, storage)
        fields = [Field(bit.name, bit, 1, _access(register, bit), bit.what) for bit in bits]
    elif register is Register.SHAPE:
        fields = [Field(name.upper(), 8 * place, 8, "r", name) for place, name in enumerate(SHAPE_FIELDS)]
    elif width := _width(config, register):
        fields = [Field("VALUE", 0, width, str(register.access), register.what)]
    else:
        fields = [Field("VALUE", 0, WORD_BITS, "r", "nothing: reads as 0, and takes any write")]
    reset = constants(config).get(register, 0)
    return Entry(register.name, int(register), str(register.access), register.what, reset, tuple(fields))


def _access(register: Register, bit: Bit) -> str:
    if register is Register.CONTROL:
        return "w"
    return "rw1c" if bit in CLEARED_BY_WRITING else "r"


def _width(config: UnitConfig, register: Register) -> int:
    """Bits of a register that is one number, or a part of one."""
    widths = {"seed": 64} | {name: value.bits for name, value in config.values.items()}
    widths |= {name: counter.bits for name, counter in counters_of(config.counters).items()}
    whole = widths.get(register.of or "", 64 if register.of and register.of.endswith("_at") else WORD_BITS)
    return max(0, min(whole - register.low, WORD_BITS))
