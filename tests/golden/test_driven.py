"""What a learning rate stands for, rule by rule: the run-time values of a step."""

import math

import pytest

from zimu.golden.errors import InputError
from zimu.golden.names import named

ZIM = named("zim8").replace(smoothing_bits=16, gate_bits=8)
FULL = {"threshold": 256, "smoothing": 0}


@pytest.mark.parametrize(
    ("trials", "shape", "wanted"),
    [
        (7, (100,), 7),
        (0, (100,), 0),
        (0.015, (100, 10), 15),
        ("sqrt", (100, 100), 100),
        ("sqrt", (1,), 1),
        ("root", (1000,), 1000),
        ("root", (10, 100), 32),
        ("root", (8, 8, 3, 3), 5),
        ("root", (), 1),
    ],
)
def test_trials(trials, shape, wanted):
    assert ZIM.driven(1.0, shape, 0, trials=trials) == FULL | {"trials": wanted}


def test_trials_left_out_are_the_most():
    assert ZIM.driven(1.0, (5,), 0)["trials"] == 2**32 - 1


def test_the_rate_multiplies_what_it_drives():
    assert ZIM.driven(0.25, (5,), 0, trials=100) == FULL | {"trials": 25}
    assert ZIM.driven(0.25, (5,), 0, trials=100, drives="threshold") == FULL | {"trials": 100, "threshold": 64}
    assert ZIM.driven(0.0, (5,), 0, trials=100)["trials"] == 0


def test_smoothing_of_real_gradients_goes_with_their_exponent():
    assert ZIM.driven(1.0, (5,), 12, trials=1, gradient_smoothing=1.0)["smoothing"] == 4096
    assert ZIM.driven(1.0, (5,), -1, trials=1, gradient_smoothing=3.0)["smoothing"] == 2  # 1.5, to even
    assert ZIM.driven(1.0, (5,), 12, trials=1, gradient_smoothing=15.9998)["smoothing"] == 65535
    # Where the register stops.
    assert ZIM.driven(1.0, (5,), 12, trials=1, gradient_smoothing=16.0)["smoothing"] == 65535
    assert ZIM.driven(1.0, (5,), 300, trials=1, gradient_smoothing=1.0)["smoothing"] == 65535
    assert ZIM.driven(1.0, (5,), 12, trials=1, smoothing=3)["smoothing"] == 3


@pytest.mark.parametrize(
    ("rate", "values", "message"),
    [
        (1.01, {}, "learning_rate = 1.01: must be in 0..1, a share of trials"),
        (-0.1, {"drives": "threshold"}, "learning_rate = -0.1: must be in 0..1, a share of threshold"),
        (float("nan"), {}, "learning_rate = nan: must be in 0..1"),
        (1.0, {"drives": "smoothing"}, "drives = 'smoothing': "),
        (1.0, {"trials": "cube"}, "trials = 'cube': "),
        (1.0, {"gradient_smoothing": -1.0}, "gradient_smoothing = -1.0: must be a number from 0 on"),
        (1.0, {"gradient_smoothing": math.inf}, "gradient_smoothing = inf: must be a number from 0 on"),
        (1.0, {"gradient_smoothing": math.nan}, "gradient_smoothing = nan: must be a number from 0 on"),
        (1.0, {"smoothing": 1, "gradient_smoothing": 1.0}, "must be one of the two"),
    ],
)
def test_what_is_refused(rate, values, message):
    with pytest.raises(InputError, match=message):
        ZIM.driven(rate, (5,), 12, **values)


def test_values_of_options_pass_through():
    unit = ZIM.replace(momentum_bits=12, trials_shift=9)
    assert unit.driven(1.0, (5,), 0, trials=3, decay=2, rate=9) == FULL | {"trials": 3, "decay": 2, "rate": 9}


@pytest.mark.parametrize(
    ("name", "rate", "wanted"),
    [
        ("float_sgd:bf16", 0.3, {"learning_rate": 0.3}),
        ("int_sgd:8", 4 / 256, {"rate": 4}),
        ("int_sgd:8", 0.0, {"rate": 0}),
        ("int_sgd:8:pow2", 4 / 256, {"rate": 2}),
        ("bold:16", 2.0**-9, {"shift": 4}),
    ],
)
def test_rivals(name, rate, wanted):
    assert named(name).driven(rate, (5,), 0) == wanted


def test_momentum_of_a_rival():
    assert named("float_sgd:fp32:momentum").driven(0.1, (5,), 0, momentum=0.9) == {
        "learning_rate": 0.1,
        "momentum": 0.9,
    }


@pytest.mark.parametrize(
    ("name", "rate", "message"),
    [
        ("int_sgd:8:pow2", 3 / 256, "learning_rate = 0.01171875: must be a power of two, 2\\^-8 at least"),
        ("int_sgd:8:pow2", 2.0**-9, "2\\^-8 at least"),
        ("bold:16", 0.3, "learning_rate = 0.3: must be a power of two"),
        ("bold:16", 0.0, "learning_rate = 0.0: must be a power of two"),
    ],
)
def test_rates_that_must_be_powers_of_two(name, rate, message):
    with pytest.raises(InputError, match=message):
        named(name).driven(rate, (5,), 0)
