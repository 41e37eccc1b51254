"""Back-propagation against differences of the loss, and the loss against its definition."""

import math

import numpy as np
import pytest

from zimu.study.digits import Part
from zimu.study.network import DEPTHS, evaluate, forward, gradients
from zimu.study.train import start_weights


@pytest.fixture
def weights():
    return [np.ldexp(layer.astype(float), -6) for layer in start_weights(3)]


@pytest.mark.parametrize("layer", [0, 1])
def test_gradient_is_the_slope_of_the_loss(digits, weights, layer):
    part = digits.fit.select(np.arange(50))  # not the usual batch: the mean is over what is there
    slope = gradients(weights, part)[layer]
    step = 1e-5
    # A few ordinary weights, and a bias: those of the last row.
    for i in [*np.argsort(-abs(slope))[:20], DEPTHS[layer] - 1]:
        moved = []
        for sign in (1, -1):
            changed = [flat.copy() for flat in weights]
            changed[layer][i] += sign * step
            moved.append(evaluate(changed, part)[0])
        assert slope[i] == pytest.approx((moved[0] - moved[1]) / (2 * step), rel=1e-4, abs=1e-8)


def test_loss_and_accuracy_follow_their_definitions(digits, weights):
    part = digits.test.select(np.arange(5))
    logits = forward(weights, part.images).tolist()
    losses = [
        math.log(sum(math.exp(x) for x in row)) - row[label]
        for row, label in zip(logits, part.labels.tolist(), strict=True)
    ]
    hits = [row.index(max(row)) == label for row, label in zip(logits, part.labels.tolist(), strict=True)]
    loss, accuracy = evaluate(weights, part)
    assert loss == pytest.approx(sum(losses) / 5, rel=1e-12)
    assert accuracy == sum(hits) / 5


def test_huge_logits_do_not_overflow(digits, weights):
    part = Part(digits.fit.images[:8], digits.fit.labels[:8])
    large = [flat * 1e6 for flat in weights]
    assert math.isfinite(evaluate(large, part)[0])
    assert all(np.isfinite(gradient).all() for gradient in gradients(large, part))
