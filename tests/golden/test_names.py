"""The presets cover both forms and both gates at widths 4, 8 and 16."""

import pytest

from zimu.golden.errors import InputError
from zimu.golden.names import PRESETS, preset
from zimu.golden.unit import UnitConfig


def test_zim8_is_the_documented_example():
    assert preset("zim8") == UnitConfig(
        name="zim8",
        weight_bits=8,
        gradient_bits=8,
        smoothing_bits=4,
        depth=1024,
        lanes=8,
        gate="trial",
        gate_bits=16,
        prng="xoshiro128++",
        prng_lanes=1,
        sampler="inverse",
        form="tree",
    )


BUILT_FOR = {"zim8_wide": 421_642, "zim8_momentum": 421_642, "zim8_dense": 421_642, "zim8_small": 1024}


def test_what_hardware_is_built_from_has_its_depth_and_eight_bits():
    for name, depth in BUILT_FOR.items():
        config = preset(name)
        assert (config.name, config.depth) == (name, depth)
        assert (config.weight_bits, config.gradient_bits, config.gate) == (8, 8, "trial")
        assert (config.momentum is not None) == (name == "zim8_momentum")
        assert config.form == ("search" if name == "zim8_small" else "tree")


def test_every_width_form_and_gate_is_there_under_a_telling_name():
    assert len(PRESETS) == 12 + len(BUILT_FOR)
    for name, config in PRESETS.items():
        assert config.name == name
        if name in BUILT_FOR:
            continue
        assert config.weight_bits == config.gradient_bits
        expected = f"zim{config.weight_bits}"
        expected += {"tree": "", "search": "_search"}[config.form] + {"trial": "", "step": "_step"}[config.gate]
        assert name == expected
    assert {config.weight_bits for config in PRESETS.values()} == {4, 8, 16}


def test_an_unknown_preset_is_refused_with_all_names():
    with pytest.raises(InputError) as refusal:
        preset("zim9")
    assert str(refusal.value) == f"preset = 'zim9': must be one of {', '.join(map(repr, PRESETS))}"
