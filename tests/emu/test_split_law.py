"""The law of the ``split`` sampler: every outcome has exactly its probability.

All random words are enumerated and fed to the reference and to the emulator, and what comes out is compared as
rational numbers. The emulator takes its words through a real generator: the first 96 bits that ``lfsr128`` gives are
the low words of its state, so a state can be made that gives any three words, and 16 lanes give three rows of them.
"""

from collections import Counter, defaultdict
from fractions import Fraction
from itertools import product, repeat
from math import comb, gcd

import numpy as np
import pytest
from scipy import stats

from zimu.emu import split as emu
from zimu.emu.prng import WordStream
from zimu.emu.steps import Sampler
from zimu.emu.tiles import BUFFER
from zimu.emu.unit import ZimUnit, gradient_dtype, weight_dtype
from zimu.emu.update import ListUnit
from zimu.golden import split as golden
from zimu.golden.unit import ReferenceUnit, UnitConfig

LANES, ROWS = 16, 3


def scripted_state(words) -> np.ndarray:
    """The state of 16 ``lfsr128`` generators that give ``words`` first, at most 48."""
    words = [*words, *repeat(0, LANES * ROWS - len(words))]
    return np.array([[*words[lane::LANES], 1] for lane in range(LANES)], np.uint32).reshape(-1)


def emulated(words, trials: int, a: int, b: int) -> int:
    stream = WordStream("lfsr128", 0, 0, LANES)
    stream.state[:] = scripted_state(words)
    return emulated_from(stream, trials, a, b)


def emulated_from(stream: WordStream, trials: int, a: int, b: int) -> int:
    words, waiting = np.empty(BUFFER, np.uint32), np.empty((emu.LEVELS, 3), np.int64)
    return emu.binomial(stream.generators, stream.state, trials, a, b, words, waiting)


def reference(words, trials: int, a: int, b: int) -> int:
    return golden.binomial(iter(words), trials, a, b)


BINOMIALS = (reference, emulated)


def with_junk(value: int, bits: int) -> int:
    """A 32-bit word with the given low bits and others that must not matter."""
    return (0x9E3779B9 * (value + 1) << bits | value) & 2**32 - 1


def binomial_law(m: int, p: Fraction) -> dict[int, Fraction]:
    return {k: comb(m, k) * p**k * (1 - p) ** (m - k) for k in range(m + 1)}


