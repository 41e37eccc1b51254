"""Cost rows as bars and tables: nothing is lost, and what was not measured is never a number."""

from zimu.cost.rows import UNITS_OF_MEASURE
from zimu.study import costs


def test_units_stand_side_by_side(results):
    first, second = costs.tables(results["cost"])
    assert (first["target"], second["target"]) == ("ecp5-25k", "generic")
    assert first["units"] == ["digits_layer1", "float_sgd:fp32:comb"]
    shown = {line["label"]: [cell["value"] for cell in line["cells"]] for line in first["lines"]}
    assert shown == {
        "Combinational cells": ["12,345", "\N{EM DASH}"],
        # The float unit's throughput does not depend on n: its figure stands on both lines.
        "Cells per throughput, n = 416": ["54,321", "3,456"],
        "Cells per throughput, n = 4,160": ["65,432", "3,456"],
    }


def test_range_over_seeds_is_shown_where_there_is_one(results):
    line = costs.tables(results["cost"])[0]["lines"][0]
    assert [cell["range"] for cell in line["cells"]] == ["12,001 to 12,999", ""]


def test_reasons_are_numbered_within_their_table(results):
    first, second = costs.tables(results["cost"])
    assert first["reasons"] == ["the reason of the float unit"]
    assert first["lines"][0]["cells"][1]["note"] == 1
    assert second["reasons"] == ["nothing has gate equivalents"]
    assert second["sources"] == []
    assert [source["command"] for source in first["sources"]] == ["synth_ecp5 -top top"]


def test_no_bars_where_nothing_was_measured(results):
    titles = [figure["title"] for figure in costs.figures(results["cost"])]
    assert titles == ["Combinational cells, ecp5-25k", "Cells per throughput, ecp5-25k"]


def test_every_metric_of_the_cost_flow_is_shown():
    assert list(costs.TITLES) == list(UNITS_OF_MEASURE)
    assert set(costs.BARS) <= set(UNITS_OF_MEASURE)
