"""How the real numbers of a network become what a unit takes, and how its weights become real again.

Used by ``study/methods.py`` and ``study/train.py``; described for readers in ``docs/training.md``.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zimu.emu.arrays import Array, integer_dtype
from zimu.emu.float_sgd import from_format, to_format
from zimu.golden.rule import Integer
from zimu.study.network import Reals

START_SCALE_LOG2 = -6
"""What one count of the start is worth where no setting says it: 2^-6."""


class Encoding(ABC):
    """Of the weights and gradients of a unit."""

    @abstractmethod
    def start(self, counts: NDArray[np.int8]) -> Array:
        """The unit's weights at the start, from small integers that are the same for every method."""

    @abstractmethod
    def reals(self, weights: Array) -> Reals:
        """The weights as the network sees them."""

    @abstractmethod
    def gradients(self, gradients: Reals) -> Array:
        """The network's gradients as the unit takes them."""


@dataclass(frozen=True)
class Counts(Encoding):
    """Integer weights, a count of which is worth 2^scale_log2, and integer gradients by `to_integers`."""

    weight: Integer
    gradient: Integer
    scale_log2: int = START_SCALE_LOG2

    def start(self, counts: NDArray[np.int8]) -> Array:
        return counts.astype(integer_dtype(self.weight))

    def reals(self, weights: Array) -> Reals:
        return np.ldexp(weights.astype(np.float64), self.scale_log2)

    def gradients(self, gradients: Reals) -> Array:
        return to_integers(gradients, self.gradient.bits)[0]


@dataclass(frozen=True)
class Formats(Encoding):
    """Numbers of floating-point formats, by their names."""

    weight: str
    gradient: str

    def start(self, counts: NDArray[np.int8]) -> Array:
        return to_format(self.weight, np.ldexp(counts.astype(np.float64), START_SCALE_LOG2))

    def reals(self, weights: Array) -> Reals:
        return from_format(self.weight, weights)

    def gradients(self, gradients: Reals) -> Array:
        return to_format(self.gradient, gradients)


def to_integers(gradient: NDArray[np.float64], bits: int) -> tuple[NDArray[np.signedinteger], int]:
    """Scale by 2^e, round to nearest (ties to even), clip to +-(2^(bits-1) - 1).

    e is the integer with 2^(bits-2) <= max|g| * 2^e < 2^(bits-1), so the largest gradient always uses the top bit and
    no division is needed anywhere. The clip only acts where rounding carries the maximum to 2^(bits-1). The unit's
    probabilities depend on ratios of gradients alone, so e itself never has to reach the unit.

    Parameters
    ----------
    gradient : finite float64, any shape.
    bits : width of the integers, two's complement, 2..32.

    Returns
    -------
    integers : int8, int16 or int32, the narrowest that holds ``bits``; the same shape.
    e : the exponent; 0 where the gradient is zero throughout.
    """
    container = np.dtype(f"int{max(8, 1 << (bits - 1).bit_length())}")
    largest = np.abs(gradient).max()
    if largest == 0:
        return np.zeros(gradient.shape, container), 0
    exponent = bits - 1 - int(np.frexp(largest)[1])
    limit = 2 ** (bits - 1) - 1
    return np.clip(np.rint(np.ldexp(gradient, exponent)), -limit, limit).astype(container), exponent
