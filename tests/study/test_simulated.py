"""What simulation gives a cost study: traffic by what is read and written, whole steps, and energy by parts."""

import os

import pytest

from zimu.cost.cache import Cache
from zimu.cost.jobs import run
from zimu.cost.liberty import VARIABLE, find_libraries
from zimu.cost.metrics import (
    ENERGY,
    ENERGY_PARTS,
    GRADIENT_BYTES,
    MEAN_BYTES,
    MEMORY_BYTES,
    MEMORY_ENERGY,
    RANDOM_CLOCK,
    THROUGHPUT,
    WEIGHT_BYTES,
)
from zimu.cost.silicon import Silicon
from zimu.golden.names import named
from zimu.rtl.unit import step_cycles
from zimu.rtl.update import update_core
from zimu.sim.count import Count
from zimu.sim.drivers import Access
from zimu.study.simulated import EnergyJob, StepsJob, traffic


def test_velocities_beside_weights_are_told_from_them():
    config = named("float_sgd:bf16:momentum").replace(depth=10)
    ports = {"gradient_request": Access(20, 16), "weight_read": Access(20, 32), "weight_write": Access(20, 32)}
    assert traffic(config, Count(2, 50, ports)) == {
        GRADIENT_BYTES: 2,
        WEIGHT_BYTES: 4,
        MEAN_BYTES: 4,
        MEMORY_BYTES: 10,
    }


def test_probes_go_where_the_draws_read():
    config = named("zim8_momentum").replace(depth=2048)
    core = update_core(config)
    assert core.sliced in core.beside
    ports = {
        "gradient_request": Access(2048, 8),
        f"{core.sliced}_read": Access(2048, 12),
        f"{core.sliced}_write": Access(2048, 12),
        "probe_request": Access(512, 48),
        "weight_read": Access(64, 8),
        "weight_write": Access(64, 8),
    }
    found = traffic(config, Count(1, 50, ports))
    assert found == {
        GRADIENT_BYTES: 1,
        WEIGHT_BYTES: 2 * 64 / 2048,
        MEAN_BYTES: 2 * 1.5 + 512 * 6 / 2048,
        MEMORY_BYTES: 1 + 2 * 64 / 2048 + 4.5,
    }


@pytest.mark.parametrize(
    ("name", "trials"), [("zim8_small", 32), pytest.param("int_sgd:8:x4:lfsr128", None, marks=pytest.mark.nightly)]
)
def test_whole_steps_take_the_clocks_of_the_model(name, trials, tmp_path):
    config = named(name)
    outcome = run(StepsJob(config, trials), str(tmp_path))
    assert not outcome.reason
    figures = {figure.metric: figure for figure in outcome.figures}
    model = config.depth / step_cycles(config, trials=trials) if trials else 4 * 256 / (256 + 8)
    assert figures[THROUGHPUT].value == pytest.approx(model, rel=0.05)
    if trials:
        assert 1 < figures[MEMORY_BYTES].value < 1.5
    else:
        assert figures[MEMORY_BYTES].value == 3
    assert figures[THROUGHPUT].tool.startswith("zimu + ")
    # What is kept is what was found.
    again = Cache(tmp_path).outcome(StepsJob(config, trials).key, "memory")
    assert again.figures == outcome.figures


def test_another_n_and_another_unit_are_other_jobs():
    config = named("zim8_small")
    other = config.replace(gate_bits=8)
    jobs = [StepsJob(config, 32), StepsJob(config, 33), StepsJob(other, 32)]
    assert len({job.key for job in jobs}) == len(jobs)


@pytest.mark.skipif(VARIABLE not in os.environ, reason=f"no cell library: set {VARIABLE} to a .lib or .lib.gz file")
def test_parts_of_the_energy_add_up(tmp_path):
    library = next(library for library in find_libraries() if library.complete)
    outcome = run(EnergyJob(named("int_sgd:4:lfsr128").replace(depth=64), None, Silicon(library)), str(tmp_path))
    assert not outcome.reason
    values = {figure.metric: figure.value for figure in outcome.figures}
    assert sum(values[part] for part in ENERGY_PARTS) == pytest.approx(values[ENERGY])
    assert all(values[part] > 0 for part in ENERGY_PARTS)
    assert 0 < values[RANDOM_CLOCK] < values[ENERGY_PARTS[2]]
    # 3 * 4 bits a weight, in words of 64 and of 32 bits.
    assert values[MEMORY_ENERGY["sram", "horowitz"]] == pytest.approx(12 * 10 / 64)
    assert values[MEMORY_ENERGY["dram_low", "horowitz"]] == pytest.approx(12 * 1300 / 64)
    assert values[MEMORY_ENERGY["dram_high", "horowitz"]] == pytest.approx(12 * 2600 / 64)
