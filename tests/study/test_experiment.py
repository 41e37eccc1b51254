"""Training runs of the source's models: sizes, settings chosen by validation, and runs that were killed."""

import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from zimu.golden.errors import InputError
from zimu.golden.vectors import Stimulus
from zimu.sim.verify import verify_trace

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install zimu[torch]")

from zimu.study import experiment, images, models, replay  # noqa: E402
from zimu.study.experiment import Task, compare, train  # noqa: E402
from zimu.study.recipes import RECIPES  # noqa: E402

TASK = Task("hidden", RECIPES["zim"], -7.0, 1, "digits", None, 12)


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


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))
def test_every_recipe_trains(tmp_path, recipe):
    """A tenth of the images would be right by chance."""
    task = Task("hidden", recipe, recipe.grid[2], 0, "digits", None, 3)
    run = train(task, tmp_path)
    assert len(run.fit_loss) == len(run.validation_accuracy) == len(run.test_accuracy) == 3
    assert run.validation_accuracy[-1] > 0.5
    assert run.weights == 9_610
    assert train(task, tmp_path) == run  # read back


def test_trials_of_the_momentum_recipe_are_few(tmp_path):
    run = train(TASK, tmp_path)
    assert 0.01 < run.trials_per_weight <= 0.015


@pytest.mark.parametrize("name", ["zim", pytest.param("paper_torch", marks=pytest.mark.nightly)])
def test_a_run_that_was_killed_ends_with_the_same_weights(tmp_path, name):
    """By SIGKILL, after the first checkpoint; the run goes on from it and ends as one that was left alone."""
    recipe = RECIPES[name]
    task = Task("hidden", recipe, recipe.grid[2], 1, "digits", None, 12)
    whole = train(task, tmp_path / "whole")
    killed = tmp_path / "killed"
    program = (
        "from pathlib import Path; from zimu.study.experiment import Task, train; "
        "from zimu.study.recipes import RECIPES; "
        f"train(Task('hidden', RECIPES[{name!r}], {recipe.grid[2]}, 1, 'digits', None, 12), Path({str(killed)!r}))"
    )
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
        return experiment.Run(10, 0.01, [1.0], [validation], [1 - validation])

    monkeypatch.setattr(experiment, "train", fake)
    (outcome,) = compare(["hidden"], [RECIPES["zim"]], "digits", None, tmp_path, epochs=1, repeats=3, tuned_with=2)
    assert outcome.setting == -7.0
    assert outcome.tried == {-9.0: 0.5, -8.0: 0.7, -7.0: 0.9, -6.0: 0.9, -5.0: 0.1}
    assert [(task.setting, task.seed) for task in asked[10:]] == [(-7.0, 0), (-7.0, 1), (-7.0, 2)]
    assert outcome.accuracy.mean == pytest.approx(0.1)
    assert [(task.setting, task.seed) for task in asked[:4]] == [(-9.0, 0), (-9.0, 1), (-8.0, 0), (-8.0, 1)]


def test_settings_may_be_tried_for_fewer_epochs(tmp_path, monkeypatch):
    asked = []

    def fake(task, folder):
        asked.append((task.epochs, task.seed))
        return experiment.Run(10, None, [1.0], [0.5], [0.5])

    monkeypatch.setattr(experiment, "train", fake)
    compare(["hidden"], [RECIPES["sgd"]], "digits", None, tmp_path, epochs=9, repeats=2, tuned_with=1, tuned_epochs=3)
    assert asked == [(3, 0)] * 5 + [(9, 0), (9, 1)]


@pytest.mark.nightly
def test_processes_change_no_bit(tmp_path):
    tasks = [Task("linear", RECIPES["zim"], -7.0, seed, "digits", None, 1) for seed in (0, 1)]
    alone = experiment.train_all(tasks, tmp_path / "one")
    assert experiment.train_all(tasks, tmp_path / "two", jobs=2) == alone


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"epochs": 0}, "epochs = 0: must be in 1..10000"),
        ({"repeats": 0}, "repeats = 0: must be in 1..1000"),
        ({"tuned_with": 3}, "tuned_with = 3: must be in 1..2"),
        ({"tuned_epochs": 2}, "tuned_epochs = 2: must be in 1..1"),
        ({"jobs": 0}, "jobs = 0: must be in 1..1024"),
    ],
)
def test_numbers_out_of_range(tmp_path, fields, message):
    with pytest.raises(InputError, match=message):
        compare(["hidden"], [], "digits", None, tmp_path, **{"epochs": 1, "repeats": 2, "tuned_with": 1} | fields)


