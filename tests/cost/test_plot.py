"""Bars of cost rows."""

import xml.etree.ElementTree as ElementTree

import pytest

from zimu.cost.plot import bars
from zimu.cost.rows import Row
from zimu.cost.targets import find_metric

pytest.importorskip("matplotlib", reason="matplotlib is missing: ./bootstrap test")


def row(target: str, metric: str, value: float | None, reason: str = "", **fields: object) -> Row:
    return Row(find_metric(target, metric), value, reason, target=target, **fields)


ROWS = [
    row("ecp5-25k", "comb", 2708, unit="zim8"),
    row("ecp5-25k", "comb", 1853, unit="rival"),
    row("ecp5-25k", "fmax_mhz", 83.25, minimum=80.0, maximum=85.5, unit="zim8"),
    row("ecp5-25k", "fmax_mhz", None, "no clock", unit="rival"),
    row("ecp5-25k", "ns_per_weight", 2.5, trials=32, unit="zim8"),
    row("ecp5-25k", "bram", 0, unit="zim8"),
    row("liberty", "area_um2", None, "no library", unit="zim8"),
]


TITLES = ("Combinational cells, ecp5-25k", "Clock frequency, ecp5-25k", "Time per weight, ecp5-25k")


def words(svg: bytes) -> list[str]:
    return [element.text for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_charts_hold_units_values_and_dashes():
    found = words(bars(ROWS))
    for word in (*TITLES, "TRELLIS_COMB", "MHz", "2,708", "1,853", "83.25", "—", "zim8, n = 32", "rival"):
        assert word in found


def test_metric_nobody_has_gets_no_chart():
    found = words(bars(ROWS))
    assert "Area, liberty" not in found
    assert "Block RAMs, ecp5-25k" not in found


def test_same_rows_give_same_bytes():
    svg = bars(ROWS)
    assert bars(ROWS) == svg
    assert b"dc:date" not in svg


def test_nothing_to_draw_is_an_empty_picture():
    assert words(bars([])) == []
