"""The integer rival's contract: its law over every random word, its rails, its configuration."""

from fractions import Fraction
from itertools import product

import pytest

from zimu.golden.errors import InputError
from zimu.golden.int_sgd import IntSGDConfig, ReferenceIntSGD, step
from zimu.golden.rule import from_toml

FIELDS = {"name": "rival", "depth": 3, "weight_bits": 4, "gradient_bits": 4, "rate_bits": 3, "fraction_bits": 3}


def test_the_mean_over_every_random_word_is_the_exact_step_until_a_rail_clips():
    for w, eta, g in product(range(-8, 8), range(8), range(-8, 8)):
        exact = Fraction(8 * w - eta * g, 8)
        results = [step(w, eta, g, r, fraction_bits=3, weight_bits=4) for r in range(8)]
        if exact // 1 >= -8 and exact // 1 + 1 <= 7:
            assert Fraction(sum(weight for weight, _ in results), 8) == exact
            assert not any(clipped for _, clipped in results)
        for r, (weight, clipped) in enumerate(results):
            wanted = (exact + Fraction(r, 8)) // 1
            assert weight == min(max(wanted, -8), 7)
            assert clipped == (weight != wanted)


def test_a_unit_counts_clipped_weights():
    unit = ReferenceIntSGD(IntSGDConfig(**FIELDS | {"fraction_bits": 0}), 0)
    assert unit.step([7, 0, -8], [-1, 3, 1], rate=2) == [7, -6, -8]
    assert unit.counters == (1, 2)


def test_configuration_survives_its_toml_form():
    config = IntSGDConfig(**FIELDS)
    assert from_toml(config.to_toml()) == config
    assert config.rounding_bits == 3


def test_a_rate_of_a_power_of_two_rounds_by_the_bits_below_the_shift():
    fields = FIELDS | {"depth": 40, "rate_bits": 2, "fraction_bits": 5}
    config = IntSGDConfig(**fields, rate="power_of_two")
    gradients = [i % 16 - 8 for i in range(40)]
    for k in range(4):
        # The same words, cut to what is below the shift, under the same law.
        shift = 5 - k
        bits = [r % 2**shift for r in ReferenceIntSGD(config, 9).rounding_bits()]
        expected = [max(-8, min(7, (2 * 2**shift - g + r) // 2**shift)) for g, r in zip(gradients, bits, strict=True)]
        assert ReferenceIntSGD(config, 9).step([2] * 40, gradients, rate=k) == expected
    assert from_toml(config.to_toml()) == config
    # Configurations written before there was the choice keep their text.
    assert "rate =" not in IntSGDConfig(**FIELDS).to_toml()


def test_a_rate_beyond_1_is_refused():
    message = (
        r"fraction_bits = 2: must be at least 3, so that no rate 2\^k / 2\^fraction_bits exceeds 1 \(rate_bits = 2\)"
    )
    with pytest.raises(InputError, match=f"^{message}$"):
        IntSGDConfig(**FIELDS | {"rate_bits": 2, "fraction_bits": 2}, rate="power_of_two")


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("weight_bits", 33, "2..32"),
        ("gradient_bits", 1, "2..32"),
        ("rate_bits", 0, "1..24"),
        ("fraction_bits", 25, "0..24"),
    ],
)
def test_refused_configurations(field, value, allowed):
    with pytest.raises(InputError) as error:
        IntSGDConfig(**FIELDS | {field: value})
    assert str(error.value) == f"{field} = {value}: must be an integer in {allowed}"


def test_refused_values():
    unit = ReferenceIntSGD(IntSGDConfig(**FIELDS), 0)
    for weights, gradients, rate, message in [
        ([0, 0], [0, 0, 0], 1, r"weights has 2 values: must have depth = 3"),
        ([0, 0, 0], [0, 0, 8], 1, r"gradients\[2\] = 8: must be in -8\.\.7"),
        ([0, 0, 0], [0, 0, 0], 8, r"rate = 8: must be in 0\.\.7"),
    ]:
        with pytest.raises(InputError, match=f"^{message}$"):
            unit.step(weights, gradients, rate=rate)
