"""Settings of PLLs: within the ranges of the data sheets, as fast as the families' own tools find them."""

import re
from fractions import Fraction

import pytest
from amaranth.hdl import IOPort, Signal

from zimu.golden.errors import InputError
from zimu.golden.programs import find_program, run
from zimu.rtl.pll import MHZ, Ecp5Pll, GowinPll, Ice40Pll

WANTED = [18, 20, 25, 27, 33, 36, 48, 50, 54, 60, 75, 81, 100, 120]
"""MHz, from oscillators of any frequency."""

CASES = [
    (Ecp5Pll, 25, ("yowasp-ecppll", "-i", "25", "-o"), r"clkout0 frequency: ([\d.]+) MHz", [25, 37.5, 50, 62.5, 75]),
    (Ice40Pll, 12, ("yowasp-icepll", "-i", "12", "-o"), r"F_PLLOUT: +([\d.]+) MHz \(ach", [18, 27, 33, 48, 60, 120]),
    (
        GowinPll,
        27,
        ("gowin_pll", "-d", "GW1NR-9 C6/I5", "-i", "27", "-o"),
        r"Achieved output frequency: +([\d.]+) MHz",
        [27, 36, 54, 81, 108, 121.5],
    ),
]
"""For each family its tool, and frequencies that this reaches."""


@pytest.mark.parametrize(("family", "source", "command", "pattern", "reached"), CASES, ids=["ecp5", "ice40", "gowin"])
def test_what_the_tool_of_a_family_reaches_is_reached(family, source, command, pattern, reached):
    program = find_program(command[0])
    for wanted in reached:
        printed = run([program, *command[1:], str(wanted)], timeout=300)
        assert float(re.search(pattern, printed)[1]) == wanted
        assert family(Fraction(source * MHZ), Fraction(wanted) * MHZ).setting.frequency == Fraction(wanted) * MHZ


@pytest.mark.parametrize("family", [Ecp5Pll, Ice40Pll, GowinPll])
@pytest.mark.parametrize("source", [12, 25, 27, Fraction(100, 3)])
@pytest.mark.parametrize("wanted", WANTED)
def test_a_setting_is_what_its_dividers_make_of_the_oscillator(family, source, wanted):
    setting = family(Fraction(source) * MHZ, Fraction(wanted * MHZ)).setting
    assert setting.comparison == Fraction(source) * MHZ / setting.divider
    # What is compared must be equal: the oscillator, divided, and what is fed back, divided.
    fed_back = setting.loop if family is Ice40Pll else setting.frequency
    assert fed_back / setting.feedback == setting.comparison
    assert setting.loop == setting.frequency * setting.output
    assert family.comparisons.holds(setting.comparison)
    assert family.loops.holds(setting.loop)
    assert family.frequencies.holds(setting.frequency)
    assert setting.frequency <= wanted * MHZ


def test_a_clock_that_a_loop_cannot_make_is_told():
    with pytest.raises(InputError, match=r"clock = 15 MHz: must be at least 16\.125 MHz, .* of 12 MHz"):
        Ice40Pll(Fraction(12 * MHZ), Fraction(15 * MHZ))
    with pytest.raises(InputError, match=r"clock = 50 MHz: must be another, .* of 1 MHz"):
        Ice40Pll(Fraction(MHZ), Fraction(50 * MHZ))


def parameters(pll):
    """The numbers among a cell's parameters."""
    source = IOPort(1, name="pin") if pll.at_pin else Signal()
    cell = pll.instance(source, Signal(), Signal())
    return {name: getattr(value, "value", value) for name, value in cell.parameters.items()}


def test_cells_hold_dividers_as_their_families_write_them():
    ecp5 = Ecp5Pll(Fraction(25 * MHZ), Fraction(50 * MHZ))
    found = parameters(ecp5)
    assert [found[name] for name in ("CLKI_DIV", "CLKFB_DIV", "CLKOP_DIV", "CLKOP_CPHASE")] == [1, 2, 12, 11]
    # 12 MHz * 48 / 2^5, as icepll prints it: DIVR 0, DIVF 47, DIVQ 5, FILTER_RANGE 1.
    ice40 = Ice40Pll(Fraction(12 * MHZ), Fraction(18 * MHZ))
    assert [parameters(ice40)[name] for name in ("DIVR", "DIVF", "DIVQ", "FILTER_RANGE")] == [0, 47, 5, 1]
    gowin = GowinPll(Fraction(27 * MHZ), Fraction(54 * MHZ))
    found = parameters(gowin)
    assert [found[name] for name in ("IDIV_SEL", "FBDIV_SEL", "ODIV_SEL")] == [0, 1, 16]
