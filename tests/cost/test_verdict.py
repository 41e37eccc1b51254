"""Verdicts: who wins by what factor, where the sides cost the same, and that what was not measured decides nothing."""

from dataclasses import replace

import pytest

from zimu.cost.ecp5 import Ecp5
from zimu.cost.metrics import CLOCK
from zimu.cost.price import per_weight
from zimu.cost.ranges import break_evens, cheaper_ranges, most_telling
from zimu.cost.rows import Row, rows_of
from zimu.cost.target import Figure
from zimu.cost.targets import find_metric, metrics_of
from zimu.cost.units import parse_unit
from zimu.cost.verdict import contests, verdict

KINDS = {
    "search": ("zim", "int8 ZIM"),
    "tree": ("zim", "int8 ZIM"),
    "fp32:comb": ("float_sgd", "FP32 SGD"),
    "fp32:pipelined": ("float_sgd", "FP32 SGD"),
    "bf16:comb": ("float_sgd", "bfloat16 SGD"),
    "bf16:pipelined": ("float_sgd", "bfloat16 SGD"),
    "int8": ("int_sgd", "int8 SGD"),
    "prng": ("", ""),
}
"""Units by name: rule and kind."""


def rows(values, metric="comb_per_wpc", target="ecp5-25k", trials=None, **fields):
    """Rows of one metric, made from values by unit; of the integer unit's forms alone at ``trials``."""
    return [
        Row(
            find_metric(target, metric),
            value if not isinstance(value, str) else None,
            value if isinstance(value, str) else "",
            trials=trials if KINDS[unit][0] == "zim" else None,
            unit=unit,
            target=target,
            rule=KINDS[unit][0],
            kind=KINDS[unit][1],
            **fields,
        )
        for unit, value in values.items()
    ]


def of(own, fp32, bf16, int8):
    """Values by unit; the second form of each is worse."""
    return {
        "search": own + 1 if isinstance(own, int) else own,
        "tree": own,
        "fp32:comb": fp32 * 3,
        "fp32:pipelined": fp32,
        "bf16:comb": bf16,
        "bf16:pipelined": bf16 * 2,
        "int8": int8,
    }


def test_the_verdict_says_who_wins_and_by_what_factor():
    found = verdict(rows(of(1000, 2500, 500, 1040), trials=416))
    assert found.details == [
        (
            "Cells per throughput (TRELLIS_COMB per weight/cycle), ecp5-25k",
            "At n = 416 int8 ZIM (tree, 1,000) beats FP32 SGD (fp32:pipelined, 2,500) by a factor of 2.5, "
            "loses to bfloat16 SGD (bf16:comb, 500) by a factor of 2, is level with int8 SGD (int8, 1,040).",
        )
    ]
    assert found.lead == [
        "Against FP32 SGD, int8 ZIM wins 1 of 1 comparisons and loses none.",
        "Against bfloat16 SGD, int8 ZIM wins none of 1 comparisons and loses 1.",
        "Against int8 SGD, int8 ZIM wins none of 1 comparisons and loses none, 1 level.",
    ]


def test_like_is_held_against_like():
    plain = rows({"tree": 10, "fp32:comb": 30, "int8": 40})
    kept = rows({"search": 20, "bf16:comb": 50}, momentum=True)
    assert [(one.own.kind, one.rival.kind) for one in contests([*plain, *kept])] == [
        ("int8 ZIM", "FP32 SGD"),
        ("int8 ZIM", "int8 SGD"),
        ("int8 ZIM with momentum", "bfloat16 SGD with momentum"),
    ]
    # Parts of units are held against nothing.
    assert contests(rows({"tree": 10, "prng": 1})) == []


@pytest.mark.parametrize(
    ("own", "outcome"), [(1, "win"), (94, "win"), (96, "level"), (100, "level"), (104, "level"), (106, "loss")]
)
def test_outcomes(own, outcome):
    assert {one.outcome for one in contests(rows(of(own, 100, 100, 100)))} == {outcome}


def test_the_larger_figure_wins_where_that_is_better(monkeypatch):
    monkeypatch.setattr(Ecp5, "metrics", (replace(CLOCK, judged=True),))
    found = contests(rows(of(100, 60, 120, 30), "fmax_mhz"))
    # The best of the forms are 101, 180, 240 and 30 MHz.
    assert [one.outcome for one in found] == ["loss", "loss", "win"]
    assert [(one.own.value, one.own.unit) for one in found] == [(101, "search")] * 3


