"""The rival rules' cores in the simulators: gaps, slow memories, resets inside a step, every weight and velocity."""

import pytest

from zimu.golden.errors import InputError
from zimu.golden.float_sgd import FloatSGDConfig
from zimu.golden.int_sgd import IntSGDConfig
from zimu.golden.names import named
from zimu.golden.rule import RULES, RuleConfig, config_class
from zimu.sim.kit import write_kit
from zimu.sim.simulators import SIMULATORS, why_missing
from zimu.sim.stimuli import random_episodes
from zimu.sim.verify import Verification, verify


def floats(weights: str, **fields) -> FloatSGDConfig:
    return FloatSGDConfig(name="rival", **{"depth": 21, "lanes": 4} | fields, weights=weights)


def integers(**fields) -> IntSGDConfig:
    widths = {"weight_bits": 6, "gradient_bits": 7, "rate_bits": 5, "fraction_bits": 9}
    return IntSGDConfig(name="rival", **{"depth": 21, "lanes": 4} | widths | fields)


RIVALS: dict[str, RuleConfig] = {
    "integers": integers(),
    "integers, nothing random": integers(fraction_bits=0, lanes=1),
    "integers, one beat": integers(depth=3, prng="philox4x32-10"),
    "integers at 2^k": integers(rate="power_of_two", rate_bits=3),
    "integers at 2^k, one beat": integers(rate="power_of_two", rate_bits=2, depth=3, prng="philox4x32-10"),
    "floats": floats("fp32"),
    "floats at once": floats("bf16", stages="comb", lanes=1),
    "two roundings": floats("fp16", multiply="separate", random_bits=10),
    "mixed": floats("bf16", gradients="fp32", random_bits=16, prng="lfsr128"),
    "no multiplier": floats("e4m3", rate="power_of_two", subnormals="flushed"),
    "momentum": floats("fp16", gradients="e5m2", momentum=True, random_bits=12, lanes=2),
    "momentum at once": floats("e4m3", momentum=True, multiply="separate", stages="comb"),
}


def check(config: RuleConfig, steps: int, simulator: str) -> Verification:
    if reason := why_missing(simulator):
        pytest.skip(reason)
    result = verify(config, steps=steps, seed=8, simulator=simulator, top="core")
    assert result.agreed, f"{config.to_toml()}\n{result.report('rival.toml')}"
    assert result.steps == steps
    momentum = isinstance(config, FloatSGDConfig) and config.momentum
    assert result.checked == steps * (config.depth * (1 + momentum) + 2)
    assert result.aborted >= 1
    return result


SLOW = "momentum at once"


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.nightly] * (name == SLOW)) for name in RIVALS])
def test_the_core_agrees_with_the_emulator(name):
    check(RIVALS[name], 30, "amaranth")


@pytest.mark.parametrize("name", ["integers", pytest.param("momentum", marks=pytest.mark.nightly)])
def test_all_simulators_see_the_same(name):
    present = [simulator for simulator in SIMULATORS if not why_missing(simulator)]
    results = [check(RIVALS[name], 30, simulator) for simulator in present]
    assert len({(r.checked, r.aborted, r.cycles) for r in results}) == 1
    missing = [f"{simulator}: {why_missing(simulator)}" for simulator in SIMULATORS if simulator not in present]
    if missing:
        pytest.skip(f"compared {', '.join(present)} only; {'; '.join(missing)}")


@pytest.mark.parametrize("name", ["integers", "momentum"])
def test_a_shorter_run_is_the_beginning_of_a_longer_one(name):
    def steps(count):
        return [step for episode in random_episodes(RIVALS[name], 5, count) for step in episode.steps]

    longest = steps(40)
    assert len(longest) == 40
    for count in (1, 2, 7, 30, 39):
        assert steps(count) == longest[:count]


def test_what_is_fed_has_every_corner():
    inputs = [step.stimulus for episode in random_episodes(RIVALS["momentum"], 1, 60) for step in episode.steps]
    assert {0} < {each.registers["momentum"] for each in inputs}
    assert any(each.memory for each in inputs[1:])
    assert not all(each.memory for each in inputs)
    steps = [step for episode in random_episodes(integers(), 1, 30) for step in episode.steps]
    assert any(step.counters["saturations"] for step in steps)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "zim"])
def test_the_drop_in_unit_is_of_the_rule_zim_alone(rule, tmp_path):
    config = named(config_class(rule).examples[0])
    message = rf"^top = 'unit': the rule '{rule}' has none, must be 'core' \(--top core\)$"
    with pytest.raises(InputError, match=message):
        verify(config, steps=1, seed=1, top="unit")
    with pytest.raises(InputError, match=message):
        write_kit(config, tmp_path, "unit")
    assert not list(tmp_path.iterdir())


CAMPAIGN = {"depth": 2001, "lanes": 4}


@pytest.mark.nightly
@pytest.mark.parametrize("multiply", ["fused", "separate"])
@pytest.mark.parametrize("weights", ["fp32", "bf16", "fp16", "e4m3", "e5m2"])
def test_200_000_weights_of_every_format(weights, multiply):
    stages = {"fused": "pipelined", "separate": "comb"}[multiply]
    check(floats(weights, multiply=multiply, stages=stages, **CAMPAIGN), 100, "verilator")


VARIANTS = {
    "stochastic": {"random_bits": 16},
    "flushed": {"subnormals": "flushed"},
    "flushed, two roundings, stochastic": {"subnormals": "flushed", "multiply": "separate", "random_bits": 24},
    "power of two": {"rate": "power_of_two", "random_bits": 7},
    "momentum": {"momentum": True, "random_bits": 11, "multiply": "separate"},
    "mixed": {"gradients": "fp32", "random_bits": 13},
    "mixed, momentum": {"gradients": "e5m2", "momentum": True, "rate": "power_of_two"},
}


@pytest.mark.nightly
@pytest.mark.parametrize("variant", VARIANTS)
def test_200_000_weights_of_every_variant(variant):
    check(floats("bf16", **CAMPAIGN, **VARIANTS[variant]), 100, "verilator")


@pytest.mark.nightly
@pytest.mark.parametrize("widths", [(8, 8, 8, 8), (16, 12, 8, 16), (32, 32, 24, 24), (4, 16, 16, 2), (8, 8, 8, 0)])
def test_200_000_integer_weights(widths):
    names = ("weight_bits", "gradient_bits", "rate_bits", "fraction_bits")
    check(integers(**CAMPAIGN, **dict(zip(names, widths, strict=True))), 100, "verilator")
