"""The scalar reference, held against steps worked out by hand from the contract."""

import numpy as np
import pytest

from zimu.golden.errors import InputError
from zimu.golden.unit import Counters, ReferenceUnit, UnitConfig

CONFIG = UnitConfig(
    name="little", weight_bits=4, gradient_bits=4, smoothing_bits=2, depth=4, lanes=2, gate="trial", gate_bits=2
)
GRADIENTS = [-3, 0, 1, 0]
"""With c = 1 the masses are 4, 1, 2, 1 and W = 8: u of 0..3, 4, 5..6 and 7 land on weights 0 to 3."""


class Words:
    """A stream that yields the words it is given, one a row."""

    def __init__(self, *words: int) -> None:
        self.words = words

    def rows(self):
        for word in self.words:
            yield [word]


def unit_with(config: UnitConfig, gate: list[int], trials: list[int]) -> ReferenceUnit:
    unit = ReferenceUnit(config, 0)
    unit.gate_stream, unit.sampler.trials = Words(*gate), Words(*trials)
    return unit


def test_a_step_by_hand():
    # T = 3 of 4: the low two bits 3 keep the gate shut. Only the low three bits of a draw count.
    unit = unit_with(CONFIG, gate=[0, 3, 2, 0xFFFFFFF1, 7], trials=[3, 0xFFFFFFFC, 0x10000006])
    weights = unit.step([5, 5, 5, 5], GRADIENTS, trials=5, threshold=3, smoothing=1)
    assert weights == [6, 5, 4, 5]
    assert unit.counters == Counters(1, 3, 1, 0, 0, 0, 8)


def test_rejected_draws_by_hand():
    # c = 0: masses 3, 0, 1, 0 and W = 4; with gradient 2 more, W = 6 and a 3-bit draw of 6 or 7 is rejected.
    unit = unit_with(CONFIG, gate=[0, 0], trials=[6, 7, 5, 7, 2])
    assert unit.step([0, 0, 0, 0], [-3, 2, 0, 1], trials=2, threshold=4, smoothing=0) == [1, 0, 0, -1]
    assert unit.counters == Counters(1, 2, 0, 3, 0, 0, 6)


def test_rails_by_hand():
    unit = unit_with(CONFIG, gate=[0] * 5, trials=[0, 0, 0, 3, 3])
    assert unit.step([6, 0, -7, 0], GRADIENTS, trials=5, threshold=4, smoothing=0) == [7, 0, -8, 0]
    assert unit.counters == Counters(1, 5, 0, 0, 2 + 1, 0, 4)


@pytest.mark.parametrize(("word", "opened"), [(2, 3), (3, 0)])
def test_the_step_gate_takes_one_word(word, opened):
    unit = unit_with(CONFIG.replace(gate="step"), gate=[word], trials=[0, 0, 0])
    assert unit.step([0, 0, 0, 0], GRADIENTS, trials=3, threshold=3, smoothing=1) == [opened, 0, 0, 0]
    assert unit.counters.open_trials == opened


def test_the_step_gate_is_drawn_without_trials_but_not_without_mass():
    unit = ReferenceUnit(CONFIG.replace(gate="step"), 9)
    fresh = unit.gate_stream.state
    unit.step([0] * 4, [0] * 4, trials=3, threshold=3, smoothing=0)
    assert unit.gate_stream.state == fresh
    assert unit.counters == Counters(1, 0, 0, 0, 0, 1, 0)
    unit.step([0] * 4, GRADIENTS, trials=0, threshold=3, smoothing=0)
    assert unit.gate_stream.state != fresh


def test_two_word_draws_take_the_low_word_first():
    config = UnitConfig(name="wide", weight_bits=8, gradient_bits=32, smoothing_bits=0, depth=3, lanes=1, gate_bits=1)
    # W = 2^32 + 1: 33 bits. The first draw is 2^32, the only value that lands on weight 2; the second is rejected.
    unit = unit_with(config, gate=[0, 0], trials=[0, 0xFFFFFFFF, 1, 1, 0, 0])
    weights = unit.step([0, 0, 0], [-(2**31), -(2**31), -1], trials=2, threshold=2, smoothing=0)
    assert weights == [1, 0, 1]
    assert unit.counters == Counters(1, 2, 0, 1, 0, 0, 2**32 + 1)


