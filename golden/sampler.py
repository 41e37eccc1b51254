"""The ``inverse`` sampler: inverse CDF, trial by trial, by masked rejection.

Twins: ``emu/sampler.py``, ``rtl/sampler.py``.
"""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate


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
