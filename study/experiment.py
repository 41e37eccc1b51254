"""Training runs of the source's models by units of any rule: data, model, recipe, setting and seed fix every bit.

A run leaves a checkpoint after every epoch and its result in the end, in a folder; one that was stopped or killed goes
on from there. Matrix products run on one thread of this machine, so that a run here is the same whatever runs beside.
Uses ``study/images.py``, ``study/models.py``, ``study/optimizer.py``; called by ``zimu train``. Needs PyTorch.
"""

import hashlib
import io
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch
from torch.nn import functional

import zimu
from zimu.golden.errors import check_choice, check_range
from zimu.golden.files import write_whole
from zimu.golden.rule import CONTRACT_VERSION
from zimu.golden.workers import worker_processes
from zimu.study import images, models
from zimu.study.images import Part
from zimu.study.optimizer import ZIM
from zimu.study.recipes import KNOBS, Recipe
from zimu.study.summary import Spread

BATCH = 64
"""Images of one step; what is left over at the end of an epoch waits for the next shuffle."""

EVALUATED = 1000
"""Images evaluated at a time."""

Progress = Callable[[int, int], object]
"""Called with the runs that ended and the runs there are."""


@dataclass(frozen=True)
class Task:
    """What fixes a run.

    Parameters
    ----------
    model : a name in `zimu.study.models.MODELS`.
    recipe : how it is trained.
    setting : of the recipe's knob.
    seed : of the model's start, the order of images, and the units.
    data, folder : as `zimu.study.images.load` takes them.
    epochs : passes over the fit part.
    """

    model: str
    recipe: Recipe
    setting: float
    seed: int
    data: str
    folder: str | None
    epochs: int

    @property
    def fixed(self) -> dict[str, Any]:
        """All that fixes the bits of the run, ready for JSON; of the images their digests, wherever they lie."""
        return {
            "model": self.model,
            "recipe": self.recipe.fixed,
            "setting": self.setting,
            "seed": self.seed,
            "data": self.data,
            "sources": images.load(self.data, self.folder).sources,
            "epochs": self.epochs,
            "version": zimu.__version__,
            "contract": CONTRACT_VERSION,
        }

    @property
    def key(self) -> str:
        """A name for its files: what is trained, and a digest of all that fixes it."""
        digest = hashlib.sha256(json.dumps(self.fixed, sort_keys=True).encode()).hexdigest()[:16]
        return f"{self.data}-{self.model}-{digest}"


@dataclass
class Run:
    """The result of a task. Curves have one value per epoch; accuracies are in 0..1, losses in nats."""

    weights: int
    """In all parameters."""
    trials_per_weight: float | None = None
    """Of a unit that counts open trials, per weight and step, over all of the run."""
    fit_loss: list[float] = field(default_factory=list)
    """Mean over the steps of the epoch."""
    validation_accuracy: list[float] = field(default_factory=list)
    test_accuracy: list[float] = field(default_factory=list)
    digest: str = ""
    """SHA-256 of all parameters at the end."""


def train(task: Task, folder: Path) -> Run:
    """Take a run, or go on with it; its result is ``KEY.json`` in the folder."""
    key = task.key
    result, checkpoint = folder / f"{key}.json", folder / f"{key}.pt"
    if result.exists():
        return Run(**json.loads(result.read_text(encoding="utf-8"))["run"])
    torch.set_num_threads(1)
    data = images.load(task.data, task.folder)
    model = models.make(task.model, data.size, task.seed)
    optimizer = task.recipe.optimizer(list(model.parameters()), task.setting, 2**32 * task.seed)
    rate = optimizer.param_groups[0]["lr"]
    run = Run(sum(parameter.numel() for parameter in model.parameters()))
    if checkpoint.exists():
        saved = torch.load(checkpoint)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        run.fit_loss, run.validation_accuracy, run.test_accuracy = saved["curves"]
    steps = len(data.fit) // BATCH
    pixels, labels = torch.from_numpy(data.fit.images), torch.from_numpy(data.fit.labels)
    for epoch in range(len(run.fit_loss), task.epochs):
        order = torch.from_numpy(np.random.default_rng([task.seed, epoch]).permutation(len(data.fit)))
        total = 0.0
        for step in range(steps):
            if task.recipe.falling:
                optimizer.param_groups[0]["lr"] = rate * (1 - (epoch * steps + step) / (task.epochs * steps))
            batch = order[step * BATCH : (step + 1) * BATCH]
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(pixels[batch]), labels[batch])
            loss.backward()
            optimizer.step()
            total += loss.item()
        run.fit_loss.append(total / steps)
        run.validation_accuracy.append(accuracy(model, data.validation))
        run.test_accuracy.append(accuracy(model, data.test))
        curves = run.fit_loss, run.validation_accuracy, run.test_accuracy
        state = io.BytesIO()
        torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "curves": curves}, state)
        write_whole(checkpoint, state.getvalue())
    run.trials_per_weight = _trials(optimizer)
    run.digest = hashlib.sha256(b"".join(p.detach().numpy().tobytes() for p in model.parameters())).hexdigest()
    write_whole(result, json.dumps({"task": task.fixed, "run": asdict(run)}, indent=1) + "\n")
    checkpoint.unlink(missing_ok=True)
    return run


