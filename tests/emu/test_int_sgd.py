"""The integer rival's emulator against its scalar reference, and its law."""

from fractions import Fraction

import numpy as np
import pytest

from zimu.emu.int_sgd import IntSGD, step_all
from zimu.emu.update import make_unit
from zimu.golden.errors import InputError
from zimu.golden.int_sgd import IntSGDConfig, ReferenceIntSGD, step


def config_of(**fields):
    return IntSGDConfig(
        **{"name": "rival", "depth": 41, "weight_bits": 8, "gradient_bits": 8, "rate_bits": 8, "fraction_bits": 8}
        | fields
    )


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"fraction_bits": 0},
        {"fraction_bits": 24, "lanes": 4, "rate_bits": 24},
        {"weight_bits": 2, "gradient_bits": 32, "lanes": 7, "fraction_bits": 5},
        {"weight_bits": 32, "gradient_bits": 32, "rate_bits": 24, "fraction_bits": 1},
        {"weight_bits": 16, "gradient_bits": 4, "prng": "trivium", "fraction_bits": 11, "lanes": 2},
        {"rate": "power_of_two", "rate_bits": 3, "fraction_bits": 7, "lanes": 5},
        {"rate": "power_of_two", "rate_bits": 4, "fraction_bits": 24, "gradient_bits": 32, "weight_bits": 4},
    ],
    ids=str,
)
def test_steps_are_the_references(fields):
    config = config_of(**fields)
    rng = np.random.default_rng(2)
    unit, reference = make_unit(config, 11), ReferenceIntSGD(config, 11)
    weights = rng.integers(*config.weight.limits, config.depth, endpoint=True).tolist()
    for rate in (0, 1, 2**config.rate_bits - 1, int(rng.integers(0, 2**config.rate_bits))):
        gradients = rng.integers(*config.gradient.limits, config.depth, endpoint=True)
        gradients[:4] = [*config.gradient.limits, 0, 1]
        got = unit.step_patterns(weights, gradients.tolist(), rate=rate)
        weights = reference.step(weights, gradients.tolist(), rate=rate)
        assert got == weights
        assert unit.counters == reference.counters
    assert unit.counters.saturations > 0 or config.weight_bits > 8


def test_over_all_random_words_the_mean_is_exact_and_the_neighbours_alone_occur():
    f, bits = 6, 8
    words = np.arange(2**f, dtype=np.uint32)
    for w, eta, g in [(3, 5, 7), (-3, 5, 7), (0, 63, -1), (100, 1, 127), (-120, 9, 13)]:
        weights = np.full(2**f, w, np.int8)
        assert step_all(weights, eta, np.full(2**f, g, np.int8), words, f, -128, 127) == 0
        exact = Fraction(w * 2**f - eta * g, 2**f)
        assert Fraction(int(weights.sum(dtype=np.int64)), 2**f) == exact
        assert set(weights.tolist()) <= {exact // 1, exact // 1 + 1}
        assert [step(w, eta, g, r, fraction_bits=f, weight_bits=bits) for r in range(2**f)] == [
            (x, False) for x in weights.tolist()
        ]


@pytest.mark.parametrize(
    ("weights", "gradients", "rate", "message"),
    [
        (np.zeros(41, "i2"), np.zeros(41, "i1"), 1, "weights has dtype int16: must be int8"),
        (np.zeros(41, "i1"), np.zeros(40, "i1"), 1, r"gradients has shape \(40,\): must be \(41,\)"),
        (np.zeros(41, "i1"), np.zeros(41, "i1"), 256, r"rate = 256: must be in 0\.\.255"),
        (np.zeros(41, "i1"), np.zeros(41, "i1"), 0.5, r"rate = 0\.5: must be an integer in 0\.\.255"),
        (np.full(41, 9, "i1"), np.zeros(41, "i1"), 1, r"weights\[0\] = 9: must be in -8\.\.7"),
    ],
)
def test_refused_steps(weights, gradients, rate, message):
    config = config_of(weight_bits=4) if weights.any() else config_of()
    with pytest.raises(InputError, match=f"^{message}"):
        IntSGD(config).step(weights, gradients, rate=rate)
