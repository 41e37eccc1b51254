"""Verification itself: it agrees where it should, in every simulator alike, and it catches what is wrong."""

import os
import random
import re
import shlex
import time
from dataclasses import replace
from typing import Any

import pytest
from typer.testing import CliRunner

from zimu.cli import app
from zimu.emu.update import ListUnit
from zimu.golden.errors import InputError, MissingToolError, ToolError
from zimu.golden.names import PRESETS
from zimu.golden.scenarios import SCENARIOS
from zimu.golden.unit import UnitConfig
from zimu.golden.vectors import VectorSet, frozen_sets
from zimu.rtl.generators import KINDS
from zimu.rtl.kinds import Xoshiro128pp
from zimu.sim.bench import Episode, Job
from zimu.sim.simulators import SIMULATORS, available, choose_simulator, simulate, why_missing
from zimu.sim.stimuli import random_episodes, random_vectors
from zimu.sim.verify import verify
from zimu.sim.verilog import TOPS, Top

SEED = 11


def small(**fields) -> UnitConfig:
    shape = {"weight_bits": 5, "gradient_bits": 6, "smoothing_bits": 3, "depth": 21, "lanes": 4, "gate_bits": 8}
    return UnitConfig(name="compact", **shape | fields)


FORMS: dict[str, dict[str, Any]] = {
    "search": {"form": "search"},
    "tree": {"form": "tree"},
    "split": {"sampler": "split", "tile": 8, "subtrees": 2, "tile_streams": 2, "engines": 1},
}


def need(simulator: str) -> str:
    if reason := why_missing(simulator):
        pytest.skip(reason)
    return simulator


@pytest.mark.parametrize("top", TOPS)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["trial", "step"])
def test_the_circuit_agrees_with_the_emulator(top, form, kind):
    config = small(**FORMS[form], gate=kind, prng_lanes=2 if kind == "trial" else 1)
    result = verify(config, steps=14, seed=SEED, simulator="amaranth", top=top)
    assert result.agreed, result.report("compact.toml")
    assert result.steps == 14
    assert result.checked == 14 * (config.depth + 7)
    assert result.aborted >= 1


BY_TURNS = [
    pytest.param(top, form, marks=[pytest.mark.nightly] * ((top == "unit") != (form == "search")))
    for form in FORMS
    for top in TOPS
]
"""Each form in one top at every change, in the other by night."""


@pytest.mark.parametrize(("top", "form"), BY_TURNS)
@pytest.mark.parametrize("smoothing_bits", [0, 3])
def test_circuits_take_gradients_in_sign_and_magnitude(form, smoothing_bits, top):
    config = small(**FORMS[form], gradient_encoding="sign_magnitude", smoothing_bits=smoothing_bits)
    result = verify(config, steps=14, seed=SEED, simulator="amaranth", top=top)
    assert result.agreed, result.report("compact.toml")


@pytest.mark.parametrize(("top", "form"), BY_TURNS[:4])
@pytest.mark.parametrize(
    "options",
    [
        {"momentum_bits": 7},  # s = 1: b can only be 0
        {"momentum_bits": 9, "gradient_encoding": "sign_magnitude"},
        {"momentum_bits": 16, "trials_shift": 7},
        {"trials_shift": 0},
        {"trials_shift": 24},  # of a product of 28 bits
        {"trials_shift": 63},  # nothing is left
    ],
    ids=str,
)
def test_circuits_have_the_options(form, options, top):
    config = small(**FORMS[form], **options)
    result = verify(config, steps=20, seed=SEED, simulator="amaranth", top=top)
    assert result.agreed, result.report("compact.toml")
    assert result.checked == 20 * (config.depth * (1 + len(config.memories)) + 7)


