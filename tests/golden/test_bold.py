"""BOLD's rule against its definition in rational numbers, its default retention, its configuration."""

from fractions import Fraction
from itertools import product
from math import trunc

import pytest

from zimu.golden.bold import BoldConfig, ReferenceBold, step
from zimu.golden.errors import InputError
from zimu.golden.names import named
from zimu.golden.rule import from_toml


def configure(**fields) -> BoldConfig:
    small = {"accumulator_bits": 4, "fraction_bits": 1, "vote_bits": 3, "retention_bits": 2, "depth": 6}
    return BoldConfig(name="flips", **small | fields)


@pytest.mark.parametrize("fraction_bits", [0, 1, 2])
def test_every_step_of_a_small_unit_is_the_definition(fraction_bits):
    config = configure(fraction_bits=fraction_bits)
    one = Fraction(1, 2**fraction_bits)  # what an accumulator counts in
    for w, m, q, e, b in product((0, 1), range(-8, 8), range(-4, 4), range(4), range(5)):
        moved = trunc(Fraction(b, 4) * m) * one + q * 2**e * one
        held = min(max(moved, -8 * one), 7 * one)
        flips = held * (1 if w else -1) >= 1
        expected = (1 - w, 0) if flips else (w, held / one)
        assert step(config, w, m, q, shift=e, retention=b) == (*expected, held != moved, flips)


def test_without_votes_an_accumulator_decays_to_zero_from_both_sides():
    config = configure(accumulator_bits=12, fraction_bits=10, retention_bits=8)
    for m in (-900, 900):
        for _ in range(2000):
            _, m, _, _ = step(config, 1 if m < 0 else 0, m, 0, shift=0, retention=255)
        assert m == 0


def test_the_default_retention_is_the_share_that_did_not_flip():
    config = configure(depth=7, retention_bits=8)
    for flips in range(8):
        assert config.retention(flips) == Fraction(7 - flips, 7) * 256 // 1
    assert (config.retention(0), config.retention(7)) == (256, 0)
    with pytest.raises(InputError, match=r"^flips = 8: must be in 0\.\.7$"):
        config.retention(8)


def test_a_unit_counts_its_flips_and_forgets_what_flipped():
    config = configure(depth=3, accumulator_bits=6, fraction_bits=3)
    unit = ReferenceBold(config, 0)
    weights = [1, 0, 1]
    for _ in range(3):
        weights = unit.step(weights, [3, 3, -1], shift=0, retention=4)
    # 3 votes of 3 pass the threshold of 8 where the weight agrees in sign.
    assert weights == [0, 0, 1]
    assert unit.memories == {"accumulator": [0, 9, -3]}
    assert unit.counters == (3, 0, 1, 1)
    unit.step(weights, [0, 0, 0], shift=0, retention=4)
    assert unit.counters == (4, 0, 1, 0)


@pytest.mark.parametrize(
    ("weights", "votes", "values", "message"),
    [
        ([2] * 6, [0] * 6, {}, "weights[0] = 2: must be in 0..1"),
        ([0] * 6, [4] * 6, {}, "gradients[0] = 4: must be in -4..3"),
        ([0] * 6, [0] * 6, {"shift": 4}, "shift = 4: must be in 0..3"),
        ([0] * 6, [0] * 6, {"retention": 5}, "retention = 5: must be in 0..4"),
    ],
)
def test_a_refused_step_changes_nothing(weights, votes, values, message):
    unit = ReferenceBold(configure(), 0)
    with pytest.raises(InputError) as refusal:
        unit.step(weights, votes, **{"shift": 0, "retention": 4} | values)
    assert str(refusal.value) == message
    assert unit.counters == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"accumulator_bits": 1}, r"^accumulator_bits = 1: must be an integer in 2\.\.32$"),
        ({"fraction_bits": 3}, r"^fraction_bits = 3: must be in 0\.\.2, so that m can reach 2\^fraction_bits"),
        ({"vote_bits": 17}, r"^vote_bits = 17: must be an integer in 2\.\.16$"),
        ({"retention_bits": 0}, r"^retention_bits = 0: must be an integer in 1\.\.16$"),
    ],
)
def test_a_field_out_of_range_is_one_line(fields, message):
    with pytest.raises(InputError, match=message):
        configure(**fields)


def test_a_unit_has_a_name_and_a_file():
    config = named("bold:8")
    assert (config.accumulator_bits, config.threshold, config.vote_bits, config.retention_bits) == (8, 32, 8, 8)
    assert from_toml(config.to_toml()) == config
    assert 'rule = "bold"' in config.to_toml()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bold:x", "bold:BITS"),
        ("bold:3", r"BITS = 3: must be in 4\.\.32"),
        ("bold:8:9", "option = '9': must be one of 'xN', "),
    ],
)
def test_another_name_is_refused(name, message):
    with pytest.raises(InputError, match=message):
        named(name)
