"""Training runs of the source's models: sizes, settings chosen by validation, and runs that were killed."""

import signal
import subprocess
import sys
import time

import pytest

from zimu.golden.errors import InputError

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install zimu[torch]")

from zimu.study import experiment, models  # noqa: E402
from zimu.study.experiment import Task, compare, train  # noqa: E402
from zimu.study.recipes import RECIPES  # noqa: E402

TASK = Task("hidden", "zim", -7.0, 1, "digits", None, 12)


@pytest.mark.parametrize(
    ("name", "size", "weights"),
    [
        ("linear", 28, 7_850),
        ("hidden", 28, 101_770),
        ("conv", 28, 421_642),
        ("conv", 8, 53_002),
        ("resnet18", 28, 11_165_770),
    ],
)
def test_models_have_the_source_s_sizes(name, size, weights):
    model = models.make(name, size, 0)
    assert sum(parameter.numel() for parameter in model.parameters()) == weights
    assert model(torch.zeros(2, 1, size, size)).shape == (2, 10)


def test_a_seed_fixes_the_start():
    starts = [next(models.make("hidden", 8, seed).parameters()) for seed in (1, 1, 2)]
    assert torch.equal(starts[0], starts[1])
    assert not torch.equal(starts[0], starts[2])


def test_norm_is_over_all_of_an_image():
    values = models.Norm()(torch.randn(5, 3, 4, 4) * 7 + 2)
    assert torch.allclose(values.mean(dim=(1, 2, 3)), torch.zeros(5), atol=1e-5)
    assert torch.allclose(values.var(dim=(1, 2, 3), unbiased=False), torch.ones(5), atol=1e-3)


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_trains(tmp_path, recipe):
    """A tenth of the images would be right by chance."""
    task = Task("hidden", recipe, RECIPES[recipe].grid[2], 0, "digits", None, 3)
    run = train(task, tmp_path)
    assert len(run.fit_loss) == len(run.validation_accuracy) == len(run.test_accuracy) == 3
    assert run.validation_accuracy[-1] > 0.5
    assert run.weights == 9_610
    assert train(task, tmp_path) == run  # read back


def test_trials_of_the_momentum_recipe_are_few(tmp_path):
    run = train(TASK, tmp_path)
    assert 0.01 < run.trials_per_weight <= 0.015


@pytest.mark.parametrize("recipe", ["zim", "sgd"])
def test_a_run_that_was_killed_ends_with_the_same_weights(tmp_path, recipe):
    """By SIGKILL, after the first checkpoint; the run goes on from it and ends as one that was left alone."""
    task = Task("hidden", recipe, RECIPES[recipe].grid[2], 1, "digits", None, 12)
    whole = train(task, tmp_path / "whole")
    killed = tmp_path / "killed"
    program = f"from pathlib import Path; from zimu.study.experiment import *; train({task!r}, Path({str(killed)!r}))"
    process = subprocess.Popen([sys.executable, "-c", program])
    checkpoint, result = killed / f"{task.key}.pt", killed / f"{task.key}.json"
    try:
        while not checkpoint.exists() and process.poll() is None:
            time.sleep(0.005)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert checkpoint.exists()
    assert not result.exists()
    resumed = train(task, killed)
    assert resumed == whole
    assert not checkpoint.exists()


def test_the_setting_is_the_one_that_validation_prefers(tmp_path, monkeypatch):
    """Whatever the test images say."""
    asked = []

    def fake(task, folder):
        asked.append(task)
        validation = {-9.0: 0.5, -8.0: 0.7, -7.0: 0.9, -6.0: 0.9, -5.0: 0.1}[task.setting]
        return experiment.Run(task, 10, 0.01, [1.0], [validation], [1 - validation])

    monkeypatch.setattr(experiment, "train", fake)
    (outcome,) = compare(["hidden"], ["zim"], "digits", None, tmp_path, epochs=1, repeats=3, tuned_with=2)
    assert outcome.setting == -7.0
    assert [run.task.seed for run in outcome.runs] == [0, 1, 2]
    assert outcome.accuracy.mean == pytest.approx(0.1)
    assert [(task.setting, task.seed) for task in asked[:4]] == [(-9.0, 0), (-9.0, 1), (-8.0, 0), (-8.0, 1)]


def test_processes_change_no_bit(tmp_path):
    tasks = [Task("linear", "zim", -7.0, seed, "digits", None, 1) for seed in (0, 1)]
    alone = experiment.train_all(tasks, tmp_path / "one")
    assert experiment.train_all(tasks, tmp_path / "two", jobs=2) == alone


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"epochs": 0}, "epochs = 0: must be in 1..10000"),
        ({"repeats": 0}, "repeats = 0: must be in 1..1000"),
        ({"tuned_with": 3}, "tuned_with = 3: must be in 1..2"),
        ({"jobs": 0}, "jobs = 0: must be in 1..1024"),
    ],
)
def test_numbers_out_of_range(tmp_path, fields, message):
    with pytest.raises(InputError, match=message):
        compare(["hidden"], ["zim"], "digits", None, tmp_path, **{"epochs": 1, "repeats": 2, "tuned_with": 1} | fields)


@pytest.mark.parametrize(
    ("model", "rule", "message"), [("dense", "zim", "model = 'dense': "), ("hidden", "adam", "rule = 'adam': ")]
)
def test_names_that_there_are_not(tmp_path, model, rule, message):
    with pytest.raises(InputError, match=message):
        compare([model], [rule], "digits", None, tmp_path, epochs=1, repeats=1, tuned_with=1)
