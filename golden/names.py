"""Configurations by name: presets, rivals as ``rule:what:option:...``, TOML files, vector files.

``float_sgd:bf16:comb`` is a float unit with bfloat16 weights, ``int_sgd:8`` an integer one with 8-bit weights. A
further variant is one line in `FLOAT_OPTIONS`, a further rival one line in `RIVALS`.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from zimu.golden.errors import InputError, check_choice
from zimu.golden.float_format import FORMATS
from zimu.golden.float_sgd import FloatSGDConfig
from zimu.golden.int_sgd import IntSGDConfig
from zimu.golden.presets import PRESETS
from zimu.golden.rule import RuleConfig
from zimu.golden.rules import load
from zimu.golden.vectors import VectorSet

DEPTH = 1024
"""Weights of a unit that is named by its rule: as many as the presets have."""

FLOAT_OPTIONS: dict[str, dict[str, Any]] = {
    "separate": {"multiply": "separate"},
    "flush": {"subnormals": "flushed"},
    "pow2": {"rate": "power_of_two"},
    "momentum": {"momentum": True},
    "comb": {"stages": "comb"},
    "pipelined": {"stages": "pipelined"},
}
"""What each option of a float unit sets; besides there is ``srR``, stochastic rounding by R bits."""

RIVALS = (
    "float_sgd:fp32:comb",
    "float_sgd:fp32:pipelined",
    "float_sgd:bf16:comb",
    "float_sgd:bf16:pipelined",
    "float_sgd:bf16:separate:comb",
    "float_sgd:bf16:flush:comb",
    "float_sgd:bf16:pow2:comb",
    "float_sgd:bf16:momentum:comb",
    "float_sgd:bf16:sr8:comb",
    "float_sgd:bf16+fp32:comb",
    "float_sgd:fp16:comb",
    "float_sgd:fp16:pipelined",
    "float_sgd:fp16+e4m3:comb",
    "float_sgd:fp16+e5m2:comb",
    "float_sgd:e4m3:comb",
    "float_sgd:e4m3:pipelined",
    "float_sgd:e5m2:comb",
    "float_sgd:e5m2:pipelined",
    "int_sgd:8",
    "int_sgd:16",
)
"""The rivals that the name ``rivals`` stands for."""


def named(name: str) -> RuleConfig:
    """The configuration of that name; of a vector file, ``.hex``, the one that it holds.

    Raises
    ------
    InputError
        there is none, an option is unknown, or a file cannot be read or is damaged.
    """
    rule, *options = name.split(":")
    if rule in _FAMILIES and options:
        return _FAMILIES[rule](name, options)
    if name.endswith(".hex"):
        return VectorSet.load(name).config
    if Path(name).is_file() or name.endswith(".toml"):
        return load(name)
    if name in PRESETS:
        return PRESETS[name]
    raise InputError(
        f"{name!r}: must be a .toml file, a preset ({', '.join(PRESETS)}), a .hex vector file, "
        f"float_sgd:{{{','.join(FORMATS)}}}[+GRADIENTS][:OPTION...] or int_sgd:BITS"
    )


def _float_sgd(name: str, options: Sequence[str]) -> FloatSGDConfig:
    weights, _, gradients = options[0].partition("+")
    fields: dict[str, Any] = {}
    for option in options[1:]:
        if bits := re.fullmatch(r"sr([0-9]{1,3})", option):
            found: dict[str, Any] = {"random_bits": int(bits[1])}
        else:
            found = FLOAT_OPTIONS[check_choice("option", option, [*FLOAT_OPTIONS, "srR"])]
        if set(found) & set(fields):
            raise InputError(f"option = {option!r}: {next(iter(found))} is given twice in {name}, leave one out")
        fields |= found
    formats: dict[str, Any] = {"weights": check_choice("format", weights, FORMATS)}
    if gradients:
        formats["gradients"] = check_choice("format", gradients, FORMATS)
    return FloatSGDConfig(name=_identifier(name), depth=DEPTH, **formats, **fields)


def _int_sgd(name: str, options: Sequence[str]) -> IntSGDConfig:
    if len(options) > 1 or not re.fullmatch("[0-9]{1,3}", options[0]):
        raise InputError(f"{name!r}: must be int_sgd:BITS, the width of weights, gradients, rate and rounding bits")
    bits = int(options[0])
    widths: dict[str, Any] = dict.fromkeys(("weight_bits", "gradient_bits", "rate_bits", "fraction_bits"), bits)
    return IntSGDConfig(name=_identifier(name), depth=DEPTH, **widths)


def _identifier(name: str) -> str:
    return re.sub("[^a-z0-9]+", "_", name)


_FAMILIES: dict[str, Callable[[str, Sequence[str]], RuleConfig]] = {"float_sgd": _float_sgd, "int_sgd": _int_sgd}
