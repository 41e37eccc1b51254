"""The plain integer rival, fast: fixed-point learning rate, stochastic rounding.

Twins: ``golden/int_sgd.py``, ``rtl/int_sgd.py``.
"""

from zimu.emu.arrays import Array
from zimu.emu.kernel import int64, kernel
from zimu.emu.pointwise import PointwiseUnit, Random
from zimu.emu.reals import Counts
from zimu.golden.int_sgd import IntSGDConfig
from zimu.golden.pointwise import PointwiseCounters
from zimu.golden.scaling import Scaling


class IntSGD(PointwiseUnit[IntSGDConfig]):
    """An integer SGD unit, bit for bit; parameters, attributes and errors are those of `zimu.emu.update.UpdateUnit`."""

    def step(self, weights: Array, gradients: Array, *, rate: int) -> PointwiseCounters:
        """Take one step, ``weights`` are updated in place; the counters afterwards.

        ``rate`` is eta, 0..2^rate_bits-1, or k where eta is 2^k; the learning rate is eta / 2^fraction_bits.
        """
        config = self.config
        eta = config.registers(rate=rate)["rate"]
        shift = config.fraction_bits
        if config.rate:
            shift, eta = shift - eta, 1
        weights, gradients = self.arrays.checked(weights, gradients)

        def part(first: int, last: int, random: Random) -> tuple[int]:
            span = slice(first, last)
            return (step_all(weights[span], eta, gradients[span], random, shift, *config.weight.limits),)

        self.take(part)
        return PointwiseCounters(*self.counters)

    def encoding(self, scale: int, scaling: Scaling) -> Counts:
        return Counts(self.config.weight, scale, self.config.gradient_bits, scaling)


@kernel
def step_all(
    weights: Array, eta: int, gradients: Array, random: Random, fraction_bits: int, low: int, high: int
) -> int:
    """Update ``weights`` in place; how many were clipped.

    Of each number of ``random`` the low ``fraction_bits`` bits count; it may be empty where there are none.
    """
    clipped = 0
    mask = (int64(1) << fraction_bits) - int64(1)
    for i in range(weights.size):
        addend = int64(random[i]) & mask if fraction_bits > 0 else int64(0)
        wanted = ((int64(weights[i]) << fraction_bits) - eta * int64(gradients[i]) + addend) >> fraction_bits
        kept = min(max(wanted, low), high)
        clipped += kept != wanted
        weights[i] = kept
    return clipped


UNIT = IntSGD
