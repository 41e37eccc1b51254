"""Cost rows as verdict, bars and tables: nothing is lost, and what was not measured is never a number."""

import pytest

from zimu.cost.rows import UNITS_OF_MEASURE
from zimu.golden.names import examples
from zimu.study import costs


def test_units_stand_below_each_other(results):
    first, second = costs.tables(results["cost"])
    assert (first["target"], second["target"]) == ("ecp5-25k", "generic")
    measured, per_weight = first["grids"]
    assert measured["columns"] == [{"title": "Combinational cells", "uom": "TRELLIS_COMB"}]
    assert per_weight["columns"] == [{"title": "Cells per throughput", "uom": "TRELLIS_COMB per weight/cycle"}]
    assert (measured["counted"], per_weight["counted"]) == (False, True)
    assert shown(measured) == [
        ("digits_layer1", "any", "12,345"),
        ("float_sgd:fp32:comb", "any", "\N{EM DASH}"),
    ]
    assert shown(per_weight) == [
        ("digits_layer1", "416", "54,321"),
        ("digits_layer1", "4,160", "65,432"),
        ("float_sgd:fp32:comb", "any", "3,456"),
    ]


def shown(grid):
    return [(line["unit"], line["n"], *(cell["value"] for cell in line["cells"])) for line in grid["lines"]]


def test_range_over_seeds_is_shown_where_there_is_one(results):
    lines = costs.tables(results["cost"])[0]["grids"][0]["lines"]
    assert [line["cells"][0]["range"] for line in lines] == ["12,001 to 12,999", ""]


def test_reasons_are_numbered_within_their_table(results):
    first, second = costs.tables(results["cost"])
    assert first["reasons"] == ["the reason of the float unit"]
    assert first["grids"][0]["lines"][1]["cells"][0]["note"] == 1
    assert second["reasons"] == ["nothing has gate equivalents"]
    assert second["sources"] == []
    assert [source["command"] for source in first["sources"]] == ["synth_ecp5 -top top"]


def test_no_bars_where_nothing_was_measured(results):
    titles = [figure["title"] for figure in costs.figures(results["cost"])]
    assert titles == ["Combinational cells, ecp5-25k", "Cells per throughput, ecp5-25k"]


def test_every_metric_of_the_cost_flow_is_shown():
    assert list(costs.TITLES) == list(UNITS_OF_MEASURE)
    assert set(costs.BARS) <= set(UNITS_OF_MEASURE)


def rows(values, metric="comb_per_wpc", target="t", trials=None):
    """Rows of one metric, made from values by unit; of the integer unit's forms alone at ``trials``."""
    return [
        {
            "unit": unit,
            "target": target,
            "metric": metric,
            "value": value if not isinstance(value, str) else None,
            "reason": value if isinstance(value, str) else "",
            "uom": UNITS_OF_MEASURE[metric],
            "trials": None if ":" in unit else trials,
        }
        for unit, value in values.items()
    ]


def of(own, fp32, bf16, int8):
    """Values by unit; the second form of each is worse."""
    return {
        "search": own + 1 if isinstance(own, int) else own,
        "tree": own,
        "float_sgd:fp32:comb": fp32 * 3,
        "float_sgd:fp32:pipelined": fp32,
        "float_sgd:bf16:comb": bf16,
        "float_sgd:bf16:pipelined": bf16 * 2,
        "int_sgd:8": int8,
    }


def test_the_verdict_says_who_wins_and_by_what_factor():
    found = costs.verdict(rows(of(1000, 2500, 500, 1040), trials=416))
    assert found["details"] == [
        {
            "title": "Cells per throughput (TRELLIS_COMB per weight/cycle), t",
            "text": "At n = 416 the int8 unit (1,000) beats FP32 SGD (2,500) by a factor of 2.5, "
            "loses to bfloat16 SGD (500) by a factor of 2, is level with int8 SGD (1,040).",
        }
    ]
    assert found["lead"] == [
        "Against FP32 SGD the int8 unit wins 1 of 1 comparisons and loses none.",
        "Against bfloat16 SGD the int8 unit wins none of 1 comparisons and loses 1.",
        "Against int8 SGD the int8 unit wins none of 1 comparisons and loses none, 1 level.",
    ]


