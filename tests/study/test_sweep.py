"""Spaces of units from a file, and what is refused."""

import json

import pytest
from typer.testing import CliRunner

from zimu.cli import app
from zimu.cost.rows import rows_of
from zimu.cost.target import Figure
from zimu.cost.targets import find_metric
from zimu.golden.errors import InputError
from zimu.golden.names import named
from zimu.study.costs import CostStudy
from zimu.study.sweep import load

TEXT = """
targets = ["generic"]
seeds = 3
trials = ["sqrt", 0.1, 7]

[[unit]]
name = "zim8"
lanes = [8, 16]
depth = [100, 1000]

[[unit]]
name = ["float_sgd:bf16", "int_sgd:8"]
lanes = 4
seeds = 1
targets = ["ecp5-25k"]
"""


@pytest.fixture
def write(tmp_path):
    def _write(text):
        path = tmp_path / "space.toml"
        path.write_text(text)
        return path

    return _write


def test_a_space_is_the_product_of_names_and_values(write):
    sweep = load(write(TEXT))
    assert (sweep.targets, sweep.seeds) == (("generic",), 3)
    groups = sweep.groups()
    assert [(group.targets, group.seeds) for group in groups] == [(("generic",), 3), (("ecp5-25k",), 1)]
    units = [unit for group in groups for unit in group.units]
    assert [unit.name for unit in units] == [
        "zim8, lanes = 8, depth = 100",
        "zim8, lanes = 8, depth = 1000",
        "zim8, lanes = 16, depth = 100",
        "zim8, lanes = 16, depth = 1000",
        "float_sgd:bf16",
        "int_sgd:8",
    ]
    assert [[rate.trials for rate in unit.rates] for unit in units] == [
        *[[7, 10], [7, 32, 100]] * 2,
        [None],
        [None],
    ]
    assert [unit.depth for unit in units] == [100, 1000] * 2 + [1024] * 2
    assert units[4].rates[0].weights_per_cycle == 4
    wanted = named("zim8").replace(lanes=16, depth=1000)
    assert wanted.model_dump_json() in units[3].identity


def test_a_unit_that_comes_twice_is_taken_once(write):
    groups = load(write('[[unit]]\nname = ["zim8", "zim8"]\n[[unit]]\nname = ["zim8", "int_sgd:8"]')).groups()
    assert [[unit.name for unit in group.units] for group in groups] == [["zim8"], ["int_sgd:8"]]


def test_two_units_of_one_name_are_refused_and_a_list_of_one_value_names_it(write):
    twice = '[[unit]]\nname = "zim8"\n[[unit]]\nname = "zim8"\nlanes = {}'
    with pytest.raises(InputError, match="unit zim8 comes twice with different fields: put their values into lists"):
        load(write(twice.format(16))).groups()
    groups = load(write(twice.format([16]))).groups()
    assert [[unit.name for unit in group.units] for group in groups] == [["zim8"], ["zim8, lanes = 16"]]


def test_trials_of_a_table_and_targets_of_a_call_go_before_those_of_the_file(write):
    sweep = load(write('trials = [1]\ntargets = ["generic"]\n[[unit]]\nname = "zim8"\ntrials = [5, "sqrt"]'))
    (group,) = sweep.groups(["ecp5-25k"])
    assert group.targets == ("ecp5-25k",)
    assert [rate.trials for rate in group.units[0].rates] == [5, 32]


def test_the_standard_study_has_what_it_is_to_compare():
    groups = load("standard").groups()
    units = [unit for group in groups for unit in group.units]
    assert {unit.kind for unit in units} >= {"int8 ZIM", "FP32 SGD", "bfloat16 SGD", "FP16 SGD", "int8 SGD"}
    assert {unit.momentum for unit in units} == {True, False}
    assert {unit.config.lanes for unit in units if unit.rule != "zim"} == {1, 4, 16}
    assert {unit.depth for unit in units if not unit.name.startswith("zim8_small")} == {421_642}
    assert {target.partition("@")[2] for group in groups for target in group.targets} == {"", "1ns", "4ns"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("targets = 3\n[[unit]]\nname = 'zim8'", "targets: Input should be a valid tuple"),
        ("trials = [0]\n[[unit]]\nname = 'zim8'", "trials.0"),
        ("trials = ['root']\n[[unit]]\nname = 'zim8'", "trials.0"),
        ("seeds = 0\n[[unit]]\nname = 'zim8'", "seeds: Input should be greater"),
        ("size = 1\n[[unit]]\nname = 'zim8'", "size: Extra inputs"),
        ("targets = []", "unit: Field required"),
        ("unit = []", "unit: Tuple should have at least 1 item"),
        ("[[unit]]\nlanes = 1", "unit.0.name: Field required"),
        ("[[unit", "not TOML"),
    ],
)
def test_what_is_not_known_or_not_allowed_is_refused(write, text, message):
    with pytest.raises(InputError) as error:
        load(write(text))
    assert str(error.value).startswith(f"{write(text)}: {message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[unit]]\nname = 'zim9'", "unit zim9: 'zim9': must be"),
        ("[[unit]]\nname = 'zim8'\nlanes = [8, 3]", "unit zim8, lanes = 3: lanes = 3"),
        ("[[unit]]\nname = 'zim8'\nwidth = 8", "unit zim8: unknown key 'width'"),
    ],
)
def test_a_unit_that_cannot_be_made_is_named(write, text, message):
    with pytest.raises(InputError) as error:
        load(write(text)).groups()
    assert str(error.value).startswith(message)


def test_the_command_leaves_a_table_and_a_report_named_as_the_file(write, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib", reason="matplotlib is missing: ./bootstrap test")
    pytest.importorskip("pyarrow", reason="pyarrow is missing: ./bootstrap test")
    metric = find_metric("generic", "ge_per_wpc")

    def run(name, command, groups, **_):
        assert command == "zimu sweep space.toml"
        assert [list(group.targets) for group in groups] == [["generic"], ["ecp5-25k"]]
        units = [unit for group in groups for unit in group.units]
        figures = [(unit, [Figure(metric, 100.0, trials=rate.trials) for rate in unit.rates]) for unit in units]
        rows = [row for unit, some in figures for row in rows_of(unit.fields, "generic", some)]
        return CostStudy(name, command, units, rows, [])

    monkeypatch.setattr("zimu.study.cost_run.run_study", run)
    result = CliRunner().invoke(app, ["sweep", str(write(TEXT)), "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert "; level at n = " in " ".join(result.output.split())
    made = {path.suffix: path.read_bytes() for path in (tmp_path / "out").iterdir() if path.stem == "space"}
    assert set(made) == {".csv", ".parquet", ".html", ".md"}
    assert b"<h1>" in made[".html"]
    assert made[".md"].startswith(b"# Cost study: space\n")


def test_the_cost_of_a_few_units_is_simulated_where_that_is_asked_for(monkeypatch):
    metric = find_metric("generic", "ge_per_wpc")

    def run(name, command, groups, **_):
        (group,) = groups
        assert (group.targets, group.seeds) == (("generic",), 3)
        (unit,) = group.units
        figures = [Figure(metric, 100.0, trials=rate.trials) for rate in unit.rates]
        return CostStudy(name, command, group.units, rows_of(unit.fields, "generic", figures), [])

    monkeypatch.setattr("zimu.study.cost_run.run_study", run)
    words = ["cost", "zim8_small", "--target", "generic", "--seeds", "3", "--trials", "9", "--simulate", "--json"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert [(row["metric"], row["value"], row["trials"]) for row in json.loads(result.stdout)] == [
        ("ge_per_wpc", 100, 9)
    ]
