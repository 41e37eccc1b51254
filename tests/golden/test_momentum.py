"""Integer momentum: its fixed points and its range, exhaustively over small widths; n from the mass."""

from itertools import product

import pytest

from zimu.golden.errors import InputError
from zimu.golden.momentum import Momentum
from zimu.golden.unit import Counters, ReferenceUnit, UnitConfig

CONFIG = UnitConfig(
    name="mean", weight_bits=6, gradient_bits=4, smoothing_bits=2, depth=4, lanes=2, gate_bits=2, momentum_bits=8
)
PLAIN = CONFIG.replace(momentum_bits=None)
RUN = {"trials": 30, "threshold": 4, "smoothing": 0}
SCALED = PLAIN.replace(trials_shift=4)

WIDTHS = [(bits, gradient_bits) for bits in range(3, 10) for gradient_bits in range(2, bits)]


def range_of(kind) -> range:
    return range(kind.limits[0], kind.limits[1] + 1)


def cases():
    """Every width, decay, constant gradient."""
    for widths in WIDTHS:
        momentum = Momentum(*widths)
        for g, b in product(range_of(momentum.sampled), range(momentum.max_decay + 1)):
            yield momentum, g, b


def test_the_fixed_points_are_those_of_the_law():
    for momentum, g, b in cases():
        t = g * 2**momentum.shift + 2 ** (momentum.shift - 1)
        fixed = [m for m in range_of(momentum.memory) if momentum.step(m, g, b) == m]
        assert fixed == list(range(t - 2**b + 1, t + 1))
        assert {momentum.sample(m) for m in fixed} == {g}


def test_a_mean_reaches_a_fixed_point_from_anywhere_and_never_leaves_its_range():
    for momentum, g, b in cases():
        low, high = momentum.memory.limits
        t = (2 * g + 1) << momentum.shift >> 1
        for m in range_of(momentum.memory):
            after = momentum.step(m, g, b)
            assert low <= min(m, t) <= after <= max(m, t) <= high
            # Every step that moves it brings it nearer, so it comes to rest; it rests at fixed points alone.
            assert after == m or abs(t - after) < abs(t - m)


def test_a_decay_of_0_gives_the_gradient_itself():
    for momentum, g, _ in cases():
        assert {momentum.sample(momentum.step(m, g, 0)) for m in range_of(momentum.memory)} == {g}


def test_a_larger_decay_than_allowed_would_trap_a_mean():
    """Why b ends at s - 1."""
    momentum = Momentum(6, 4)
    assert momentum.max_decay == 1
    resting = [m for m in range_of(momentum.memory) if momentum.step(m, 0, 2) == m]
    assert {momentum.sample(m) for m in resting} == {-1, 0}


@pytest.mark.parametrize(("bits", "most"), [(5, 0), (6, 1), (11, 6), (12, 7), (16, 7)])
def test_the_largest_decay_follows_from_the_widths(bits, most):
    config = CONFIG.replace(momentum_bits=bits)
    assert config.momentum.max_decay == most
    values = RUN | {"decay": most}
    assert config.registers(**values) == values
    with pytest.raises(InputError, match=rf"^decay = {most + 1}: must be in 0\.\.{most}$"):
        config.registers(**RUN, decay=most + 1)


def test_a_step_by_hand():
    # s = 4, so that m = 8 is a mean of 0 and 2^s * g + 8 that of g.
    unit = ReferenceUnit(CONFIG, 5)
    assert unit.memories == {"momentum": [8] * 4}
    unit.step([0] * 4, [4, -4, 1, 0], **RUN, decay=2)
    # t = 72, -56, 24, 8: a quarter of the way is 24, -8, 12, 8, whose upper four bits are 1, -1, 0, 0.
    assert unit.memories == {"momentum": [24, -8, 12, 8]}
    assert unit.counters.mass == 2
    weights = unit.step([0] * 4, [4, -4, 1, 0], **RUN, decay=2)
    # -8 + floor((-56 + 8) / 4) = -20; 12 + floor(12 / 4) = 15: means of 2, -2, 0, 0.
    assert unit.memories == {"momentum": [36, -20, 15, 8]}
    assert unit.counters.mass == 2 + 2
    assert weights[1] - weights[0] == 30
    assert weights[0] < 0 < weights[1]
    assert weights[2:] == [0, 0]


