"""Training runs: the same network, start and order of images under each update rule.

A run is fixed by (method, setting, seed) alone: the number of worker processes never changes a result, and matrix
products run on one thread. The rules are bit-accurate models of the circuits that are priced.
Uses ``study/methods.py`` (what is compared), ``study/network.py`` (gradients), ``study/scaling.py`` (integers).
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import as_completed
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from zimu.emu.float_sgd import from_format, to_format
from zimu.emu.unit import ZimUnit
from zimu.emu.update import UpdateUnit, make_unit
from zimu.golden.config import UnitConfig
from zimu.golden.errors import check_range
from zimu.golden.float_sgd import FloatSGDConfig
from zimu.golden.int_sgd import IntSGDConfig
from zimu.golden.names import named
from zimu.golden.pointwise import PointwiseConfig
from zimu.study.digits import Digits
from zimu.study.methods import (
    BATCH,
    EPOCHS,
    GRADIENT_BITS,
    START_RANGE,
    START_SCALE_LOG2,
    FloatMethod,
    IntegerMethod,
    Method,
    UnitMethod,
    layer_config,
)
from zimu.study.network import DEPTHS, Reals, evaluate, gradients
from zimu.study.scaling import to_integers
from zimu.study.workers import worker_processes

Progress = Callable[[int, int], object]
"""Called with the runs that ended and the runs there are."""


class TraceStep(NamedTuple):
    """What one step gave a unit, and the weights it left."""

    gradients: NDArray[np.int8]
    registers: dict[str, int]
    """The run-time values, by name."""
    weights: NDArray[np.int8]


Observer = Callable[[int, TraceStep], None]
"""Called with the layer after each of its updates."""


class Rule(Protocol):
    """A way to change weights."""

    @property
    def values(self) -> list[Reals]:
        """The weights as the network sees them, one flat array per layer."""

    def update(self, gradients: list[Reals], step: int, steps: int) -> None:
        """Take ``step`` of ``steps``."""


@dataclass
class LayerCounters:
    """What the unit of one layer counted over a run."""

    steps: int = 0
    trials: int = 0
    open_trials: int = 0
    discarded_trials: int = 0
    rejected_draws: int = 0
    saturations: int = 0
    empty_steps: int = 0


@dataclass
class UnitRule:
    """int8 weights, one `ZimUnit` per layer; the unit of layer l has the seed 256 * seed + l."""

    method: UnitMethod
    scale_log2: float
    seed: int
    observe: Observer | None = None
    configs: tuple[UnitConfig, ...] = field(default_factory=lambda: tuple(map(layer_config, range(len(DEPTHS)))))

    def __post_init__(self) -> None:
        self.weights = start_weights(self.seed)
        self.units = [ZimUnit(config, unit_seed(self.seed, i)) for i, config in enumerate(self.configs)]
        self.counters = [LayerCounters() for _ in self.configs]

    @property
    def values(self) -> list[Reals]:
        return [np.ldexp(weights.astype(np.float64), int(self.scale_log2)) for weights in self.weights]

    def update(self, gradients: list[Reals], step: int, steps: int) -> None:
        for layer, config in enumerate(self.configs):
            integers, _ = to_integers(gradients[layer], GRADIENT_BITS)
            values = self.method.schedule(config, step, steps)
            result = self.units[layer].step(self.weights[layer], integers, **values)
            counters = self.counters[layer]
            counters.steps += 1
            counters.trials += values["trials"]
            counters.open_trials += int(result.open_trials)
            counters.discarded_trials += int(result.discarded_trials)
            counters.rejected_draws += int(result.rejected_draws)
            counters.saturations += int(result.saturations)
            counters.empty_steps += int(result.empty)
            if self.observe:
                self.observe(layer, TraceStep(integers, values, self.weights[layer].copy()))


@dataclass
class FloatRule:
    """Weights in a floating-point format, one bit-accurate unit per layer, seeded as those of `UnitRule`."""

    method: FloatMethod
    setting: float
    seed: int

    def __post_init__(self) -> None:
        config = named(self.method.unit)
        assert isinstance(config, FloatSGDConfig)
        self.formats = config.weights, config.gradients or config.weights
        start = [np.ldexp(w.astype(np.float64), START_SCALE_LOG2) for w in start_weights(self.seed)]
        self.weights = [to_format(self.formats[0], w) for w in start]
        self.units = _units_of(config, self.seed)

    @property
    def values(self) -> list[Reals]:
        return [from_format(self.formats[0], weights) for weights in self.weights]

    def update(self, gradients: list[Reals], step: int, steps: int) -> None:
        values: dict[str, float] = {"learning_rate": self.method.learning_rate(self.setting, step, steps)}
        if self.method.momentum is not None:
            values["momentum"] = self.method.momentum
        for unit, weights, gradient in zip(self.units, self.weights, gradients, strict=True):
            unit.step(weights, to_format(self.formats[1], gradient), **values)


@dataclass
class IntegerRule:
    """Integer weights under the plain integer unit, one per layer, seeded as those of `UnitRule`."""

    method: IntegerMethod
    setting: float
    seed: int

    def __post_init__(self) -> None:
        config = named(self.method.unit)
        assert isinstance(config, IntSGDConfig)
        self.gradient_bits = config.gradient_bits
        self.units = _units_of(config, self.seed)
        self.weights = [w.astype(self.units[0].weight_dtype) for w in start_weights(self.seed)]

    @property
    def values(self) -> list[Reals]:
        return [np.ldexp(weights.astype(np.float64), START_SCALE_LOG2) for weights in self.weights]

    def update(self, gradients: list[Reals], step: int, steps: int) -> None:
        for unit, weights, gradient in zip(self.units, self.weights, gradients, strict=True):
            integers, _ = to_integers(gradient, self.gradient_bits)
            unit.step(weights, integers, rate=int(self.setting))


def _units_of(config: PointwiseConfig, seed: int) -> list[UpdateUnit[Any]]:
    """A unit for each layer."""
    layers = enumerate(DEPTHS)
    return [make_unit(config.replace(depth=depth), unit_seed(seed, i)) for i, depth in layers]


def unit_seed(seed: int, layer: int) -> int:
    """The seed of a layer's unit in the run with ``seed``."""
    return 256 * seed + layer