def test_every_n_is_judged_and_figures_without_n_once():
    t = "liberty:t"
    few, full = (rows(of(own, 100, 100, 100), "ns_per_weight", t, trials=n) for own, n in ((50, 416), (400, 4160)))
    own = [row for row in full if row.rule == "zim"]
    found = verdict([*few, *own, *rows(of(300, 100, 200, 600), "area_um2", t)])
    (_, time), (_, area) = found.details
    assert time.count("by a factor of 2") == time.count("by a factor of 4") == 3
    assert "At n = 416 int8 ZIM (tree, 50) beats FP32 SGD" in time
    assert "At n = 4,160 int8 ZIM (tree, 400) loses to FP32 SGD" in time
    assert area == (
        "int8 ZIM (tree, 300) loses to FP32 SGD (fp32:pipelined, 100) by a factor of 3, "
        "loses to bfloat16 SGD (bf16:comb, 200) by a factor of 1.5, beats int8 SGD (int8, 600) by a factor of 2."
    )
    assert found.lead[0] == "Against FP32 SGD, int8 ZIM wins 1 of 3 comparisons and loses 2."


def test_a_figure_that_is_missing_decides_nothing():
    """The form that has no figure might have been the best."""
    values = of(100, 200, 300, 400) | {"fp32:comb": "no room", "int8": "no clock"}
    found = verdict(rows(values))
    assert found.details[0][1] == (
        "int8 ZIM (tree, 100) cannot be compared with FP32 SGD: \N{EM DASH} (no room), "
        "beats bfloat16 SGD (bf16:comb, 300) by a factor of 3, "
        "cannot be compared with int8 SGD: \N{EM DASH} (no clock)."
    )
    assert found.lead[0] == "Against FP32 SGD, int8 ZIM wins none of 1 comparisons and loses none, 1 without a figure."
    ((_, own),) = verdict(rows(of("too big", 1, 1, 1), trials=4160)).details
    assert own == "At n = 4,160 int8 ZIM has \N{EM DASH} (too big)."


def test_size_time_and_area_are_judged_where_they_are():
    """A library's gates follow from its area, so they are not judged beside it."""
    every = [
        row
        for target in ("liberty:x", "ecp5-25k", "generic")
        for metric in metrics_of(target)
        for row in rows(of(1, 1, 1, 1), metric.name, target)
    ]
    judged = list(dict.fromkeys((one.target, one.metric.name) for one in contests(every)))
    assert judged == [
        ("liberty:x", "energy_pj_per_weight"),
        ("liberty:x", "area_um2_ns_per_weight"),
        ("liberty:x", "area_um2_per_wpc"),
        ("liberty:x", "ns_per_weight"),
        ("liberty:x", "area_um2"),
        ("ecp5-25k", "comb_ns_per_weight"),
        ("ecp5-25k", "comb_per_wpc"),
        ("ecp5-25k", "ns_per_weight"),
        ("generic", "ge_per_wpc"),
    ]


def test_no_rows_no_verdict():
    assert (verdict([]).lead, verdict([]).details) == ([], [])


def priced_rows(name, comb, mhz, trials=None, target="ecp5-25k"):
    """A real unit with made-up figures."""
    unit = parse_unit(name, trials)
    figures = [Figure(find_metric(target, "comb"), comb), Figure(find_metric(target, "fmax_mhz"), mhz)]
    return unit, rows_of(unit.fields, target, [*figures, *per_weight(metrics_of(target), figures, unit.rates)])


@pytest.mark.parametrize("trials", [[32], [1024, 7]])
def test_the_largest_n_at_which_a_unit_costs_no_more(trials):
    own, mine = priced_rows("zim8", 2304, 157.0, trials)
    rival, others = priced_rows("float_sgd:bf16", 637, 165.0)
    found = {one.metric.name: one for one in break_evens([own, rival], [*mine, *others])}
    assert set(found) == {"comb_ns_per_weight", "comb_per_wpc", "ns_per_weight"}
    for name, one in found.items():
        # By hand: what the unit costs at that n, and at the next one.
        size, other = (2304, 637) if "comb" in name else (1, 1)
        period, other_period = (1000 / 157, 1000 / 165) if "ns" in name else (1, 1)
        limit = other * other_period
        costs = [size * period / own.rate_at(one.trials + more) for more in (0, 1)]
        assert costs[0] <= limit < costs[1]
        assert one.sentence() == (
            f"ecp5-25k, {one.metric.uom}: zim8 is cheaper than bfloat16 SGD (float_sgd:bf16, {one.metric.text(limit)}) "
            f"up to n = {one.trials:,} ({one.trials / 1024:.2g} d), and dearer above."
        )


