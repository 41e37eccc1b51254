"""The network of the study: 64 inputs, 64 rectified hidden units, 10 classes; softmax cross-entropy.

A layer is one flat array of weights. Its last row belongs to an input that is always 1, so biases are weights like all
others and the unit trains them too. Arithmetic is float64 for every method: the study compares update rules, and the
last bit of a matrix product, which differs between processors, then all but never reaches a rounded gradient.
Used by ``study/train.py``.
"""

from collections.abc import Sequence

import numpy as np

from zimu.emu.reals import Reals
from zimu.study.digits import CLASSES, PIXELS, Part

HIDDEN = 64

SHAPES = ((PIXELS + 1, HIDDEN), (HIDDEN + 1, CLASSES))
"""Inputs (the constant 1 included) and outputs of each layer."""

DEPTHS = tuple(rows * columns for rows, columns in SHAPES)
"""Weights of each layer: 4160 and 650."""


def with_one(inputs: Reals) -> Reals:
    """Inputs with one more that is always 1; shape (images, inputs + 1)."""
    return np.hstack([inputs, np.ones((len(inputs), 1))])


def _matrices(weights: Sequence[Reals]) -> list[Reals]:
    return [flat.reshape(shape) for flat, shape in zip(weights, SHAPES, strict=True)]


def forward(weights: Sequence[Reals], images: Reals) -> Reals:
    """Logits, shape (images, 10).

    Parameters
    ----------
    weights : one flat float64 array per layer, shapes (4160,) and (650,), inputs outermost.
    images : float64, shape (images, 64).
    """
    first, second = _matrices(weights)
    logits: Reals = with_one(np.maximum(with_one(images) @ first, 0)) @ second
    return logits


def log_softmax(logits: Reals) -> Reals:
    """Logarithms of the probabilities that logits stand for, of each row."""
    shifted: Reals = logits - logits.max(axis=1, keepdims=True)
    logarithms: Reals = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return logarithms


def gradients(weights: Sequence[Reals], part: Part) -> list[Reals]:
    """Gradient of the mean cross-entropy over ``part``, one flat float64 array per layer."""
    first, second = _matrices(weights)
    inputs = with_one(part.images)
    hidden = np.maximum(inputs @ first, 0)
    active = with_one(hidden)
    errors = np.exp(log_softmax(active @ second))
    errors[np.arange(len(part)), part.labels] -= 1
    errors /= len(part)
    back = (errors @ second[:-1].T) * (hidden > 0)
    return [(inputs.T @ back).ravel(), (active.T @ errors).ravel()]


def evaluate(weights: Sequence[Reals], part: Part) -> tuple[float, float]:
    """Mean cross-entropy in nats, and accuracy in 0..1. The loss of a network that diverged is inf or NaN."""
    logits = forward(weights, part.images)
    rows = np.arange(len(part))
    loss = -log_softmax(logits)[rows, part.labels].mean()
    return float(loss), float((logits.argmax(axis=1) == part.labels).mean())
