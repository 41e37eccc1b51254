"""The registers of the unit, as software sees them: declared once, for the circuit, the drivers and the documents.

All are 32 bits wide at multiples of 4. Twin: ``rtl/registers.py``. ``sim/register_map.py`` writes them down as JSON, C,
Markdown and SystemRDL.
"""

import hashlib
from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import Self

from zimu.golden.rule import CONTRACT_VERSION, WORD_BITS, counters_of
from zimu.golden.unit import UnitConfig

IDENTITY = int.from_bytes(b"ZIMU", "big")
ADDRESS_BITS = 8


class Access(StrEnum):
    """What software may do with a register."""

    READ = "r"
    WRITE = "w"
    READ_WRITE = "rw"
    CLEAR = "r, w1c"
    """Read; writing 1 to some of its bits clears them."""


class Storage(StrEnum):
    """Where a unit keeps gradients, weights and means."""

    ONCHIP = "onchip"
    """In memories of its own, which are filled and read through streams or through registers."""
    EXTERNAL = "external"
    """In the system's memory, which it reads and writes itself as an AXI4 manager."""


class Register(IntEnum):
    """Byte addresses.

    Attributes
    ----------
    access : what software may do.
    what : one line for the reader.
    of : the value whose bits ``low`` and up it holds: a run-time value, a counter, or a port of one kind of storage.
        Only units that have it have the register; None: every unit.
    """

    access: Access
    what: str
    of: str | None
    low: int

    def __new__(cls, address: int, access: Access, what: str, of: str | None = None, low: int = 0) -> Self:
        register = int.__new__(cls, address)
        register._value_ = address
        register.access, register.what, register.of, register.low = access, what, of, low
        return register

    ID = 0x00, Access.READ, '0x5A494D55, "ZIMU"'
    VERSION = 0x04, Access.READ, "contract version"
    CONTROL = 0x08, Access.WRITE, "each bit acts when it is written as 1; one at a time"
    STATUS = 0x0C, Access.CLEAR, "what goes on, and what went wrong"
    SEED_LO = 0x10, Access.READ_WRITE, "the seed, bits 31:0", "seed"
    SEED_HI = 0x14, Access.READ_WRITE, "the seed, bits 63:32", "seed", 32
    TRIALS = 0x18, Access.READ_WRITE, "n; of units that take n from the mass, the most it may be", "trials"
    THRESHOLD_LO = 0x1C, Access.READ_WRITE, "T, bits 31:0", "threshold"
    THRESHOLD_HI = 0x20, Access.READ_WRITE, "T, bit 32; 0 where gate_bits < 32", "threshold", 32
    SMOOTHING = 0x24, Access.READ_WRITE, "c", "smoothing"
    DEPTH = 0x28, Access.READ, "depth"
    SHAPE = 0x2C, Access.READ, "widths of what the unit works on"
    DECAY = 0x30, Access.READ_WRITE, "b, of units with momentum", "decay"
    RATE = 0x34, Access.READ_WRITE, "T', of units that take n from the mass", "rate"
    DIGEST = 0x38, Access.READ, "hash of the configuration, as in the files beside the Verilog"
    STEPS = 0x40, Access.READ, "counter: steps", "steps"
    OPEN_TRIALS = 0x44, Access.READ, "counter: trials that passed the gate", "open_trials"
    DISCARDED_TRIALS = 0x48, Access.READ, "counter: trials that met a gradient of 0", "discarded_trials"
    REJECTED_DRAWS = 0x4C, Access.READ, "counter: draws that were not below W", "rejected_draws"
    SATURATIONS = 0x50, Access.READ, "counter: trials lost at a rail", "saturations"
    EMPTY_STEPS = 0x54, Access.READ, "counter: steps with W = 0", "empty_steps"
    MASS_LO = 0x58, Access.READ, "W of the last step, bits 31:0", "mass"
    MASS_HI = 0x5C, Access.READ, "W of the last step, bits 63:32", "mass", 32
    GRADIENTS = 0x60, Access.WRITE, "the next word of gradients", "gradient_words"
    WEIGHTS = 0x64, Access.READ_WRITE, "the next number to load, or of a read-out", "weight_words"
    GRADIENTS_AT_LO = 0x68, Access.READ_WRITE, "address of the gradients, bits 31:0", "gradients_at"
    GRADIENTS_AT_HI = 0x6C, Access.READ_WRITE, "address of the gradients, bits 63:32", "gradients_at", 32
    WEIGHTS_AT_LO = 0x70, Access.READ_WRITE, "address of the weights, bits 31:0", "weights_at"
    WEIGHTS_AT_HI = 0x74, Access.READ_WRITE, "address of the weights, bits 63:32", "weights_at", 32
    MEANS_AT_LO = 0x78, Access.READ_WRITE, "address of the means, bits 31:0", "means_at"
    MEANS_AT_HI = 0x7C, Access.READ_WRITE, "address of the means, bits 63:32", "means_at", 32


