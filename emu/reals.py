"""What real numbers are to a unit: its weights, and the gradients it is given; one class for each way to hold them.

Here is the base and what units of integers share; other rules have theirs in their own files.
"""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zimu.emu.arrays import Array, integer_dtype
from zimu.emu.scaling import Floats, Scaler
from zimu.golden.errors import check_range
from zimu.golden.rule import Integer
from zimu.golden.scaling import ScaleState, Scaling

MAX_SCALE = 64
"""The largest |s| of a weight scale 2^s."""

Reals = NDArray[np.float64]


class Encoding(ABC):
    """Between real numbers and the arrays that a unit's ``step`` takes."""

    @abstractmethod
    def weights(self, reals: Floats) -> Array:
        """The weights nearest to finite real numbers; shape as given."""

    @abstractmethod
    def reals(self, weights: Array) -> Reals:
        """What weights are worth, exactly."""

    @abstractmethod
    def gradients(self, gradients: Floats) -> tuple[Array, int]:
        """The gradients of a step as the unit takes them, and e where they were scaled by 2^e, else 0.

        Raises
        ------
        InputError
            one is not finite, where gradients are integers; nothing has changed.
        """

    @property
    @abstractmethod
    def state(self) -> list[Any]:
        """What is kept between steps, as JSON carries it; to be assigned to go on from there."""

    @state.setter
    @abstractmethod
    def state(self, state: list[Any]) -> None: ...


class Scaled(Encoding):
    """Gradients are integers, made by a `zimu.golden.scaling.Scaling`.

    Parameters
    ----------
    gradient_bits : width of a gradient, two's complement.
    scaling : where its exponent comes from.
    """

    def __init__(self, gradient_bits: int, scaling: Scaling) -> None:
        self._scaler = Scaler(scaling, gradient_bits)

    def gradients(self, gradients: Floats) -> tuple[Array, int]:
        return self._scaler.integers(gradients)

    @property
    def state(self) -> list[Any]:
        return list(self._scaler.state)

    @state.setter
    def state(self, state: list[Any]) -> None:
        self._scaler.state = ScaleState._make(state)


class Counts(Scaled):
    """Weights are integers, a count of which is worth 2^scale.

    Parameters
    ----------
    weight : of the unit.
    scale : s, -64..64.
    gradient_bits, scaling : as `Scaled`.
    """

    def __init__(self, weight: Integer, scale: int, gradient_bits: int, scaling: Scaling) -> None:
        super().__init__(gradient_bits, scaling)
        self.scale = check_range("scale", scale, -MAX_SCALE, MAX_SCALE)
        self._limits, self._dtype = weight.limits, integer_dtype(weight)

    def weights(self, reals: Floats) -> Array:
        counts = np.rint(np.ldexp(reals.astype(np.float64), -self.scale))
        return np.clip(counts, *self._limits).astype(self._dtype)

    def reals(self, weights: Array) -> Reals:
        return np.ldexp(weights.astype(np.float64), self.scale)