def start_weights(seed: int) -> list[NDArray[np.int8]]:
    """Weights before the first step, uniform in -20..20, one flat array per layer; the same for every method."""
    generator = np.random.default_rng([seed, 0])
    return [generator.integers(-START_RANGE, START_RANGE, d, np.int8, endpoint=True) for d in DEPTHS]


def make_rule(method: Method, setting: float, seed: int) -> UnitRule | FloatRule | IntegerRule:
    """The rule of a run at its start."""
    if isinstance(method, UnitMethod):
        return UnitRule(method, setting, seed)
    if isinstance(method, IntegerMethod):
        return IntegerRule(method, setting, seed)
    return FloatRule(method, setting, seed)


def steps_per_epoch(data: Digits) -> int:
    """Batches of one pass over the fit part."""
    return -(-len(data.fit) // BATCH)


def iterate(rule: Rule, data: Digits, seed: int, epochs: int) -> Iterator[int]:
    """Train, yielding the index of each step when it is done. The order of images depends on ``seed`` alone."""
    generator = np.random.default_rng([seed, 1])
    step, steps = 0, epochs * steps_per_epoch(data)
    for _ in range(epochs):
        order = generator.permutation(len(data.fit))
        for first in range(0, len(order), BATCH):
            batch = data.fit.select(order[first : first + BATCH])
            rule.update(gradients(rule.values, batch), step, steps)
            yield step
            step += 1


@dataclass
class Run:
    """One training run and its result. Curves have one value per epoch; accuracies are in 0..1, losses in nats."""

    method: str
    setting: float
    seed: int
    weights: list[NDArray[np.int8]]
    """Final int8 weights of each layer; none for the rivals."""
    counters: list[LayerCounters]
    """Counters of each layer; none for the rivals."""
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

    rule = make_rule(method, setting, seed)
    # The rule's own arrays and counters, which it goes on updating.
    run = Run(method.key, setting, seed, *((rule.weights, rule.counters) if isinstance(rule, UnitRule) else ([], [])))
    # A rate that diverges is a result of the sweep, not an event to warn about.
    with threadpool_limits(1), np.errstate(over="ignore", invalid="ignore"):
        for step in iterate(rule, data, seed, epochs):
            if (step + 1) % steps_per_epoch(data) == 0:
                run.evaluate(rule.values, data)
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
