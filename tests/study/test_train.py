"""Training: the same bits whoever runs it, driven by the reference or by the emulator, in one process or two."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from zimu.emu.update import make_unit
from zimu.golden.unit import ReferenceUnit
from zimu.study import methods, train
from zimu.study.claims import CLAIMS, LEAST_SEEDS, judge
from zimu.study.summary import summarise


class ReferenceDriven:
    """The scalar reference behind the emulator's interface."""

    def __init__(self, config, seed):
        self.reference = ReferenceUnit(config, seed)
        self.encoding = make_unit(config).encoding

    @property
    def counters(self):
        return self.reference.counters

    def step(self, weights, gradients, **values):
        weights[:] = self.reference.step(weights.tolist(), gradients.tolist(), **values)


METHODS = {method.key: method for method in methods.METHODS}


@pytest.mark.parametrize("key", ["unit", "unit_smoothed", "unit_gated", "unit_full"])
def test_unit_training_equals_a_run_driven_by_the_reference(digits, monkeypatch, key):
    def first_steps():
        trainee = train.Trainee(METHODS[key], -6, 5)
        for _ in islice(train.iterate(trainee, digits, 5, 1), 3):
            pass
        return trainee

    emulated = first_steps()
    monkeypatch.setattr(train, "make_unit", ReferenceDriven)
    reference = first_steps()
    for a, b in zip(emulated.weights, reference.weights, strict=True):
        assert (a == b).all()
    assert emulated.counters() == reference.counters()
    assert [counted["steps"] for counted in emulated.counters()] == [3, 3]
    assert any((a != b).any() for a, b in zip(emulated.weights, train.start_weights(5), strict=True))


def test_float_training_is_the_fused_binary32_update(digits):
    rule = train.Trainee(methods.RIVAL, 0.3, 1)
    before = [weights.astype(np.longdouble) for weights in rule.weights]
    slopes = [np.random.default_rng(0).normal(size=d) for d in methods.DEPTHS]
    rule.update(slopes, 0, 10)
    rate = np.longdouble(np.float32(0.3))
    for w, g, after in zip(before, slopes, rule.weights, strict=True):
        # 64 significand bits hold the product of two binary32 exactly and make a second rounding all but impossible.
        assert (after == (w - rate * g.astype(np.float32).astype(np.longdouble)).astype(np.float32)).all()


RIVALS = [
    methods.float_unit("bf16", "bfloat16", grid=(0.5,), unit="float_sgd:bf16"),
    methods.float_unit("bf16_sr", "bfloat16, stochastic", grid=(0.5,), unit="float_sgd:bf16+fp32:sr8"),
    methods.float_unit("momentum", "with momentum", grid=(0.05,), unit="float_sgd:fp16:momentum", momentum=0.9),
    methods.float_unit("fp8", "E4M3, stochastic, rates 2^-k", grid=(0.5,), unit="float_sgd:e4m3:pow2:sr12"),
    methods.plain_integer_unit("int", "int8 SGD", grid=(4,)),
]


@pytest.mark.parametrize("method", RIVALS, ids=lambda method: method.key)
def test_every_rival_learns(digits, method):
    run = train.train(method, method.grid[0], 0, digits, epochs=3)
    assert run.test_accuracy[-1] > 0.8
    assert method.describe(method.grid[0])


def test_runs_do_not_depend_on_the_number_of_processes(digits):
    short = [replace(methods.HEADLINE, grid=(-6,)), replace(methods.RIVAL, grid=(0.5,))]
    one = train.train_all(short, digits, seeds=2, epochs=2, jobs=1)
    two = train.train_all(short, digits, seeds=2, epochs=2, jobs=2)
    assert len(one) == len(two) == 4
    for a, b in zip(one, two, strict=True):
        assert [(w == v).all() for w, v in zip(a.weights, b.weights, strict=True)] == [True] * len(a.weights)
        assert replace(a, weights=[]) == replace(b, weights=[])


