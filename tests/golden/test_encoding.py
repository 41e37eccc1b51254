"""How gradients are held: every pattern of every small width, and what follows for the unit."""

import pytest

from zimu.golden.encoding import ENCODINGS, SignMagnitude, TwosComplement
from zimu.golden.errors import InputError
from zimu.golden.rule import Integer
from zimu.golden.unit import ReferenceUnit, UnitConfig

CONFIG = UnitConfig(
    name="signs",
    weight_bits=4,
    gradient_bits=4,
    gradient_encoding="sign_magnitude",
    smoothing_bits=2,
    depth=4,
    lanes=2,
    gate_bits=2,
)
RUN = {"trials": 40, "threshold": 4}


def patterns_of(encoding) -> range:
    low, high = encoding.pattern.limits
    return range(low, high + 1)


@pytest.mark.parametrize("bits", range(2, 11))
@pytest.mark.parametrize("name", ENCODINGS)
def test_every_number_has_its_pattern(name, bits):
    encoding = ENCODINGS[name](bits)
    low, high = encoding.limits
    numbers = {encoding.decode(pattern) for pattern in patterns_of(encoding)}
    assert len(patterns_of(encoding)) == 2**bits
    assert numbers == set(range(low, high + 1))
    assert [encoding.decode(encoding.encode(number)) for number in sorted(numbers)] == sorted(numbers)
    assert [pattern for pattern in patterns_of(encoding) if encoding.decode(pattern) == 0] == [*encoding.zeros]


def test_patterns_by_hand():
    encoding = SignMagnitude(4)
    assert [encoding.decode(pattern) for pattern in (0b0000, 0b0111, 0b1000, 0b1001, 0b1111)] == [0, 7, 0, -1, -7]
    assert [encoding.encode(number) for number in (0, 7, -1, -7)] == [0b0000, 0b0111, 0b1001, 0b1111]
    assert encoding.minus_zero == 0b1000
    assert (encoding.limits, encoding.pattern) == ((-7, 7), Integer(4))
    assert (TwosComplement(4).limits, TwosComplement(4).pattern) == ((-8, 7), Integer(4, signed=True))


def test_a_zero_with_a_sign_is_a_zero():
    """It has no mass of its own, moves no weight, and a hit on it is discarded."""
    plain, signed = ReferenceUnit(CONFIG, 3), ReferenceUnit(CONFIG, 3)
    for smoothing in (0, 1, 3):
        weights = plain.step([0] * 4, [0b1011, 0, 0, 0b0001], **RUN, smoothing=smoothing)
        assert signed.step([0] * 4, [0b1011, 0b1000, 0, 0b0001], **RUN, smoothing=smoothing) == weights
        assert weights[1] == weights[2] == 0
    assert signed.counters == plain.counters
    assert signed.counters.discarded_trials > 10
    assert signed.step([1] * 4, [0b1000] * 4, **RUN, smoothing=0) == [1] * 4
    assert signed.counters.empty_steps == 1


def test_a_unit_takes_the_same_steps_on_the_same_numbers():
    """Of both encodings, where the width of a draw is the same."""
    numbers = [-7, 3, 0, 7]
    units = [ReferenceUnit(CONFIG.replace(gradient_encoding=name), 8) for name in ENCODINGS]
    steps = [unit.step([0] * 4, list(map(unit.config.encoding.encode, numbers)), **RUN, smoothing=1) for unit in units]
    assert steps[0] == steps[1]
    assert units[0].counters == units[1].counters


def test_masses_follow_from_the_narrower_range():
    twos = CONFIG.replace(gradient_encoding="twos_complement")
    assert (CONFIG.max_weight_mass, twos.max_weight_mass) == (7 + 3, 8 + 3)
    assert (CONFIG.max_mass, twos.max_mass) == (40, 44)
    # Two weights of the most negative number and c = 1 have a W of 2^32 + 2, without that number of 2^32.
    wide = {"gradient_bits": 32, "smoothing_bits": 0, "lanes": 1}
    assert [CONFIG.replace(gradient_encoding=name, **wide, depth=2).draw_words for name in ENCODINGS] == [1, 1]
    wide["smoothing_bits"] = 1
    assert [CONFIG.replace(gradient_encoding=name, **wide, depth=2).draw_words for name in ENCODINGS] == [2, 1]
    tile = {"sampler": "split", "tile": 128, "gradient_bits": 10, "smoothing_bits": 0}
    assert [CONFIG.replace(gradient_encoding=name, **tile).draw_bits for name in ENCODINGS] == [32, 16]


@pytest.mark.parametrize("pattern", [-1, 16])
def test_what_is_no_pattern_is_refused(pattern):
    with pytest.raises(InputError, match=rf"^gradients\[2\] = {pattern}: must be in 0\.\.15$"):
        ReferenceUnit(CONFIG, 1).step([0] * 4, [0, 1, pattern, 0], **RUN, smoothing=1)


def test_only_what_is_not_the_default_is_written_down():
    twos = CONFIG.replace(gradient_encoding="twos_complement")
    assert 'gradient_encoding = "sign_magnitude"\n' in CONFIG.to_toml()
    assert CONFIG.options == {"gradient_encoding": "sign_magnitude"}
    for config in (CONFIG, twos):
        assert UnitConfig.from_toml(config.to_toml()) == config
    for name in ("gradient_encoding", "momentum_bits", "trials_shift"):
        assert name not in twos.to_toml()
        assert name not in twos.model_dump()
    assert twos.options == {}