def test_where_there_is_no_such_n():
    own, mine = priced_rows("zim8", 2304, 157.0, [32])
    _, dear = priced_rows("float_sgd:fp32", 10**7, 1.0)
    _, cheap = priced_rows("int_sgd:8", 1, 10000.0)
    ends = {(one.rival.kind, one.trials) for one in break_evens([own], [*mine, *dear, *cheap])}
    assert ends == {("FP32 SGD", None), ("int8 SGD", 0)}
    sentences = [one.sentence() for one in break_evens([own], [*mine, *dear, *cheap])]
    assert (
        "TRELLIS_COMB * ns/weight: zim8 is cheaper than FP32 SGD (float_sgd:fp32, 10,000,000,000) at any n up to 4 d."
        in sentences[0]
    )
    assert "is dearer than int8 SGD (int_sgd:8, 0.1) at any n." in sentences[1]


def test_momentum_is_charged_to_both_sides_of_a_break_even():
    own, mine = priced_rows("zim8_momentum", 5861, 131.0, [6325])
    _, without = priced_rows("float_sgd:bf16", 637, 165.0)
    _, with_it = priced_rows("float_sgd:bf16:momentum", 1084, 157.0)
    kinds = {one.rival.kind for one in break_evens([own], [*mine, *without, *with_it])}
    assert kinds == {"bfloat16 SGD with momentum"}


def ranges_of(*parts):
    units, some = zip(*parts, strict=True)
    return cheaper_ranges(units, [row for mine in some for row in mine])


def test_one_sentence_says_where_any_unit_is_cheaper_than_a_kind_and_by_how_much():
    """By hand: a wide unit wins at few trials, a narrow one goes on winning at more."""
    wide, narrow = (priced_rows(name, comb, 100.0, [32, 512]) for name, comb in (("zim8", 2304), ("zim8_small", 900)))
    rivals = [priced_rows("float_sgd:bf16", 700, 100.0), priced_rows("float_sgd:fp32", 10**6, 100.0)]
    found = [one for one in ranges_of(wide, narrow, *rivals) if one.metric.name == "comb_per_wpc"]
    assert [one.rival.kind for one in found] == ["bfloat16 SGD", "FP32 SGD"]
    ends = [
        max(n for n in range(1, 1025) if size / unit.rate_at(n) <= 700)
        for (unit, _), size in ((wide, 2304), (narrow, 900))
    ]
    costs = {unit.name: size / unit.rate_at(32) for (unit, _), size in ((wide, 2304), (narrow, 900))}
    best = min(costs, key=costs.get)
    assert found[0].sentence() == (
        "ecp5-25k, TRELLIS_COMB per weight/cycle: int8 ZIM is cheaper than bfloat16 SGD (float_sgd:bf16, 700) up to "
        f"n = {max(ends) / 1024:.2g} d, and dearer above; "
        f"cheaper by a factor of {700 / costs[best]:.3g} at n = 0.031 d ({best}, {costs[best]:.4g})."
    )
    assert (
        "is cheaper than FP32 SGD (float_sgd:fp32, 1,000,000) at any n up to 4 d; cheaper by a factor"
        in found[1].sentence()
    )


def test_a_range_says_so_where_the_unit_loses():
    found = ranges_of(priced_rows("zim8", 1000, 100.0, [32]), priced_rows("int_sgd:8:x4", 100, 400.0))
    own = 10 * 1000 / parse_unit("zim8").rate_at(32)
    assert found[0].sentence() == (
        "ecp5-25k, TRELLIS_COMB * ns/weight: int8 ZIM is dearer than int8 SGD (int_sgd:8:x4, 62.5) at any n up to "
        f"4 d; dearer by a factor of {own / 62.5:.3g} at n = 0.031 d (zim8, {own:,.0f})."
    )


