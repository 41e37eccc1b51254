"""The law itself: every outcome of a small step has exactly the probability the paper gives it.

All random words of a step are enumerated and fed to the reference and to the emulator; what comes out is compared as
rational numbers. Larger steps are held against the law by seeded tests.
"""

from collections import Counter, defaultdict
from fractions import Fraction
from itertools import product
from math import comb

import numpy as np
import pytest
from scipy import stats

from zimu.emu.steps import Sampler
from zimu.emu.unit import ZimUnit, gradient_dtype, weight_dtype
from zimu.emu.update import ListUnit
from zimu.golden.unit import ReferenceUnit, UnitConfig

GATES = ("trial", "step")
UNITS = (ReferenceUnit, ListUnit)


@pytest.fixture(autouse=True)
def whole_machinery(monkeypatch):
    """A step in one call takes no stream of given words; what it does is held against the reference elsewhere."""
    monkeypatch.setattr(Sampler, "is_small", lambda _, __: False)


class Exhausted(Exception):  # noqa: N818  # an event, not an error
    """The step needs more words than were given."""


class Script:
    """A stream of given words, for the reference (`rows`) and the emulator (`read`)."""

    lanes = 1

    def __init__(self, words) -> None:
        self.words = list(words)

    def rows(self):
        while self.words:
            yield [self.words.pop(0)]
        raise Exhausted

    def read(self, out) -> None:
        if out.size > len(self.words):
            raise Exhausted
        out[:] = self.words[: out.size]
        del self.words[: out.size]


def with_junk(value: int, bits: int) -> int:
    """A 32-bit word with the given low bits and others that must not matter."""
    return (0x9E3779B9 * (value + 1) << bits | value) & 2**32 - 1


def outcome(unit_kind, config: UnitConfig, gradients, n, T, c, gate, trials) -> tuple[int, int, tuple[int, ...]]:
    """Open trials, discarded trials, and how far each weight moved against its gradient."""
    unit = unit_kind(config, 0)
    machine = getattr(unit, "emulator", unit)
    gate = Script(with_junk(word, config.gate_bits) for word in gate)
    if machine is unit:
        machine.gate_stream, machine.sampler.trials = gate, Script(trials)
    else:
        machine.sampler.streams.update(gate=gate, trials=Script(trials))
    weights = unit.step([0] * config.depth, list(gradients), trials=n, threshold=T, smoothing=c)
    moved = tuple(-w if g > 0 else w for w, g in zip(weights, gradients, strict=True))
    return unit.counters.open_trials, unit.counters.discarded_trials, moved


def enumerate_step(unit_kind, config: UnitConfig, gradients, n, T, c, draws: int) -> dict:
    """Probability of every outcome that ``draws`` draws decide; the rest is missing."""
    mass = sum(map(abs, gradients)) + c * config.depth
    bits = (mass - 1).bit_length()
    gates = list(product(range(config.max_threshold), repeat=n if config.gate == "trial" else 1))
    words = list(product(range(2**bits), repeat=draws))
    weight = Fraction(1, len(gates) * len(words))
    found = defaultdict(Fraction)
    for gate in gates:
        for values in words:
            trials = [with_junk(value, bits) for value in values]
            try:
                found[outcome(unit_kind, config, gradients, n, T, c, gate, trials)] += weight
            except Exhausted:
                continue
    return found


def opening_law(config: UnitConfig, n: int, T: int) -> dict[int, Fraction]:
    """P(N = m) in either reading of zero inflation."""
    z = Fraction(T, config.max_threshold)
    if config.gate == "step":
        return {n: z, 0: 1 - z}
    return {m: comb(n, m) * z**m * (1 - z) ** (n - m) for m in range(n + 1)}


def landing_law(gradients, m: int, c: int) -> dict:
    """Probability of (discarded trials, moves) after m trials, from p_i = (|g_i| + c) / W alone."""
    masses = [abs(g) + c for g in gradients]
    law = defaultdict(Fraction)
    for landed in product(range(len(masses)), repeat=m):
        probability = Fraction(1)
        for i in landed:
            probability *= Fraction(masses[i], sum(masses))
        counts = Counter(landed)
        moved = tuple(counts[i] if g else 0 for i, g in enumerate(gradients))
        law[m - sum(moved), moved] += probability
    return {key: probability for key, probability in law.items() if probability}


