"""Training runs: the same network, start and order of images under each method.

A run is fixed by (method, setting, seed) alone: the number of worker processes never changes a result, and matrix
products run on one thread. The units are bit-accurate models of the circuits that are priced.
Uses ``study/methods.py`` (what is compared), ``study/network.py`` (gradients).
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import as_completed
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from zimu.emu.arrays import Array
from zimu.emu.reals import Counts, Reals
from zimu.emu.update import make_unit
from zimu.golden.errors import check_range
from zimu.golden.rule import counters_of
from zimu.golden.workers import worker_processes
from zimu.study.digits import Digits
from zimu.study.methods import BATCH, EPOCHS, START_RANGE, Method
from zimu.study.network import DEPTHS, evaluate, gradients
from zimu.study.trace import Observer, Trace, TraceStep

Progress = Callable[[int, int], object]
"""Called with the runs that ended and the runs there are."""


class Trainee:
    """The weights of a network under a method, and the unit of each layer.

    Parameters
    ----------
    method, setting : what trains.
    seed : of the run.
    observe : is told of every update.

    Attributes
    ----------
    weights : one array per layer, of the unit's dtype.
    units : one per layer; that of layer l has the seed `unit_seed` (seed, l).
    """

    def __init__(self, method: Method, setting: float, seed: int, observe: Observer | None = None) -> None:
        self.method, self.setting, self.observe = method, setting, observe
        self.configs = [method.config(layer) for layer in range(len(DEPTHS))]
        self.units = [make_unit(config, unit_seed(seed, layer)) for layer, config in enumerate(self.configs)]
        scale = method.scale(setting)
        self.encodings = [method.encoding(unit, scale) for unit in self.units]
        starts = zip(self.encodings, start_weights(seed), strict=True)
        self.weights = [encoding.weights(np.ldexp(counts.astype(np.float64), scale)) for encoding, counts in starts]

    @property
    def values(self) -> list[Reals]:
        """The weights as the network sees them, one flat array per layer."""
        return [encoding.reals(weights) for encoding, weights in zip(self.encodings, self.weights, strict=True)]

    def update(self, gradients: list[Reals], step: int, steps: int) -> None:
        """Take ``step`` of ``steps``."""
        for layer, config in enumerate(self.configs):
            encoded, _ = self.encodings[layer].gradients(gradients[layer])
            values = self.method.schedule(config, self.setting, step, steps)
            self.units[layer].step(self.weights[layer], encoded, **values)
            if self.observe:
                self.observe(layer, TraceStep(encoded, values, self.weights[layer].copy()))

    def counters(self) -> list[dict[str, int]]:
        """What the unit of each layer counted over the run."""
        kinds = [counters_of(config.counters) for config in self.configs]
        return [
            {name: int(getattr(unit.counters, name)) for name, kind in of_unit.items() if not kind.latest}
            for of_unit, unit in zip(kinds, self.units, strict=True)
        ]


def unit_seed(seed: int, layer: int) -> int:
    """The seed of a layer's unit in the run with ``seed``."""
    return 256 * seed + layer


def start_weights(seed: int) -> list[NDArray[np.int8]]:
    """Weights before the first step, uniform in -20..20, one flat array per layer; the same for every method."""
    generator = np.random.default_rng([seed, 0])
    return [generator.integers(-START_RANGE, START_RANGE, d, np.int8, endpoint=True) for d in DEPTHS]


