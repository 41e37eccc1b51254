"""Options of the unit that the property test meets at random: means of gradients, n from the mass, signs of zeros."""

import json

import numpy as np
import pytest

from zimu.emu import parallel
from zimu.emu.arrays import integer_dtype
from zimu.emu.batch import Batch
from zimu.emu.momentum import Means, update_means
from zimu.emu.sampler import trials_of_step
from zimu.emu.shard import Shard
from zimu.emu.states import checksum
from zimu.emu.steps import Run, Sampler
from zimu.emu.unit import ZimUnit, from_patterns
from zimu.emu.update import ListUnit
from zimu.golden.errors import InputError
from zimu.golden.momentum import Momentum
from zimu.golden.rule import Integer
from zimu.golden.unit import ReferenceUnit, UnitConfig

CONFIG = UnitConfig(
    name="mean",
    weight_bits=6,
    gradient_bits=8,
    smoothing_bits=2,
    depth=200,
    lanes=8,
    gate_bits=8,
    momentum_bits=14,
    trials_shift=12,
)
PLAIN = CONFIG.replace(momentum_bits=None, trials_shift=None)
RUN = {"trials": 300, "threshold": 200, "smoothing": 1, "decay": 3, "rate": 40}


def arrays(config: UnitConfig, count: int, *rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights, and gradients of ``count`` steps."""
    rng = np.random.default_rng(count)
    weights = rng.integers(*config.weight.limits, (*rows, config.depth), endpoint=True).astype(np.int8)
    gradients = rng.integers(*config.encoding.limits, (count, *rows, config.depth), endpoint=True)
    return weights, gradients.astype(np.int8)


# Means


def update(means, gradient: int, momentum: Momentum, decay: int) -> None:
    """Move all means towards one gradient, in two parts."""
    given = np.full(means.size, gradient, integer_dtype(momentum.sampled))
    part = means.size // 3
    for first, last in ((0, part), (part, means.size)):
        update_means(Means(means, given, momentum.bits, momentum.shift, decay), first, last)


@pytest.mark.parametrize("widths", [(3, 2), (5, 2), (8, 4), (8, 7), (9, 8), (10, 3), (11, 10), (12, 9)], ids=str)
def test_the_kernel_is_the_law(widths):
    """Every mean, gradient and decay; means of a byte and of two, gradients too."""
    momentum = Momentum(*widths)
    low, high = momentum.memory.limits
    every = list(range(low, high + 1))
    for decay in range(momentum.max_decay + 1):
        for g in range(momentum.sampled.limits[0], momentum.sampled.limits[1] + 1):
            means = np.array(every, integer_dtype(momentum.memory))
            update(means, g, momentum, decay)
            assert means.tolist() == [momentum.step(m, g, decay) for m in every]


@pytest.mark.parametrize("bits", [15, 16])
def test_the_widest_means_are_the_law(bits):
    """What is added to a mean fits 16 bits where the mean has 15."""
    shift = bits - 8
    every = np.arange(-(2 ** (bits - 1)), 2 ** (bits - 1))
    for decay in range(shift):
        for g in (-128, -127, -1, 0, 1, 126, 127):
            means = every.astype(np.int16)
            update(means, g, Momentum(bits, 8), decay)
            wanted = every + (g * 2**shift + 2 ** (shift - 1) - every) // 2**decay
            assert means.tolist() == wanted.tolist()


@pytest.mark.parametrize("encoding", ["twos_complement", "sign_magnitude"])
@pytest.mark.parametrize("whole", [True, False])
def test_without_decay_a_unit_is_one_without_momentum(monkeypatch, encoding, whole):
    monkeypatch.setattr(Sampler, "is_small", lambda _, __: whole)
    plain = ZimUnit(PLAIN.replace(gradient_encoding=encoding), 9)
    unit = ZimUnit(plain.config.replace(momentum_bits=16), 9)
    # Only of the encoding that has no most negative gradient the widths of a draw might differ.
    assert plain.config.draw_words == unit.config.draw_words
    weights, gradients = arrays(plain.config, 5)
    gradients[2] = 0
    same = weights.copy()
    for each in gradients:
        run = {"trials": 300, "threshold": 200, "smoothing": 0}
        assert plain.step(weights, each, **run) == unit.step(same, each, **run, decay=0)
    assert same.tolist() == weights.tolist()
    assert unit.counters == plain.counters
    assert unit.state()["streams"] == plain.state()["streams"]


def test_means_begin_at_a_mean_of_zero():
    assert set(ZimUnit(CONFIG).memories["momentum"].tolist()) == {32}
    assert {unit.memories["momentum"][0] for unit in Batch(CONFIG, range(3)).units} == {32}


def test_gradients_are_not_written():
    weights, (gradients,) = arrays(CONFIG, 1)
    kept = gradients.copy()
    ZimUnit(CONFIG, 1).step(weights, gradients, **RUN)
    assert np.array_equal(gradients, kept)


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_no_bit(monkeypatch, threads):
    monkeypatch.setattr(parallel, "GRAIN", 1)
    monkeypatch.setattr(Sampler, "is_small", lambda _, __: False)
    config = CONFIG.replace(depth=3000)  # parts of several blocks
    one, many = ZimUnit(config, 7), ZimUnit(config, 7, threads)
    weights, gradients = arrays(config, 4)
    others = weights.copy()
    for each in gradients:
        assert one.step(weights, each, **RUN) == many.step(others, each, **RUN)
    assert weights.tolist() == others.tolist()
    assert one.state() == many.state()


# Batches, shards, states


@pytest.mark.parametrize("fields", [{}, {"gate": "step"}, {"gradient_encoding": "sign_magnitude"}], ids=str)
@pytest.mark.parametrize("whole", [True, False])
def test_a_batch_is_its_units(monkeypatch, fields, whole):
    monkeypatch.setattr(Sampler, "is_small", lambda _, __: whole)
    monkeypatch.setattr(parallel, "GRAIN", 1)
    config, seeds = CONFIG.replace(**fields), [5, 0, 77]
    batch, alone = Batch(config, seeds, 2), [ZimUnit(config, seed) for seed in seeds]
    weights, gradients = arrays(config, 4, 3)
    expected = weights.copy()
    for results, each in zip(batch.steps(weights, gradients, **RUN), gradients, strict=True):
        assert results == [unit.step(w, g, **RUN) for unit, w, g in zip(alone, expected, each, strict=True)]
    # A unit of a batch may take a step by itself, and the batch goes on from there.
    assert batch.units[1].step(weights[1], gradients[0, 1], **RUN) == alone[1].step(expected[1], gradients[0, 1], **RUN)
    batch.step(weights, gradients[1], **RUN)
    for unit, w, g in zip(alone, expected, gradients[1], strict=True):
        unit.step(w, g, **RUN)
    assert weights.tolist() == expected.tolist()
    assert [unit.state() for unit in batch.units] == [unit.state() for unit in alone]
    again = Batch.restore(config, json.loads(json.dumps(batch.state())))
    assert again.state() == batch.state()
    assert again.step(weights, gradients[2], **RUN) == batch.step(expected, gradients[2], **RUN)


def test_a_shard_takes_n_from_the_mass_of_all():
    config = CONFIG.replace(momentum_bits=None, gradient_encoding="sign_magnitude")
    run = {name: value for name, value in RUN.items() if name != "decay"}
    unit, left, right = ZimUnit(config, 5), Shard(config, 5, 0, 90), Shard(config, 5, 90, 200)
    weights, gradients = arrays(config, 3)
    halves = weights[:90].copy(), weights[90:].copy()
    for each in gradients:
        expected = unit.step(weights, each, **run)
        before, rest = left.mass(each[:90], 1), right.mass(each[90:], 1)
        for shard, own, part, at in zip((left, right), halves, (each[:90], each[90:]), (0, before), strict=True):
            result = shard.step(own, part, **run, before=at, mass=before + rest)
            assert (result.trials, result.open_trials) == (expected.trials, expected.open_trials)
        assert np.concatenate(halves).tolist() == weights.tolist()
    assert 0 < expected.trials < 300


def test_a_unit_with_momentum_is_not_sharded():
    with pytest.raises(InputError, match=r"^momentum_bits = 14: must be left out where weights are sharded$"):
        Shard(CONFIG, 1, 0, 10)


def test_a_saved_state_carries_the_means():
    unit = ZimUnit(CONFIG, 5)
    weights, gradients = arrays(CONFIG, 6)
    for each in gradients[:3]:
        unit.step(weights, each, **RUN)
    state = json.loads(json.dumps(unit.state()))
    assert state["memories"] == {"momentum": unit.memories["momentum"].tolist()}
    again, others = ZimUnit.restore(CONFIG, state), weights.copy()
    for each in gradients[3:]:
        assert unit.step(weights, each, **RUN) == again.step(others, each, **RUN)
    assert weights.tolist() == others.tolist()
    assert unit.state() == again.state()
    state["memories"]["momentum"][7] = 2**13
    state["checksum"] = checksum(state)
    with pytest.raises(InputError, match=r"^state momentum\[7\] = 8192: must be in -8192\.\.8191$"):
        ZimUnit.restore(CONFIG, state)


@pytest.mark.parametrize(
    ("saved", "other", "message"),
    [
        (PLAIN, CONFIG, "momentum_bits = None: must be 14 as in the configuration given"),
        (CONFIG, PLAIN, "momentum_bits = 14: must be None as in the configuration given"),
        (
            PLAIN.replace(gradient_encoding="sign_magnitude"),
            PLAIN,
            "gradient_encoding = 'sign_magnitude': must be 'twos_complement' as in",
        ),
    ],
)
def test_a_state_of_other_options_is_refused_by_name(saved, other, message):
    with pytest.raises(InputError) as refusal:
        ZimUnit.restore(other, ZimUnit(saved, 5).state())
    assert str(refusal.value).startswith(f"the state was saved by another configuration, {message}")


def test_a_state_without_options_names_none():
    """So it is one that a release before them would have saved, or can load."""
    assert not {"gradient_encoding", "momentum_bits", "trials_shift"} & ZimUnit(PLAIN, 5).state()["config"].keys()


# n from the mass


@pytest.mark.parametrize("shift", [0, 1, 15, 16, 17, 31, 32, 47, 48, 62, 63])
def test_trials_are_exact_up_to_64_bits(shift):
    masses = [0, 1, 2, 3, 2**16, 2**31 - 1, 2**32, 2**32 + 1, 2**47, 2**48 - 2, 2**48 - 1]
    for mass in masses:
        for rate in (0, 1, 2, 3, 32767, 32768, 65535):
            for limit in (0, 1, 1000, 2**31, 2**32 - 1):
                assert trials_of_step(limit, mass, rate, shift) == min(limit, mass * rate // 2**shift)


def test_trials_are_the_limit_without_a_shift():
    assert trials_of_step(2**32 - 1, 0, 0, -1) == 2**32 - 1


def test_a_step_tells_its_trials():
    weights, (gradients,) = arrays(CONFIG, 1)
    mass = sum(abs(int(g)) + 1 for g in gradients)
    unit = ZimUnit(CONFIG.replace(momentum_bits=None), 5)
    run = {name: value for name, value in RUN.items() if name not in ("decay", "rate")}
    assert unit.step(weights, gradients, **run, rate=40).trials == mass * 40 // 4096 < 300
    assert unit.step(weights, gradients, **run, rate=65535).trials == 300
    assert unit.step(weights, gradients * 0, **run | {"smoothing": 0}, rate=65535).trials == 0
    assert ZimUnit(PLAIN, 5).step(weights, gradients, **run).trials == 300


def test_a_limit_far_above_n_slows_no_step():
    """How a step is taken follows from the n that the rate allows, and changes no bit."""
    config = CONFIG.replace(momentum_bits=None)
    sampler, limit = ZimUnit(config).sampler, 2**32 - 1
    # At most 200 * (128 + 3) * rate / 2^12 trials.
    assert [sampler.is_small(Run(limit, 256, 0, rate=rate)) for rate in (10245, 10246)] == [True, False]
    assert [sampler.is_small(Run(most, 256, 0, rate=65535)) for most in (sampler.FEW, sampler.FEW + 1)] == [True, False]
    weights, (gradients,) = arrays(config, 1)
    run = {"threshold": 200, "smoothing": 1, "rate": 40}
    near, far = ZimUnit(config, 2), ZimUnit(config, 2)
    others = weights.copy()
    assert near.step(weights, gradients, trials=200, **run) == far.step(others, gradients, trials=limit, **run)
    assert weights.tolist() == others.tolist()


# Signs and magnitudes


def test_patterns_are_numbers_of_both_signs():
    config = PLAIN.replace(gradient_bits=4, gradient_encoding="sign_magnitude")
    assert from_patterns(config, list(range(16))) == [0, 1, 2, 3, 4, 5, 6, 7, 0, -1, -2, -3, -4, -5, -6, -7]
    assert from_patterns(PLAIN, [-128, 127, 0]) == [-128, 127, 0]


@pytest.mark.parametrize("sampler", ["inverse", "split"])
def test_a_unit_takes_patterns_and_numbers(sampler):
    config = PLAIN.replace(sampler=sampler, gradient_encoding="sign_magnitude", depth=6)
    units = ZimUnit(config, 3), ListUnit(config, 3), ReferenceUnit(config, 3)
    weights = np.zeros(6, np.int8)
    run = {"trials": 40, "threshold": 256, "smoothing": 1}
    units[0].step(weights, np.array([-3, 0, 0, 1, -1, 2], np.int8), **run)
    for unit in units[1:]:
        assert unit.step([0] * 6, [131, 128, 0, 1, 129, 2], **run) == weights.tolist()
        assert unit.counters == units[0].counters
    assert units[0].counters.discarded_trials > 0


@pytest.mark.parametrize(("bits", "dtype"), [(8, np.int8), (16, np.int16), (32, np.int32), (7, np.int8)])
@pytest.mark.parametrize("at", [0, 3])
def test_the_most_negative_number_is_refused(bits, dtype, at):
    config = PLAIN.replace(gradient_bits=bits, gradient_encoding="sign_magnitude", depth=4)
    unit, gradients = ZimUnit(config, 1), np.zeros(4, dtype)
    assert unit.gradient_dtype == dtype
    low, high = config.encoding.limits
    gradients[at] = low
    unit.step(np.zeros(4, np.int8), gradients, trials=1, threshold=1, smoothing=0)
    gradients[at] = low - 1
    before = unit.state()
    with pytest.raises(InputError, match=rf"^gradients\[{at}\] = {low - 1}: must be in {low}\.\.{high}$"):
        unit.step(np.zeros(4, np.int8), gradients, trials=1, threshold=1, smoothing=0)
    assert unit.state() == before
    assert Integer(bits, signed=True).limits[0] == low - 1
