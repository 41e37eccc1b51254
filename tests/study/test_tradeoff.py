"""Accuracy against cost: what is varied, how both are joined, the front, the answers, and a small real study."""

import csv
import io
import os
from dataclasses import replace

import pytest

from zimu.golden.errors import InputError

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install zimu[torch]")

from zimu.study import tradeoff, tradeoff_report  # noqa: E402
from zimu.study.tradeoff import CENTRE, RIVALS, VARIED, Point, Tradeoff, run_tradeoff, variants  # noqa: E402

LIBRARIES = pytest.mark.skipif(
    not os.environ.get("ZIMU_LIBERTY"), reason="no cell library: set ZIMU_LIBERTY to a Liberty file or a folder of them"
)


def find(axis: str, value: str):
    return next(one for one in variants() if (one.axis, one.value) == (axis, value))


def point(axis: str, value: str, accuracies, area_delay=None, energy=None) -> Point:
    variant = find(axis, value)
    costs = {"area_delay": area_delay, "energy": energy, "bytes": 1.5}
    reasons = {field: "not asked for" for field, cost in costs.items() if cost is None}
    trials = None if axis == RIVALS else 142
    return Point(variant, -7.0, tuple(accuracies), sum(accuracies) / len(accuracies), trials, "unit", costs, reasons)


@pytest.fixture
def study():
    return Tradeoff(
        model="hidden",
        data="digits",
        weights=9610,
        epochs=15,
        runs=2,
        target="liberty:cells",
        points=[
            point(VARIED, "zim8_momentum", (0.96, 0.97), 10, 20),
            point("gradient bits", "2", (0.92, 0.94), 5, 10),
            point("gradient bits", "4", (0.955, 0.967), 8, 12),
            point("gradient bits", "8", (0.96, 0.97), 10, 20),
            point("gate", "each step, T falls", (0.95, 0.90), 9, 30),
            point(RIVALS, "FP32 SGD, falling", (0.97, 0.96), 100, 80),
            point(RIVALS, "FP32 SGD with momentum, falling", (0.95, 0.93), 150),
            point(RIVALS, "bfloat16 SGD, falling", (0.99, 0.99), 50, 60),
        ],
    )


def test_one_thing_is_varied_at_a_time():
    """In the configuration or in what the optimizer is given; but what belongs together moves together."""
    together = {"momentum_bits", "gradient_bits"}, {"sampler", "form", "probe"}
    ours = CENTRE.model_dump()
    for variant in variants():
        if variant.axis in (RIVALS, VARIED):
            continue
        given = variant.recipe.config.model_dump()
        changed = {field for field in ours | given if ours.get(field) != given.get(field)}
        changed -= {"tile", "subtrees", "tile_streams", "engines", "smoothing_bits"}  # of one circuit alone; a width
        if variant.axis.endswith("without momentum"):
            changed -= {"momentum_bits"}
        assert len(changed) <= 1 or changed in together, (variant.axis, variant.value, changed)


def test_most_axes_hold_the_unit_itself():
    axes = {variant.axis for variant in variants()} - {RIVALS, VARIED}
    holding = {variant.axis for variant in variants() if variant.recipe == variants()[0].recipe} - {VARIED}
    assert axes - holding == {"trials at first, without momentum", "sampler, without momentum"}


def test_settings_are_as_many_for_all():
    sizes = {variant.value: len(variant.recipe.grid) for variant in variants()}
    assert {size for name, size in sizes.items() if name != "int8 SGD, 16 lanes, rates of 2^k"} == {5}


def test_the_front_is_what_nothing_beats(study):
    names = [one.variant.value for one in tradeoff_report.front(study.points, "area_delay")]
    assert names == ["2", "4", "zim8_momentum", "bfloat16 SGD, falling"]


def test_what_has_no_cost_is_not_on_the_front(study):
    assert all(one.costs["energy"] is not None for one in tradeoff_report.front(study.points, "energy"))


def test_the_rival_is_the_fp32_unit_that_validation_prefers(study):
    assert study.rival.variant.value == "FP32 SGD, falling"


def test_differences_are_between_runs_of_one_seed(study):
    mean, error = study.points[2].less(study.centre)
    assert mean == pytest.approx(-0.004)
    assert error == pytest.approx(0.001)


def test_answers_say_what_keeps_accuracy(study):
    first, gradients, gate = study.answers()
    assert first == (
        "FP32 SGD, falling reaches 96.50 %, the unit that all others are variations of 96.50 %: +0.00 +- 1.00 points."
    )
    assert gradients == (
        "gradient bits: within 0.5 points 4, 8; of these the largest difference to the unit varied is "
        "-0.40 +- 0.10 points; further below 2 (-3.50 +- 0.50 points)."
    )
    assert gate.startswith("gate: within 0.5 points none; further below each step, T falls (")


def test_one_run_has_no_standard_error(study):
    single = [replace(one, accuracies=one.accuracies[:1]) for one in study.points]
    assert replace(study, points=single).answers()[0].endswith("96.00 %: -1.00 points.")


def test_the_report_holds_every_point(study):
    page = tradeoff_report.html(study)
    assert page == tradeoff_report.html(study)
    assert page.count("<svg") == 2 + len(study.axes)
    assert "http" not in page
    text = tradeoff_report.markdown(study)
    for one in study.points:
        assert one.variant.value in page
        assert f"| {one.variant.axis} | {one.variant.value} |" in text
    assert "zimu tradeoff --model hidden --data digits --epochs 15 --repeats 2" in text


def test_the_table_says_why_a_cost_is_missing(study):
    rows = list(csv.DictReader(io.StringIO(tradeoff_report.table(study))))
    assert len(rows) == len(study.points)
    (row,) = [row for row in rows if row["value"] == "FP32 SGD with momentum, falling"]
    assert (row["energy_pj"], row["note"], row["trials"]) == ("", "not asked for", "")
    assert rows[0]["area_delay_um2_ns"] == "10"


def test_an_axis_that_there_is_not(tmp_path):
    with pytest.raises(InputError, match="axis = 'colour': must be one of trials at first, with momentum, "):
        run_tradeoff("linear", "digits", None, tmp_path, epochs=1, repeats=1, tuned_with=1, axes=["colour"], target="x")


def test_without_a_cell_library_there_is_no_price(monkeypatch):
    monkeypatch.delenv("ZIMU_LIBERTY", raising=False)
    monkeypatch.setattr(tradeoff, "find_targets", lambda liberty: [])
    with pytest.raises(InputError, match="there is no cell library to price with: give one with --liberty"):
        tradeoff.cost_target([])


@LIBRARIES
@pytest.mark.nightly
def test_a_small_study_is_trained_and_priced(tmp_path):
    """Every point has all its costs, and the step gate's are those of its own circuit."""
    study = run_tradeoff(
        "linear",
        "digits",
        None,
        tmp_path / "runs",
        epochs=1,
        repeats=1,
        tuned_with=1,
        axes=["gate"],
        jobs=2,
        cache=tmp_path / "cache",
    )
    assert [one.variant.axis for one in study.points] == [VARIED] + 3 * ["gate"] + 7 * [RIVALS]
    for one in study.points:
        assert None not in one.costs.values(), one.reasons
    assert study.points[0].costs == study.points[1].costs
    assert study.points[0].costs["area_delay"] != study.points[3].costs["area_delay"]
    assert study.points[0].trials == pytest.approx(0.0295 / 2 * 650, abs=2)
