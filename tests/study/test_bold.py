"""A network of Boolean weights learns the digits by flips alone."""

import numpy as np

from zimu.study.bold import BOLD
from zimu.study.train import Trainee, train


def test_boolean_weights_learn_the_digits(digits):
    run = train(BOLD, 5, 0, digits, epochs=12)
    assert run.test_accuracy[-1] > 0.82
    assert run.counters[0]["flips"] > 500
    assert BOLD.describe(5) == "votes times 2^5, beta by the flips of the step before"


def test_the_network_sees_signs_alone():
    trainee = Trainee(BOLD, 5, 0)
    for values, inputs in zip(trainee.values, (65, 65), strict=True):
        np.testing.assert_array_equal(np.abs(values), 1 / inputs**0.5)
    assert all(set(weights.tolist()) == {0, 1} for weights in trainee.weights)
