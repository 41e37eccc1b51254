"""The commands that train: what they print and write, and what they refuse in one line before work begins."""

import json
import subprocess
import sys

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: pip install zimu[torch]")

from zimu.study.models import MODELS
from zimu.study.recipes import RECIPES


def zimu(*arguments, cwd):
    command = [sys.executable, "-m", "zimu", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=600, check=False)


def test_train_writes_a_report_and_prints_results(tmp_path):
    options = ("--model", "linear", "--rule", "zim", "--rule", "sgd", "--epochs", "1", "--repeats", "1", "--jobs", "1")
    done = zimu("train", *options, "--json", "-o", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    outcomes = json.loads(done.stdout)
    assert [outcome["model"] for outcome in outcomes] == ["linear", "linear"]
    assert [len(outcome["tried"]) for outcome in outcomes] == [5, 5]
    assert outcomes[0]["trials_per_weight"] < 0.016
    assert outcomes[1]["trials_per_weight"] is None
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count("<svg") == 2
    for outcome in outcomes:
        assert outcome["rule"] in page
    again = zimu("train", *options, "-o", "out", cwd=tmp_path)
    assert "linear" in again.stdout
    assert (tmp_path / "out" / "report.html").read_text() == page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "--rule", "adam"), "zimu: rule = 'adam': must be one of 'zim', "),
        (("train", "--model", "dense"), "zimu: model = 'dense': must be one of 'linear', "),
        (
            ("train", "--data", "mnist"),
            "zimu: data = 'mnist': needs the folder of its files, which are never downloaded",
        ),
        (("train", "--data", "mnist", "--folder", "nowhere"), "zimu: nowhere: has no train-images-idx3-ubyte"),
        (("train", "--repeats", "0"), "zimu: repeats = 0: must be in 1..1000"),
        (("tradeoff", "--axis", "colour", "--target", "generic"), "zimu: axis = 'colour': must be one of "),
        (("theory", "--epochs", "0"), "zimu: epochs = 0: must be in 1..1000"),
        (("theory", "--data", "cifar"), "zimu: data = 'cifar': must be one of 'digits', "),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(tmp_path, arguments, message):
    done = zimu(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(message)
    assert not list(tmp_path.glob("*/*"))


@pytest.mark.parametrize("name", [*MODELS, *RECIPES])
def test_help_names_all_models_and_rules(name, train_help):
    assert name in train_help


@pytest.fixture(scope="module")
def train_help(tmp_path_factory):
    return zimu("train", "--help", cwd=tmp_path_factory.mktemp("help")).stdout
