"""RAM macros of silicon technologies: which there are, and how many of which make a memory.

Each macro here has a port that writes and one that reads. Names, sizes and the meaning of pins are those of the
technologies' own documents; files of theirs are the user's and are named, never copied.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from zimu.rtl.ram import Ram


@dataclass(frozen=True)
class Macro:
    """A RAM macro.

    Parameters
    ----------
    name : of the module.
    words, bits : what it holds.
    mask : bits that are written together, a divisor of ``bits``; None where a word is always written whole.
    width, height : in um.
    """

    name: str
    words: int
    bits: int
    mask: int | None
    width: float
    height: float

    @property
    def area(self) -> float:
        """In um2."""
        return self.width * self.height

    @property
    def address_bits(self) -> int:
        """Of an address."""
        return (self.words - 1).bit_length()


@dataclass(frozen=True)
class Technology:
    """A technology and its macros.

    Parameters
    ----------
    name : for files.
    platform, pdk : what OpenROAD-flow-scripts and LibreLane call it.
    folder : of the macros, in the PDK's ``libs.ref``.
    corners : by the pattern of LibreLane's corners what the names of Liberty files end in, the typical corner first.
    supplies : the pins of a macro for power and ground, in pairs.
    holds : whether what was read stays at the output while nothing is read.
    macros : those with two ports.
    """

    name: str
    platform: str
    pdk: str
    folder: str
    corners: Mapping[str, str]
    supplies: tuple[tuple[str, str], ...]
    holds: bool
    macros: tuple[Macro, ...]

    def best(self, ram: Ram) -> "Array":
        """The array of least area that makes a memory."""
        fitting = [Array(ram, macro) for macro in self.macros if macro.mask or ram.parts == 1]
        return min(fitting, key=lambda array: array.rows * array.columns * array.macro.area)


@dataclass(frozen=True)
class Array:
    """A memory made of equal macros: columns beside each other for the bits, rows for the words.

    Each part of a word takes whole units of the macro's mask, the bits left over hold zeros.

    Parameters
    ----------
    ram : the memory.
    macro : what it is made of.
    """

    ram: Ram
    macro: Macro

    @property
    def part(self) -> int:
        """Bits of a part of the memory's words."""
        return self.ram.bits // self.ram.parts

    @cached_property
    def stored(self) -> int:
        """Bits that a part takes in the macros."""
        unit = self.macro.mask or 1
        return -(-self.part // unit) * unit

    @property
    def columns(self) -> int:
        """Macros beside each other."""
        return -(-self.stored * self.ram.parts // self.macro.bits)

    @property
    def rows(self) -> int:
        """Macros above each other."""
        return -(-self.ram.words // self.macro.words)

    @property
    def instances(self) -> Sequence[str]:
        """The names of the macros within the memory's module."""
        return [f"macro_{row}_{column}" for row in range(self.rows) for column in range(self.columns)]


IHP = Technology(
    name="ihp-sg13g2",
    platform="ihp-sg13g2",
    pdk="ihp-sg13g2",
    folder="sg13g2_sram",
    corners={
        "*_typ_1p20V_25C": "typ_1p20V_25C",
        "*_slow_1p08V_125C": "slow_1p08V_125C",
        "*_fast_1p32V_m40C": "fast_1p32V_m55C",
    },
    supplies=(("VDD!", "VSS!"), ("VDDARRAY!", "VSS!")),
    holds=True,
    macros=(
        Macro("RM_IHPSG13_2P_64x22_c2", 64, 22, None, 526.03, 74.87),
        Macro("RM_IHPSG13_2P_64x32_c2", 64, 32, None, 702.83, 74.87),
        Macro("RM_IHPSG13_2P_256x8_c2_bm_bist", 256, 8, 1, 278.51, 136.97),
        Macro("RM_IHPSG13_2P_256x16_c2_bm_bist", 256, 16, 1, 419.95, 136.97),
        Macro("RM_IHPSG13_2P_256x32_c2_bm_bist", 256, 32, 1, 702.83, 136.97),
        Macro("RM_IHPSG13_2P_512x8_c2_bm_bist", 512, 8, 1, 261.17, 219.77),
        Macro("RM_IHPSG13_2P_512x16_c2_bm_bist", 512, 16, 1, 402.61, 219.77),
        Macro("RM_IHPSG13_2P_512x32_c2_bm_bist", 512, 32, 1, 685.49, 219.77),
        Macro("RM_IHPSG13_2P_1024x16_c2_bm_bist", 1024, 16, 1, 402.61, 385.37),
        Macro("RM_IHPSG13_2P_1024x32_c2_bm_bist", 1024, 32, 1, 685.49, 385.37),
    ),
)
"""IHP-Open-PDK's ``libs.ref/sg13g2_sram``. Those with 64 words have no mask and no pins for a self-test."""

SKYWATER = Technology(
    name="sky130",
    platform="sky130hd",
    pdk="sky130A",
    folder="sky130_sram_macros",
    corners={"*": "TT_1p8V_25C"},
    supplies=(("vccd1", "vssd1"),),
    holds=False,
    macros=(
        Macro("sky130_sram_1kbyte_1rw1r_32x256_8", 256, 32, 8, 479.78, 397.5),
        Macro("sky130_sram_1kbyte_1rw1r_8x1024_8", 1024, 8, 8, 455.3, 446.46),
        Macro("sky130_sram_2kbyte_1rw1r_32x512_8", 512, 32, 8, 683.1, 416.54),
    ),
)
"""OpenRAM's, in the PDK's ``libs.ref/sky130_sram_macros``. Their data come after the falling edge, and go at the next
rising one."""

TECHNOLOGIES = (IHP, SKYWATER)
"""All there are."""