@torch.no_grad()
def accuracy(model: torch.nn.Module, part: Part) -> float:
    """The share of images that the model tells right."""
    right = 0
    for first in range(0, len(part), EVALUATED):
        pixels = torch.from_numpy(part.images[first : first + EVALUATED])
        labels = torch.from_numpy(part.labels[first : first + EVALUATED])
        right += int((model(pixels).argmax(1) == labels).sum())
    return right / len(part)


def _trials(optimizer: torch.optim.Optimizer) -> float | None:
    """Open trials per weight and step, where there are units that count them."""
    if not isinstance(optimizer, ZIM):
        return None
    counted = [(unit.counters._asdict(), unit.config.depth) for unit in optimizer.units()]
    if not all("open_trials" in counters for counters, _ in counted):
        return None
    opened = sum(counters["open_trials"] for counters, _ in counted)
    offered = sum(counters["steps"] * depth for counters, depth in counted)
    return opened / offered if offered else None


def train_all(
    tasks: Sequence[Task], folder: Path, *, jobs: int = 1, progress: Progress = lambda done, total: None
) -> list[Run]:
    """The runs of tasks, in their order, by ``jobs`` processes at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    runs: dict[int, Run] = {}
    progress(0, len(tasks))
    if jobs == 1:
        for number, task in enumerate(tasks):
            runs[number] = train(task, folder)
            progress(len(runs), len(tasks))
    else:
        with worker_processes(min(jobs, len(tasks))) as submit:
            futures = {submit(train, task, folder): number for number, task in enumerate(tasks)}
            for future in as_completed(futures):
                runs[futures[future]] = future.result()
                progress(len(runs), len(tasks))
    return [runs[number] for number in range(len(tasks))]


@dataclass(frozen=True)
class Outcome:
    """A recipe with a model, at the setting that validation chose.

    Parameters
    ----------
    model : its name.
    recipe : how it was trained.
    setting : the one chosen.
    tried : mean accuracy on the validation images of every setting.
    runs : one for each seed.
    """

    model: str
    recipe: Recipe
    setting: float
    tried: dict[float, float]
    runs: list[Run]

    @property
    def accuracy(self) -> Spread:
        """On the test images, after the last epoch."""
        return Spread.of([run.test_accuracy[-1] for run in self.runs])

    @property
    def trials_per_weight(self) -> float | None:
        """Per weight and step, of the run with most."""
        counted = [run.trials_per_weight for run in self.runs if run.trials_per_weight is not None]
        return max(counted, default=None)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, lists and text, ready for JSON."""
        return {
            "model": self.model,
            "weights": self.runs[0].weights,
            "rule": self.recipe.label,
            "knob": KNOBS[self.recipe.knob],
            "setting": self.setting,
            "tried": [{"setting": setting, "validation_accuracy": value} for setting, value in self.tried.items()],
            "trials_per_weight": self.trials_per_weight,
            "test_accuracy": asdict(self.accuracy),
            "runs": [asdict(run) for run in self.runs],
        }


def compare(
    model_names: Sequence[str],
    recipes: Sequence[Recipe],
    data: str,
    images_folder: str | None,
    folder: Path,
    *,
    epochs: int,
    repeats: int,
    tuned_with: int,
    tuned_epochs: int | None = None,
    jobs: int = 1,
    progress: Callable[[str, int, int], object] = lambda stage, done, total: None,
) -> list[Outcome]:
    """Train every model by every recipe, each at the setting that validation images choose.

    Every setting of a recipe's grid is tried with the first ``tuned_with`` of the seeds 0..repeats-1, for
    ``tuned_epochs`` epochs, by default as many as all; the one with the best mean accuracy on the validation images is
    trained with all of them. Test images have no say.
    """
    check_range("epochs", epochs, 1, 10_000)
    check_range("repeats", repeats, 1, 1000)
    check_range("tuned_with", tuned_with, 1, repeats)
    tuned_epochs = check_range("tuned_epochs", epochs if tuned_epochs is None else tuned_epochs, 1, epochs)
    check_range("jobs", jobs, 1, 1024)
    pairs = [(check_choice("model", model, models.MODELS), recipe) for model in model_names for recipe in recipes]
    images.load(data, images_folder)  # what is missing is said before work begins

    def tasks(model: str, recipe: Recipe, setting: float, seeds: int, epochs: int) -> list[Task]:
        return [Task(model, recipe, setting, seed, data, images_folder, epochs) for seed in range(seeds)]

    def trained(wanted: list[list[Task]], stage: str) -> Iterator[list[Run]]:
        flat = [task for group in wanted for task in group]
        runs = iter(train_all(flat, folder, jobs=jobs, progress=partial(progress, stage)))
        return (list(islice(runs, len(group))) for group in wanted)

    settings = [(*pair, setting) for pair in pairs for setting in pair[1].grid]
    tries = trained([tasks(*setting, tuned_with, tuned_epochs) for setting in settings], "settings tried")
    # Rounded because sums of equal accuracies in another order differ in the last bit.
    means = iter([round(fmean(run.validation_accuracy[-1] for run in runs), 12) for runs in tries])
    tried = [dict(zip(recipe.grid, means, strict=False)) for _, recipe in pairs]
    chosen = [max(each, key=lambda setting: each[setting]) for each in tried]  # of equals the first
    wanted = [tasks(*pair, setting, repeats, epochs) for pair, setting in zip(pairs, chosen, strict=True)]
    final = trained(wanted, "runs")
    return [
        Outcome(model, recipe, setting, each, runs)
        for (model, recipe), setting, each, runs in zip(pairs, chosen, tried, final, strict=True)
    ]
