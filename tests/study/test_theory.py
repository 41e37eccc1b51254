"""Theory: moments against every outcome there is, functions against their differences, the bound, the floor."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from zimu.emu.unit import ZimUnit
from zimu.study import theory
from zimu.study.theory import Law, Logistic, Quadratic, descend

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install zimu[torch]")

from zimu.study.theory_network import network_terms  # noqa: E402
from zimu.study.theory_report import Theory, html, law_text, markdown  # noqa: E402

LAWS = [
    Law(3),
    Law(2, threshold=2**14),
    Law(3, threshold=3 * 2**13, smoothing=2),
    Law(3, threshold=2**14, each_step=True),
    Law(2, smoothing=5, each_step=True),
    Law(0),
]


def sign(number: int) -> int:
    return (number > 0) - (number < 0)


def outcomes(law: Law, gradients):
    """Every way a step can go: its probability and the change of each weight."""
    masses = [abs(g) + law.smoothing for g in gradients]
    whole, z = sum(masses), law.openness
    places = [(place, Fraction(mass, whole)) for place, mass in enumerate(masses)]
    if law.each_step:
        shut, each = [(1 - z, [])], places
        factor = z
    else:
        shut, each, factor = [], [(None, 1 - z)] + [(place, z * p) for place, p in places], Fraction(1)
    for drawn in product(each, repeat=law.trials):
        probability = factor
        for _, p in drawn:
            probability *= p
        shut.append((probability, [place for place, _ in drawn if place is not None]))
    for probability, landed in shut:
        yield probability, [-sign(g) * landed.count(place) for place, g in enumerate(gradients)]


@pytest.mark.parametrize("law", LAWS, ids=str)
@pytest.mark.parametrize("gradients", [(3, -1, 2), (5, 0, -4), (0, 0, 7)], ids=str)
def test_moments_are_those_of_all_outcomes(law, gradients):
    every = list(outcomes(law, gradients))
    assert sum(probability for probability, _ in every) == 1
    size = range(len(gradients))
    assert law.means(gradients) == [sum(p * u[i] for p, u in every) for i in size]
    assert law.second_moments(gradients) == [[sum(p * u[i] * u[j] for p, u in every) for j in size] for i in size]


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_sums_of_moments_are_the_moments_summed(law):
    gradients, slope = (3, -1, 0, 2), np.array([0.5, -0.1, 0.01, 0.3])
    mean, energy = law.descent(np.array(gradients, np.int8), slope)
    assert mean == pytest.approx(-slope @ np.array(law.means(gradients), np.float64))
    moments = law.second_moments(gradients)
    assert energy == pytest.approx(float(sum(moments[i][i] for i in range(4))))


def test_without_a_mass_nothing_moves():
    assert Law(9).means((0, 0)) == [0, 0]
    assert Law(9).second_moments((0, 0)) == [[0, 0], [0, 0]]
    assert Law(9).descent(np.zeros(2, np.int8), np.ones(2)) == (0, 0)


@pytest.mark.parametrize("law", [Law(40, smoothing=3), Law(40, threshold=2**15, each_step=True)], ids=str)
def test_the_emulator_has_these_moments(law):
    """20,000 steps; each mean and energy within five standard errors, which fails for one in 200,000 seeds."""
    gradients = np.array([50, -20, 3, 0, -90], np.int8)
    unit = ZimUnit(theory.unit_config(law, 5), 1)
    changes = np.empty((20_000, 5))
    for row in changes:
        weights = np.zeros(5, np.int32)
        unit.step(weights, gradients, trials=law.trials, threshold=law.threshold, smoothing=law.smoothing)
        row[:] = weights
    errors = changes.std(axis=0) / np.sqrt(len(changes))
    assert (
        np.abs(changes.mean(axis=0) - [float(value) for value in law.means(gradients.tolist())]) <= 5 * errors
    ).all()
    energies = (changes**2).sum(axis=1)
    _, energy = law.descent(gradients, np.zeros(5))
    assert abs(energies.mean() - energy) <= 5 * energies.std() / np.sqrt(len(energies))


@pytest.mark.parametrize("problem", [Quadratic(6, 2.0, 10.0), Logistic()], ids=lambda problem: problem.name)
def test_gradients_and_smoothness_are_the_function_s(problem):
    rng = np.random.default_rng(1)
    for _ in range(3):
        w, way = rng.normal(size=(2, len(problem.start)))
        step = 1e-5
        slope = (problem.value(w + step * way) - problem.value(w - step * way)) / (2 * step)
        assert problem.gradient(w) @ way == pytest.approx(slope, rel=1e-6)
        other = rng.normal(size=len(w))
        change = np.linalg.norm(problem.gradient(w) - problem.gradient(other))
        assert change <= problem.smoothness * np.linalg.norm(w - other)
        assert problem.value(w) >= 0


def test_smoothness_is_no_larger_than_it_must_be():
    quadratic = Quadratic(6, 2.0, 10.0)
    last = np.eye(6)[-1]
    assert np.linalg.norm(quadratic.gradient(last) - quadratic.gradient(0 * last)) == pytest.approx(2.0)


@pytest.fixture(scope="module")
def arrived():
    return descend(Quadratic(64), Law(8), -5, steps=1200, runs=4)


def test_the_measured_curve_stays_under_the_bound(arrived):
    assert arrived.holds
    assert arrived.averages[-1] == pytest.approx(arrived.squares.mean())
    assert arrived.bound[0] > arrived.bound[-1]


def test_at_the_floor_nothing_falls_in_the_mean(arrived):
    """The balance of descent and noise, from exact moments at the points that the unit reached, to 2 %."""
    assert arrived.balance == pytest.approx(1, abs=0.02)
    assert arrived.floor_ratio == pytest.approx(1 + 7 / 64, rel=0.1)  # n - 1 further trials on about as many weights


def test_the_floor_follows_the_weight_scale_and_not_n(arrived):
    coarse = descend(Quadratic(64), Law(8), -4, steps=1200, runs=4)
    assert coarse.floor == pytest.approx(4 * arrived.floor, rel=0.2)
    fewer = descend(Quadratic(64), Law(4), -5, steps=1200, runs=4)
    assert fewer.floor == pytest.approx(arrived.floor, rel=0.2)


def test_too_few_trials_do_not_arrive(arrived):
    """As many as it takes to walk |w - w_1|_1 in all the steps."""
    assert arrived.trials_needed == pytest.approx(np.abs(arrived.problem.distance) / (1200 / 32))
    assert arrived.trials_needed < 2
    late = descend(Quadratic(64), Law(1), -7, steps=1200, runs=2)
    assert late.trials_needed > 2
    assert late.balance > 2


def test_a_curve_over_its_bound_is_told(arrived):
    over = theory.Descent(**vars(arrived) | {"bound": arrived.averages * 0.999})
    assert not over.holds
    assert not Theory("zimu theory", [over], {}, []).holds


def test_the_report_holds_what_was_found(arrived):
    told = []
    network = network_terms("digits", None, epochs=1, progress=lambda done, total: told.append((done, total)))
    assert [run.weights for run in network] == [7_510, 7_510]
    assert [run.trials for run in network] == [113, 7_510]
    assert told[-1] == (36, 36)
    assert all(len(run.terms) == 18 and min(run.terms) > 0 for run in network)
    assert max(network[0].terms) < network[0].boolean == 3_755
    study = Theory("zimu theory --data digits --epochs 1", [arrived], {"n": [arrived]}, network)
    page, text = html(study), markdown(study)
    assert page == html(study)
    assert page.count("<svg") == 2
    assert study.command in page
    assert study.command in text
    assert f"| {arrived.problem.name} | n = 8 | 2^-5 |" in text
    assert "| 7,510 | 113 |" in text


def test_laws_are_told_in_words():
    one = descend(Quadratic(4), Law(3, threshold=2**14, smoothing=2, each_step=True), -5, steps=2, runs=1)
    assert law_text(one) == "n = 3, z = 0.25 of each step, c = 2"
