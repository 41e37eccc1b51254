"""The commands that train: what they print and write, and what they refuse in one line before work begins."""

import json

import pytest
from typer.testing import CliRunner

from zimu.cli import app
from zimu.golden.errors import InputError

pytest.importorskip("torch", reason="PyTorch is not installed: pip install zimu[torch]")

from zimu.study.models import MODELS
from zimu.study.recipes import RECIPES


def zimu(*arguments):
    """In this process: PyTorch takes seconds to load."""
    return CliRunner().invoke(app, arguments)


def test_train_writes_a_report_and_prints_results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ("--model", "linear", "--rule", "zim", "--rule", "sgd", "--epochs", "1", "--repeats", "1", "--jobs", "1")
    done = zimu("train", *options, "--json", "-o", "out")
    assert done.exit_code == 0, done.output
    outcomes = json.loads(done.stdout)
    assert [outcome["model"] for outcome in outcomes] == ["linear", "linear"]
    assert [len(outcome["tried"]) for outcome in outcomes] == [5, 5]
    assert outcomes[0]["trials_per_weight"] < 0.016
    assert outcomes[1]["trials_per_weight"] is None
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count("<svg") == 2
    for outcome in outcomes:
        assert outcome["rule"] in page
    again = zimu("train", *options, "-o", "out")
    assert "linear" in again.stdout
    assert (tmp_path / "out" / "report.html").read_text() == page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "--rule", "adam"), "rule = 'adam': must be one of 'zim', "),
        (("train", "--model", "dense"), "model = 'dense': must be one of 'linear', "),
        (("train", "--data", "mnist"), "data = 'mnist': needs the folder of its files, which are never downloaded"),
        (("train", "--data", "mnist", "--folder", "nowhere"), "nowhere: has no train-images-idx3-ubyte"),
        (("train", "--repeats", "0"), "repeats = 0: must be in 1..1000"),
        (("tradeoff", "--axis", "colour", "--target", "generic"), "axis = 'colour': must be one of "),
        (("tradeoff", "--target", "nowhere"), "target = 'nowhere': must be one of "),
        (("theory", "--epochs", "0"), "epochs = 0: must be in 1..1000"),
        (("theory", "--data", "cifar"), "data = 'cifar': must be one of 'digits', "),
    ],
)
def test_what_cannot_be_is_refused_before_work_begins(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    done = zimu(*arguments)
    assert isinstance(done.exception, InputError)
    assert str(done.exception).startswith(message)
    assert not list(tmp_path.glob("*/*"))


@pytest.mark.parametrize("name", [*MODELS, *RECIPES])
def test_help_names_all_models_and_rules(name):
    assert name in zimu("train", "--help").stdout