def test_a_model_that_there_is_not(tmp_path):
    with pytest.raises(InputError, match="model = 'dense': "):
        compare(["dense"], [RECIPES["zim"]], "digits", None, tmp_path, epochs=1, repeats=1, tuned_with=1)


def test_what_fixes_a_run_is_in_its_key(tmp_path):
    """Two folders of other pictures, or a recipe that was changed, must not read each other's results."""
    keys = {TASK.key}
    for fields in (
        {"model": "linear"},
        {"setting": -6.0},
        {"seed": 2},
        {"epochs": 13},
        {"recipe": replace(RECIPES["zim"], falling=False)},
        {"recipe": replace(RECIPES["zim"], options={"trials": 0.03, "decay": 3})},
        {"recipe": replace(RECIPES["zim"], config=RECIPES["zim"].config.replace(momentum_bits=13))},
        {"recipe": RECIPES["paper_torch"]},
        {"recipe": replace(RECIPES["paper_torch"], smoothing=2.0)},
    ):
        keys.add(replace(TASK, **fields).key)
    assert len(keys) == 10
    for name, first in (("one", 0), ("two", 7), ("same", 7)):
        write_pictures(tmp_path / name, first)
        keys.add(replace(TASK, data="idx", folder=str(tmp_path / name)).key)
    assert len(keys) == 12


def write_pictures(folder, first: int) -> None:
    """More training images than validation takes, all black but for the first pixel."""
    folder.mkdir()
    for name, size in zip(images.NAMES, (5001, 5001, 1, 1), strict=True):
        array = np.zeros((size, 2, 2) if "images" in name else size, np.uint8)
        if "images" in name:
            array[0, 0, 0] = first
        (folder / name).write_bytes(images.to_idx(array))


def test_the_source_s_method_trains_as_the_unit_does(tmp_path):
    """Five runs each of three epochs; the mean validation accuracies differ by less than 4 points.

    Each mean has a standard error of about 0.8 points, so that runs of one law differ by as much once in 2,000 choices
    of seeds.
    """
    means = []
    for name in ("paper", "paper_torch"):
        runs = [train(Task("hidden", RECIPES[name], -8.0, seed, "digits", None, 3), tmp_path) for seed in range(5)]
        means.append(np.mean([run.validation_accuracy[-1] for run in runs]))
    assert means[0] == pytest.approx(means[1], abs=0.04)


@pytest.mark.nightly
@pytest.mark.parametrize(("number", "depth"), [(0, 8192), (1, 128), (2, 1280)])
def test_the_circuit_replays_the_hidden_model(number, depth):
    """Twenty recorded steps, momentum included; of the ten biases of the last layer so few trials are none."""
    data = images.load("digits")
    model = models.make("hidden", data.size, 0)
    optimizer = RECIPES["zim"].optimizer(list(model.parameters()), -7, 0)
    with optimizer.record(number) as trace:
        for step in range(20):
            part = slice(experiment.BATCH * (step % 18), experiment.BATCH * (step % 18 + 1))
            loss = torch.nn.functional.cross_entropy(
                model(torch.from_numpy(data.fit.images[part])), torch.from_numpy(data.fit.labels[part])
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    outcome = verify_trace(
        trace.config,
        seed=trace.seed,
        memory={"weights": trace.weights.tolist()},
        steps=[Stimulus(step.gradients.tolist(), trace.config.registers(**step.values)) for step in trace],
        simulator=replay.choose(None),
    )
    assert (outcome.steps, outcome.mismatches) == (20, 0)
    assert outcome.checked > 20 * 2 * depth  # weights and means
    assert (trace.steps[-1].weights != trace.weights).any()
