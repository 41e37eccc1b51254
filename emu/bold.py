"""BOLD, fast: Boolean weights that flip when the accumulated votes ask for it.

Twins: ``golden/bold.py``, ``rtl/bold.py``.
"""

import numpy as np

from zimu.emu.arrays import Array
from zimu.emu.kernel import int64, kernel
from zimu.emu.pointwise import PointwiseUnit, Random
from zimu.emu.reals import MAX_SCALE, Reals, Scaled
from zimu.emu.scaling import Floats
from zimu.golden.bold import BoldConfig, BoldCounters
from zimu.golden.errors import check_range
from zimu.golden.scaling import Scaling


class Bold(PointwiseUnit[BoldConfig]):
    """A unit that flips Boolean weights, bit for bit; parameters and errors are those of `zimu.emu.update.UpdateUnit`.

    Attributes
    ----------
    weight_dtype : uint8; 1 is +1, 0 is -1.
    gradient_dtype : of the votes, the smallest of int8 and int16 that holds them.
    memories : ``accumulator``, m of each weight.
    """

    def step(self, weights: Array, gradients: Array, *, shift: int, retention: int | None = None) -> BoldCounters:
        """Take one step, ``weights`` are updated in place; the counters afterwards.

        Parameters
        ----------
        gradients : the votes q, positive where +1 is too much.
        shift : e, 0..accumulator_bits-1; eta is 2^(e - fraction_bits).
        retention : B, 0..2^retention_bits; by default `BoldConfig.retention` of the flips of the step before.
        """
        config = self.config
        values = self.registers(shift=shift, retention=retention)
        e, b = values["shift"], values["retention"]
        weights, gradients = self.arrays.checked(weights, gradients)
        accumulators = self.memories["accumulator"]
        limits = config.memories["accumulator"].limits

        def part(first: int, last: int, random: Random) -> tuple[int, int, int]:
            span = slice(first, last)
            arrays = weights[span], accumulators[span], gradients[span]
            clipped, flips = flip_all(*arrays, e, b, config.retention_bits, config.threshold, *limits)
            return clipped, flips, flips

        self.take(part)
        return BoldCounters(*self.counters)

    def registers(self, *, shift: int, retention: int | None = None) -> dict[str, int]:
        if retention is None:
            retention = self.config.retention(self.counters.last_flips)
        return self.config.registers(shift=shift, retention=retention)

    def encoding(self, scale: int, scaling: Scaling) -> "Signs":
        return Signs(2.0 ** check_range("scale", scale, -MAX_SCALE, MAX_SCALE), self.config.vote_bits, scaling)


class Signs(Scaled):
    """Weights of +1 and -1.

    Parameters
    ----------
    worth : what +1 is worth.
    vote_bits, scaling : of the gradients, `Scaled`.
    """

    def __init__(self, worth: float, vote_bits: int, scaling: Scaling) -> None:
        super().__init__(vote_bits, scaling)
        self.worth = worth

    def weights(self, reals: Floats) -> Array:
        return (reals > 0).astype(np.uint8)

    def reals(self, weights: Array) -> Reals:
        return np.where(weights, self.worth, -self.worth)


@kernel
def flip_all(
    weights: Array,
    accumulators: Array,
    votes: Array,
    shift: int,
    retention: int,
    retention_bits: int,
    threshold: int,
    low: int,
    high: int,
) -> tuple[int, int]:
    """Update weights and accumulators in place; how many accumulators were clipped and how many weights flipped."""
    clipped = flips = 0
    below = (int64(1) << retention_bits) - 1
    for i in range(weights.size):
        product = retention * int64(accumulators[i])
        # A shift rounds down: what is negative is raised first, so that it is cut towards zero.
        wanted = ((product + (below if product < 0 else 0)) >> retention_bits) + (int64(votes[i]) << shift)
        held = min(max(wanted, low), high)
        clipped += held != wanted
        sign = 2 * int64(weights[i]) - 1
        flip = held * sign >= threshold
        flips += flip
        weights[i] ^= flip
        accumulators[i] = 0 if flip else held
    return clipped, flips


UNIT = Bold