@pytest.mark.parametrize("binomial", BINOMIALS)
@pytest.mark.parametrize(("a", "b"), [(1, 2), (1, 4), (3, 4), (3, 8), (5, 8), (6, 8), (1, 1), (0, 4)])
@pytest.mark.parametrize("trials", [1, 2, 3])
def test_a_binomial_whose_probability_ends_is_exact(binomial, a, b, trials):
    """Where b is a power of two, log2 b rounds decide everything: all their words are enumerated."""
    rounds = (b // gcd(a, b)).bit_length() - 1 if a else 0
    found = defaultdict(Fraction)
    for values in product(range(2**trials), repeat=rounds):
        # Fewer trials are undecided in later rounds: the words' higher bits must not matter.
        words = [with_junk(value, trials) for value in values]
        found[binomial(words, trials, a, b)] += Fraction(1, 2 ** (trials * rounds))
    assert found == {k: p for k, p in binomial_law(trials, Fraction(a, b)).items() if p}


@pytest.mark.parametrize("binomial", BINOMIALS)
@pytest.mark.parametrize(("a", "b", "period"), [(1, 3, 2), (2, 3, 2), (2, 5, 4), (4, 5, 4), (3, 7, 3), (6, 7, 3)])
@pytest.mark.parametrize("trials", [1, 2])
def test_a_binomial_whose_probability_recurs_is_exact(binomial, a, b, period, trials):
    """After one period of the binary fraction the remainder is a again: what is undecided is the same problem anew.

    So with S successes and U undecided after one period, P(m, k) = sum of Pr(S = s, U = u) P(u, k - s), of which the
    binomial law is the only solution, as undecided trials become fewer with probability one. Every word of one
    period is enumerated. Then words of ones leave S as it is and end without another success; words of zeros turn
    the undecided into successes at the next digit 1.
    """
    joint = defaultdict(Fraction)
    for values in product(range(2**trials), repeat=period):
        drawn = [with_junk(value, trials) for value in values]
        rest = 48 - period
        # All ones go on for ever in the reference; a digit 1 that is followed by a digit 0 ends them.
        successes = binomial([*drawn, *[2**32 - 1] * rest], trials, a, b)
        undecided = binomial([*drawn, *[0] * rest], trials, a, b) - successes
        joint[successes, undecided] += Fraction(1, 2 ** (trials * period))
    laws = {u: binomial_law(u, Fraction(a, b)) for u in range(trials + 1)}
    composed = defaultdict(Fraction)
    for (successes, undecided), probability in joint.items():
        for k, p in laws[undecided].items():
            composed[successes + k] += probability * p
    assert composed == laws[trials]
    assert joint[0, trials] + joint[trials, 0] < 1


@pytest.mark.parametrize("trials", [1, 31, 32, 33, 64, 65, 300])
def test_both_take_the_same_words(trials):
    """Rounds of several words, and their tails: the reference and the emulator, word for word."""
    rng = np.random.default_rng(trials)
    for _ in range(200):
        b = int(rng.integers(1, 2**40))
        a = int(rng.integers(0, b + 1))
        stream = WordStream("lfsr128", int(rng.integers(2**63)), 0, LANES)
        kind = WordStream("lfsr128", 0, 0, LANES)
        kind.state[:] = stream.state
        words = np.empty(LANES * 400, np.uint32)
        kind.read(words)
        source = iter(words.tolist())
        expected = golden.binomial(source, trials, a, b)
        used = words.size - len(list(source))
        assert emulated_from(stream, trials, a, b) == expected
        # The stream stands at the row after the last word.
        following = np.empty(LANES, np.uint32)
        stream.read(following)
        row = -(-used // LANES)
        assert following.tolist() == words[row * LANES : (row + 1) * LANES].tolist()


TINY = UnitConfig(
    name="tiny",
    weight_bits=8,
    gradient_bits=4,
    smoothing_bits=0,
    depth=4,
    lanes=1,
    gate_bits=1,
    sampler="split",
    tile=2,
    tile_streams=2,
    prng="lfsr128",
    prng_lanes=LANES,
)


class Script:
    """A stream that gives the reference one row: ``words``, then zeros."""

    def __init__(self, words) -> None:
        self.words = [*words, *repeat(0, LANES - len(words))]

    def rows(self):
        yield self.words


def step(unit_kind, gradients, trials: int, splits, draws) -> tuple[tuple[int, ...], int]:
    """How far each weight moved, and the draws rejected; the gate is open."""
    unit = unit_kind(TINY, 0)
    if unit_kind is ListUnit:
        streams = unit.emulator.sampler.streams
        streams["split"].state[:] = scripted_state(splits)
        streams["draw"].state[:] = np.concatenate([scripted_state(words) for words in draws])
    else:
        unit.sampler.splits[0] = Script(splits)
        unit.sampler.draws[:] = map(Script, draws)
    weights = unit.step([0] * 4, list(gradients), trials=trials, threshold=2, smoothing=0)
    return tuple(abs(w) for w in weights), unit.counters.rejected_draws


@pytest.mark.parametrize(("unit_kind", "whole"), [(ReferenceUnit, True), (ListUnit, False), (ListUnit, True)])
@pytest.mark.parametrize("gradients", [(-1, 0, 1, 2), (1, 1, -1, 1), (0, 3, -1, 0), (2, -1, 0, 1)])
def test_a_step_lands_by_the_law(monkeypatch, unit_kind, whole, gradients):
    """Two tiles of two weights: all words of the split (W is a power of two) and of two draws in each tile.

    Rejections leave the law of what is accepted as it is: given that none happened, the outcome has its exact law.
    """
    monkeypatch.setattr(Sampler, "is_small", lambda _, __: whole)
    trials = 2
    masses = [abs(g) for g in gradients]
    tiles = [masses[:2], masses[2:]]
    rounds = (sum(masses) - 1).bit_length()
    bits = [max((sum(tile) - 1).bit_length(), 0) for tile in tiles]
    accepted = [Fraction(sum(tile), 2**b) for tile, b in zip(tiles, bits, strict=True)]
    found, total = defaultdict(Fraction), Fraction(0)
    split_words = list(product(range(2**trials), repeat=rounds))
    candidates = [list(product(range(2**b), repeat=trials)) for b in bits]
    weight = Fraction(1, len(split_words) * len(candidates[0]) * len(candidates[1]))
    for splits in split_words:
        for draws in product(*candidates):
            words = [[with_junk(u, 4) & 0xFFFF | second << 16 for u, second in [values]] for values in draws]
            moved, rejected = step(unit_kind, gradients, trials, [with_junk(value, trials) for value in splits], words)
            if not rejected:
                # k trials in a tile look at k of its candidates: undo the share of rejections among them.
                first = moved[0] + moved[1]
                found[moved] += weight / (accepted[0] ** first * accepted[1] ** (trials - first))
                total += weight
    expected = defaultdict(Fraction)
    for landed in product(range(4), repeat=trials):
        probability = Fraction(1)
        for i in landed:
            probability *= Fraction(masses[i], sum(masses))
        counts = Counter(landed)
        expected[tuple(counts[i] for i in range(4))] += probability
    assert total > 0
    assert found == {outcome: p for outcome, p in expected.items() if p}


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    ("gradient_bits", "prng_lanes", "subtrees", "tile_streams"),
    [(6, 1, 1, 1), (6, 8, 4, 2), (16, 4, 2, 1), (12, 1, 8, 4)],
)
def test_a_million_trials_fit_the_law(seed, gradient_bits, prng_lanes, subtrees, tile_streams):
    """Chi-square over the weights, and an exact binomial test of the gate, each with false-alarm rate 1e-6."""
    config = UnitConfig(
        name="big",
        weight_bits=32,
        gradient_bits=gradient_bits,
        smoothing_bits=4,
        depth=200,
        lanes=8,
        gate_bits=8,
        prng_lanes=prng_lanes,
        sampler="split",
        tile=8,
        subtrees=subtrees,
        tile_streams=tile_streams,
    )
    low, high = config.gradient.limits
    gradients = np.random.default_rng(seed).integers(low, high, 200, endpoint=True)
    gradients[gradients == 0] = 1
    weights = np.zeros(200, weight_dtype(config))
    result = ZimUnit(config, seed).step(
        weights, gradients.astype(gradient_dtype(config)), trials=10**6, threshold=200, smoothing=3
    )
    masses = np.abs(gradients) + 3
    counts = -np.sign(gradients) * weights
    assert counts.sum() == result.open_trials
    assert stats.binomtest(result.open_trials, 10**6, 200 / 256).pvalue > 1e-6
    assert stats.chisquare(counts, result.open_trials * masses / masses.sum()).pvalue > 1e-6


def test_moments_over_many_steps_fit_the_law():
    """Mean, variance and covariance of the counts over 20,000 steps, each |z| < 6: false-alarm rate below 1e-6.

    Var X_i = n z p_i (1 - z p_i) and Cov(X_i, X_j) = -n z^2 p_i p_j where each trial has its gate. The standard error
    of an estimate is taken from the sample itself.
    """
    config = UnitConfig(
        name="moments",
        weight_bits=16,
        gradient_bits=6,
        smoothing_bits=4,
        depth=12,
        lanes=2,
        gate_bits=8,
        sampler="split",
        tile=4,
        subtrees=2,
        tile_streams=2,
    )
    gradients = np.array([5, -1, 30, 7, 2, -9, 11, 1, -31, 4, 3, 16], np.int8)
    n, z = 24, 160 / 256
    p = (np.abs(gradients.astype(np.int64)) + 1) / (np.abs(gradients.astype(np.int64)) + 1).sum()
    unit = ZimUnit(config, 2026)
    counts = np.empty((20_000, 12))
    for row in counts:
        weights = np.zeros(12, np.int16)
        unit.step(weights, gradients, trials=n, threshold=160, smoothing=1)
        row[:] = np.abs(weights)

    def fits(sample: np.ndarray, expected: np.ndarray) -> bool:
        error = sample.std(axis=0) / np.sqrt(len(sample))
        return bool((np.abs(sample.mean(axis=0) - expected) < 6 * error).all())

    assert fits(counts, n * z * p)
    centred = counts - n * z * p
    expected = -n * z**2 * np.outer(p, p)
    expected[np.diag_indices(12)] = n * z * p * (1 - z * p)
    pairs = np.array([np.outer(row, row) for row in centred]).reshape(-1, 144)
    assert fits(pairs, expected.reshape(-1))
