"""The benchmark: how it times, compares, weighs and shows. Nothing here depends on how fast the machine is."""

import importlib.util
import json
import os
import platform
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from zimu.cli import app
from zimu.golden.errors import InputError, ToolError
from zimu.golden.programs import how_to_install, run
from zimu.study import bench, bench_memory, bench_report, bench_subjects
from zimu.study.bench import Effort, Timing, measure
from zimu.study.bench_memory import ENVIRONMENT, RESOLUTION
from zimu.study.bench_subjects import Problem, Subject, subjects

TINY = Effort(repeats=3, sample_seconds=1e-4)
PROBLEMS = [Problem(1500, 1500), Problem(1500, 39)]


class Clock:
    """A clock that only the work moves, and what was worked on."""

    def __init__(self):
        self.now, self.log = 0.0, []

    def subject(self, name, *seconds, **fields):
        """A subject whose steps take ``seconds`` in turn, the last one for ever."""
        left = list(seconds)

        def step():
            self.log.append(name)
            self.now += left.pop(0) if len(left) > 1 else left[0]

        return Subject(name, lambda *_: step, **fields)


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(bench.time, "perf_counter", lambda: made.now)
    return made


@pytest.fixture
def no_torch(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else find(name))


@pytest.fixture
def small(monkeypatch):
    """The command at a size for tests."""
    monkeypatch.setattr(bench, "DEPTHS", (1500,))
    monkeypatch.setattr(bench, "QUICK", TINY)
    return lambda *words: CliRunner().invoke(app, ["bench", "--quick", *map(str, words)])


def shown(renderable):
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(renderable)
    return console.export_text()


def test_samples_medians_and_ratios_follow_from_the_times(clock):
    """Repeats 2, 3, 4 take 8, 2, 4 s against 16, 2, 12 s: medians 4 and 12, but the median of the ratios is 2."""
    chosen = [clock.subject("unit", 99, 1, 8, 2, 4, sampler="x"), clock.subject("numpy", 99, 1, 16, 2, 12)]
    unit, numpy = measure([Problem(100, 1)], chosen, replace(TINY, sample_seconds=1), memory=False)
    assert unit.samples == [8e7, 2e7, 4e7]
    assert (unit.ns_per_weight, numpy.ns_per_weight) == (4e7, 12e7)
    assert (unit.times_faster_than_numpy, numpy.times_faster_than_numpy) == (2, 1)


def test_the_int8_ratio_is_the_other_way_round(clock):
    chosen = [clock.subject("unit", 6, sampler="x"), clock.subject("int8_subtract", 2, draws=False)]
    unit, floor = measure([Problem(10, 1)], chosen, TINY, memory=False)
    assert (unit.times_int8_subtract, floor.times_int8_subtract) == (3, 1)


def test_subjects_take_turns_in_every_repeat(clock):
    chosen = [clock.subject("a", 1), clock.subject("b", 1)]
    measure([Problem(10, 1)], chosen, Effort(repeats=2, sample_seconds=0), memory=False)
    assert clock.log == ["a", "a", "b", "b"] + ["a", "b"] * 2


def test_short_steps_are_repeated_in_a_sample(clock):
    chosen = [clock.subject("short", 100, 0.25), clock.subject("long", 7)]
    short, long = measure([Problem(1, 1)], chosen, Effort(repeats=1, sample_seconds=2), memory=False)
    assert clock.log.count("short") == 2 + 8
    assert clock.log.count("long") == 2 + 1
    assert (short.ns_per_weight, long.ns_per_weight) == (0.25e9, 7e9)


def test_progress_ends_at_its_total(clock):
    seen = []
    measure(PROBLEMS, [clock.subject("a", 1)], TINY, memory=False, progress=lambda *at: seen.append(at))
    total = len(PROBLEMS) * (TINY.repeats + 2)
    assert seen == [(done, total) for done in range(total + 1)]


def test_no_repeats_are_refused():
    with pytest.raises(InputError, match=r"repeats = 0: must be in 1\.\.1001"):
        measure(PROBLEMS, [], replace(TINY, repeats=0))


