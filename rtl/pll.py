"""The clock of a board from its oscillator: phase-locked loops of FPGA families, set by exact search.

All of them divide what comes in, multiply it and divide again; they differ in what divides where, and in the ranges of
the frequencies between. A frequency is a Fraction of a hertz.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, ClassVar, NamedTuple

from amaranth.hdl import Const, Instance

from zimu.golden.errors import InputError

MHZ = 10**6


class Range(NamedTuple):
    """Of a frequency, both ends allowed."""

    least: Fraction
    most: Fraction

    def holds(self, frequency: Fraction) -> bool:
        """Whether it lies in the range."""
        return self.least <= frequency <= self.most


def megahertz(least: str, most: str) -> Range:
    """A range given in MHz."""
    return Range(Fraction(least) * MHZ, Fraction(most) * MHZ)


class Setting(NamedTuple):
    """Of a loop.

    Parameters
    ----------
    divider, feedback, output : by which the oscillator, the feedback and the loop's own oscillator are divided.
    comparison, loop, frequency : of the phase comparison, of the loop's own oscillator, of what goes out.
    """

    divider: int
    feedback: int
    output: int
    comparison: Fraction
    loop: Fraction
    frequency: Fraction


class Pll(ABC):
    """A family's loop.

    Parameters
    ----------
    source : the oscillator.
    most : the frequency to come as near to as can be from below.

    Raises
    ------
    InputError
        no setting fits.
    """

    dividers: ClassVar[range]
    feedbacks: ClassVar[range]
    outputs: ClassVar[tuple[int, ...]]
    comparisons: ClassVar[Range]
    loops: ClassVar[Range]
    frequencies: ClassVar[Range]
    at_pin: ClassVar[bool] = False
    """Whether the loop stands at the pin of the oscillator and takes it without a buffer."""
    multiplied: ClassVar[bool]
    """Whether the output divider is outside the feedback, so that the loop's oscillator is what is fed back."""

    def __init__(self, source: Fraction, most: Fraction) -> None:
        self.source = source
        every = list(self._settings())
        allowed = [setting for setting in every if setting.frequency <= most]
        # Of settings as fast the one with the fastest comparison, which follows the oscillator best, and then the loop
        # farthest from the ends of its range.
        middle = (self.loops.least + self.loops.most) / 2
        best = max(allowed, key=lambda it: (it.frequency, it.comparison, -abs(it.loop - middle)), default=None)
        if best is None:
            slowest = min((setting.frequency for setting in every), default=None)
            what = f"at least {float(slowest / MHZ):.6g} MHz, the least" if slowest else "another, there is none"
            asked, given = (f"{float(frequency / MHZ):.6g} MHz" for frequency in (most, source))
            raise InputError(f"clock = {asked}: must be {what} that the PLL makes of {given}")
        self.setting = best

    def _settings(self) -> Iterator[Setting]:
        for divider in self.dividers:
            comparison = self.source / divider
            if not self.comparisons.holds(comparison):
                continue
            for feedback in self.feedbacks:
                for output in self.outputs:
                    fed_back = comparison * feedback
                    loop = fed_back if self.multiplied else fed_back * output
                    setting = Setting(divider, feedback, output, comparison, loop, loop / output)
                    if self.loops.holds(loop) and self.frequencies.holds(setting.frequency):
                        yield setting

    @abstractmethod
    def instance(self, source: Any, clock: Any, locked: Any) -> Instance:
        """The cell.

        Parameters
        ----------
        source : Signal(1), the oscillator; an IOPort where the loop is `at_pin`.
        clock, locked : Signal(1), driven.
        """


