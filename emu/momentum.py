"""Integer momentum: running means of the gradients, whose upper bits the sampler takes.

Twin: ``golden/momentum.py``.
"""

from collections.abc import Mapping

import numpy as np

from zimu.emu.accumulator import Integers
from zimu.emu.arrays import Array
from zimu.emu.kernel import int64, kernel
from zimu.emu.parallel import spread
from zimu.emu.vectors import FOLLOWED, follow, follow_wide
from zimu.golden.unit import UnitConfig


class Means:
    """What the samplers of units of one configuration take for gradients.

    Parameters
    ----------
    config : the configuration.
    threads : the most threads a step may use; they change no bit.
    """

    def __init__(self, config: UnitConfig, threads: int) -> None:
        self._momentum, self._threads = config.momentum, threads
        self._sampled = np.empty(0)

    def sampled(self, memories: Mapping[str, Array], gradients: Integers, decay: int) -> Integers:
        """With momentum the upper bits of the means, which are first brought up to date; else the gradients.

        The next call overwrites the array.

        Parameters
        ----------
        memories : of one unit, or of many with a further dimension in front; updated in place.
        gradients : of the same shape.
        decay : b.
        """
        momentum = self._momentum
        if momentum is None:
            return gradients
        if self._sampled.shape != gradients.shape:
            self._sampled = np.empty_like(gradients)
        means, slopes, sampled = (array.reshape(-1) for array in (memories["momentum"], gradients, self._sampled))

        def part(first: int, last: int) -> None:
            own = slice(first, last)
            update_means(means[own], slopes[own], sampled[own], momentum.bits, momentum.shift, decay)

        spread(part, means.size, means.size, self._threads)
        # Read-only like all gradients: see `zimu.emu.arrays.checked_pair`.
        view = self._sampled.view()
        view.flags.writeable = False
        return view


@kernel
def update_means(means: Integers, gradients: Integers, sampled: Integers, bits: int, shift: int, decay: int) -> None:
    """Move each mean, of ``bits`` bits, towards its gradient, and put its upper bits into ``sampled``."""
    half = int64(1) << (shift - 1)
    whole = means.size // FOLLOWED * FOLLOWED if bits < 16 or decay > 0 else 0
    if bits < 16:
        for at in range(0, whole, FOLLOWED):
            follow(means, gradients, sampled, at, shift, decay)
    else:
        for at in range(0, whole, FOLLOWED):
            follow_wide(means, gradients, sampled, at, shift, decay)
    for i in range(whole, means.size):
        mean = int64(means[i])
        mean += ((int64(gradients[i]) << shift) + half - mean) >> decay
        means[i] = mean
        sampled[i] = mean >> shift