class Bit(IntEnum):
    """Bit numbers of a register.

    Attributes
    ----------
    what : one line for the reader.
    storage : the storage whose units have the bit; None: every unit.
    """

    what: str
    storage: Storage | None

    def __new__(cls, number: int, what: str, storage: Storage | None = None) -> Self:
        bit = int.__new__(cls, number)
        bit._value_ = number
        bit.what, bit.storage = what, storage
        return bit


class Control(Bit):
    """Bits of CONTROL. One that comes at a wrong time, or with another, is ignored and sets STATUS.REFUSED."""

    START = 0, "take a step; wants a seed, and of on-chip gradients all"
    RESEED = 1, "expand the seed, clear the counters"
    READ_WEIGHTS = 2, "begin to read all weights out", Storage.ONCHIP
    REWIND = 3, "forget what was loaded in part and end a read-out: begin with weight 0, gradient 0", Storage.ONCHIP


class Status(Bit):
    """Bits of STATUS."""

    BUSY = 0, "a step, a seed's expansion or a read-out is under way"
    SEEDED = 1, "a seed was expanded since reset"
    LOADED = 2, "all gradients are there: a step can start", Storage.ONCHIP
    DONE = 3, "a step ended; written as 1: cleared"
    REFUSED = 4, "a bit of CONTROL came at a wrong time; written as 1: cleared"
    READ_ERROR = 5, "a read of the memory was answered with an error; written as 1: cleared", Storage.EXTERNAL
    WRITE_ERROR = 6, "a write to the memory was answered with an error; written as 1: cleared", Storage.EXTERNAL


CLEARED_BY_WRITING = (Status.DONE, Status.REFUSED, Status.READ_ERROR, Status.WRITE_ERROR)
"""Bits that stay until software writes 1 to them."""

SHAPE_FIELDS = ("weight_bits", "gradient_bits", "lanes", "gate_bits")
"""What SHAPE holds, eight bits each, the first one in the low bits. 256 is held as 0."""


def container(bits: int) -> int:
    """Bits of the integer in which memories and buses hold a number of so many: 8, 16 or 32."""
    return max(8, 1 << (bits - 1).bit_length())


def words_of_beat(config: UnitConfig) -> int:
    """Words of 32 bits that carry a beat of gradients, each gradient in a `container`, the first in the low bits."""
    return -(-config.lanes * container(config.gradient_bits) // WORD_BITS)


def digest(config: UnitConfig) -> int:
    """32 bits of a hash of the configuration, by which software knows whether the unit is the one it was made for."""
    text = f"{CONTRACT_VERSION}\n{config.to_toml()}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def constants(config: UnitConfig) -> dict[Register, int]:
    """What the registers hold that nothing changes."""
    return {
        Register.ID: IDENTITY,
        Register.VERSION: CONTRACT_VERSION,
        Register.DEPTH: config.depth,
        Register.SHAPE: sum(getattr(config, name) % 256 << 8 * place for place, name in enumerate(SHAPE_FIELDS)),
        Register.DIGEST: digest(config),
    }


def address_ports(config: UnitConfig) -> list[str]:
    """What a unit with external memory is told the addresses of, by `Register.of`."""
    return ["gradients_at", "weights_at", *(["means_at"] if config.momentum else [])]


def registers_of(config: UnitConfig, storage: Storage) -> list[Register]:
    """The registers that a unit has, by address."""
    ports = address_ports(config) if storage is Storage.EXTERNAL else ["gradient_words", "weight_words"]
    there = {None, "seed", *config.values, *counters_of(config.counters), *ports}
    return [register for register in Register if register.of in there]


def value_words(config: UnitConfig, storage: Storage, values: Mapping[str, int]) -> list[tuple[Register, int]]:
    """The registers that hold run-time values, each with its word of those given."""
    there = [register for register in registers_of(config, storage) if register.of in values]
    return [(register, values[register.of or ""] >> register.low & 2**WORD_BITS - 1) for register in there]


def bits_of(bits: type[Bit], storage: Storage) -> list[Bit]:
    """The bits of CONTROL or STATUS that a unit has."""
    return [bit for bit in bits if bit.storage in (None, storage)]