@pytest.mark.parametrize(
    ("own", "outcome"), [(1, "win"), (94, "win"), (96, "level"), (100, "level"), (104, "level"), (106, "loss")]
)
def test_outcomes(own, outcome):
    assert {one.outcome for one in costs.contests(rows(of(own, 100, 100, 100)))} == {outcome}


def test_every_n_is_judged_and_figures_without_n_once():
    few, full = (rows(of(own, 100, 100, 100), "ns_per_weight", trials=n) for own, n in ((50, 416), (400, 4160)))
    own = [row for row in full if ":" not in row["unit"]]
    found = costs.verdict([*few, *own, *rows(of(300, 100, 200, 600), "area_um2")])
    time, area = found["details"]
    assert time["text"].count("by a factor of 2") == time["text"].count("by a factor of 4") == 3
    assert "At n = 416 the int8 unit (50) beats FP32 SGD" in time["text"]
    assert "At n = 4,160 the int8 unit (400) loses to FP32 SGD" in time["text"]
    assert area["text"] == (
        "The int8 unit (300) loses to FP32 SGD (100) by a factor of 3, loses to bfloat16 SGD (200) by a factor of 1.5, "
        "beats int8 SGD (600) by a factor of 2."
    )
    assert found["lead"][0] == "Against FP32 SGD the int8 unit wins 1 of 3 comparisons and loses 2."


def test_a_figure_that_is_missing_decides_nothing():
    """The form that has no figure might have been the best."""
    values = of(100, 200, 300, 400) | {"float_sgd:fp32:comb": "no room", "int_sgd:8": "no clock"}
    found = costs.verdict(rows(values))
    assert found["details"][0]["text"] == (
        "The int8 unit (100) cannot be compared with FP32 SGD: \N{EM DASH} (no room), beats bfloat16 SGD (300) "
        "by a factor of 3, cannot be compared with int8 SGD: \N{EM DASH} (no clock)."
    )
    assert found["lead"][0] == (
        "Against FP32 SGD the int8 unit wins none of 1 comparisons and loses none, 1 without a figure."
    )
    (own,) = costs.verdict(rows(of("too big", 1, 1, 1), trials=4160))["details"]
    assert own["text"] == "At n = 4,160 the int8 unit has \N{EM DASH} (too big)."
    unpriced = costs.contests(rows({"search": 1, "int_sgd:8": 2}))
    assert [(one.outcome, one.reason) for one in unpriced] == [
        ("missing", "not priced"),
        ("missing", "not priced"),
        ("win", ""),
    ]


def test_size_time_and_area_are_judged_where_they_are():
    """A library's gates follow from its area, so they are not judged beside it."""
    every = [row for metric in UNITS_OF_MEASURE for row in rows(of(1, 1, 1, 1), metric, "liberty:x")]
    every = [row for row in every if not row["metric"].startswith("comb")]
    every += [row for metric in ("comb", "comb_per_wpc") for row in rows(of(1, 1, 1, 1), metric, "ecp5-25k")]
    every += [row for metric in ("ge", "ge_per_wpc") for row in rows(of(1, 1, 1, 1), metric, "generic")]
    judged = list(dict.fromkeys((one.target, one.metric) for one in costs.contests(every)))
    assert judged == [
        ("liberty:x", "area_um2_per_wpc"),
        ("liberty:x", "ns_per_weight"),
        ("liberty:x", "area_um2"),
        ("ecp5-25k", "comb_per_wpc"),
        ("generic", "ge_per_wpc"),
    ]


def test_no_rows_no_verdict():
    assert costs.verdict([]) == {"lead": [], "details": []}


def test_rivals_are_units_that_can_be_priced():
    for units in costs.RIVALS.values():
        assert set(units) <= set(examples())