@pytest.mark.parametrize("form", ["tree", pytest.param("split", marks=pytest.mark.nightly)])
def test_all_simulators_see_the_same(form):
    config = small(**FORMS[form])
    present = [simulator for simulator in SIMULATORS if not why_missing(simulator)]
    results = [verify(config, steps=12, seed=SEED, simulator=simulator) for simulator in present]
    assert all(result.agreed for result in results)
    assert {(r.steps, r.checked, r.aborted, r.cycles) for r in results} == {
        (12, 12 * 28, results[0].aborted, results[0].cycles)
    }
    missing = [f"{simulator}: {why_missing(simulator)}" for simulator in SIMULATORS if simulator not in present]
    if missing:
        pytest.skip(f"compared {', '.join(present)} only; {'; '.join(missing)}")


def test_another_seed_is_another_run():
    cycles = {verify(small(), steps=3, seed=seed, simulator="amaranth").cycles for seed in (1, 2)}
    assert len(cycles) == 2


@pytest.mark.parametrize("seed", range(5))
def test_a_shorter_run_is_the_beginning_of_a_longer_one(seed):
    config = small()

    def steps(count):
        return [
            (episode.seed, episode.memory, step)
            for episode in random_episodes(config, seed, count)
            for step in episode.steps
        ]

    longest = steps(60)
    assert len(longest) == 60
    for count in (1, 2, 7, 30, 59):
        assert steps(count) == longest[:count]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("form", FORMS)
def test_a_run_begins_with_what_finds_most(form, seed):
    config = small(**FORMS[form])
    episodes = random_episodes(config, seed, 30)
    first = episodes[0].steps[0]
    assert first.counters["open_trials"] == first.stimulus.registers["trials"] >= 25
    # A tile that is not whole may have no power of two among its sums.
    assert first.counters["rejected_draws"] > first.counters["open_trials"] / 4
    block = config.split.tile if config.sampler == "split" else config.depth
    masses = [abs(gradient) + first.stimulus.registers["smoothing"] for gradient in first.stimulus.gradients]
    for begin in range(0, config.depth - block + 1, block):
        above = sum(masses[begin : begin + block]) - 1
        assert above & (above - 1) == 0

    inputs = [step.stimulus for episode in episodes for step in episode.steps]
    assert {0, config.max_threshold} < {each.registers["threshold"] for each in inputs}
    assert {0, 1, 2} < {each.registers["trials"] for each in inputs}
    assert {0, 1, config.max_smoothing} <= {each.registers["smoothing"] for each in inputs}
    assert set(config.gradient.limits) <= {gradient for each in inputs for gradient in each.gradients}
    idle = {each.registers["smoothing"] > 0 for each in inputs if not any(each.gradients)}
    assert idle == {False, True}


@pytest.mark.parametrize("smoothing_bits", [0, 1, 16, 32])
@pytest.mark.parametrize("gradient_bits", [2, 32])
@pytest.mark.parametrize(
    "fields", [{"depth": 1, "gate_bits": 1}, {"depth": 37, "gate_bits": 32, "gate": "step"}], ids=str
)
def test_a_unit_of_any_width_gets_inputs_that_it_can_hold(smoothing_bits, gradient_bits, fields):
    config = small(smoothing_bits=smoothing_bits, gradient_bits=gradient_bits, **fields)
    # Every kind of input comes up.
    assert sum(len(episode.steps) for episode in random_episodes(config, SEED, 60)) == 60


OPTIONS = {"gradient_encoding": "sign_magnitude", "momentum_bits": 12, "trials_shift": 9}


def test_inputs_meet_every_corner_of_the_options():
    config = small(**OPTIONS)
    steps = [step for episode in random_episodes(config, SEED, 80) for step in episode.steps]
    inputs = [step.stimulus for step in steps]
    assert {each.registers["decay"] for each in inputs} == set(range(config.momentum.max_decay + 1))
    rates = {each.registers["rate"] for each in inputs}
    assert {0, 65535} < rates
    patterns = {pattern for each in inputs for pattern in each.gradients}
    assert patterns == set(range(2**config.gradient_bits))
    means = {mean for episode in random_episodes(config, SEED, 80) for mean in episode.memory["momentum"]}
    assert set(config.momentum.memory.limits) <= means
    # n is now the limit, now less, now none, of masses that are there.
    shares = set()
    for step in steps:
        limit, mass = step.stimulus.registers["trials"], step.counters["mass"]
        n = min(limit, mass * step.stimulus.registers["rate"] >> config.trials_shift)
        shares |= {(n > 0, n == limit)} if mass and limit else set()
    assert shares == {(False, False), (True, False), (True, True)}
    assert steps[-1].counters["empty_steps"] > 0


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("gradient_bits", [2, 11, 15])
def test_a_unit_with_an_option_gets_inputs_that_it_can_hold(option, gradient_bits):
    value = 16 if option == "momentum_bits" else OPTIONS[option]
    config = small(gradient_bits=gradient_bits, smoothing_bits=0, depth=5, **{option: value})
    assert sum(len(episode.steps) for episode in random_episodes(config, SEED, 60)) == 60
    assert random_vectors(config, SEED, 12).replay(ListUnit) is None


