"""Targets by name; and one made here, with a unit of measure of its own, which nothing else of the project knows."""

import json
import subprocess
import sys
from dataclasses import dataclass, replace

import pytest
from rich.console import Console
from typer.testing import CliRunner

from zimu.cli import app
from zimu.cost.layout import charts, sheets
from zimu.cost.liberty import VARIABLE
from zimu.cost.metrics import CLOCK, THROUGHPUT, Metric, per_throughput, time_per_weight
from zimu.cost.price import price
from zimu.cost.rows import Row
from zimu.cost.table import tables
from zimu.cost.target import Figure, Synthesis, Target
from zimu.cost.targets import TARGETS, find_metric, find_targets, forms
from zimu.golden.errors import InputError, ToolError

FPGAS = "ecp5-25k, ecp5-45k, ecp5-85k, ice40-hx8k, ice40-up5k, gowin-gw1nr9, gowin-gw2ar18, xilinx7"
LUTS = Metric(name="comb", title="Look-up tables", uom="ICESTORM_LC", narrow="ICE\nSTORM_LC", charted=True)
COLD = Metric(name="slack_ns", title="Slack", uom="ns", judged=True, smaller_is_better=False, optional=True)


@dataclass(frozen=True)
class Toy(Target):
    """Counts nothing: every design has 640 look-up tables and a clock of 50 MHz."""

    name = "toy-1k"
    seeds = 3
    identity = "toy"
    forms = (name,)
    metrics = (
        LUTS,
        CLOCK,
        COLD,
        THROUGHPUT,
        time_per_weight(CLOCK),
        per_throughput(LUTS, "Tables per throughput", charted=True, judged=True),
    )

    @classmethod
    def find(cls, options):
        return [cls()]

    @classmethod
    def default(cls, options):
        return []

    def synthesise(self, design, folder):
        return Synthesis([Figure(LUTS, 640, tool="toy")], design)

    def place(self, netlist, seed, folder):
        return [Figure(CLOCK, 30.0 + 10 * seed, tool="toy")]

    def summarise(self, design, synthesis, placements):
        (first,), (middle,), (last,) = placements
        return [replace(middle, minimum=first.value, maximum=last.value), *synthesis]


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.delenv("PDK_ROOT", raising=False)


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setitem(TARGETS, "toy", Toy)


