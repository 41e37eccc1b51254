"""Bars of cost rows."""

import xml.etree.ElementTree as ElementTree

import pytest

from zimu.cost.plot import bars
from zimu.cost.rows import Row

pytest.importorskip("matplotlib", reason="matplotlib is missing: ./bootstrap test")

ROWS = [
    Row("comb", 2708, unit="zim8", target="ecp5-25k"),
    Row("comb", 1853, unit="rival", target="ecp5-25k"),
    Row("fmax_mhz", 83.25, minimum=80.0, maximum=85.5, unit="zim8", target="ecp5-25k"),
    Row("fmax_mhz", None, "no clock", unit="rival", target="ecp5-25k"),
    Row("ns_per_weight", 2.5, trials=32, unit="zim8", target="ecp5-25k"),
    Row("bram", 0, unit="zim8", target="ecp5-25k"),
    Row("area_um2", None, "no library", unit="zim8", target="liberty"),
]


def words(svg: bytes) -> list[str]:
    return [element.text for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_charts_hold_units_values_and_dashes():
    found = words(bars(ROWS))
    for word in ("comb, ecp5-25k", "fmax_mhz, ecp5-25k", "2,708", "1,853", "83.25", "—", "zim8, n = 32", "rival"):
        assert word in found


def test_metric_nobody_has_gets_no_chart():
    found = words(bars(ROWS))
    assert "area_um2, liberty" not in found
    assert "bram, ecp5-25k" not in found


def test_same_rows_give_same_bytes():
    svg = bars(ROWS)
    assert bars(ROWS) == svg
    assert b"dc:date" not in svg


def test_nothing_to_draw_is_an_empty_picture():
    assert words(bars([])) == []
