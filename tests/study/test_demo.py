"""The demo's seams: what is priced and replayed is what trained; a failure fails it, and no result is lost."""

import inspect
import io
import json
import threading
import time
from dataclasses import replace
from functools import partial

import pytest
from rich.console import Console
from typer.testing import CliRunner

from zimu.cli import app
from zimu.commands.demo import command as demo_command
from zimu.cost.gates import GATES
from zimu.cost.liberty import VARIABLE
from zimu.cost.price import Pricing
from zimu.cost.rows import Row
from zimu.golden.errors import InputError
from zimu.study import demo, methods, pricing, replay
from zimu.study.claims import LEAST_SEEDS
from zimu.study.train import train_all

SETTINGS = {"log2 of the weight scale": (-6,), "learning rate": (1.0,)}
SHORT = tuple(replace(method, grid=SETTINGS[method.knob]) for method in methods.METHODS)
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

    def replayed(traces, simulator, jobs, progress):
        seen.update(traces=traces, simulator=simulator)
        return [dict(results["verification"][0], layer=layer) for layer in (1, 2)]

    monkeypatch.setattr(replay, "replay", replayed)
    monkeypatch.setattr(pricing, "price_units", lambda *_: [results["cost"][0]])
    return seen


def run(**options):
    return demo.run_demo(seeds=1, simulator="amaranth", jobs=1, **options)


def no_constant(name):
    raise AssertionError(f"{name} is not JSON")


def test_everything_holds_and_is_written(quick, tmp_path):
    outcome = run()
    assert outcome.passed
    report, data = outcome.write(tmp_path / "out")
    assert sorted((tmp_path / "out").iterdir()) == [report, data]
    assert [report.name, data.name] == list(demo.FILES)
    written = json.loads(data.read_text(), parse_constant=no_constant)
    assert written == json.loads(json.dumps(outcome.results))
    assert "<h1>" in report.read_text()
    assert [trace.config for trace in quick["traces"]] == [methods.layer_config(0), methods.layer_config(1)]
    assert [len(trace.steps) for trace in quick["traces"]] == [replay.TRACE_STEPS["amaranth"]] * 2


def test_same_bytes_again(quick, tmp_path):
    first, second = (run().write(tmp_path / name) for name in "ab")
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_a_mismatch_fails(quick, monkeypatch, results):
    first = {"step": 3, "field": "weights[5]", "expected": 1, "got": 2}
    check = dict(results["verification"][0], mismatches=1, first=first)
    monkeypatch.setattr(replay, "replay", lambda *_: [check])
    outcome = run()
    assert not outcome.passed
    (line,) = outcome.results["failures"]
    assert line.endswith("differs from the emulator: first in step 3, weights[5]: expected 1, got 2")
    assert line in outcome.page


def test_a_price_that_is_missing_fails_with_its_reason(quick, monkeypatch, results):
    monkeypatch.setattr(pricing, "price_units", lambda *_: results["cost"])
    outcome = run()
    assert outcome.results["failures"] == [
        "float_sgd:fp32:comb has no ecp5-25k price: the reason of the float unit",
        "digits_layer1 has no generic price: nothing has gate equivalents",
    ]


def test_a_missed_claim_fails(quick, monkeypatch):
    judged(monkeypatch, (0, {}), (1, {"difference": -0.006, "unit": 0.9}))
    outcome = run()
    assert not outcome.passed
    (line,) = outcome.results["failures"]
    assert line.startswith("the int8 unit with momentum is more than 0.5 points behind FP32 SGD: 90.00 % against")
    assert line in outcome.page


def test_every_claim_is_in_results_page_and_terminal(quick, monkeypatch):
    judged(monkeypatch, (0, {"unit": 0.9123}), (1, {"unit": 0.9234, "trials": 0.0143}))
    outcome = run()
    assert outcome.passed
    assert [(claim["unit_key"], claim["holds"]) for claim in outcome.results["claims"]] == [
        ("unit", True),
        ("unit_momentum", True),
    ]
    text = shown(outcome)
    for share, trials in (("91.23", ""), ("92.34", "0.0143 trials per weight and step (at most 0.015 are allowed)")):
        assert f"reaches {share} % on the test images with {trials}" in text
        assert f"reaches {share} % on the test images with {trials}" in outcome.page
    assert text.count("behind: met") == outcome.page.count('<span class="good">met</span>') == 2
    assert text.rstrip().endswith("behind: met")


def judged(monkeypatch, *claims):
    """Make claims that have been judged over ten seeds, with figures made up, of the demo's."""
    real = demo.judge

    def judge(summaries, seeds):
        judgements = real(summaries, LEAST_SEEDS)
        return [replace(judgements[number], **({"difference": 0.0} | changes)) for number, changes in claims]

    monkeypatch.setattr(demo, "judge", judge)


def shown(outcome):
    """What the terminal shows."""
    console = Console(width=500, record=True, file=io.StringIO())
    console.print(outcome.table())
    return console.export_text()


def test_one_seed_is_not_judged_and_does_not_fail(quick):
    outcome = run()
    assert [claim["holds"] for claim in outcome.results["claims"]] == [None, None]
    assert outcome.passed
    assert "not judged, which takes 10 seeds" in outcome.page
    assert "not judged, which takes 10 seeds" in shown(outcome)