def little(gate: str, depth: int, gate_bits: int) -> UnitConfig:
    return UnitConfig(
        name="little",
        weight_bits=8,
        gradient_bits=4,
        smoothing_bits=2,
        depth=depth,
        lanes=1,
        gate=gate,
        gate_bits=gate_bits,
    )


POWERS = [
    # gradients, n, c, gate_bits, T: W is a power of two, so n draws decide every step.
    ((-3, 1, -1), 2, 1, 2, 3),
    ((-3, 0, 1, 0), 2, 1, 1, 1),
    ((0, -8), 3, 0, 1, 1),
    ((3, -1), 3, 0, 2, 1),
    ((1,), 3, 0, 1, 1),
]


@pytest.mark.parametrize("unit_kind", UNITS)
@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize(("gradients", "n", "c", "gate_bits", "T"), POWERS)
def test_every_outcome_has_its_exact_probability(unit_kind, gate, gradients, n, c, gate_bits, T):
    config = little(gate, len(gradients), gate_bits)
    expected = {
        (m, *landing): opened * probability
        for m, opened in opening_law(config, n, T).items()
        for landing, probability in landing_law(gradients, m, c).items()
    }
    assert sum(expected.values()) == 1
    assert enumerate_step(unit_kind, config, gradients, n, T, c, draws=n) == expected


@pytest.mark.parametrize("unit_kind", UNITS)
@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("gradients", [(-2, 1, 2), (-3, 1, 2), (4, -3), (-1, 1, 1)])
def test_rejection_leaves_the_law_exact(unit_kind, gate, gradients):
    """W is not a power of two. What the accepted draws land on does not depend on how many were rejected."""
    n, T, draws = 2, 1, 3
    config = little(gate, len(gradients), 1)
    found = enumerate_step(unit_kind, config, gradients, n, T, 0, draws)
    decided = defaultdict(Fraction)
    for (m, *_), probability in found.items():
        decided[m] += probability
    mass = sum(map(abs, gradients))
    accept = Fraction(mass, 2 ** (mass - 1).bit_length())
    for m, opened in opening_law(config, n, T).items():
        enough = sum(comb(draws, k) * accept**k * (1 - accept) ** (draws - k) for k in range(m, draws + 1))
        assert decided[m] == opened * enough
        law = landing_law(gradients, m, 0)
        assert {key[1:]: p / decided[m] for key, p in found.items() if key[0] == m} == law


@pytest.mark.parametrize("unit_kind", UNITS)
@pytest.mark.parametrize("gate", GATES)
def test_the_moments_are_those_of_the_paper(unit_kind, gate):
    """E[X_i] = n z p_i, and E||X||^2 = n z + n (n-1) z^2 ||p||^2, with z for z^2 where the gate is the step's."""
    gradients, n, c, gate_bits, T = POWERS[0]
    config = little(gate, 3, gate_bits)
    z, p = Fraction(T, 2**gate_bits), [Fraction(abs(g) + c, 8) for g in gradients]
    found = enumerate_step(unit_kind, config, gradients, n, T, c, draws=n)
    for i in range(3):
        assert sum(probability * moved[i] for (_, _, moved), probability in found.items()) == n * z * p[i]
    square = sum(probability * sum(x * x for x in moved) for (_, _, moved), probability in found.items())
    both_open = z**2 if gate == "trial" else z
    assert square == n * z + n * (n - 1) * both_open * sum(x * x for x in p)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("gradient_bits", "prng_lanes"), [(6, 1), (16, 4), (32, 1), (32, 4)])
def test_a_million_trials_fit_the_law(seed, gradient_bits, prng_lanes):
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
    assert stats.chisquare(counts, result.open_trials * masses / masses.sum()).pvalue > 1e-6
    assert stats.binomtest(result.open_trials, 10**6, 200 / 256).pvalue > 1e-6


def test_the_step_gate_opens_as_often_as_it_should():
    """Exact binomial test over 4000 steps, false-alarm rate 1e-6."""
    config = little("step", 1, 4)
    unit, weights, gradients = ZimUnit(config, 8), np.zeros(1, np.int8), np.array([1], np.int8)
    opened = sum(unit.step(weights, gradients, trials=1, threshold=5, smoothing=0).open_trials for _ in range(4000))
    assert stats.binomtest(opened, 4000, 5 / 16).pvalue > 1e-6