def test_a_target_with_its_own_unit_of_measure_is_priced_and_shown(toy, tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is missing: ./bootstrap test")
    picture = tmp_path / "x.svg"
    result = CliRunner().invoke(
        app, ["cost", "int_sgd:8", "--target", "toy-1k", "--jobs", "1", "--json", "--plot", str(picture)]
    )
    assert result.exit_code == 0, result.output
    data = json.loads(result.stdout)
    assert [(row["metric"], row["value"], row["uom"]) for row in data] == [
        ("comb", 640, "ICESTORM_LC"),
        ("fmax_mhz", 50, "MHz"),
        ("weights_per_cycle", 1, "weights/cycle"),
        ("ns_per_weight", 20, "ns/weight"),
        ("comb_per_wpc", 640, "ICESTORM_LC per weight/cycle"),
    ]
    rows = [Row.from_dict(row) for row in data]
    assert [row.to_dict() for row in rows] == data
    svg = picture.read_text()
    for text in ("Look-up tables, toy-1k", "ICESTORM_LC", "Tables per throughput, toy-1k"):
        assert f">{text}<" in svg
    console = Console(width=80)
    with console.capture() as capture:
        console.print(tables(rows))
    assert "STORM_LC" in capture.get()
    assert "640 50 (40 to 60)" in " ".join(capture.get().split())
    (sheet,) = sheets(rows)
    assert [metric.title for metric in sheet.grids[0].metrics] == ["Look-up tables", "Clock frequency"]
    assert [chart.metric.name for chart in charts(rows)] == ["comb", "fmax_mhz", "ns_per_weight", "comb_per_wpc"]


@pytest.mark.parametrize("step", ["synthesise", "place"])
def test_a_target_that_fails_has_a_reason_for_every_metric_it_owes(toy, monkeypatch, step):
    def broken(*_):
        raise ToolError("no luck")

    monkeypatch.setattr(Toy, step, broken)
    rows = price(["zim8_small"], ["toy-1k"], jobs=1).rows
    names = ("comb", "fmax_mhz", "ns_per_weight", "comb_per_wpc")
    assert {row.metric.name: row.reason for row in rows if row.failed} == dict.fromkeys(names, "no luck")
    result = CliRunner().invoke(app, ["cost", "zim8_small", "--target", "toy-1k", "--jobs", "1"])
    assert result.exit_code == 1
    # A line for each reason, however many figures it leaves missing.
    assert [line for line in result.stderr.splitlines() if "zim8_small" in line] == ["zim8_small, toy-1k: no luck"]


def test_a_column_stands_in_its_place_even_if_few_units_have_it(toy):
    rows = [
        Row(metric, 1, unit=unit, target="toy-1k")
        for unit, metrics in {"a": (LUTS, CLOCK), "b": (LUTS, CLOCK, COLD)}.items()
        for metric in reversed(metrics)
    ]
    (sheet,) = sheets(rows)
    assert [metric.name for metric in sheet.grids[0].metrics] == ["comb", "fmax_mhz", "slack_ns"]
    assert [[cell.text for cell in line.cells] for line in sheet.grids[0].lines] == [["1", "1", ""], ["1", "1", "1"]]


def test_default_targets_take_in_given_libraries(tmp_path):
    (tmp_path / "x.lib").write_text("library(x) {}")
    targets = find_targets(liberty=[str(tmp_path)], seeds=3)
    assert [target.name for target in targets] == ["ecp5-25k", "generic", "liberty:x"]
    assert targets[0].jobs == 4


def test_pdk_library_is_a_target_where_it_is_named(tmp_path, monkeypatch):
    place = tmp_path / "pdk" / "libs.ref" / "cells" / "lib"
    place.mkdir(parents=True)
    (place / "cells_typ.lib").write_text("library(x) {}")
    monkeypatch.setenv("PDK_ROOT", str(tmp_path))
    assert [target.name for target in find_targets()] == ["ecp5-25k", "generic"]
    assert [target.name for target in find_targets(["liberty:cells_typ"])] == ["liberty:cells_typ"]


def test_a_given_library_goes_before_one_of_a_pdk(tmp_path, monkeypatch):
    place = tmp_path / "pdk" / "libs.ref" / "cells" / "lib"
    place.mkdir(parents=True)
    for folder in (place, tmp_path):
        (folder / "x.lib").write_text("library(x) {}")
    monkeypatch.setenv("PDK_ROOT", str(tmp_path))
    (target,) = find_targets(["liberty:x"], liberty=[str(tmp_path / "x.lib")])
    assert target.technology.files == (tmp_path / "x.lib",)


def test_a_library_is_a_target_under_a_period_too(tmp_path):
    (tmp_path / "x.lib").write_text("library(x) {}")
    names = ["liberty:x", "liberty:x@1.50ns", "liberty:x@2ns"]
    plain, *aimed = find_targets(names, liberty=[str(tmp_path)], timeout=7)
    assert [target.name for target in aimed] == ["liberty:x@1.5ns", "liberty:x@2ns"]
    assert (plain.period, [target.period for target in aimed]) == (None, [1.5, 2.0])
    assert {target.technology for target in aimed} == {plain.technology}
    assert {target.timeout for target in aimed} == {7}
    assert find_metric("liberty:x@1.5ns", "area_um2") is find_metric("liberty:x", "area_um2")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("liberty:x@fast", "must be a decimal number of ns, such as liberty:x@1.5ns"),
        ("liberty:x@1.5", "must be a decimal number of ns"),
        ("liberty:x@0ns", "must be 0.001 to 1000 ns"),
        ("liberty:x@1.2345ns", "must be 0.001 to 1000 ns with at most three decimals"),
        ("generic@1ns", "must be generic, which has no period to aim at"),
        ("liberty:y@1ns", "must be one of"),
    ],
)
def test_a_period_that_is_none_is_refused(tmp_path, name, message):
    (tmp_path / "x.lib").write_text("library(x) {}")
    with pytest.raises(InputError, match=message) as error:
        find_targets([name], liberty=[str(tmp_path)])
    assert "\n" not in str(error.value)


def test_unknown_target_is_refused(toy):
    names = f"{FPGAS}, generic, toy-1k"
    with pytest.raises(InputError, match=f"^target = 'ice40': must be one of {names}$"):
        find_targets(["ice40"])


def test_rows_of_an_unknown_target_or_metric_are_refused():
    with pytest.raises(InputError, match=r"^family of targets = 'toy': must be one of 'ecp5', 'ice40', "):
        find_metric("toy-1k", "comb")
    with pytest.raises(InputError, match=r"^metric of generic = 'comb': must be one of 'ff', 'ge', "):
        find_metric("generic", "comb")


def test_help_names_the_targets_and_brings_no_circuits():
    assert forms() == f"{FPGAS}, generic, liberty:NAME, liberty:NAME@PERIODns"
    code = "import sys, zimu.cli; print('amaranth' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"
