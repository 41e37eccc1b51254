"""Settings are chosen on validation images alone, and what is summed up is whole."""

from dataclasses import replace

import pytest

from zimu.study import methods
from zimu.study.summary import Spread, SweepPoint, choose, summarise
from zimu.study.train import train_all


def constant(value):
    return Spread(value, 0.0, value, value)


def point(setting, validation, loss, test=0.5):
    return SweepPoint(setting, constant(validation), constant(loss), constant(test))


def test_spread_is_that_of_a_sample():
    spread = Spread.of([0.9, 0.94, 0.98])
    assert (spread.low, spread.high) == (0.9, 0.98)
    assert spread.mean == pytest.approx(0.94)
    assert spread.deviation == pytest.approx(0.04)
    assert Spread.of([0.5]) == Spread(0.5, None, 0.5, 0.5)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_spread_of_what_is_not_finite_is_none(bad):
    assert Spread.of([0.5, bad]) == Spread(None, None, None, None)


def test_test_accuracy_has_no_say():
    sweep = [point(1, 0.90, 0.3, test=0.99), point(2, 0.95, 0.3, test=0.10)]
    assert choose(sweep).setting == 2


def test_of_equals_the_lower_validation_loss_wins_and_a_lost_loss_never():
    assert choose([point(1, 0.9, 0.2), point(2, 0.9, 0.1), point(3, 0.9, 0.3)]).setting == 2
    assert choose([point(1, 0.9, None), point(2, 0.9, 5.0)]).setting == 2


def test_summary_adds_up(digits):
    short = [replace(methods.HEADLINE, grid=(-6,))]
    runs = train_all(short, digits, seeds=2, epochs=1)
    (summary,) = summarise(short, runs)
    assert [sum(histogram) for histogram in summary.histograms] == [2 * 4160, 2 * 650]
    first = [weights for run in runs for weights in run.weights[0].tolist()]
    assert summary.histograms[0][128 - 20] == first.count(-20)
    assert summary.counters[0]["steps"] == 2 * 19
    assert summary.counters[1]["rejected_draws"] == sum(run.counters[1]["rejected_draws"] for run in runs)
    assert summary.test_accuracy.mean == pytest.approx(sum(run.test_accuracy[-1] for run in runs) / 2)
    assert summary.test_accuracy_curve[-1] == summary.test_accuracy


def test_a_rate_that_diverges_is_a_result_without_a_loss(digits):
    short = [replace(methods.RIVAL, grid=(1e30,))]
    (summary,) = summarise(short, train_all(short, digits, seeds=1, epochs=1))
    assert summary.sweep[0].validation_loss.mean is None
    assert summary.test_accuracy.mean < 0.3