def test_by_default_there_are_seeds_enough(monkeypatch):
    defaults = [inspect.signature(function).parameters["seeds"].default for function in (demo.run_demo, demo_command)]
    assert defaults == [LEAST_SEEDS] * 2


def test_a_library_is_priced_and_named_in_the_command(quick, monkeypatch, tmp_path):
    library = tmp_path / "my cells.lib"
    library.write_text("library(x) {}")
    seen = []
    monkeypatch.setattr(pricing, "price_units", lambda *arguments: seen.append(arguments[:3]) or [])
    outcome = run(liberty=[str(library)], place_seeds=3)
    assert seen == [(3, [str(library)], 1)]
    assert outcome.results["command"].endswith(f"--liberty '{library}'")


def test_stages_are_told_in_numbers(quick, monkeypatch):
    told = []
    monkeypatch.setattr(demo, "train_all", partial(trained, demo.train_all))
    run(progress=lambda *stage: told.append(stage))
    assert ("training runs", 1, 2) in told


def trained(train_all, *arguments, progress, **options):
    progress(1, 2)
    return train_all(*arguments, **options)


def test_pricing_ends_when_another_stage_breaks(quick, monkeypatch):
    ended = threading.Event()

    def price_units(place_seeds, liberty, jobs, progress):
        try:
            while True:
                progress(0, 1)
                time.sleep(0.01)
        finally:
            ended.set()

    def broken(*_):
        raise RuntimeError("no trace")

    monkeypatch.setattr(pricing, "price_units", price_units)
    monkeypatch.setattr(demo, "_record", broken)
    with pytest.raises(RuntimeError, match="no trace"):
        run()
    assert ended.is_set()


def command(folder, monkeypatch, *options):
    monkeypatch.chdir(folder)
    return CliRunner().invoke(app, ["demo", "--seeds", "1", "--simulator", "amaranth", "--jobs", "1", *options])


def test_an_output_that_cannot_be_is_refused_before_the_training(monkeypatch, tmp_path):
    monkeypatch.setattr(demo, "load", lambda: pytest.fail("training began"))
    (tmp_path / "file").write_text("old")
    result = command(tmp_path, monkeypatch, "-o", "file")
    assert isinstance(result.exception, InputError)
    assert str(result.exception) == "file/report.html: cannot be written: Not a directory; name another"
    assert (tmp_path / "file").read_text() == "old"


def test_what_was_found_is_printed_even_if_it_cannot_be_written(quick, monkeypatch, tmp_path):
    def full(*_):
        raise InputError("the disk is full")

    monkeypatch.setattr(demo, "write_whole", full)
    result = command(tmp_path, monkeypatch)
    assert str(result.exception) == "the disk is full"
    assert "int8 unit, smoothed" in result.stdout
    assert "not judged, which takes 10 seeds" in " ".join(result.stdout.split())


def test_the_command_names_the_files_it_wrote(quick, monkeypatch, tmp_path):
    result = command(tmp_path, monkeypatch, "-o", "out")
    assert result.exit_code == 0, result.output
    assert result.stderr.splitlines()[-2:] == ["wrote out/report.html", "wrote out/results.json"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": 0}, r"^seeds = 0: must be in 1\.\.100$"),
        ({"place_seeds": 0}, r"^place_seeds = 0: must be in 1\.\.100$"),
        ({"jobs": 0}, r"^jobs = 0: must be in 1\.\.1024$"),
        ({"liberty": ["none.lib"]}, r"none\.lib"),
        ({"simulator": "modelsim"}, r"^simulator = 'modelsim': must be one of"),
    ],
)
def test_bad_options_are_refused_before_anything_runs(monkeypatch, options, message):
    monkeypatch.setattr(demo, "load", lambda: pytest.fail("training began"))
    with pytest.raises(InputError, match=message):
        demo.run_demo(**options)


def test_the_terminal_sees_the_same_numbers(quick):
    outcome = run()
    text = shown(outcome)
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
    monkeypatch.delenv(VARIABLE, raising=False)
    seen, told = [], []

    def price(units, targets=(), *, progress, **_):
        units = [unit if isinstance(unit, str) else unit.name for unit in units]
        seen.extend((unit, target) for unit in units for target in targets or ["ecp5-25k", "generic"])
        programs = len(units) * (1 if targets else 10)
        progress(0, programs)
        progress(programs, programs)
        rows = [Row(unit=unit, target=target, metric=GATES, value=1) for unit in units for target in targets]
        return Pricing(rows, [])

    monkeypatch.setattr(pricing, "price", price)
    monkeypatch.delenv("ZIMU_LIBERTY", raising=False)
    rows = pricing.price_units(8, [], 1, lambda *counts: told.append(counts))
    everywhere = ["digits_layer1_tree", "float_sgd:fp32:pipelined", "float_sgd:bf16:pipelined", "int_sgd:8"]
    in_gates = ["digits_layer1_search", "float_sgd:fp32:comb", "float_sgd:bf16:comb"]
    assert seen == [(unit, "generic") for unit in in_gates] + [
        (unit, target) for unit in everywhere for target in ("ecp5-25k", "generic")
    ]
    assert told == [(0, 43), (3, 43), (3, 43), (43, 43)]
    assert [row["unit"] for row in rows] == in_gates
