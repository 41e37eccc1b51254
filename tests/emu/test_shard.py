"""Any number of shards gives the bits of one unit."""

import json
from itertools import accumulate, pairwise

import numpy as np
import pytest

from zimu.emu import parallel
from zimu.emu.shard import Shard
from zimu.emu.steps import Sampler
from zimu.emu.unit import ZimUnit, gradient_dtype, weight_dtype
from zimu.golden.errors import InputError
from zimu.golden.unit import UnitConfig

DEPTH = 1000


def config(**fields) -> UnitConfig:
    return UnitConfig(
        **{
            "name": "whole",
            "weight_bits": 5,
            "gradient_bits": 8,
            "smoothing_bits": 4,
            "depth": DEPTH,
            "lanes": 8,
            "gate_bits": 8,
            "prng": "philox4x32-10",
            "prng_lanes": 2,
        }
        | fields
    )


def problem(whole: UnitConfig, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights and gradients; a stretch of zeros makes a shard without mass where c = 0."""
    rng = np.random.default_rng(seed)
    weights = rng.integers(*whole.weight.limits, DEPTH, endpoint=True).astype(weight_dtype(whole))
    gradients = rng.integers(*whole.gradient.limits, DEPTH, endpoint=True).astype(gradient_dtype(whole))
    gradients[:170] = 0
    return weights, gradients


def edges(shards: int) -> list[tuple[int, int]]:
    cuts = [DEPTH * i // shards for i in range(shards + 1)]
    return list(pairwise(cuts))


@pytest.mark.parametrize("shards", [1, 2, 3, 7])
@pytest.mark.parametrize("fields", [{}, {"prng": "xoshiro128++"}, {"gate": "step"}, {"gradient_bits": 32}])
def test_shards_are_one_unit(shards, fields):
    whole = config(**fields)
    unit, parts = ZimUnit(whole, 9), [Shard(whole, 9, *edge) for edge in edges(shards)]
    weights, _ = problem(whole, 0)
    own = [weights[part.first : part.last].copy() for part in parts]
    for number, (trials, threshold, smoothing) in enumerate([(1000, 256, 1), (40, 100, 0), (3000, 200, 15), (0, 9, 1)]):
        _, gradients = problem(whole, number)
        run = {"trials": trials, "threshold": threshold, "smoothing": smoothing}
        expected = unit.step(weights, gradients, **run)
        masses = [part.mass(gradients[part.first : part.last], smoothing) for part in parts]
        results = [
            part.step(mine, gradients[part.first : part.last], **run, before=before, mass=sum(masses))
            for part, mine, before in zip(parts, own, accumulate([0, *masses[:-1]]), strict=True)
        ]
        assert np.concatenate(own).tolist() == weights.tolist()
        for part, result in zip(parts, results, strict=True):
            assert result._replace(discarded_trials=0, saturations=0) == expected._replace(
                discarded_trials=0, saturations=0
            )
            assert part.state()["streams"] == unit.state()["streams"]
        assert sum(result.discarded_trials for result in results) == expected.discarded_trials
        assert sum(result.saturations for result in results) == expected.saturations
    assert expected.mass > 0
    assert unit.counters.saturations > 0


def test_a_shard_continues_from_its_saved_state():
    whole = config()
    weights, gradients = problem(whole, 3)
    run = {"trials": 500, "threshold": 256, "smoothing": 1}
    shard = Shard(whole, 4, 100, 400)
    part, mine = gradients[100:400], weights[100:400].copy()
    where = {"before": 50, "mass": 50 + shard.mass(part, 1) + 70_000}
    shard.step(mine, part, **run, **where)
    restored, other = Shard.restore(whole, json.loads(json.dumps(shard.state())), 100, 400), mine.copy()
    assert shard.step(mine, part, **run, **where) == restored.step(other, part, **run, **where)
    assert mine.tolist() == other.tolist()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"before": -1}, "before = -1: must be in 0.."),
        ({"before": 10**6}, "before = 1000000: must be in 0.."),
        ({"mass": 5}, "mass = 5: must be in "),
        ({"mass": 2**40}, "mass = 1099511627776: must be in "),
        ({"weights": np.zeros(DEPTH, np.int8)}, "weights has shape (1000,): must be (300,)"),
        ({"trials": -1}, "trials = -1: must be in 0..4294967295"),
    ],
)
def test_an_argument_that_does_not_fit_is_refused(change, message):
    shard, (weights, gradients) = Shard(config(), 4, 100, 400), problem(config(), 3)
    own = shard.mass(gradients[100:400], 1)
    arguments = {
        "weights": weights[100:400],
        "gradients": gradients[100:400],
        "trials": 5,
        "threshold": 1,
        "smoothing": 1,
        "before": 10,
        "mass": own + 20,
    }
    before = shard.state()
    with pytest.raises(InputError) as refusal:
        shard.step(**arguments | change)
    assert str(refusal.value).startswith(message)
    assert shard.state() == before


@pytest.mark.parametrize(
    ("gradients", "message"),
    [
        (np.ones(600, np.int8)[::2], "gradients is strided or unaligned: must be C-contiguous"),
        (np.ones(300), "gradients has dtype float64: must be int8"),
        (np.ones(300, np.int16), "gradients has dtype int16: must be int8"),
        (np.ones(1000, np.int8), "gradients has shape (1000,): must be (300,)"),
        (np.ones((3, 100), np.int8), "gradients has shape (3, 100): must be (300,)"),
        (np.full(300, 8, np.int8), "gradients[0] = 8: must be in -8..7"),
        (np.ma.masked_equal(np.ones(300, np.int8), 1), "gradients is a masked array: must be a plain one"),
        ([1] * 300, "gradients is a list: must be a numpy array of int8, shape (300,)"),
    ],
)
def test_a_mass_of_what_are_no_gradients_of_the_shard_is_refused(gradients, message):
    shard = Shard(config(gradient_bits=4), 4, 100, 400)
    with pytest.raises(InputError) as refusal:
        shard.mass(gradients, 1)
    assert str(refusal.value).startswith(message)
    assert shard.mass(np.full(300, -8, np.int8), 1) == 300 * 9


def test_only_the_inverse_sampler_is_sharded():
    with pytest.raises(InputError, match=r"^sampler = 'split': must be 'inverse' to be sharded$"):
        Shard(config(sampler="split", tile=64), 1, 0, 10)


@pytest.mark.parametrize(("first", "last"), [(-1, 5), (5, 5), (0, DEPTH + 1)])
def test_a_range_outside_the_unit_is_refused(first, last):
    with pytest.raises(InputError, match="must be in"):
        Shard(config(), 1, first, last)


SPLIT = {"sampler": "split", "tile": 32, "subtrees": 8, "tile_streams": 2}


@pytest.mark.parametrize("fields", [{}, {"gradient_bits": 32}, SPLIT, SPLIT | {"gradient_bits": 20}])
@pytest.mark.parametrize("threads", [2, 3, 8])
def test_threads_change_no_bit(monkeypatch, fields, threads):
    monkeypatch.setattr(parallel, "GRAIN", 1)
    monkeypatch.setattr(Sampler, "is_small", lambda _, __: False)
    whole = config(**fields)
    one, many = ZimUnit(whole, 7), ZimUnit(whole, 7, threads)
    weights, _ = problem(whole, 0)
    others = weights.copy()
    for number, trials in enumerate([DEPTH, 20, 5000]):
        _, gradients = problem(whole, number)
        run = {"gradients": gradients, "trials": trials, "threshold": 250, "smoothing": 1}
        assert one.step(weights, **run) == many.step(others, **run)
        assert weights.tolist() == others.tolist()
        assert one.state() == many.state()