def test_floor_is_towards_minus_infinity():
    assert Momentum(8, 4).step(8, -1, 2) == 8 + -4
    assert Momentum(8, 4).step(8, 0, 2) == 8
    assert Momentum(8, 4).step(9, 0, 2) == 8
    assert Momentum(8, 4).sample(-1) == -1


@pytest.mark.parametrize("encoding", ["twos_complement", "sign_magnitude"])
@pytest.mark.parametrize("gate", ["trial", "step"])
def test_without_decay_a_unit_is_one_without_momentum(encoding, gate):
    plain = ReferenceUnit(PLAIN.replace(gradient_encoding=encoding, gate=gate), 9)
    unit = ReferenceUnit(CONFIG.replace(gradient_encoding=encoding, gate=gate), 9)
    weights = same = [5, -5, 0, 31]
    for numbers in ([-7, 0, 3, 7], [0, 0, 0, 0], [1, -1, 1, -1], [-7, -7, -7, -7]):
        gradients = list(map(plain.config.encoding.encode, numbers))
        run = {"trials": 9, "threshold": 3, "smoothing": 0}
        weights = plain.step(weights, gradients, **run)
        same = unit.step(same, gradients, **run, decay=0)
        assert same == weights
        assert unit.counters == plain.counters
    assert unit.gate_stream.state == plain.gate_stream.state
    assert unit.sampler.trials.state == plain.sampler.trials.state


@pytest.mark.parametrize("run", [{"trials": 0}, {"threshold": 0}, {"gradients": [0] * 4}], ids=str)
@pytest.mark.parametrize("gate", ["trial", "step"])
def test_means_move_in_every_step(run, gate):
    """Also without trials, behind a shut gate, and where the step is empty."""
    unit = ReferenceUnit(CONFIG.replace(gate=gate), 5)
    unit.memories["momentum"] = [20, 8, 8, 15]
    values = {"gradients": [1] * 4, "decay": 3} | RUN | run
    weights = unit.step([1, 2, 3, 4], values.pop("gradients"), **values)
    target = 24 if run.get("gradients") is None else 8
    assert unit.memories["momentum"] == [m + (target - m) // 8 for m in (20, 8, 8, 15)]
    assert unit.counters.steps == 1
    assert (weights == [1, 2, 3, 4]) == (unit.counters.open_trials == 0)


def test_a_sampled_mean_may_be_the_most_negative_number_in_both_encodings():
    """The user's memory may hold anything, so masses are those of two's complement."""
    config = CONFIG.replace(gradient_encoding="sign_magnitude")
    assert config.max_weight_mass == CONFIG.max_weight_mass == 8 + 3
    unit = ReferenceUnit(config, 1)
    unit.memories["momentum"] = [-128] * 4
    unit.step([0] * 4, [0b1111] * 4, **RUN, decay=3)
    assert unit.counters.mass == 4 * 8


# What is refused


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"momentum_bits": 4}, "momentum_bits = 4: must be in 5..16, above a gradient's"),
        ({"momentum_bits": 2}, "momentum_bits = 2: must be an integer in 3..16"),
        ({"momentum_bits": 17}, "momentum_bits = 17: must be an integer in 3..16"),
        ({"gradient_bits": 16}, "gradient_bits = 16: must be in 2..15 with momentum"),
        ({"trials_shift": 64}, "trials_shift = 64: must be an integer in 0..63"),
        ({"trials_shift": -1}, "trials_shift = -1: must be an integer in 0..63"),
        ({"gradient_encoding": "excess"}, "gradient_encoding = 'excess': must be one of 'twos_complement', 'sign_"),
        (
            {"sampler": "split", "momentum_bits": 8, "form": None},
            "momentum_bits = 8: the split sampler has none: remove it",
        ),
        ({"sampler": "split", "trials_shift": 8}, "trials_shift = 8: the split sampler has none: remove it"),
    ],
)
def test_an_option_that_does_not_fit_is_refused(fields, message):
    with pytest.raises(InputError) as refusal:
        CONFIG.replace(**fields)
    assert str(refusal.value).startswith(message)


