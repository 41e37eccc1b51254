"""A network of Boolean weights, trained by nothing but a unit of the rule ``bold``.

A method like those of ``study/methods.py``; ``study/train.py`` takes it like any other. In words:
``docs/bold.md``.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from zimu.emu.arrays import Array
from zimu.golden.bold import BoldConfig
from zimu.study.encoding import Encoding, to_integers
from zimu.study.methods import Method, layer_of
from zimu.study.network import DEPTHS, SHAPES, Reals


@dataclass(frozen=True)
class Signs(Encoding):
    """Weights of +1 and -1, worth 1 / sqrt(inputs of the layer) each, and integer votes by `to_integers`."""

    inputs: int
    vote_bits: int

    def start(self, counts: NDArray[np.int8]) -> Array:
        return (counts > 0).astype(np.uint8)

    def reals(self, weights: Array) -> Reals:
        reals: Reals = (2.0 * weights - 1.0) / self.inputs**0.5
        return reals

    def gradients(self, gradients: Reals) -> Array:
        return to_integers(gradients, self.vote_bits)[0]


def _signs(config: BoldConfig, setting: float) -> Encoding:
    return Signs(SHAPES[DEPTHS.index(config.depth)][0], config.vote_bits)


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
    encoding=_signs,
    describe=_describe,
)
"""Accumulators of 16 bits with the threshold 2^13, votes of 8 bits."""
