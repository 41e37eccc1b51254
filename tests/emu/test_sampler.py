"""The sampler: masked rejection at every small W, landing at every u, and no dependence on how work is cut."""

import numpy as np
import pytest

from zimu.emu import landing, sampler
from zimu.emu.prng import WordStream
from zimu.emu.steps import Masses
from zimu.golden import sampler as golden
from zimu.golden.unit import UnitConfig


def sums_of(gradients, smoothing: int, gradient_bits: int = 32) -> tuple[Masses, landing.Sums]:
    """The masses of gradients that are to be of a unit with so many bits."""
    config = UnitConfig(
        name="any",
        weight_bits=8,
        gradient_bits=gradient_bits,
        smoothing_bits=4,
        depth=gradients.size,
        lanes=1,
        gate_bits=1,
    )
    own = sampler.InverseSampler(config, 0, 1)
    return own.masses(gradients, smoothing), own.sums


def landed(gradients, smoothing: int, draws, gradient_bits: int = 32) -> np.ndarray:
    """How many of ``draws`` land on each weight."""
    masses, sums = sums_of(gradients, smoothing, gradient_bits)
    indices = np.empty(draws.size, np.int64)
    shift = landing.find_starts(sums.bounds, draws.size, sums.starts)
    landing.look_up(masses, sums, shift, draws, indices, np.empty(draws.size, sums.groups.dtype))
    return np.bincount(indices, minlength=gradients.size)


@pytest.mark.parametrize("bits", [8, 16, 32])
@pytest.mark.parametrize("smoothing", [0, 1, 3])
@pytest.mark.parametrize("depth", [1, 15, 16, 127, 128, 129, 400, 16 * 128, 40_000])
def test_every_u_lands_where_the_contract_says(bits, smoothing, depth):
    """Each u of [0, W) once: the counts must be the masses themselves."""
    gradients = np.random.default_rng(depth).integers(-9, 10, depth).astype(f"int{bits}")
    gradients[0] = -9
    mass = np.abs(gradients.astype(np.int64)) + smoothing
    masses, sums = sums_of(gradients, smoothing, bits)
    assert sums.groups.dtype == {8: np.int16, 16: np.int32, 32: np.int64}[bits]
    assert masses.bounds[-1] == mass.sum()
    for width in (np.uint32, np.uint64):
        draws = np.random.default_rng(1).permutation(int(mass.sum())).astype(width)
        assert landed(gradients, smoothing, draws, bits).tolist() == mass.tolist()


@pytest.mark.parametrize(("bits", "shift"), [(8, 1), (8, 4), (16, 1), (16, 4), (16, 11)])
@pytest.mark.parametrize("depth", [7, 128, 257, 1000, 40_000])
def test_lower_bits_that_are_left_out_have_no_mass(bits, shift, depth):
    """What is sampled may be the upper bits of means."""
    rng = np.random.default_rng(depth)
    gradients = rng.integers(
        max(-9, -(2 ** (bits - 1 - shift))), min(9, 2 ** (bits - 1 - shift) - 1), depth, endpoint=True
    )
    values = (gradients * 2**shift + rng.integers(0, 2**shift, depth)).astype(f"int{bits}")
    _, sums = sums_of(values, 2, bits - shift)
    masses, blocks = Masses(values, shift, 2, landing.BLOCK, sums.bounds), sums.groups.size // landing.GROUPS
    reached = landing.sum_groups(masses, sums, None, 0, 0, blocks)
    sums.bounds[blocks:] = reached
    mass = np.abs(gradients) + 2
    assert reached == mass.sum()
    draws, found = np.arange(reached, dtype=np.uint32), np.empty(reached, np.int64)
    starts, rests = landing.find_starts(sums.bounds, draws.size, sums.starts), np.empty(reached, sums.groups.dtype)
    landing.look_up(masses, sums, starts, draws, found, rests)
    assert np.bincount(found, minlength=depth).tolist() == mass.tolist()


def test_every_one_of_many_blocks_is_found():
    """Each draw is the first or the last of a block."""
    gradients = np.random.default_rng(1).integers(-3, 4, 128 * 70_000).astype(np.int8)
    masses, sums = sums_of(gradients, 1, 8)
    assert sums.starts.size == 2**16 + 1
    bounds = masses.bounds[:70_001]
    first = np.arange(70_000) * 128
    assert np.flatnonzero(landed(gradients, 1, bounds[:-1].astype(np.uint64), 8)).tolist() == first.tolist()
    assert (
        np.flatnonzero(landed(gradients, 1, (bounds[1:] - 1).astype(np.uint64), 8)).tolist() == (first + 127).tolist()
    )