def steps_per_epoch(data: Digits) -> int:
    """Batches of one pass over the fit part."""
    return -(-len(data.fit) // BATCH)


def iterate(trainee: Trainee, data: Digits, seed: int, epochs: int) -> Iterator[int]:
    """Train, yielding the index of each step when it is done. The order of images depends on ``seed`` alone."""
    generator = np.random.default_rng([seed, 1])
    step, steps = 0, epochs * steps_per_epoch(data)
    for _ in range(epochs):
        order = generator.permutation(len(data.fit))
        for first in range(0, len(order), BATCH):
            batch = data.fit.select(order[first : first + BATCH])
            trainee.update(gradients(trainee.values, batch), step, steps)
            yield step
            step += 1


@dataclass
class Run:
    """One training run and its result. Curves have one value per epoch; accuracies are in 0..1, losses in nats."""

    method: str
    setting: float
    seed: int
    weights: list[Array]
    """Final weights of each layer, where they are integers; otherwise none."""
    counters: list[dict[str, int]] = field(default_factory=list)
    """What the unit of each layer counted."""
    fit_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    test_accuracy: list[float] = field(default_factory=list)

    def evaluate(self, weights: list[Reals], data: Digits) -> None:
        """Add an epoch to the curves."""
        self.fit_loss.append(evaluate(weights, data.fit)[0])
        loss, accuracy = evaluate(weights, data.validation)
        self.validation_loss.append(loss)
        self.validation_accuracy.append(accuracy)
        self.test_accuracy.append(evaluate(weights, data.test)[1])


def train(method: Method, setting: float, seed: int, data: Digits, epochs: int = EPOCHS) -> Run:
    """Train once."""
    from threadpoolctl import threadpool_limits

    trainee = Trainee(method, setting, seed)
    integers = all(isinstance(encoding, Counts) for encoding in trainee.encodings)
    run = Run(method.key, setting, seed, trainee.weights if integers else [])  # which go on being updated
    # A rate that diverges is a result of the sweep, not an event to warn about.
    with threadpool_limits(1), np.errstate(over="ignore", invalid="ignore"):
        for step in iterate(trainee, data, seed, epochs):
            if (step + 1) % steps_per_epoch(data) == 0:
                run.evaluate(trainee.values, data)
    run.counters = trainee.counters()
    return run


def train_all(
    methods: Iterable[Method],
    data: Digits,
    *,
    seeds: int,
    epochs: int = EPOCHS,
    jobs: int = 1,
    progress: Progress = lambda done, total: None,
) -> list[Run]:
    """Train every method at every setting of its grid with the seeds 0..seeds-1, in ``jobs`` processes.

    ``progress`` is told the runs that ended and the runs there are.
    Returns the runs in the order of methods, settings, seeds, whatever the number of processes.
    """
    check_range("jobs", jobs, 1, 1024)
    tasks = [(method, setting, seed) for method in methods for setting in method.grid for seed in range(seeds)]
    runs: dict[int, Run] = {}
    progress(0, len(tasks))
    # The first run of each method is taken here: it compiles the kernels, and other processes find them compiled.
    keys = [method.key for method, _, _ in tasks]
    for number in range(len(tasks)) if jobs == 1 else map(keys.index, dict.fromkeys(keys)):
        runs[number] = train(*tasks[number], data, epochs)
        progress(len(runs), len(tasks))
    rest = [number for number in range(len(tasks)) if number not in runs]
    if rest:
        with worker_processes(min(jobs, len(rest))) as submit:
            futures = {submit(train, *tasks[number], data, epochs): number for number in rest}
            for future in as_completed(futures):
                runs[futures[future]] = future.result()
                progress(len(runs), len(tasks))
    return [runs[number] for number in range(len(tasks))]


def record(
    method: Method,
    setting: float,
    seed: int,
    data: Digits,
    *,
    layer: int,
    steps: int,
    epochs: int = EPOCHS,
) -> Trace:
    """Train for ``steps`` steps of a run of ``epochs`` epochs and keep what the unit of ``layer`` (0 or 1) saw.

    Raises
    ------
    InputError
        there is no such layer, or the run has fewer steps.
    """
    check_range("layer", layer, 0, len(DEPTHS) - 1)
    check_range("steps", steps, 1, epochs * steps_per_epoch(data))
    kept: list[TraceStep] = []

    def observe(updated: int, step: TraceStep) -> None:
        if updated == layer:
            kept.append(step)

    trainee = Trainee(method, setting, seed, observe)
    before = [weights.copy() for weights in trainee.weights]
    for _ in islice(iterate(trainee, data, seed, epochs), steps):
        pass
    return Trace(trainee.configs[layer], unit_seed(seed, layer), before[layer], kept)