def test_seeds_give_different_runs_and_methods_share_start_and_order(digits):
    assert not (train.start_weights(0)[0] == train.start_weights(1)[0]).all()
    unit, rival = train.Trainee(methods.HEADLINE, -6, 4), train.Trainee(methods.RIVAL, 0.1, 4)
    for a, b in zip(unit.values, rival.values, strict=True):
        assert (a == b).all()
    assert {int(w.min()) for w in unit.weights} == {-20}
    assert {int(w.max()) for w in unit.weights} == {20}


def test_each_layer_of_each_run_has_its_own_unit_seed():
    seeds = {train.unit_seed(seed, layer) for seed in range(100) for layer in range(2)}
    assert len(seeds) == 200


def test_every_image_is_seen_once_an_epoch(digits):
    seen = []

    class Counting:
        values = train.Trainee(methods.RIVAL, 0.1, 0).values

        def update(self, gradients, step, steps):
            seen.append((step, steps))

    list(train.iterate(Counting(), digits, 0, 2))
    assert seen == [(step, 38) for step in range(38)]
    assert train.steps_per_epoch(digits) * methods.BATCH - len(digits.fit) == 19


def test_falling_values_are_exact_and_others_constant():
    config = methods.layer_config(0)
    headline = [methods.HEADLINE.schedule(config, -6, step, 570) for step in range(570)]
    assert [headline[i]["trials"] for i in (0, 1, 285, 569)] == [832, 832 * 569 // 570, 416, 1]
    assert {(step["threshold"], step["smoothing"]) for step in headline} == {(65536, 0)}
    gated = [METHODS["unit_gated"].schedule(config, -6, step, 570) for step in range(570)]
    assert [gated[i]["threshold"] for i in (0, 285, 569)] == [65536, 32768, 65536 // 570]
    assert {step["trials"] for step in gated} == {832}
    assert {astuple_of(METHODS["unit_full"].schedule(config, -6, step, 570)) for step in (0, 569)} == {(4160, 65536, 1)}
    assert METHODS["float_falling"].schedule(None, 0.5, 285, 570) == {"learning_rate": 0.25}
    assert methods.RIVAL.schedule(None, 0.5, 285, 570) == {"learning_rate": 0.5}


def test_momentum_is_sampled_by_few_trials_that_fall():
    config = methods.MOMENTUM.config(0)
    assert config == methods.layer_config(0).replace(momentum_bits=12)
    values = [methods.MOMENTUM.schedule(config, -5, step, 570) for step in range(570)]
    assert {(each["decay"], each["smoothing"], each["threshold"]) for each in values} == {(3, 0, 65536)}
    trials = [each["trials"] for each in values]
    assert (trials[0], trials[-1], trials) == (124, 0, sorted(trials, reverse=True))
    assert sum(trials) / 570 < 0.015 * config.depth
    assert methods.MOMENTUM.describe(-5) == (
        "n = 0.03 d falling linearly to 0, T = 2^k, c = 0, means of 12 bits with b = 3, weight scale 1/32"
    )


def astuple_of(values):
    return values["trials"], values["threshold"], values["smoothing"]


@pytest.mark.nightly  # every demo judges them, too
def test_the_claims_hold(digits):
    """With all their settings and seeds, on the real data."""
    compared = list(dict.fromkeys([claim.method for claim in CLAIMS] + [methods.RIVAL]))
    summaries = summarise(compared, train.train_all(compared, digits, seeds=LEAST_SEEDS))
    by_key = {summary.key: summary for summary in summaries}
    for claim, judgement in zip(CLAIMS, judge(summaries, LEAST_SEEDS), strict=True):
        summary = by_key[claim.method.key]
        assert judgement.failures == []
        assert judgement.holds
        assert judgement.unit > 0.96
        assert max(judgement.rival, judgement.rival_best) > 0.965
        assert [counted["steps"] for counted in summary.counters] == [LEAST_SEEDS * 570] * 2
        for layer, counted in enumerate(summary.counters):
            config = claim.method.config(layer)
            given = [claim.method.schedule(config, summary.setting, step, 570)["trials"] for step in range(570)]
            assert counted["open_trials"] == LEAST_SEEDS * sum(given)  # the gate is open
            assert sum(given) <= 570 * config.depth * judgement.trials
