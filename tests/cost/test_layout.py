"""Rows as sheets and charts: nothing is lost, and what was not measured is never a number."""

import pytest

from zimu.cost.layout import charts, sheets

MADE = {"tool": "yosys + nextpnr-ecp5", "version": "0.70 + 0.11.1", "command": "synth_ecp5 -top top"}


@pytest.fixture
def rows(row):
    """Of an integer unit and a float unit, which could not be measured, on two targets."""
    return [
        row("ecp5-25k", "comb", 12345, unit="own", minimum=12001, maximum=12999, **MADE),
        row("ecp5-25k", "comb", None, "the reason of the float unit", unit="other"),
        row("ecp5-25k", "comb_per_wpc", 54321, unit="own", trials=416, **MADE),
        row("ecp5-25k", "comb_per_wpc", 65432, unit="own", trials=4160, **MADE),
        row("ecp5-25k", "comb_per_wpc", 3456, unit="other", **MADE),
        row("generic", "ge", None, "nothing has gate equivalents", unit="own"),
    ]


def test_units_stand_below_each_other(rows):
    first, second = sheets(rows)
    assert (first.target, second.target) == ("ecp5-25k", "generic")
    measured, per_weight = first.grids
    assert [(one.title, one.uom) for one in measured.metrics] == [("Combinational cells", "TRELLIS_COMB")]
    (one,) = per_weight.metrics
    assert (one.title, one.uom) == ("Cells per throughput", "TRELLIS_COMB per weight/cycle")
    assert (measured.counted, per_weight.counted) == (False, True)
    assert shown(measured) == [
        ("own", "any", "12,345"),
        ("other", "any", "\N{EM DASH}"),
    ]
    assert shown(per_weight) == [
        ("own", "416", "54,321"),
        ("own", "4,160", "65,432"),
        ("other", "any", "3,456"),
    ]


def shown(grid):
    return [(line.unit, line.n, *(cell.text for cell in line.cells)) for line in grid.lines]


def test_range_over_seeds_is_shown_where_there_is_one(rows):
    lines = sheets(rows)[0].grids[0].lines
    assert [line.cells[0].spread for line in lines] == ["12,001 to 12,999", ""]


def test_reasons_and_sources_stand_with_their_target(rows):
    first, second = sheets(rows)
    assert first.reasons == ["the reason of the float unit"] == [first.grids[0].lines[1].cells[0].reason]
    assert second.reasons == ["nothing has gate equivalents"]
    assert second.sources == []
    assert [source.command for source in first.sources] == ["synth_ecp5 -top top"]


def test_no_bars_where_nothing_was_measured(rows):
    titles = [chart.title for chart in charts(rows)]
    assert titles == ["Combinational cells, ecp5-25k", "Cells per throughput, ecp5-25k"]
