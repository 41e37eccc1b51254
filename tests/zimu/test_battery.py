"""``zimu battery`` as a user meets it, with a small program in dieharder's place."""

import json
import os
import subprocess
import sys

import pytest

DIEHARDER = """\
#!{python}
import os, sys
if sys.argv[1:] == ["-l"]:
    print("dieharder version 9.8.7")
    sys.exit()
mode = sys.argv[sys.argv.index("-d") + 1]
open("runs", "a").write(mode + " ")
if mode == "5":  # nobody can write there any more
    os.remove("r.json")
    os.mkdir("r.json")
if mode == "3":
    sys.exit("fatal error")
print(f"some_test | 0| 10|  5|0.25000000|  {{'FAILED' if mode == '2' else 'WEAK'}}  ")
"""


@pytest.fixture
def cli(tmp_path):
    """Runs ``zimu battery`` in a folder of its own."""
    program = tmp_path / "bin" / "dieharder"
    program.parent.mkdir()
    program.write_text(DIEHARDER.format(python=sys.executable))
    program.chmod(0o755)
    path = os.pathsep.join([str(program.parent), os.environ["PATH"]])

    def run(*arguments):
        command = [sys.executable, "-m", "zimu.cli", "battery", *arguments]
        environment = {**os.environ, "PATH": path}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)

    run.folder = tmp_path
    return run


def test_all_kinds_by_default(cli):
    result = cli("--tests", "1", "--json")
    assert result.returncode == 0, result.stderr
    rows = json.loads(result.stdout)
    assert len(rows) == 12
    assert {(row["prng"], row["stream"]) for row in rows} >= {("trivium", "gate"), ("lfsr128", "trials")}


def test_results_are_kept_and_gone_on_from(cli):
    options = ["pcg32", "--seed", "5", "--results", "r.json", "--markdown", "t.md"]
    first = cli(*options, "--tests", "1,2")
    assert first.returncode == 1  # test 2 fails
    assert (cli.folder / "runs").read_text() == "1 2 1 2 "
    second = cli(*options, "--tests", "1,4")
    assert second.returncode == 0
    assert (cli.folder / "runs").read_text() == "1 2 1 2 4 4 "
    kept = json.loads((cli.folder / "r.json").read_text())
    assert kept["tool"] == "dieharder 9.8.7"
    assert sorted(row["test"] for row in kept["rows"]) == ["1", "1", "2", "2", "4", "4"]
    assert (cli.folder / "t.md").read_text() == (
        "dieharder 9.8.7, `zimu battery pcg32 --tests 1,4 --seed 5`:\n\n"
        "| generator | stream | lanes | p-values | PASSED | WEAK | FAILED | weak, failed, unfinished |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- |\n"
        "| pcg32 | gate | 1 | 2 | 0 | 2 | 0 |"
        " some_test (WEAK, p = 0.25000000); some_test (WEAK, p = 0.25000000) |\n"
        "| pcg32 | trials | 8 | 2 | 0 | 2 | 0 |"
        " some_test (WEAK, p = 0.25000000); some_test (WEAK, p = 0.25000000) |\n"
    )


def test_what_was_tested_is_printed_even_if_it_can_no_longer_be_kept(cli):
    result = cli("pcg32", "--tests", "1,5", "--results", "r.json", "--json")
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1] == "zimu: r.json: cannot be written: Is a directory; name another"
    assert [row["test"] for row in json.loads(result.stdout)] == ["1", "5"]


def test_a_test_that_breaks_is_shown_and_fails_the_command(cli):
    result = cli("zim8", "--tests", "3,1")
    assert result.returncode == 1
    assert "zim8" in result.stdout
    assert "fatal" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tests", "x"], "test 'x': must be NUMBER or NUMBER:NTUPLE"),
        (["--tests", "1", "--seed", "-1"], "seed = -1: must be in 0..18446744073709551615"),
        (["--tests", "1", "--timeout", "nan", "--json"], "timeout = nan: must be a number of seconds above 0"),
        (["--tests", "1", "--results", "."], ".: cannot be written: Is a directory"),
        (["mt19937"], "'mt19937': must be a .toml file, a preset ("),
        (["--tests", "1", "--all"], "--all and --tests exclude each other"),
    ],
)
def test_wrong_usage_is_refused_before_anything_runs(cli, arguments, message):
    result = cli(*arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert result.stdout == ""
    assert not (cli.folder / "runs").exists()
