"""The ``split`` sampler: the count of trials is split down a tree of tiles, then drawn inside each tile.

Twins: ``emu/split.py``, ``rtl/split.py``.
"""

from collections.abc import Iterator
from itertools import accumulate, chain

from zimu.golden.config import UnitConfig
from zimu.golden.prng import Stream, WordStream
from zimu.golden.rule import WORD_BITS
from zimu.golden.sampler import prefix_sums, select


def binomial(words: Iterator[int], trials: int, a: int, b: int) -> int:
    """How many of ``trials`` succeed, each with probability a / b exactly, 0 <= a <= b.

    Each trial compares a random fraction in [0, 1) with a / b, a binary digit at a time from the top: it succeeds
    where its digit is 0 and that of a / b is 1, fails in the opposite case, and is undecided where they agree. A
    round takes one digit for each undecided trial: ceil(undecided / 32) words, trial i's being bit i mod 32 of word
    i div 32.
    """
    if a == b:
        return trials
    remainder, undecided, successes = a, trials, 0
    while undecided and remainder:
        digit, remainder = divmod(2 * remainder, b)
        ones = _ones(words, undecided)
        if digit:
            successes += undecided - ones
            undecided = ones
        else:
            undecided -= ones
    return successes


def _ones(words: Iterator[int], bits: int) -> int:
    """The number of ones among the next ``bits`` bits; the rest of the last word is dropped."""
    ones = 0
    for start in range(0, bits, WORD_BITS):
        ones += (next(words) & (1 << min(bits - start, WORD_BITS)) - 1).bit_count()
    return ones


def split(words: Iterator[int], bounds: list[int], trials: int) -> list[int]:
    """Split ``trials`` over the parts between ``bounds``, in preorder: a node, then its left half, then its right.

    ``bounds`` are the exclusive prefix sums of the parts' masses and the sum of all; the number of parts is a power
    of two. Returns a count for each part. Nothing is drawn for a node that holds no trial.
    """
    parts = len(bounds) - 1
    if trials == 0:
        return [0] * parts
    if parts == 1:
        return [trials]
    half = parts // 2
    left = binomial(words, trials, bounds[half] - bounds[0], bounds[-1] - bounds[0])
    return split(words, bounds[: half + 1], left) + split(words, bounds[half:], trials - left)


def tile_draws(words: Iterator[int], draw_bits: int, mass: int) -> Iterator[int]:
    """Yield every candidate u, accepted or not: 16 or 32 bits of a word, low ones first, cut to what ``mass`` needs."""
    mask = 2 ** (mass - 1).bit_length() - 1
    for word in words:
        for shift in range(0, WORD_BITS, draw_bits):
            yield word >> shift & mask


def draw_tile(words: Iterator[int], draw_bits: int, masses: list[int], trials: int) -> tuple[list[int], int]:
    """Draw ``trials`` inside a tile by masked rejection: a count for each weight, and the draws rejected."""
    prefix = prefix_sums(masses)
    counts, rejected = [0] * len(masses), 0
    candidates = tile_draws(words, draw_bits, prefix[-1])
    for _ in range(trials):
        while (u := next(candidates)) >= prefix[-1]:
            rejected += 1
        counts[select(prefix, u)] += 1
    return counts, rejected


class SplitSampler:
    """The streams of the ``split`` sampler, and a step's counts drawn with them.

    Parameters
    ----------
    config : a configuration with ``sampler = "split"``.
    seed : 64-bit seed.

    Attributes
    ----------
    top : the stream that splits a step's trials over the subtrees.
    splits : one stream a subtree: its splits.
    draws : one stream for each of the ``tile_streams`` of each subtree; tile i of a subtree takes stream i mod
        ``tile_streams``.
    """

    def __init__(self, config: UnitConfig, seed: int) -> None:
        def stream(number: Stream, index: int) -> WordStream:
            return WordStream(config.prng, seed, number, config.prng_lanes, index * config.prng_lanes)

        self.config = config
        shape = config.split
        self.top = stream(Stream.TOP, 0)
        self.splits = [stream(Stream.SPLIT, s) for s in range(shape.subtrees)]
        self.draws = [stream(Stream.DRAW, i) for i in range(shape.subtrees * shape.tile_streams)]

    def draw(self, masses: list[int], trials: int) -> tuple[list[int], int]:
        """Counts of the weights, and the draws rejected."""
        config, shape = self.config, self.config.split
        tiles = [masses[at : at + shape.tile] for at in range(0, config.depth, shape.tile)]
        sums = [sum(tile) for tile in tiles] + [0] * (config.leaves - config.tiles)
        bounds = [0, *accumulate(sums)]
        size = config.leaves // shape.subtrees  # leaves of a subtree

        of_subtrees = split(_words(self.top), bounds[::size], trials)
        counts: list[int] = []
        rejected = 0
        for s, of_subtree in enumerate(of_subtrees):
            of_tiles = split(_words(self.splits[s]), bounds[s * size : (s + 1) * size + 1], of_subtree)
            for i, (tile, of_tile) in enumerate(zip(tiles[s * size : (s + 1) * size], of_tiles, strict=False)):
                # Each tile begins on a row of its stream.
                words = _words(self.draws[s * shape.tile_streams + i % shape.tile_streams])
                landed, more = draw_tile(words, config.draw_bits, tile, of_tile)
                counts += landed
                rejected += more
        return counts, rejected


def _words(stream: WordStream) -> Iterator[int]:
    """The words from the next row on."""
    return chain.from_iterable(stream.rows())
