"""The committed study: its table is that of the packaged space, whole, with a reason for what is missing."""

from pathlib import Path

import pytest

from zimu.study.sweep import load
from zimu.study.table import read_csv

FOLDER = Path(__file__).parents[2] / "docs" / "study"

METRICS = {
    "ecp5-85k": {"comb_per_weight_per_cycle", "dsp", "fmax_mhz"},
    "generic": {"ge", "ge_per_weight_per_cycle"},
    "liberty": {"area_um2", "delay_ns", "energy_pj_per_weight"},
    "memory": {"memory_bytes_per_weight", "weights_per_cycle"},
}
"""What every unit must have, by family of targets; energy at no target clock."""


@pytest.fixture(scope="module")
def table():
    return read_csv(FOLDER / "standard.csv")


def test_every_unit_of_the_space_has_its_figures(table):
    groups = load("standard").groups()
    found = {(record["unit"], record["target"], record["metric"]) for record in table if record["value"] is not None}
    for group in groups:
        owed = {
            (unit.name, target, metric)
            for unit in group.units
            for target in (*group.targets, "memory")
            for metric in METRICS[target.partition(":")[0]]
            if not (metric.startswith("energy") and "@" in target)
        }
        assert owed <= found
    assert {record["unit"] for record in table} == {unit.name for group in groups for unit in group.units}


def test_what_is_missing_has_a_reason(table):
    assert [record for record in table if record["value"] is None and not record["note"]] == []
    assert all(record["tool"] and record["version"] for record in table if record["value"] is not None)


def test_medians_are_of_eight_seeds_where_the_study_says_so(table):
    clocks = [record for record in table if record["metric"] == "fmax_mhz" and record["value"] is not None]
    groups = [group for group in load("standard").groups() if "ecp5-85k" in group.targets]
    seeds = {unit.name: group.seeds for group in groups for unit in group.units}
    assert {(record["unit"], record["seeds"]) for record in clocks} == set(seeds.items())


def test_parts_add_up_to_the_whole(table):
    wholes = {
        (record["unit"], record["target"], record["metric"]): record["value"] for record in table if record["value"]
    }
    sums: dict[tuple[str, str, str], float] = {}
    for record in table:
        metric, slash, _ = record["metric"].partition("/")
        if slash:
            key = record["unit"], record["target"], metric
            sums[key] = sums.get(key, 0) + record["value"]
    assert sums
    for key, total in sums.items():
        assert total == pytest.approx(wholes[key], rel=0.02), key