def test_every_subject_has_a_whole_row_for_every_problem():
    chosen = subjects([1, 2])
    rows = measure(PROBLEMS, chosen, TINY)
    keys = [(p.depth, p.trials, s.name, s.sampler, s.threads) for p in PROBLEMS for s in chosen]
    assert [(row.d, row.n, row.subject, row.sampler, row.threads) for row in rows] == keys
    assert {row.threads for row in rows if row.sampler in bench_subjects.SAMPLERS} == {1, 2}
    for row in rows:
        for field in bench_report.COLUMNS:
            assert (getattr(row, field) is None) == bool(row.reasons.get(field)), (row, field)
        if row.reasons.get("ns_per_weight"):
            continue
        assert row.ns_per_weight == median(row.samples) > 0
        (rival,) = (other for other in rows if (other.subject, other.n) == ("numpy", row.n))
        if row.sampler in bench_subjects.SAMPLERS:
            assert row.times_faster_than_numpy == median(b / a for a, b in zip(row.samples, rival.samples, strict=True))


def test_pytorch_that_is_missing_is_a_reason_not_an_error(no_torch):
    rows = measure(PROBLEMS[:1], subjects(), TINY, memory=False)
    by_label = {row.label: row for row in rows}
    assert by_label["pytorch"].ns_per_weight is None
    for label in ("pytorch", "zimu split", "numpy"):
        assert how_to_install("torch") in by_label[label].reasons["times_faster_than_pytorch"]
    assert by_label["zimu split"].times_faster_than_numpy > 0
    text = shown(bench_report.table(rows))
    assert "— [1]" in text
    assert f"[1] PyTorch is not installed: {how_to_install('torch')}" in text


def test_a_quick_run_leaves_pytorch_out_of_large_steps_only(clock):
    chosen = [clock.subject("pytorch", 1), clock.subject("numpy", 1)]
    rows = measure([Problem(100, 100), Problem(100, 10)], chosen, replace(TINY, torch_trials=50), memory=False)
    assert [(row.subject, row.n) for row in rows if row.ns_per_weight is None] == [("pytorch", 100)]
    assert "above 50 trials" in rows[0].reasons["ns_per_weight"]
    assert rows[1].reasons["times_faster_than_pytorch"] == rows[0].reasons["ns_per_weight"]


def test_default_problems_are_n_equal_d_and_its_root():
    problems = bench.default_problems(bench.DEPTHS)
    assert [(p.depth, p.trials) for p in problems] == [
        (10_000, 10_000), (10_000, 100), (421_642, 421_642), (421_642, 649), (11_170_000, 11_170_000),
        (11_170_000, 3342),
    ]  # fmt: skip


def measured_extra(work):
    """Peak extra bytes of a line of Python, in a process of its own."""
    code = (
        "import numpy as np; from zimu.study.bench_memory import peak_extra\n"
        f"work = lambda: {work}\n"
        "work(); print(peak_extra(work))"  # the first time loads code
    )
    return int(run([sys.executable, "-c", code], timeout=60, environment=ENVIRONMENT).splitlines()[-1])


needs_peak = pytest.mark.skipif(bool(bench_memory.why_not(10**9)), reason=bench_memory.why_not(10**9))


@needs_peak
@pytest.mark.parametrize(
    ("work", "megabytes"),
    [
        ("None", 0),
        ("np.ones(40 * 2**20, np.uint8)", 40),
        ("(np.ones(30 * 2**20, np.uint8).sum(), np.ones(50 * 2**20, np.uint8).sum())", 50),
        ("np.ones(10 * 2**20, np.uint8) + np.ones(10 * 2**20, np.uint8)", 20),
        ("np.empty(40 * 2**20, np.uint8)", 0),
    ],
    ids=["nothing", "one", "the larger of two in turn", "two at a time", "never touched"],
)
def test_memory_is_what_was_held_at_the_peak(work, megabytes):
    assert abs(measured_extra(work) - megabytes * 2**20) <= 2 * RESOLUTION


@needs_peak
def test_memory_of_subjects_is_that_of_their_arrays():
    """The numpy rival holds probabilities and counts, 8 bytes each; the plain subtract nothing, whatever ran before."""
    depth = 2**21
    chosen = {subject.name: subject for subject in subjects()}
    order = [chosen[name] for name in ("numpy", "int8_subtract", "numpy")]
    found = bench_memory.extra_bytes(Problem(depth, depth), order, timeout=300)
    assert found == pytest.approx([16 * depth, 0, 16 * depth], abs=2 * RESOLUTION)


