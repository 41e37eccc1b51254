"""Bars of cost rows."""

import xml.etree.ElementTree as ElementTree

import pytest

from zimu.cost.plot import bars

pytest.importorskip("matplotlib", reason="matplotlib is missing: ./bootstrap test")


TITLES = ("Combinational cells, ecp5-25k", "Clock frequency, ecp5-25k", "Time per weight, ecp5-25k")


@pytest.fixture
def rows(row):
    return [
        row("ecp5-25k", "comb", 2708, unit="zim8"),
        row("ecp5-25k", "comb", 1853, unit="rival"),
        row("ecp5-25k", "fmax_mhz", 83.25, minimum=80.0, maximum=85.5, unit="zim8"),
        row("ecp5-25k", "fmax_mhz", None, "no clock", unit="rival"),
        row("ecp5-25k", "ns_per_weight", 2.5, trials=32, unit="zim8"),
        row("ecp5-25k", "bram", 0, unit="zim8"),
        row("liberty", "area_um2", None, "no library", unit="zim8"),
    ]


def words(svg: bytes) -> list[str]:
    return [element.text for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_charts_hold_units_values_and_dashes(rows):
    found = words(bars(rows))
    for word in (*TITLES, "TRELLIS_COMB", "MHz", "2,708", "1,853", "83.25", "—", "zim8, n = 32", "rival"):
        assert word in found


def test_metric_nobody_has_gets_no_chart(rows):
    found = words(bars(rows))
    assert "Area, liberty" not in found
    assert "Block RAMs, ecp5-25k" not in found


def test_same_rows_give_same_bytes(rows):
    svg = bars(rows)
    assert bars(rows) == svg
    assert b"dc:date" not in svg


def test_nothing_to_draw_is_an_empty_picture():
    assert words(bars([])) == []