@pytest.mark.parametrize(
    ("config", "values", "message"),
    [
        (PLAIN, {"decay": 0}, "decay = 0: this unit has none, leave it out (momentum_bits gives one)"),
        (PLAIN, {"rate": 0}, "rate = 0: this unit has none, leave it out (trials_shift gives one)"),
        (CONFIG, {}, "decay is missing: must be an integer in 0..3"),
        (CONFIG, {"decay": -1}, "decay = -1: must be in 0..3"),
        (CONFIG, {"decay": 1.0}, "decay = 1.0: must be an integer in 0..3"),
        (SCALED, {}, "rate is missing: must be an integer in 0..65535"),
        (SCALED, {"rate": 65536}, "rate = 65536: must be in 0..65535"),
    ],
)
def test_a_run_time_value_that_the_unit_has_not_or_wants_is_named(config, values, message):
    unit = ReferenceUnit(config, 5)
    before = unit.gate_stream.state, unit.memories, unit.counters
    with pytest.raises(InputError) as refusal:
        unit.step([0] * 4, [1] * 4, **RUN, **values)
    assert str(refusal.value) == message
    assert (unit.gate_stream.state, unit.memories, unit.counters) == before


def test_the_fields_of_a_sampler_go_with_it():
    assert CONFIG.replace(sampler="split", tile=4) == PLAIN.replace(sampler="split", tile=4)
    assert CONFIG.values.keys() == {"trials", "threshold", "smoothing", "decay"}
    assert SCALED.replace(momentum_bits=8).values.keys() == {"trials", "threshold", "smoothing", "decay", "rate"}


# n from the mass


@pytest.mark.parametrize(
    ("gradients", "smoothing", "rate", "trials"),
    [
        # W = 10: floor(10 * rate / 16), at most 30.
        ([4, -4, 1, 1], 0, 16, 10),
        ([4, -4, 1, 1], 0, 17, 10),
        ([4, -4, 1, 1], 0, 18, 11),
        ([4, -4, 1, 1], 0, 1, 0),
        ([4, -4, 1, 1], 0, 2, 1),
        ([4, -4, 1, 1], 0, 49, 30),
        ([4, -4, 1, 1], 0, 50, 30),
        ([4, -4, 1, 1], 0, 65535, 30),
        ([4, -4, 1, 1], 0, 0, 0),
        # Smoothing's share counts.
        ([4, -4, 1, 1], 3, 16, 22),
        ([0, 0, 0, 0], 1, 16, 4),
        ([0, 0, 0, 0], 0, 65535, 0),
    ],
)
@pytest.mark.parametrize("gate", ["trial", "step"])
def test_trials_follow_from_the_mass(gradients, smoothing, rate, trials, gate):
    scaled, plain = (ReferenceUnit(config.replace(gate=gate), 3) for config in (SCALED, PLAIN))
    values = {"threshold": 4, "smoothing": smoothing}
    weights = scaled.step([0] * 4, gradients, **values, trials=30, rate=rate)
    assert weights == plain.step([0] * 4, gradients, **values, trials=trials)
    assert scaled.counters == plain.counters == Counters(1, trials, *plain.counters[2:])
    # A gate word for each of the n trials, or one.
    assert scaled.gate_stream.state == plain.gate_stream.state


def test_the_largest_product_is_exact():
    config = SCALED.replace(gradient_bits=32, depth=2**17 - 1, smoothing_bits=0, trials_shift=63)
    assert config.max_mass * 65535 >> 63 == 1
    assert (config.max_mass // 2) * 65535 >> 63 == 0
