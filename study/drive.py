"""A unit outside Python learns the digits: its weights, the driver's, held against the emulator after every step.

The model is a linear one, softmax regression: its 650 weights, and with the unit's others, which stay 0, fit any unit
of that depth. Gradients are the host's.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zimu.emu.reals import Encoding, Reals
from zimu.emu.unit import ZimUnit
from zimu.golden.errors import InputError
from zimu.golden.rule import RuleConfig
from zimu.golden.scaling import Tensor
from zimu.golden.unit import UnitConfig
from zimu.sim.device import Device
from zimu.study.digits import CLASSES, PIXELS, Part, load
from zimu.study.methods import BATCH
from zimu.study.network import log_softmax, with_one

SHAPE = (PIXELS + 1, CLASSES)
"""Inputs, with one that is always 1, and outputs."""

WEIGHTS = SHAPE[0] * SHAPE[1]

TRIALS = 64
"""A step: a tenth of the weights."""

SCALE = -4
"""A count is worth 2 to this."""

Progress = Callable[[int, int, str], object]
"""Called with the steps done, all steps, and how good the weights are."""


class Drive(NamedTuple):
    """What came of it.

    Parameters
    ----------
    steps : taken, all of them where nothing differed.
    accuracy : over the test images at the end, 0..1.
    difference : the first weight, mean or counter that is not the emulator's; empty where all are.
    """

    steps: int
    accuracy: float
    difference: str

    @property
    def agreed(self) -> bool:
        """Whether every number was the emulator's."""
        return not self.difference


def check_fits(config: RuleConfig) -> UnitConfig:
    """``config``, or `InputError` if `drive` cannot train with its unit."""
    if not isinstance(config, UnitConfig):
        raise InputError(f"rule = {config.rule!r}: must be 'zim', which has registers for a host link")
    if config.depth < WEIGHTS:
        raise InputError(f"depth = {config.depth}: must be at least {WEIGHTS}, the weights of the model")
    if config.trials_shift is not None:
        raise InputError(f"trials_shift = {config.trials_shift}: must be left out, n is given")
    return config


def drive(
    config: UnitConfig,
    device: Device,
    steps: int,
    seed: int = 0,
    progress: Progress = lambda done, total, note: None,
) -> Drive:
    """Train for ``steps`` batches of 64 images, from weights of 0.

    Parameters
    ----------
    config : as `check_fits` lets it pass.
    device : the unit.
    steps : from 1 on.
    seed : of the unit, and of the order of the images.
    progress : called after each step.
    """
    data, unit = load(), ZimUnit(config, seed)
    encoding = unit.encoding(SCALE, Tensor())
    values = {"trials": TRIALS, "threshold": config.max_threshold, "smoothing": 0}
    if config.momentum:
        values["decay"] = 1
    weights = np.zeros(config.depth, unit.weight_dtype)
    device.load({"weights": weights.tolist()})
    device.seed(seed)
    batches = _batches(len(data.fit), seed)
    progress(0, steps, "")
    for step in range(steps):
        encoded, _ = encoding.gradients(_gradients(encoding, weights, data.fit.select(next(batches)), config.depth))
        unit.step(weights, encoded, **values)
        counters = device.step(encoded.tolist(), **values)
        found = _first_difference(device.read(), {"weights": weights, **unit.memories})
        found = found or _first_difference({"counters": counters}, {"counters": unit.counters})
        if found:
            return Drive(step, _accuracy(encoding, weights, data.test), f"step {step}: {found}")
        progress(step + 1, steps, f"{_accuracy(encoding, weights, data.test):.1%} of the test images right")
    return Drive(steps, _accuracy(encoding, weights, data.test), "")


def _batches(images: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Numbers of images, epoch after epoch in a new order."""
    generator = np.random.default_rng(seed)
    while True:
        order = generator.permutation(images)
        yield from (order[first : first + BATCH] for first in range(0, images, BATCH))


def _logits(encoding: Encoding, weights: NDArray[np.integer], images: Reals) -> Reals:
    logits: Reals = with_one(images) @ encoding.reals(weights)[:WEIGHTS].reshape(SHAPE)
    return logits


def _accuracy(encoding: Encoding, weights: NDArray[np.integer], part: Part) -> float:
    return float((_logits(encoding, weights, part.images).argmax(axis=1) == part.labels).mean())


def _gradients(encoding: Encoding, weights: NDArray[np.integer], part: Part, depth: int) -> Reals:
    """Of the mean cross-entropy over ``part``, shape (depth,); 0 beyond the weights of the model."""
    errors = np.exp(log_softmax(_logits(encoding, weights, part.images)))
    errors[np.arange(len(part)), part.labels] -= 1
    gradients = np.zeros(depth)
    gradients[:WEIGHTS] = (with_one(part.images).T @ errors / len(part)).ravel()
    return gradients


def _first_difference(there: Mapping[str, ArrayLike], here: Mapping[str, ArrayLike]) -> str:
    """The first number that is not the same, in words; empty where all are."""
    for name, numbers in here.items():
        theirs, ours = np.asarray(there[name]), np.asarray(numbers)
        for place in np.flatnonzero(theirs != ours)[:1]:
            return f"{name}[{place}] is {theirs[place]}, the emulator's {ours[place]}"
    return ""
