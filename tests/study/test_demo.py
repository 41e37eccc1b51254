"""The demo's seams: what is priced and replayed is what trained; a failure fails it, and nothing is half written."""

import json
from dataclasses import replace

import pytest
from rich.console import Console

from zimu.golden.errors import InputError
from zimu.study import demo, methods, pricing, replay
from zimu.study.train import train_all

SETTINGS = {methods.UnitMethod: (-6,), methods.FloatMethod: (1.0,)}
SHORT = tuple(replace(method, grid=SETTINGS[type(method)]) for method in methods.METHODS)
"""One setting of each method."""


@pytest.fixture(scope="session")
def runs(digits):
    return train_all(SHORT, digits, seeds=1)


@pytest.fixture
def quick(monkeypatch, results, runs):
    """The demo with real training done once, and without simulators and place and route."""
    monkeypatch.setattr(methods, "METHODS", SHORT)
    monkeypatch.setattr(demo, "train_all", lambda *_, **__: runs)
    seen = {}

    def replayed(traces, simulator, jobs):
        seen.update(traces=traces, simulator=simulator)
        return [dict(results["verification"][0], layer=layer) for layer in (1, 2)]

    monkeypatch.setattr(replay, "replay", replayed)
    monkeypatch.setattr(pricing, "price_units", lambda *_: [results["cost"][0]])
    return seen


def run(folder, **options):
    return demo.run_demo(folder, seeds=1, simulator="amaranth", jobs=1, **options)


def no_constant(name):
    raise AssertionError(f"{name} is not JSON")


def test_everything_holds_and_is_written(quick, tmp_path):
    outcome = run(tmp_path / "out")
    assert outcome.passed
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["report.html", "results.json"]
    written = json.loads(outcome.data.read_text(), parse_constant=no_constant)
    assert written == json.loads(json.dumps(outcome.results))
    assert "<h1>" in outcome.report.read_text()
    assert [trace.config for trace in quick["traces"]] == [methods.layer_config(0), methods.layer_config(1)]
    assert [len(trace.steps) for trace in quick["traces"]] == [replay.TRACE_STEPS["amaranth"]] * 2


def test_same_bytes_again(quick, tmp_path):
    first, second = run(tmp_path / "a"), run(tmp_path / "b")
    assert first.report.read_bytes() == second.report.read_bytes()
    assert first.data.read_bytes() == second.data.read_bytes()


def test_a_mismatch_fails(quick, monkeypatch, tmp_path, results):
    first = {"step": 3, "field": "weights[5]", "expected": 1, "got": 2}
    check = dict(results["verification"][0], mismatches=1, first=first)
    monkeypatch.setattr(replay, "replay", lambda *_: [check])
    outcome = run(tmp_path)
    assert not outcome.passed
    (line,) = outcome.results["failures"]
    assert line.endswith("differs from the emulator: first in step 3, weights[5]: expected 1, got 2")
    assert line in outcome.report.read_text()


def test_a_price_that_is_missing_fails_with_its_reason(quick, monkeypatch, tmp_path, results):
    monkeypatch.setattr(pricing, "price_units", lambda *_: results["cost"])
    outcome = run(tmp_path)
    assert outcome.results["failures"] == [
        "float_sgd:fp32:comb has no ecp5-25k price: the reason of the float unit",
        "digits_layer1 has no generic price: nothing has gate equivalents",
    ]


def test_a_missed_claim_fails(quick, monkeypatch, tmp_path):
    real = demo.judge
    monkeypatch.setattr(demo, "judge", lambda summaries: replace(real(summaries), unit=0.9, holds=False))
    outcome = run(tmp_path)
    assert not outcome.passed
    assert outcome.results["failures"][0].startswith(
        "the int8 unit is more than 1 point behind FP32 SGD: 90.00 % against"
    )


def test_nothing_is_written_when_a_step_breaks(quick, monkeypatch, tmp_path):
    def broken(results):
        raise RuntimeError("no page")

    monkeypatch.setattr(demo, "render", broken)
    with pytest.raises(RuntimeError, match="no page"):
        run(tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": 0}, r"^seeds = 0: must be in 1\.\.100$"),
        ({"place_seeds": 0}, r"^place_seeds = 0: must be in 1\.\.100$"),
        ({"jobs": 0}, r"^jobs = 0: must be in 1\.\.1024$"),
        ({"simulator": "modelsim"}, r"^simulator = 'modelsim': must be one of"),
    ],
)
def test_bad_options_are_refused_before_anything_runs(monkeypatch, tmp_path, options, message):
    monkeypatch.setattr(demo, "load", lambda: pytest.fail("training began"))
    with pytest.raises(InputError, match=message):
        demo.run_demo(tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_the_terminal_sees_the_same_numbers(quick, tmp_path):
    outcome = run(tmp_path)
    console = Console(width=200, record=True, file=(tmp_path / "log").open("w"))
    console.print(outcome.table())
    text = console.export_text()
    assert "TRELLIS_" in text
    assert "int8 unit, gate as learning rate" in text
    assert "83,340" in text
    assert "12,345" in text


def test_priced_units_are_the_one_that_trained_and_its_rival():
    search, tree = pricing.integer_units()
    trained = methods.layer_config(0)
    assert search.replace(name=trained.name) == trained
    assert tree.replace(name=trained.name, form=trained.form) == trained
    assert (search.form, tree.form) == ("search", "tree")
    assert pricing.trial_counts() == (416, 4160)


def test_all_forms_and_all_rivals_are_priced(monkeypatch):
    seen = []
    monkeypatch.setattr(pricing, "price", lambda units, **_: seen.extend(units) or [])
    assert pricing.price_units(1, 1, None) == []
    assert [unit if isinstance(unit, str) else unit.form for unit in seen] == [
        "search",
        "tree",
        "float_sgd:fp32:comb",
        "float_sgd:fp32:pipelined",
        "float_sgd:bf16:comb",
        "float_sgd:bf16:pipelined",
        "int_sgd:8",
    ]
