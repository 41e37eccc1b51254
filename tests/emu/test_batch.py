"""A batch gives each unit the bits it would have alone."""

import numpy as np
import pytest

from zimu.emu import parallel
from zimu.emu.batch import Batch
from zimu.emu.states import checksum
from zimu.emu.steps import Sampler
from zimu.emu.unit import ZimUnit, gradient_dtype, weight_dtype
from zimu.golden.errors import InputError
from zimu.golden.unit import UnitConfig

SEEDS = [5, 2**64 - 1, 77, 0, 6]
SPLIT = {"sampler": "split", "tile": 16, "subtrees": 4, "tile_streams": 2}


def config(**fields) -> UnitConfig:
    return UnitConfig(
        **{"name": "one", "weight_bits": 5, "gradient_bits": 8, "smoothing_bits": 2, "depth": 200, "lanes": 8}
        | {"gate_bits": 8, "prng_lanes": 2}
        | fields
    )


def arrays(of: UnitConfig, steps: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(steps)
    weights = rng.integers(*of.weight.limits, (len(SEEDS), of.depth), endpoint=True).astype(weight_dtype(of))
    gradients = rng.integers(*of.gradient.limits, (steps, len(SEEDS), of.depth), endpoint=True)
    gradients[:, 3] = 0
    return weights, gradients.astype(gradient_dtype(of))


@pytest.mark.parametrize("fields", [{}, {"gate": "step"}, {"gradient_bits": 32}, SPLIT, SPLIT | {"gate": "step"}])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("whole", [True, False])
def test_a_batch_is_its_units(monkeypatch, fields, threads, whole):
    monkeypatch.setattr(Sampler, "is_small", lambda _, __: whole)
    monkeypatch.setattr(parallel, "GRAIN", 1)
    of = config(**fields)
    batch, alone = Batch(of, SEEDS, threads), [ZimUnit(of, seed) for seed in SEEDS]
    weights, gradients = arrays(of, 4)
    expected = weights.copy()
    run = {"trials": 300, "threshold": 200, "smoothing": 0}
    found = batch.steps(weights, gradients, **run)
    for step, results in enumerate(found):
        assert results == [
            unit.step(row, gradient, **run)
            for unit, row, gradient in zip(alone, expected, gradients[step], strict=True)
        ]
    assert weights.tolist() == expected.tolist()
    assert [unit.state() for unit in batch.units] == [unit.state() for unit in alone]
    assert batch.units[3].counters.empty_steps == 4


def test_a_step_that_is_refused_changes_nothing():
    batch = Batch(config(), SEEDS)
    weights, gradients = arrays(config(), 2)
    before, kept = [unit.state() for unit in batch.units], weights.copy()
    run = {"trials": 300, "threshold": 200, "smoothing": 0}
    for change, message in (
        ({"trials": -1}, "trials = -1: must be in"),
        ({"gradients": gradients[0]}, "gradients must be a numpy array of three dimensions: steps, units, depth"),
        ({"gradients": gradients[:, :4]}, "gradients has shape (4, 200): must be (5, 200)"),
        ({"weights": weights[0]}, "weights has shape (200,): must be (5, 200)"),
    ):
        with pytest.raises(InputError) as refusal:
            batch.steps(**{"weights": weights, "gradients": gradients, **run} | change)
        assert str(refusal.value).startswith(message)
    wrong = weights.copy()
    wrong[2, 7] = 16
    with pytest.raises(InputError, match=r"^weights\[2, 7\] = 16: must be in -16\.\.15$"):
        batch.step(wrong, gradients[0], **run)
    assert [unit.state() for unit in batch.units] == before
    assert weights.tolist() == kept.tolist()


def test_a_bad_value_of_many_steps_is_found_before_the_first_with_its_step():
    batch = Batch(config(gradient_bits=4), SEEDS)
    weights, gradients = np.zeros((5, 200), np.int8), np.zeros((3, 5, 200), np.int8)
    before = [unit.state() for unit in batch.units]
    gradients[2, 4, 199] = 8
    with pytest.raises(InputError, match=r"^gradients\[4, 199\] = 8: must be in -8\.\.7 \(step 2\)$"):
        batch.steps(weights, gradients, trials=9, threshold=256, smoothing=1)
    assert [unit.state() for unit in batch.units] == before
    assert not weights.any()


@pytest.mark.parametrize(
    ("seeds", "message"),
    [
        ([], "seeds is empty: must hold a seed for each unit"),
        (5, "seeds = 5: must hold a seed for each unit, such as range(8)"),
        (np.array(5), "seeds = array(5): must hold a seed for each unit, such as range(8)"),
        (None, "seeds = None: must hold a seed for each unit, such as range(8)"),
        ([1, 2**64], "seeds[1] = 18446744073709551616: must be in 0..18446744073709551615"),
        ("12", "seeds[0] = '1': must be an integer in 0..18446744073709551615"),
    ],
)
def test_a_batch_has_units(seeds, message):
    with pytest.raises(InputError) as refusal:
        Batch(config(), seeds)
    assert str(refusal.value) == message


def test_a_damaged_unit_of_a_saved_batch_is_named():
    state = Batch(config(), SEEDS).state()
    state["units"][3]["counters"]["steps"] = 7
    state["checksum"] = checksum(state)
    with pytest.raises(InputError, match=r"^units\[3\]: the state is damaged: its checksum does not fit"):
        Batch.restore(config(), state)
