"""The ``split`` sampler: the count of trials is split down a tree of tiles, then drawn inside each tile.

Twins: ``emu/split.py``, ``rtl/split.py``.
"""

from collections.abc import Iterator, Mapping
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any, NamedTuple

from zimu.golden.prng import Stream, WordStream
from zimu.golden.rule import WORD_BITS
from zimu.golden.sampler import Sampler, prefix_sums, select

if TYPE_CHECKING:  # the configuration asks the samplers what they have
    from zimu.golden.unit import UnitConfig


class SplitShape(NamedTuple):
    """What only the split sampler has; see `zimu.golden.unit.UnitConfig`."""

    tile: int
    subtrees: int
    tile_streams: int
    engines: int


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
        ones += (next(words) % (1 << min(bits - start, WORD_BITS))).bit_count()
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
            yield (word >> shift) & mask


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


class SplitSampler(Sampler):
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

    circuit_fields = frozenset({"engines"})

    @staticmethod
    def fields(given: Mapping[str, Any]) -> dict[str, Any]:
        streams = given.get("tile_streams", 1)
        return SplitShape(tile=64, subtrees=1, tile_streams=streams, engines=streams)._asdict()

    @staticmethod
    def check(config: "UnitConfig") -> None:
        shape = config.split
        if shape.tile < config.lanes:
            raise ValueError(f"tile = {shape.tile}: must be at least lanes = {config.lanes}, a tile is of whole beats")
        widest = 2**WORD_BITS // config.max_weight_mass
        if shape.tile > widest:
            widths = ("gradient_bits", "smoothing_bits")
            field = "tile" if widest > 1 else max(widths, key=lambda width: getattr(config, width))
            raise ValueError(
                f"{field} = {getattr(config, field)}: the masses of a tile must add up to {2**WORD_BITS} at most "
                f"(tile = {shape.tile}, gradient_bits = {config.gradient_bits}, "
                f"smoothing_bits = {config.smoothing_bits})"
            )
        if shape.subtrees > config.leaves:
            raise ValueError(
                f"subtrees = {shape.subtrees}: must be in 1..{config.leaves}, a subtree has a tile at least "
                f"(depth = {config.depth}, tile = {shape.tile})"
            )
        if shape.engines > shape.tile_streams:
            raise ValueError(
                f"engines = {shape.engines}: must be in 1..{shape.tile_streams}, no more than tile_streams"
            )

    @staticmethod
    def gate_lanes(config: "UnitConfig") -> int:
        """Its words are counted many at a time."""
        return config.prng_lanes

    @staticmethod
    def describe(config: "UnitConfig") -> str:
        return f"split, {config.engines} engines"

    def __init__(self, config: "UnitConfig", seed: int) -> None:
        def stream(number: Stream, index: int) -> WordStream:
            return WordStream(config.prng, seed, number, config.prng_lanes, index * config.prng_lanes)

        self.config = config
        shape = config.split
        self.top = stream(Stream.TOP, 0)
        self.splits = [stream(Stream.SPLIT, s) for s in range(shape.subtrees)]
        self.draws = [stream(Stream.DRAW, i) for i in range(shape.subtrees * shape.tile_streams)]

    def open(self, words: Iterator[int], trials: int, threshold: int) -> int:
        """A binomial number too."""
        return binomial(words, trials, threshold, self.config.max_threshold)

    def draw(self, weight_masses: list[int], trials: int) -> tuple[list[int], int]:
        """Down the tree of subtrees, down each subtree, and inside each tile."""
        config, shape = self.config, self.config.split
        tiles = [weight_masses[at : at + shape.tile] for at in range(0, config.depth, shape.tile)]
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
