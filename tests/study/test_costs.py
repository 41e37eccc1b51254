"""Cost rows as verdict, bars and tables: nothing is lost, and what was not measured is never a number."""

from dataclasses import replace

import pytest

from zimu.cost.ecp5 import Ecp5
from zimu.cost.layout import sheets
from zimu.cost.metrics import CLOCK
from zimu.cost.rows import Row
from zimu.cost.targets import find_metric, metrics_of
from zimu.golden.names import examples
from zimu.study import costs


def test_units_stand_below_each_other(results):
    first, second = sheets(read(results))
    assert (first.target, second.target) == ("ecp5-25k", "generic")
    measured, per_weight = first.grids
    assert [(one.title, one.uom) for one in measured.metrics] == [("Combinational cells", "TRELLIS_COMB")]
    (one,) = per_weight.metrics
    assert (one.title, one.uom) == ("Cells per throughput", "TRELLIS_COMB per weight/cycle")
    assert (measured.counted, per_weight.counted) == (False, True)
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
    return [(line.unit, line.n, *(cell.text for cell in line.cells)) for line in grid.lines]


def read(results):
    return [Row.from_dict(row) for row in results["cost"]]


def test_range_over_seeds_is_shown_where_there_is_one(results):
    lines = sheets(read(results))[0].grids[0].lines
    assert [line.cells[0].spread for line in lines] == ["12,001 to 12,999", ""]


def test_reasons_and_sources_stand_with_their_target(results):
    first, second = sheets(read(results))
    assert first.reasons == ["the reason of the float unit"] == [first.grids[0].lines[1].cells[0].reason]
    assert second.reasons == ["nothing has gate equivalents"]
    assert second.sources == []
    assert [source.command for source in first.sources] == ["synth_ecp5 -top top"]


def test_no_bars_where_nothing_was_measured(results):
    titles = [figure["title"] for figure in costs.figures(read(results))]
    assert titles == ["Combinational cells, ecp5-25k", "Cells per throughput, ecp5-25k"]


def rows(values, metric="comb_per_wpc", target="ecp5-25k", trials=None):
    """Rows of one metric, made from values by unit; of the integer unit's forms alone at ``trials``."""
    return [
        Row(
            find_metric(target, metric),
            value if not isinstance(value, str) else None,
            value if isinstance(value, str) else "",
            trials=None if ":" in unit else trials,
            unit=unit,
            target=target,
        )
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
            "title": "Cells per throughput (TRELLIS_COMB per weight/cycle), ecp5-25k",
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


def test_the_larger_figure_wins_where_that_is_better(monkeypatch):
    monkeypatch.setattr(Ecp5, "metrics", (replace(CLOCK, judged=True),))
    found = costs.contests(rows(of(100, 60, 120, 30), "fmax_mhz"))
    # The best of the forms are 101, 180, 240 and 30 MHz.
    assert [one.outcome for one in found] == ["loss", "loss", "win"]
    assert [one.own for one in found] == [101] * 3


def test_every_n_is_judged_and_figures_without_n_once():
    t = "liberty:t"
    few, full = (rows(of(own, 100, 100, 100), "ns_per_weight", t, trials=n) for own, n in ((50, 416), (400, 4160)))
    own = [row for row in full if ":" not in row.unit]
    found = costs.verdict([*few, *own, *rows(of(300, 100, 200, 600), "area_um2", t)])
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
    every = [
        row
        for target in ("liberty:x", "ecp5-25k", "generic")
        for metric in metrics_of(target)
        for row in rows(of(1, 1, 1, 1), metric.name, target)
    ]
    judged = list(dict.fromkeys((one.target, one.metric.name) for one in costs.contests(every)))
    assert judged == [
        ("liberty:x", "area_um2_per_wpc"),
        ("liberty:x", "ns_per_weight"),
        ("liberty:x", "area_um2"),
        ("ecp5-25k", "comb_per_wpc"),
        ("ecp5-25k", "ns_per_weight"),
        ("generic", "ge_per_wpc"),
    ]


def test_no_rows_no_verdict():
    assert costs.verdict([]) == {"lead": [], "details": []}


def test_rivals_are_units_that_can_be_priced():
    for units in costs.RIVALS.values():
        assert set(units) <= set(examples())