def test_a_row_that_was_begun_is_dropped():
    config = CONFIG.replace(prng_lanes=4)
    unit, whole = ReferenceUnit(config, 5), ReferenceUnit(config, 5)
    unit.step([0] * 4, GRADIENTS, trials=1, threshold=4, smoothing=1)
    next(whole.sampler.trials.rows())
    assert unit.sampler.trials.state == whole.sampler.trials.state


def test_counters_wrap_at_32_bits():
    unit = ReferenceUnit(CONFIG, 5)
    unit.counters = Counters(*[2**32 - 1] * 6, 0)
    unit.step([7, 0, -8, 0], GRADIENTS, trials=9, threshold=4, smoothing=0)
    assert unit.counters.steps == 0
    assert unit.counters.open_trials == 8
    assert unit.counters.saturations == 8
    assert unit.counters.since(Counters(*[2**32 - 1] * 6, 0)) == Counters(1, 9, 0, 0, 9, 0, 4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trials": -1}, "trials = -1: must be in 0..4294967295"),
        ({"trials": 2**32}, "trials = 4294967296: must be in 0..4294967295"),
        ({"trials": 1.0}, "trials = 1.0: must be an integer in 0..4294967295"),
        ({"threshold": 5}, "threshold = 5: must be in 0..4"),
        ({"smoothing": 4}, "smoothing = 4: must be in 0..3"),
        ({"weights": [0, 0, 9, 0]}, "weights[2] = 9: must be in -8..7"),
        ({"gradients": [0, -9, 9, 0]}, "gradients[1] = -9: must be in -8..7"),
        ({"weights": [0]}, "weights has 1 values: must have depth = 4"),
        ({"weights": 7}, "weights is a int: must be a list of 4 integers"),
        ({"trials": np.array([3])}, "trials = array([3]): must be an integer in 0..4294967295"),
    ],
)
def test_bad_arguments_change_nothing(change, message):
    unit = ReferenceUnit(CONFIG, 5)
    before = unit.gate_stream.state, unit.sampler.trials.state, unit.counters
    arguments = {"weights": [0] * 4, "gradients": GRADIENTS, "trials": 3, "threshold": 3, "smoothing": 1} | change
    with pytest.raises(InputError) as refusal:
        unit.step(arguments.pop("weights"), arguments.pop("gradients"), **arguments)
    assert str(refusal.value) == message
    assert (unit.gate_stream.state, unit.sampler.trials.state, unit.counters) == before


@pytest.mark.parametrize("sampler", ["inverse", "split"])
@pytest.mark.parametrize("gate", ["trial", "step"])
def test_integers_of_numpy_are_as_good_as_plain_ones(sampler, gate):
    config = CONFIG.replace(sampler=sampler, gate=gate, gradient_bits=8)
    run = {"trials": 9, "threshold": 4, "smoothing": 3}
    plain, other = ReferenceUnit(config, 2**63 + 5), ReferenceUnit(config, np.uint64(2**63 + 5))
    weights, gradients = np.array([7, 0, -8, 1], np.int8), np.array([-128, 127, 0, -1], np.int8)
    expected = plain.step(weights.tolist(), gradients.tolist(), **run)
    got = other.step(weights, gradients, **{name: np.uint8(value) for name, value in run.items()})
    assert got == expected
    assert {type(value) for value in (*got, *other.counters)} == {int}
    assert other.counters == plain.counters
    assert other.gate_stream.state == plain.gate_stream.state


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_out_of_range_is_refused(seed):
    with pytest.raises(InputError, match=rf"^seed = {seed}: must be in 0\.\.18446744073709551615$"):
        ReferenceUnit(CONFIG, seed)
