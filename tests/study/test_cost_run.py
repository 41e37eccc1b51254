"""Cost studies as they are run: simulated and priced figures together, and what fails told in its row."""

import gzip
import os
import subprocess
import sys

import pytest

from zimu.cost.liberty import VARIABLE, find_libraries
from zimu.cost.metrics import MEMORY
from zimu.cost.units import parse_unit
from zimu.study import cost_run, simulated
from zimu.study.cost_run import run_study
from zimu.study.sweep import Group

LIBRARY = pytest.mark.skipif(
    VARIABLE not in os.environ, reason=f"no cell library: set {VARIABLE} to a .lib or .lib.gz file"
)


def rows_by(study, **wanted):
    return [row for row in study.rows if all(getattr(row, name) == value for name, value in wanted.items())]


def value(study, metric, **wanted):
    (row,) = [row for row in rows_by(study, **wanted) if row.metric.name == metric]
    return row.value


@pytest.mark.nightly
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("counts", "rivals"), [([32], []), ([32, 100], ["int_sgd:8:lfsr128"])])
def test_throughput_is_that_of_simulated_steps(tmp_path, counts, rivals):
    stages = []
    others = [parse_unit(name) for name in (*rivals, "prng:lfsr128")]
    groups = [Group([parse_unit("zim8_small", counts)], ("generic",), 1), Group(others, ("generic",), 1)]
    study = run_study("a", "b", groups, jobs=1, cache=tmp_path, progress=lambda *stage: stages.append(stage))
    for n in counts:
        counted = value(study, "weights_per_cycle", unit="zim8_small", target="generic", trials=n)
        assert counted == value(study, "weights_per_cycle", unit="zim8_small", target=MEMORY, trials=n)
        assert counted != study.units[0].rate_at(n)
        assert counted == pytest.approx(study.units[0].rate_at(n), rel=0.05)
        gates = value(study, "ge", unit="zim8_small", target="generic")
        assert value(study, "ge_per_wpc", unit="zim8_small", trials=n) == pytest.approx(gates / counted)
    tools = {row.tool for row in study.rows if row.metric.name == "weights_per_cycle"}
    assert all(tool.startswith("zimu + ") for tool in tools)
    assert {value(study, "memory_bytes_per_weight", unit=name) for name in rivals} <= {3}
    assert not rows_by(study, unit="prng:lfsr128", target=MEMORY)
    assert {one.unit for one in study.breakdowns} == {unit.name for unit in study.units}
    assert [unit.name for unit in study.units] == ["zim8_small", *rivals, "prng:lfsr128"]
    assert stages[-1] == ("measured", 2 + len(rivals), 2 + len(rivals))
    simulated = len(counts) + len(rivals)
    assert ("simulated", simulated, simulated) in stages

    again = run_study("a", "b", groups, jobs=1, cache=tmp_path)
    assert again.rows == study.rows


@pytest.mark.nightly
def test_two_runs_from_clean_caches_are_the_same_to_the_byte(tmp_path):
    (tmp_path / "space.toml").write_text(
        "targets = ['ecp5-25k', 'generic']\nseeds = 2\ntrials = [32]\n"
        "[[unit]]\nname = ['zim8_small', 'int_sgd:8:lfsr128', 'float_sgd:e4m3']\n"
    )
    made = []
    for jobs, hash_seed in ((1, "1"), (2, "2")):
        out = tmp_path / hash_seed
        command = [sys.executable, "-m", "zimu", "sweep", str(tmp_path / "space.toml"), "--out", str(out)]
        subprocess.run(
            [*command, "--jobs", str(jobs), "--cache", str(out / "cache")],
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            check=True,
            capture_output=True,
        )
        made.append({path.name: path.read_bytes() for path in out.iterdir() if path.is_file()})
    assert made[0].keys() == {"space.csv", "space.parquet", "space.html", "space.md"}
    assert made[0] == made[1]


@LIBRARY
def test_what_fails_is_told_in_its_rows_and_the_others_finish(tmp_path, monkeypatch):
    good = next(library for library in find_libraries() if library.complete and len(library.files) == 1)
    text = good.files[0].read_bytes()
    whole = gzip.decompress(text) if good.files[0].suffix == ".gz" else text
    (tmp_path / "good.lib").write_bytes(whole)
    (tmp_path / "broken.lib.gz").write_bytes(gzip.compress(whole)[:1000])

    def fails(*_, **__):
        raise cost_run.ZimuError("the simulator's own words")

    monkeypatch.setattr(simulated, "count_steps", fails)
    names = [str(tmp_path / name) for name in ("good.lib", "broken.lib.gz")]
    targets = ("liberty:good", "liberty:broken")
    groups = [Group([parse_unit("int_sgd:4:lfsr128")], targets, 1)]
    study = run_study("a", "b", groups, liberty=names, jobs=1, cache=tmp_path / "cache")
    assert value(study, "energy_pj_per_weight", target="liberty:good") > 0
    for metric in ("area_um2", "delay_ns", "energy_pj_per_weight"):
        (row,) = [row for row in rows_by(study, target="liberty:broken") if row.metric.name == metric]
        assert row.failed
        assert "broken.lib.gz: cannot be read" in row.reason
    (bytes_row,) = [row for row in rows_by(study, target=MEMORY) if row.metric.name == "memory_bytes_per_weight"]
    (per_throughput,) = [row for row in rows_by(study, target="liberty:good") if row.metric.name == "area_um2_per_wpc"]
    assert bytes_row.reason == per_throughput.reason == "the simulator's own words"
    assert bytes_row.failed
    assert value(study, "area_um2", target="liberty:good") > 0
