"""Configurations by name: presets, units as ``rule:what:option:...``, TOML files, vector files.

A preset's name is ``zim`` and the width of weights and gradients, then what differs from the pipelined tree sampler
(``_search``) and from the gate of every trial (``_step``), or what it is built for; ``zim8`` is the one the manual
talks about. Other names begin with a rule, which reads them itself: ``float_sgd:bf16:comb`` is a float unit with
bfloat16 weights, ``int_sgd:8`` an integer one with 8-bit weights.
"""

from itertools import product
from pathlib import Path
from typing import Any, Literal, get_args

from zimu.golden.errors import InputError, check_choice
from zimu.golden.rule import DEPTH, RULES, RuleConfig, config_class, load
from zimu.golden.unit import UnitConfig
from zimu.golden.vectors import VectorSet

Form = Literal["tree", "search"]
Gate = Literal["trial", "step"]

WIDTHS = (4, 8, 16)
"""Widths of weights and gradients, in bits."""


def _preset(width: int, form: Form, gate: Gate) -> UnitConfig:
    return UnitConfig(
        name="_".join([f"zim{width}", *(choice for choice in (form, gate) if choice in ("search", "step"))]),
        weight_bits=width,
        gradient_bits=width,
        smoothing_bits=4,
        depth=DEPTH,
        lanes=8,
        gate=gate,
        gate_bits=16,
        prng="xoshiro128++",
        prng_lanes=1,
        sampler="inverse",
        form=form,
    )


NETWORK = 421_642
"""Weights of a convolutional network for 28 x 28 images: two padded 3 x 3 convolutions of 32 and 64 channels, each with
2 x 2 pooling, then 128 hidden units and ten outputs."""

_TUNED: dict[str, tuple[Form, dict[str, Any]]] = {
    "wide": ("tree", {"depth": NETWORK, "lanes": 256, "probe": 16, "prng_lanes": 2}),
    "momentum": ("tree", {"depth": NETWORK, "lanes": 64, "probe": 8, "prng_lanes": 2, "momentum_bits": 12}),
    "dense": ("tree", {"depth": NETWORK, "lanes": 32, "probe": 8, "prng_lanes": 2}),
    "small": ("search", {"probe": 1}),
}
"""The fewest cells per weight and cycle for a network: with about sqrt(d) trials a step (wide), with 0.015 d and
momentum, and with 0.1 d (dense); and the fewest cells at all. All have the smallest generator."""

PRESETS: dict[str, UnitConfig] = {
    config.name: config
    for config in (
        *(_preset(*row) for row in product(WIDTHS, get_args(Form), get_args(Gate))),
        *(
            _preset(8, form, "trial").replace(name=f"zim8_{name}", prng="lfsr128", **fields)
            for name, (form, fields) in _TUNED.items()
        ),
    )
}
"""All presets by name."""


def preset(name: str) -> UnitConfig:
    """The preset of that name; `InputError` with all the names if there is none."""
    return PRESETS[check_choice("preset", name, PRESETS)]


def examples() -> list[str]:
    """Names of units of the other rules worth a comparison, which the name ``rivals`` stands for."""
    return [name for rule in RULES for name in config_class(rule).examples]


def named(name: str) -> RuleConfig:
    """The configuration of that name; of a vector file, ``.hex``, the one that it holds.

    Raises
    ------
    InputError
        there is none, an option is unknown, or a file cannot be read or is damaged.
    """
    rule, *words = name.split(":")
    if rule in RULES and words:
        return config_class(rule).from_words(name, words)
    if name.endswith(".hex"):
        return VectorSet.load(name).config
    if Path(name).is_file() or name.endswith(".toml"):
        return load(name)
    if name in PRESETS:
        return PRESETS[name]
    usages = filter(None, (config_class(each).usage for each in RULES))
    raise InputError(
        f"{name!r}: must be a .toml file, a preset ({', '.join(PRESETS)}), a .hex vector file, {' or '.join(usages)}"
    )
