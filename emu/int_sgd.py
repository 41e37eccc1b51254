"""The plain integer rival, fast: fixed-point learning rate, stochastic rounding.

Twins: ``golden/int_sgd.py``, ``rtl/int_sgd.py``.
"""

import numpy as np

from zimu.emu.arrays import Array, check_limits, checked_array, checked_pair, integer_dtype
from zimu.emu.kernel import int64, kernel
from zimu.emu.pointwise import PointwiseUnit, Random
from zimu.golden.int_sgd import IntSGDConfig
from zimu.golden.pointwise import PointwiseCounters


class IntSGD(PointwiseUnit[IntSGDConfig]):
    """An integer SGD unit, bit for bit.

    Parameters
    ----------
    config, seed, threads : as `PointwiseUnit`.

    Attributes
    ----------
    weight_dtype, gradient_dtype : the smallest of int8, int16 and int32 that holds the values.
    """

    def __init__(self, config: IntSGDConfig, seed: int = 0, threads: int = 1) -> None:
        super().__init__(config, seed, threads)
        self.weight_dtype = integer_dtype(config.weight_bits)
        self.gradient_dtype = integer_dtype(config.gradient_bits)

    def step(self, weights: Array, gradients: Array, *, rate: int) -> PointwiseCounters:
        """Take one step, ``weights`` are updated in place; the counters afterwards.

        Parameters
        ----------
        weights : shape (depth,), dtype `weight_dtype`, C-contiguous, writeable.
        gradients : shape (depth,), dtype `gradient_dtype`, C-contiguous.
        rate : eta, 0..2^rate_bits-1; the learning rate is eta / 2^fraction_bits.

        Raises
        ------
        InputError
            an argument is refused, or the unit is torn; weights and state are as before.
        """
        config = self.config
        eta = config.registers(rate=rate)["rate"]
        weights = checked_array("weights", weights, (config.depth,), self.weight_dtype)
        gradients = checked_array("gradients", gradients, (config.depth,), self.gradient_dtype)
        check_limits("weights", weights, config.weight_range)
        check_limits("gradients", gradients, config.gradient_range)
        weights, gradients = checked_pair(weights, gradients)

        def part(first: int, last: int, random: Random) -> int:
            span = slice(first, last)
            return step_all(weights[span], eta, gradients[span], random, config.fraction_bits, *config.weight_range)

        self._count(self._walk(part))
        return self.counters

    def step_patterns(self, weights: list[int], gradients: list[int], **registers: int) -> list[int]:
        """Take one step on plain integers and return the new weights; values must fit the dtypes."""
        array = np.array(weights, self.weight_dtype)
        self.step(array, np.array(gradients, self.gradient_dtype), **registers)
        return [int(weight) for weight in array]


@kernel
def step_all(
    weights: Array, eta: int, gradients: Array, random: Random, fraction_bits: int, low: int, high: int
) -> int:
    """Update ``weights`` in place; how many were clipped. ``random`` is empty where f = 0."""
    clipped = 0
    for i in range(weights.size):
        addend = int64(random[i]) if fraction_bits > 0 else int64(0)
        wanted = (int64(weights[i]) << fraction_bits) - eta * int64(gradients[i]) + addend >> fraction_bits
        kept = min(max(wanted, low), high)
        clipped += kept != wanted
        weights[i] = kept
    return clipped
