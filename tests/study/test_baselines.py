"""The rivals of the benchmark do the job they are timed for: the right law, and exact saturating moves."""

import numpy as np
import pytest
from scipy import stats

from zimu.study import baselines
from zimu.study.bench_subjects import CONV_WEIGHTS, SMOOTHING, Problem, subjects

GRADIENTS = np.array([3, -1, 20, -7, 1, -128, 64], np.int8)
TRIALS = 120
STEPS = 2000

FALSE_ALARM = 1e-6
"""Of each chi-square test, were its seed not fixed."""

EDGES = np.array([-128, -127, -1, 0, 1, 126, 127], np.int8)

DRAWING = [subject for subject in subjects() if subject.draws]


def stop(value):
    return max(-128, min(127, value))


@pytest.mark.parametrize("subject", DRAWING, ids=lambda subject: f"{subject.name}-{subject.sampler}")
def test_every_subject_that_draws_draws_the_law(subject):
    """Finds masses without c, a wrong sign, a wrong number of trials, counts on the wrong weights."""
    if subject.missing:
        pytest.skip(subject.missing)
    depth = 1920  # 15 tiles of the split sampler
    gradients = np.resize(GRADIENTS, depth)
    weights = np.zeros(depth, np.int8)
    step = subject.build(Problem(depth, TRIALS), weights, gradients)
    totals = np.zeros(depth, np.int64)
    for _ in range(STEPS):
        weights[:] = 0
        step()
        counts = -weights.astype(np.int64) * np.sign(gradients.astype(np.int64))
        assert counts.min() >= 0
        assert counts.sum() == TRIALS
        totals += counts
    masses = np.abs(gradients.astype(np.int64)) + SMOOTHING
    expected = TRIALS * STEPS * masses / masses.sum()
    assert expected.min() > 5
    assert stats.chisquare(totals, expected).pvalue > FALSE_ALARM


def test_probabilities_are_the_laws():
    masses = [4, 2, 21, 8, 2, 129, 65]
    assert baselines.probabilities(GRADIENTS, 1).tolist() == [mass / sum(masses) for mass in masses]


@pytest.mark.parametrize("dtype", [np.int64, np.float64, np.float32])
def test_move_is_exact_and_saturates(dtype):
    cases = [(w, g, x) for w in EDGES for g in EDGES for x in (0, 1, 127, 128, 255, 256, 2**24)]
    weights, gradients, counts = (np.array(column) for column in zip(*cases, strict=True))
    baselines.move(weights, gradients, counts.astype(dtype))
    assert weights.tolist() == [stop(int(w) - int(np.sign(g)) * x) for w, g, x in cases]


def test_subtract_is_exact_and_saturates():
    w, g = (axis.ravel().astype(np.int8) for axis in np.mgrid[-128:128, -128:128])
    weights = w.copy()
    baselines.subtract(weights, g)
    assert weights.tolist() == [stop(a - b) for a, b in zip(w.tolist(), g.tolist(), strict=True)]


@pytest.mark.parametrize("depth", [1, baselines.BLOCK, 2 * baselines.BLOCK + 3])
def test_float_sgd_updates_every_weight_once(depth):
    generator = np.random.default_rng(1)
    weights, gradients = generator.standard_normal((2, depth), np.float32)
    expected = weights - np.float32(baselines.LEARNING_RATE) * gradients
    baselines.float_sgd(weights, gradients)()
    assert weights.tobytes() == expected.tobytes()


def test_gradients_are_as_stated():
    """Mean magnitude of a rounded Laplace variable of scale b: 1 / (2 sinh(1 / 2b)); its deviation is below 1.1 b."""
    depth, scale = 10**6, 8
    gradients = Problem(depth, 1).gradients
    assert gradients.dtype == np.int8
    assert gradients.min() >= -127
    assert np.array_equal(gradients, Problem(depth, 5).gradients)
    magnitude = np.abs(gradients.astype(np.int64)).mean()
    assert abs(magnitude - 1 / (2 * np.sinh(0.5 / scale))) < 5 * 1.1 * scale / depth**0.5  # false alarm below 1e-6


@pytest.mark.parametrize("fused", [False, True])
def test_pytorch_s_sgd_takes_the_step_that_its_name_says(fused):
    """The velocity is 0.9 of itself and the gradient, which it is in the first step; the weight less lr times it."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install zimu[torch]")
    weights, gradients = np.zeros(5, np.float32), np.linspace(-1, 1, 5, dtype=np.float32)
    step = baselines.torch_sgd(weights, gradients, fused=fused)
    step()
    step()
    assert weights == pytest.approx(-baselines.LEARNING_RATE * (1 + 1.9) * gradients)
    assert torch.get_num_threads() == 1


def test_the_conv_model_has_as_many_weights_as_its_steps():
    pytest.importorskip("torch", reason="PyTorch is not installed: pip install zimu[torch]")
    from zimu.study.models import make

    assert sum(parameter.numel() for parameter in make("conv", 28, 0).parameters()) == CONV_WEIGHTS
    baselines.conv_gradients()()