class Ecp5Pll(Pll):
    """Lattice FPGA-DS-02012, "sysCLOCK PLL Timing"; cell and attributes as in FPGA-TN-02200."""

    dividers, feedbacks, outputs = range(1, 129), range(1, 81), tuple(range(1, 129))
    comparisons, loops, frequencies = megahertz("10", "400"), megahertz("400", "800"), megahertz("3.125", "400")
    multiplied = False

    def instance(self, source: Any, clock: Any, locked: Any) -> Instance:
        """Fed back from its output."""
        setting = self.setting
        return Instance(
            "EHXPLLL",
            a_FREQUENCY_PIN_CLKI=f"{float(self.source / MHZ):g}",
            a_FREQUENCY_PIN_CLKOP=f"{float(setting.frequency / MHZ):g}",
            a_ICP_CURRENT="12",
            a_LPF_RESISTOR="8",
            a_MFG_ENABLE_FILTEROPAMP="1",
            a_MFG_GMCREF_SEL="2",
            p_PLLRST_ENA="DISABLED",
            p_INTFB_WAKE="DISABLED",
            p_STDBY_ENABLE="DISABLED",
            p_DPHASE_SOURCE="DISABLED",
            p_OUTDIVIDER_MUXA="DIVA",
            p_CLKI_DIV=setting.divider,
            p_CLKFB_DIV=setting.feedback,
            p_CLKOP_DIV=setting.output,
            p_CLKOP_CPHASE=setting.output - 1,
            p_CLKOP_FPHASE=0,
            p_CLKOP_ENABLE="ENABLED",
            p_FEEDBK_PATH="CLKOP",
            i_CLKI=source,
            i_CLKFB=clock,
            i_RST=Const(0),
            i_STDBY=Const(0),
            i_PHASESEL0=Const(0),
            i_PHASESEL1=Const(0),
            i_PHASEDIR=Const(1),
            i_PHASESTEP=Const(1),
            i_PHASELOADREG=Const(1),
            i_PLLWAKESYNC=Const(0),
            i_ENCLKOP=Const(0),
            o_CLKOP=clock,
            o_LOCK=locked,
        )


class Ice40Pll(Pll):
    """Lattice FPGA-DS-02029 (iCE40 LP/HX) and FPGA-DS-02008 (iCE40 UltraPlus), "sysCLOCK PLL Timing"; FPGA-TN-02052."""

    dividers, feedbacks, outputs = range(1, 17), range(1, 129), tuple(2**power for power in range(1, 7))
    comparisons, loops, frequencies = megahertz("10", "133"), megahertz("533", "1066"), megahertz("16", "275")
    multiplied = True
    at_pin = True

    FILTERS: ClassVar = (17, 26, 44, 66, 101)
    """FILTER_RANGE is 1 up to the first of these MHz of the comparison, 2 up to the second, and so on."""

    def instance(self, source: Any, clock: Any, locked: Any) -> Instance:
        """Beside the pin of the oscillator, which is its own."""
        setting = self.setting
        return Instance(
            "SB_PLL40_PAD",
            p_FEEDBACK_PATH="SIMPLE",
            p_DIVR=Const(setting.divider - 1, 4),
            p_DIVF=Const(setting.feedback - 1, 7),
            p_DIVQ=Const(setting.output.bit_length() - 1, 3),
            p_FILTER_RANGE=Const(1 + sum(setting.comparison >= edge * MHZ for edge in self.FILTERS), 3),
            i_RESETB=Const(1),
            i_BYPASS=Const(0),
            io_PACKAGEPIN=source,
            o_PLLOUTGLOBAL=clock,
            o_LOCK=locked,
        )


class GowinPll(Pll):
    """Gowin DS117 (GW1NR-9, speed C6/I5), "PLL"; cell as in UG286."""

    dividers, feedbacks = range(1, 65), range(1, 65)
    outputs = (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128)
    comparisons, loops, frequencies = megahertz("3", "400"), megahertz("400", "1200"), megahertz("3.125", "600")
    multiplied = False
    device = "GW1NR-9C"

    def instance(self, source: Any, clock: Any, locked: Any) -> Instance:
        """With all that could be changed while it runs held still."""
        setting = self.setting
        still = {"FBDSEL": 6, "IDSEL": 6, "ODSEL": 6, "PSDA": 4, "DUTYDA": 4, "FDLY": 4, "CLKFB": 1}
        return Instance(
            "rPLL",
            p_FCLKIN=f"{float(self.source / MHZ):g}",
            p_DEVICE=self.device,
            p_DYN_IDIV_SEL="false",
            p_DYN_FBDIV_SEL="false",
            p_DYN_ODIV_SEL="false",
            p_IDIV_SEL=setting.divider - 1,
            p_FBDIV_SEL=setting.feedback - 1,
            p_ODIV_SEL=setting.output,
            p_CLKFB_SEL="internal",
            i_CLKIN=source,
            i_RESET=Const(0),
            i_RESET_P=Const(0),
            **{f"i_{name}": Const(0, width) for name, width in still.items()},
            o_CLKOUT=clock,
            o_LOCK=locked,
        )