def test_memory_too_small_to_see_is_not_a_figure():
    rows = measure([Problem(RESOLUTION - 1, 1)], [subjects()[-1]], TINY)
    assert rows[0].extra_bytes_per_weight is None
    assert rows[0].reasons["extra_bytes_per_weight"]


def test_a_failed_memory_measurement_is_a_reason(monkeypatch):
    def fail(*_):
        raise ToolError("the memory measurement failed")

    monkeypatch.setattr(bench_memory, "why_not", lambda depth: "")
    monkeypatch.setattr(bench_memory, "extra_bytes", fail)
    (row,) = measure([Problem(100, 1)], [subjects()[-1]], TINY)
    assert row.reasons["extra_bytes_per_weight"] == "the memory measurement failed"
    assert row.ns_per_weight > 0


def sweep_rows(*times):
    """Rows of two samplers over growing n; ``times`` are pairs of ns per weight."""
    shares = [2.0**power for power in range(-len(times) + 1, 1)]
    return [
        Timing("zimu", sampler, 1, 2**20, int(share * 2**20), ns_per_weight=time, samples=[time])
        for share, pair in zip(shares, times, strict=True)
        for sampler, time in zip(("inverse", "split"), pair, strict=True)
    ]


def test_crossover_lies_where_power_laws_meet():
    """Times s and 4 sqrt(s) / 8, of s = n / d, are equal at s = 1/4; measured at 1/8, then 1."""
    rows = sweep_rows((1 / 8, 0.5 * 0.125**0.5), (1, 0.5))
    for row in rows[:2]:
        row.n = 2**17
    assert bench_report.crossovers(rows, "zimu inverse", "zimu split") == pytest.approx([1 / 4])
    assert "zimu inverse and zimu split change places at n = 0.25 d" in shown(bench_report.sweep_table(rows))


def test_no_crossover_is_said():
    text = shown(bench_report.sweep_table(sweep_rows((1, 2), (1, 2))))
    assert "zimu inverse takes less time than zimu split throughout" in text
    assert "1/2" in text


def test_panels_of_the_plot_hold_the_rows_they_name():
    rows = [Timing("a", None, 1, d, n) for d in (100, 900) for n in (d, 10)]
    equal, root = bench_report.default_panels(rows)
    assert (equal.title, [(row.d, row.n) for row in equal.rows]) == ("n = d", [(100, 100), (900, 900)])
    assert (root.title, [(row.d, row.n) for row in root.rows]) == ("n = sqrt(d)", [(100, 10), (900, 10)])
    assert [root.x(row) for row in root.rows] == [100, 900]
    small, large = bench_report.sweep_panels(rows)
    assert (small.title, [small.x(row) for row in small.rows]) == ("d = 100", [1, 0.1])
    assert (large.title, [large.x(row) for row in large.rows]) == ("d = 900", [1, 10 / 900])