def test_a_range_without_a_model_names_the_n_that_were_measured():
    few = rows({"tree": 3.0}, "energy_pj_per_weight", "liberty:x", trials=10, depth=1000)
    many = rows({"tree": 60.0}, "energy_pj_per_weight", "liberty:x", trials=100, depth=1000)
    others = rows({"bf16:comb": 30.0, "bf16:pipelined": "no gradients", "int8": 2.9}, few[0].metric.name, "liberty:x")
    assert [one.sentence().partition(": ")[2] for one in cheaper_ranges([], [*few, *many, *others])] == [
        "int8 ZIM is dearer than int8 SGD (int8, 2.9) at every n measured; level at n = 0.01 d (tree, 3).",
        "int8 ZIM is cheaper than bfloat16 SGD (bf16:comb, 30), 1 of whose units has no figure, up to n = 0.01 d, and "
        "dearer from n = 0.1 d on; cheaper by a factor of 10 at n = 0.01 d (tree, 3).",
    ]
    (area,) = cheaper_ranges([], rows({"tree": 10, "int8": 30}, "area_um2", "liberty:x"))
    assert area.sentence() == (
        "liberty:x, um2: int8 ZIM is cheaper than int8 SGD (int8, 30); cheaper by a factor of 3 (tree, 10)."
    )


def test_a_range_needs_a_figure_on_both_sides_and_like_with_like():
    assert cheaper_ranges([], rows({"tree": "too big", "int8": 1})) == []
    assert cheaper_ranges([], rows({"tree": 1, "int8": "too big"})) == []
    assert cheaper_ranges([], [*rows({"tree": 1}, momentum=True), *rows({"int8": 1})]) == []


def test_several_kinds_of_the_integer_unit_have_one_name():
    narrow, wide = (rows({name: value}, "area_um2", "liberty:x") for name, value in (("tree", 10), ("search", 9)))
    other = rows({"int8": 30}, "area_um2", "liberty:x")
    wide = [replace(row, kind="int16 ZIM") for row in wide]
    (area,) = cheaper_ranges([], [*narrow, *wide, *other])
    assert area.sentence() == (
        "liberty:x, um2: the integer unit is cheaper than int8 SGD (int8, 30); cheaper by a factor of 3.33 (search, 9)."
    )
    kept = [replace(row, momentum=True) for row in (*narrow, *wide, *other)]
    (area,) = cheaper_ranges([], kept)
    assert "um2: the integer unit with momentum is cheaper than int8 SGD with momentum" in area.sentence()


def test_a_target_clock_stands_behind_the_technology_without_one():
    every = [
        one
        for target in ("liberty:x", "liberty:x@1ns", "generic")
        for metric in ("ge_per_wpc", "area_um2_per_wpc", "ns_per_weight")
        if (target == "generic") == (metric == "ge_per_wpc")
        for one in cheaper_ranges([], rows({"tree": 5, "bf16:comb": 30}, metric, target))
    ]
    assert [(one.target, one.metric.uom) for one in every if one in most_telling(every, 3)] == [
        ("liberty:x", "um2 per weight/cycle"),
        ("liberty:x", "ns/weight"),
        ("generic", "NAND2 equivalents per weight/cycle"),
    ]


def test_the_most_telling_ranges_are_of_every_target_against_the_strongest_rival_and_bfloat16():
    values = {"tree": 5, "fp32:comb": 20, "bf16:comb": 30, "int8": 10}
    every = cheaper_ranges(
        [],
        [
            row
            for t in ("ecp5-25k", "ecp5-45k")
            for m in ("comb_per_wpc", "ns_per_weight")
            for row in rows(values, m, t)
        ],
    )
    assert len(every) == 12
    told = [(one.target, one.metric.name, one.rival.kind) for one in most_telling(every, 5)]
    assert told == [
        ("ecp5-25k", "comb_per_wpc", "int8 SGD"),
        ("ecp5-25k", "comb_per_wpc", "FP32 SGD"),
        ("ecp5-25k", "comb_per_wpc", "bfloat16 SGD"),
        ("ecp5-45k", "comb_per_wpc", "int8 SGD"),
        ("ecp5-45k", "comb_per_wpc", "bfloat16 SGD"),
    ]
    assert most_telling(every, 99) == every
