"""The ``inverse`` sampler: inverse CDF, trial by trial, by masked rejection.

Twins: ``emu/sampler.py``, ``rtl/sampler.py``.
"""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate, chain

from zimu.golden.config import UnitConfig
from zimu.golden.prng import Stream, WordStream


def masses(gradients: list[int], smoothing: int) -> list[int]:
    """The masses |g_i| + c; their sum is W."""
    return [abs(g) + smoothing for g in gradients]


def draws(words: Iterator[int], draw_words: int, mass: int) -> Iterator[int]:
    """Yield every candidate u, accepted or not: the low ceil(log2 W) bits of the next one or two words.

    A draw always takes ``draw_words`` words, the first being the low one. It is accepted where u < ``mass``.
    """
    mask = 2 ** (mass - 1).bit_length() - 1
    while True:
        yield sum(next(words) << 32 * i for i in range(draw_words)) & mask


def select(prefix: list[int], u: int) -> int:
    """The smallest i with prefix_i > u, where prefix_i = sum of the masses 0..i."""
    return bisect_right(prefix, u)


def prefix_sums(weight_masses: list[int]) -> list[int]:
    """Inclusive prefix sums."""
    return list(accumulate(weight_masses))


class InverseSampler:
    """The stream of the ``inverse`` sampler, and a step's counts drawn with it.

    Parameters
    ----------
    config : a configuration with ``sampler = "inverse"``.
    seed : 64-bit seed.
    """

    def __init__(self, config: UnitConfig, seed: int) -> None:
        self.config = config
        self.trials = WordStream(config.prng, seed, Stream.TRIALS, config.prng_lanes)

    def draw(self, weight_masses: list[int], trials: int) -> tuple[list[int], int]:
        """Draw ``trials`` accepted draws: a count for each weight, and the draws rejected."""
        counts, rejected = [0] * len(weight_masses), 0
        prefix = prefix_sums(weight_masses)
        candidates = draws(chain.from_iterable(self.trials.rows()), self.config.draw_words, prefix[-1])
        for _ in range(trials):
            while (u := next(candidates)) >= prefix[-1]:
                rejected += 1
            counts[select(prefix, u)] += 1
        return counts, rejected