def test_plot_shows_every_subject_and_both_kinds_of_n(tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is missing: ./bootstrap test")
    rows = measure(PROBLEMS, subjects(), TINY, memory=False)
    svg = bench_report.save_plot(rows, tmp_path / "a.svg").read_text()
    for word in ("n = d", "n = sqrt(d)", "ns per weight", *(row.label for row in rows)):
        assert f">{word}</text>" in svg
    again = bench_report.save_plot(rows, tmp_path / "b.svg").read_text()
    assert again == svg
    assert bench_report.save_plot(rows, tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("count", [2, 8, 9, 12, 200])
def test_no_two_subjects_look_alike(count):
    """The ninth has the first one's colour, and a fixed set of markers would run out."""
    styles = bench_report.styles([f"subject {number}" for number in range(count)])
    pairs = {(style["color"], style["marker"]) for style in styles.values()}
    assert len(pairs) == len(styles) == count
    first = list(styles.values())[:8]
    for kind in ("color", "marker"):
        assert len({style[kind] for style in first}) == len(first)


def test_command_prints_rows_as_json_and_draws(small, tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is missing: ./bootstrap test")
    result = small("--threads", 1, "--threads", 2, "--repeats", 1, "--json", "--plot", tmp_path / "plot.svg")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["effort"]["repeats"] == 1
    assert document["machine"]["versions"]["numpy"] == np.__version__
    own = len(bench_subjects.SAMPLERS)
    assert len(document["rows"]) == 2 * (2 * own + len(bench_subjects.RULES) + 4)
    for row in document["rows"]:
        assert set(row) == set(asdict(Timing("", None, 1, 1, 1)))
        assert len(row["samples"]) == (0 if "ns_per_weight" in row["reasons"] else 1)
    assert (tmp_path / "plot.svg").exists()


def test_command_prints_a_table_and_a_sweep(small, tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is missing: ./bootstrap test")
    table = small("--repeats", 1)
    assert table.exit_code == 0, table.output
    assert "d = 1,500, n = 39" in table.stdout
    assert f"numpy {np.__version__}" in table.stdout
    sweep = small("--crossover", "--repeats", 1, "--plot", tmp_path / "sweep.svg")
    assert sweep.exit_code == 0, sweep.output
    assert "int8_subtract" not in sweep.stdout
    assert "1/1,500" in sweep.stdout
    assert ">n / d</text>" in (tmp_path / "sweep.svg").read_text()


def test_command_refuses_a_plot_it_cannot_draw_before_it_measures(small, monkeypatch):
    monkeypatch.setattr(bench, "measure", lambda *_, **__: pytest.fail("measured"))
    result = small("--plot", "plot.doc")
    assert isinstance(result.exception, InputError)
    assert "'.doc': must be one of '.svg', '.png', '.pdf'" in str(result.exception)


@pytest.mark.nightly
def test_quick_run_at_full_size_is_whole(tmp_path):
    program = Path(sys.executable).parent / "zimu"
    document = json.loads(run([program, "bench", "--quick", "--json"], timeout=900).partition("{")[2].join("{ "))
    assert len(document["rows"]) == 6 * (len(bench_subjects.SAMPLERS) + len(bench_subjects.RULES) + 4)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="vectors of x86-64: other machines have others")
@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({"NUMBA_CPU_NAME": "znver3", "NUMBA_CPU_FEATURES": ""}, "AVX2, 256 bits"),
        ({"NUMBA_CPU_NAME": "generic"}, "SSE, 128 bits"),
    ],
)
def test_the_vectors_named_are_those_that_loops_are_compiled_for(environment, wanted):
    program = "from zimu.study.bench import describe_machine; print(describe_machine()['vectors'])"
    done = subprocess.run([sys.executable, "-c", program], env=os.environ | environment, capture_output=True, text=True)
    assert done.stdout.strip() == wanted, done.stderr


def test_steps_with_momentum_are_held_against_pytorch_s(clock):
    """Repeats take 2, 4, 8 s against 3, 4, 16 s: the median ratio is 1.5. What has other weights has no figure."""
    chosen = [
        clock.subject("zimu", 99, 1, 2, 4, 8, sampler="inverse with momentum"),
        clock.subject("torch_sgd", 99, 1, 3, 4, 16, draws=False),
        clock.subject("conv", 1, draws=False, depth=7),
    ]
    rows = measure([Problem(100, 1)], chosen, replace(TINY, sample_seconds=0), memory=False)
    assert [row.times_faster_than_torch_sgd for row in rows] == [1.5, 1, None]
    assert rows[2].reasons["ns_per_weight"] == "has 7 weights"
    text = shown(bench_report.table(rows, bench_report.MOMENTUM_COLUMNS))
    assert "zimu inverse with momentum" in text
    assert "has 7 weights" in text


def test_the_emulator_follows_means_where_momentum_is_measured():
    """Its second step differs from one without: the gradients of a sample are the same, their mean moves."""
    (unit, *_) = bench_subjects.momentum_subjects()
    problem = Problem(3000, 45)
    weights, gradients = unit.arrays(problem)
    step = unit.build(problem, weights, gradients)
    step()
    assert np.abs(weights.astype(int)).sum() <= 45
    assert weights.any()


def test_the_command_measures_momentum(small, monkeypatch):
    monkeypatch.setattr(bench, "DEPTHS", (10, 1500))
    done = small("--momentum", "--json")
    assert done.exit_code == 0, done.output
    rows = json.loads(done.stdout)["rows"]
    assert [(row["d"], row["n"]) for row in rows[::4]] == [(1500, 22), (1500, 8)]
    assert {row["subject"] for row in rows} == {"zimu", "torch_sgd", "torch_sgd_fused", "conv_forward_backward"}


@pytest.mark.parametrize("options", [("--crossover",), ("--plot", "x.svg"), ("--threads", 2)])
def test_momentum_goes_with_no_other_kind(small, options):
    assert isinstance(small("--momentum", *options).exception, InputError)