def check_vectors(name: str, form: str | None = None) -> None:
    vectors = VectorSet.load(frozen_sets()[name])
    config = vectors.config.replace(form=form) if form else vectors.config
    # The frozen answers, not the emulator's.
    job = Job(Top("core", "ports"), config, 1, 0.2, [Episode.of(vectors)])
    outcome = simulate("zimu.sim.bench", job.to_json(), simulator=available()[-2], timeout=300)
    assert outcome["mismatches"] == []
    assert outcome["steps"] == len(vectors.steps)


def sets_by_turns():
    """Frozen sets by name: the first of every kind of circuit at every change, the others by night."""
    seen = set()
    for name, path in sorted(frozen_sets().items()):
        config = VectorSet.load(path).config
        fields = ("rule", "sampler", "form", "gate")
        kind = (*(getattr(config, field, None) for field in fields), *config.options)
        yield pytest.param(name, marks=[pytest.mark.nightly] if kind in seen else [])
        seen.add(kind)


@pytest.mark.parametrize("name", list(sets_by_turns()))
def test_the_circuit_reproduces_the_frozen_vectors(name):
    check_vectors(name)


@pytest.mark.nightly
@pytest.mark.parametrize(
    "name",
    sorted(each.config.name for each in SCENARIOS if each.config.form is not None),
)
def test_the_tree_reproduces_the_frozen_vectors(name):
    check_vectors(name, "tree")


# What is wrong is caught, and reported for the person who must find it.


def test_a_wrong_circuit_is_reported_and_the_report_replays_it(monkeypatch, tmp_path):
    need("icarus")
    right = Xoshiro128pp.next_state
    monkeypatch.setattr(
        Xoshiro128pp, "next_state", lambda kind, s: [*right(kind, s)[:3], (s[3] ^ s[1]).rotate_left(12)]
    )
    config = small()
    path = config.save(tmp_path / "compact.toml")
    result = verify(config, steps=20, seed=SEED, simulator="icarus")
    assert not result.agreed
    first = result.first
    assert first.expected != first.got
    report = result.report(path)
    for line in (
        rf"step +{first.step} ",
        rf"field +{re.escape(first.field)}",
        rf"expected +{first.expected}",
        rf"got +{first.got}",
        rf"seed +{SEED} ",
    ):
        assert re.search(line, report), line
    command = shlex.split(re.search(r"replay +(zimu .*)", report)[1])
    monkeypatch.chdir(tmp_path)
    replay = CliRunner().invoke(app, command[1:])
    assert replay.exit_code == 1
    # The same difference again, in the last step of the shorter run, with its waves.
    assert report.partition("seed")[0] in replay.stderr
    assert (tmp_path / "compact.fst").stat().st_size > 1000


def test_agreement_is_not_claimed_for_nothing():
    result = verify(small(), steps=1, seed=1, simulator="amaranth")
    assert not replace(result, checked=0).agreed
    assert result.report("x.toml") == ""


@pytest.mark.parametrize("simulator", ["verilator", "icarus"])
def test_a_missing_simulator_is_named_in_one_line(monkeypatch, tmp_path, simulator):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("zimu.golden.programs.sysconfig.get_path", lambda name: str(tmp_path))
    with pytest.raises(MissingToolError) as caught:
        verify(small(), steps=1, seed=1, simulator=simulator)
    message = str(caught.value)
    assert re.search("g\\+\\+ is not installed|iverilog is not installed", message)
    assert "\n" not in message
    assert available() == ["amaranth"]