@pytest.mark.parametrize("draws", [1, 3, 100, 10**6])
@pytest.mark.parametrize("gap", [0, 1, 7, 8, 9, 40])
def test_blocks_without_mass_are_passed_over(gap, draws):
    """However many lie between two that have one, and however few starts there are."""
    gradients = np.zeros(128 * (2 * gap + 3), np.int8)
    gradients[[5, 128 * (gap + 1) + 9, -1]] = 3, -4, 5
    masses, sums = sums_of(gradients, 0, 8)
    shift = landing.find_starts(sums.bounds, draws, sums.starts)
    found, wanted = np.empty(12, np.int64), [5] * 3 + [128 * (gap + 1) + 9] * 4 + [gradients.size - 1] * 5
    landing.look_up(masses, sums, shift, np.arange(12, dtype=np.uint32), found, np.empty(12, np.int16))
    assert found.tolist() == wanted


def test_without_a_mass_there_are_no_starts():
    bounds = np.zeros(12, np.int64)
    assert landing.find_starts(bounds, 5, np.zeros(4, np.int32)) == 0


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32])
def test_the_most_negative_gradient_has_its_exact_mass(dtype):
    gradients = np.full(300, np.iinfo(dtype).min, dtype)
    mass = -int(np.iinfo(dtype).min)
    assert sums_of(gradients, 0)[0].bounds.tolist() == [0, 128 * mass, 256 * mass] + [300 * mass] * (1 + landing.NEAR)
    edges = np.array([mass - 1, mass, 300 * mass - 1], np.uint64)
    assert np.flatnonzero(landed(gradients, 0, edges)).tolist() == [0, 1, 299]


def test_leading_and_trailing_weights_without_mass_are_never_hit():
    gradients = np.zeros(500, np.int8)
    gradients[[130, 300]] = 1, -2
    assert np.flatnonzero(landed(gradients, 0, np.array([2, 0, 1], np.uint32))).tolist() == [130, 300]


@pytest.mark.parametrize("mass", [*range(1, 18), 2**31, 2**31 + 1, 2**32 - 1, 2**32])
@pytest.mark.parametrize("lanes", [1, 4])
def test_draws_are_the_references(mass, lanes):
    check_draws(mass, 1, lanes)


@pytest.mark.parametrize("mass", [1, 3, 2**32, 2**32 + 1, 2**33, 3 * 2**40 + 1, 2**48 - 1])
@pytest.mark.parametrize("lanes", [1, 2, 8])
def test_draws_of_two_words_are_the_references(mass, lanes):
    check_draws(mass, 2, lanes)


def check_draws(mass: int, draw_words: int, lanes: int) -> None:
    words = np.empty(4096 * lanes, np.uint32)
    WordStream("xoshiro128++", 9, 1, lanes).read(words)
    candidates = golden.draws(iter(words.tolist()), draw_words, mass)
    expected, rejected = [], 0
    while len(expected) < 100:
        u = next(candidates)
        rejected += u >= mass
        if u < mass:
            expected.append(u)
    stream = WordStream("xoshiro128++", 9, 1, lanes)
    ((values, count),) = sampler.draw(stream, draw_words, mass, 100, np.empty(64, np.uint32), chunk=100)
    assert values.tolist() == expected
    assert count == rejected


@pytest.mark.parametrize(("draw_words", "mass"), [(1, 1000), (2, 2**33 + 1)])
@pytest.mark.parametrize("lanes", [1, 4, 16])
def test_results_do_not_depend_on_how_work_is_cut(draw_words, mass, lanes):
    def run(buffer: int, chunk: int):
        stream = WordStream("xoshiro128++", 4, 1, lanes)
        parts = list(sampler.draw(stream, draw_words, mass, 333, np.empty(buffer, np.uint32), chunk=chunk))
        assert sum(len(values) for values, _ in parts) == 333
        gradients = np.full(300, mass // 300, np.int64).astype(np.int32)
        gradients[-1] += mass - mass // 300 * 300
        counts = sum(landed(gradients, 0, values.copy()) for values, _ in parts)
        return counts.tolist(), sum(rejected for _, rejected in parts), stream.state.tolist()

    whole = run(2**14, 2**14)
    for draws, buffer in ((1, 16), (7, 32), (100, 48), (333, 16), (50, 16)):
        assert run(buffer, draws) == whole


@pytest.mark.parametrize("below", [1, 2, 2047, 2048, 2049, 2**31, 2**32, 2**40 + 5])
def test_a_rough_sort_keeps_every_draw_and_puts_far_ones_apart(below):
    rng = np.random.default_rng(below)
    draws = rng.integers(0, below, 5000).astype(np.uint32 if below <= 2**32 else np.uint64)
    found = np.empty_like(draws)
    landing.sort_roughly(draws, below, found)
    assert sorted(found.tolist()) == sorted(draws.tolist())
    upper = found >> max((below - 1).bit_length() - 13, 0)  # as many bits as 5000 has
    assert upper.tolist() == sorted(upper.tolist())
