"""A network of Boolean weights, trained by nothing but a unit of the rule ``bold``.

A method like those of ``study/methods.py``; ``study/train.py`` takes it like any other. In words:
``docs/bold.md``.
"""

from functools import partial

from zimu.emu.bold import Bold, Signs
from zimu.emu.reals import Encoding
from zimu.golden.bold import BoldConfig
from zimu.golden.scaling import Tensor
from zimu.study.methods import Method, layer_of
from zimu.study.network import DEPTHS, SHAPES


def _signs(unit: Bold, scale: int) -> Encoding:
    """Weights of a layer are worth 1 / sqrt(inputs) each."""
    inputs = SHAPES[DEPTHS.index(unit.config.depth)][0]
    return Signs(1 / inputs**0.5, unit.config.vote_bits, Tensor())


def _shift(config: BoldConfig, setting: float, step: int, steps: int) -> dict[str, int]:
    """The retention is the unit's own, by the flips of the step before."""
    return {"shift": int(setting)}


def _describe(setting: float) -> str:
    return f"votes times 2^{int(setting)}, beta by the flips of the step before"


BOLD = Method(
    "bold",
    "Boolean weights",
    knob="shift of the votes",
    grid=(3, 4, 5, 6, 7, 8),
    config=partial(layer_of, "bold:16"),
    schedule=_shift,
    describe=_describe,
    encoding=_signs,
)
"""Accumulators of 16 bits with the threshold 2^13, votes of 8 bits."""