def test_fastest_simulator_there_is_unless_one_is_named(monkeypatch):
    monkeypatch.setattr("zimu.sim.simulators.available", lambda: ["icarus", "amaranth"])
    assert choose_simulator(None) == "icarus"
    assert choose_simulator("amaranth") == "amaranth"


def test_a_named_simulator_must_exist_and_be_there(monkeypatch):
    monkeypatch.setattr("zimu.sim.simulators.why_missing", lambda name: f"no {name} here")
    with pytest.raises(MissingToolError, match=r"^simulator icarus: no icarus here$"):
        choose_simulator("icarus")
    with pytest.raises(InputError, match=r"^simulator = 'modelsim': must be one of 'verilator', 'icarus', 'amaranth'$"):
        choose_simulator("modelsim")


HANGING = """
import os
from pathlib import Path
from zimu.golden.names import preset
from zimu.rtl.gate import Gate

def build(job):
    return Gate(preset("zim8"))

async def run(pins, job, done):
    Path(job).write_text(f"{os.getpid()} {os.getppid()}")
    while True:
        await pins.tick()
"""


def has_ended(pid: int) -> bool:
    """Whether a process ends; the system may take a moment to clear away one that was killed."""
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("simulator", ["icarus", pytest.param("amaranth", marks=pytest.mark.nightly)])
def test_a_simulator_that_hangs_is_ended_with_all_it_started(monkeypatch, tmp_path, simulator):
    need(simulator)
    (tmp_path / "hanging_bench.py").write_text(HANGING)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    pids = tmp_path / "pids"
    with pytest.raises(ToolError, match=rf"^{simulator} did not finish within 12 s and was stopped$"):
        simulate("hanging_bench", str(pids), simulator=simulator, timeout=12)
    assert pids.exists(), "the bench did not start in time"
    for pid in map(int, pids.read_text().split()):
        if pid != os.getpid():
            assert has_ended(pid), f"process {pid} is still there"


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(60))
def test_split_units_of_any_shape_agree(seed):
    rng = random.Random(f"{seed} shape")
    while True:
        fields = {
            "weight_bits": rng.randint(2, 12),
            "gradient_bits": rng.choice([2, 4, 8, 12, 20]),
            "smoothing_bits": rng.choice([0, 2, 8]),
            "depth": rng.randint(1, 160),
            "gate": rng.choice(["trial", "trial", "step"]),
            "gate_bits": rng.randint(1, 32),
            "prng": rng.choice(list(KINDS)),
        }
        powers = {"lanes": 4, "tile": 6, "subtrees": 4, "tile_streams": 3, "engines": 3, "prng_lanes": 3}
        fields |= {name: 1 << rng.randint(0, most) for name, most in powers.items()}
        try:
            config = small(sampler="split", **fields)
        except InputError:
            continue
        break
    result = verify(config, steps=8, seed=seed, simulator="amaranth", top=rng.choice(list(TOPS)))
    assert result.agreed, f"{config.to_toml()}\n{result.report('compact.toml')}"


@pytest.mark.nightly
@pytest.mark.parametrize("top", TOPS)
@pytest.mark.parametrize("simulator", SIMULATORS)
@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_agrees_everywhere(name, simulator, top):
    need(simulator)
    seed = int.from_bytes(f"{name} {top}".encode()[-8:], "big")
    config = PRESETS[name].replace(depth=min(PRESETS[name].depth, 3000))
    # Amaranth's simulator walks a wide unit a hundred times more slowly than Verilator, Icarus the widest too.
    slow = simulator == "amaranth" or (simulator == "icarus" and config.lanes > 100)
    steps = 40 if slow else 200
    result = verify(config, steps=steps, seed=seed, simulator=simulator, top=top, timeout=3000)
    assert result.agreed, result.report(f"{name}.toml")
    assert result.steps == steps
