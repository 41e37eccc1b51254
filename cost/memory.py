"""Energy and area of memories: two published tables side by side, and the few rules by which they are read.

Neither is of the technology that logic is mapped to, so their figures stand beside logic's and are not added to it. No
figure is moved from one technology to another. Between two capacities of a table the larger one's figure holds, below
the smallest the smallest's; above the largest there is no figure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from zimu.golden.errors import InputError, check_choice, check_range


@dataclass(frozen=True)
class SRAM:
    """An SRAM of a table.

    Parameters
    ----------
    bytes : capacity.
    read, write : energy in pJ of an access of `MemoryTable.bits` bits; None where the source has none.
    leakage : power in mW, None as above.
    area : in um2, None as above.
    """

    bytes: int
    read: float
    write: float | None = None
    leakage: float | None = None
    area: float | None = None


@dataclass(frozen=True)
class MemoryTable:
    """A published table.

    Parameters
    ----------
    name, source : for programs, and for readers.
    nanometres : the technology.
    bits : of an access; one of fewer bits costs as much, one of more as several.
    srams : by capacity, the smallest first.
    dram : least and greatest energy in pJ of a DRAM access of as many bits; None where the source has none.
    """

    name: str
    source: str
    nanometres: int
    bits: int
    srams: tuple[SRAM, ...]
    dram: tuple[float, float] | None = None

    def sram(self, size: int) -> SRAM:
        """The smallest SRAM of the table that holds ``size`` bytes.

        Raises
        ------
        InputError
            there is none.
        """
        check_range("bytes", size, 1, self.srams[-1].bytes)
        return next(sram for sram in self.srams if sram.bytes >= size)

    def accesses(self, bits: int) -> int:
        """Accesses of the table's width that one of ``bits`` bits takes."""
        return -(-bits // self.bits)

    def read_energy(self, size: int, bits: int, count: int = 1) -> float:
        """Energy in pJ of ``count`` reads of ``bits`` bits in an SRAM of ``size`` bytes; errors as `sram`."""
        return count * self.accesses(bits) * self.sram(size).read

    def write_energy(self, size: int, bits: int, count: int = 1) -> float:
        """The same of writes; where the source has none, a write costs what a read does."""
        sram = self.sram(size)
        return count * self.accesses(bits) * (sram.read if sram.write is None else sram.write)

    def dram_energy(self, size: float) -> tuple[float, float]:
        """Least and greatest energy in pJ of ``size`` bytes to or from DRAM, which come in whole bursts.

        Raises
        ------
        InputError
            the table has no DRAM.
        """
        if self.dram is None:
            raise InputError(f"memory table {self.name!r} has no DRAM: must be {' or '.join(_with_dram())}")
        least, greatest = self.dram
        return 8 * size / self.bits * least, 8 * size / self.bits * greatest


HOROWITZ = MemoryTable(
    name="horowitz",
    source='M. Horowitz, "Computing\'s energy problem (and what we can do about it)", ISSCC 2014, figure 1.1.9: 45 nm, '
    "0.9 V, 64 bits of a cache",
    nanometres=45,
    bits=64,
    srams=(SRAM(8 * 2**10, 10), SRAM(32 * 2**10, 20), SRAM(2**20, 100)),
    dram=(1300, 2600),
)
"""It has no writes, leakage and areas."""

OPERATIONS = {"int8 add": 0.03, "int32 add": 0.1, "FP32 add": 0.9, "FP32 multiply": 3.7}
"""Energy in pJ of an operation, of the same source as `HOROWITZ`: what arithmetic alone takes."""

_SCRATCHPADS = (  # words, read and write in mW, leakage in mW, um2; three digits of the source's
    (64, 1.78, 1.73, 0.0132, 1620),
    (128, 1.78, 1.73, 0.0263, 2930),
    (256, 2.65, 2.53, 0.0526, 4230),
    (512, 2.65, 2.53, 0.105, 7940),
    (1024, 3.57, 3.14, 0.21, 15100),
    (2048, 4.7, 3.78, 0.421, 28100),
    (4096, 5.88, 4.45, 0.842, 49700),
    (8192, 7.59, 5.01, 1.68, 94500),
    (16384, 9.46, 5.37, 3.37, 174000),
    (32768, 8.36, 4.59, 6.73, 352000),
    (65536, 13.5, 7.37, 13.5, 684000),
    (131072, 12.6, 5.85, 26.9, 1320000),
    (262144, 18.3, 6.55, 53.8, 2550000),
)

ALADDIN = MemoryTable(
    name="aladdin",
    source="Y. S. Shao et al., Aladdin, ISCA 2014: the arrays MEM_size, MEM_rd_power, MEM_wr_power, MEM_lk_power and "
    "MEM_area of Scratchpad.cpp as its first versions have it, TSMC 40 nm; words of 32 bits. They are in mW without a "
    "clock: taken at the 1 ns of the other tables there, a mW is a pJ an access",
    nanometres=40,
    bits=32,
    srams=tuple(SRAM(4 * words, *figures) for words, *figures in _SCRATCHPADS),
)
"""Its read energies do not rise steadily with capacity, and are left as they are. Later versions ask CACTI instead."""

ALADDIN_OPERATIONS = {"int32 add": 0.210, "int32 multiply": 12.7, "register bit": 0.00900, "FP32 add": 5.56}
"""Energy in pJ of an operation within 1 ns: ``*_1ns_dynamic_energy`` of ``common/power_func.h``; copies of that table
have the floating-point adder too."""

TABLES = {table.name: table for table in (HOROWITZ, ALADDIN)}
"""All tables by name."""


def memory_table(name: str) -> MemoryTable:
    """The table of that name; `InputError` with all the names if there is none."""
    return TABLES[check_choice("memory table", name, TABLES)]


def _with_dram() -> Sequence[str]:
    return [repr(table.name) for table in TABLES.values() if table.dram]
