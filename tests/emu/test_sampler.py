"""The sampler: masked rejection at every small W, landing at every u, and no dependence on how work is cut."""

import numpy as np
import pytest

from zimu.emu import sampler
from zimu.emu.prng import WordStream
from zimu.emu.steps import Masses
from zimu.golden import sampler as golden
from zimu.golden.unit import UnitConfig


def masses_of(gradients, smoothing: int) -> Masses:
    config = UnitConfig(
        name="any",
        weight_bits=8,
        gradient_bits=32,
        smoothing_bits=4,
        depth=gradients.size,
        lanes=1,
        gate_bits=1,
    )
    return sampler.InverseSampler(config, 0, 1).masses(gradients, smoothing)


def landed(gradients, smoothing: int, draws) -> np.ndarray:
    """How many of ``draws`` land on each weight."""
    counts = np.zeros(gradients.size, np.int64)
    for indices, hits in sampler.land(masses_of(gradients, smoothing), 0, draws):
        np.add.at(counts, indices, hits)
    return counts


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32])
@pytest.mark.parametrize("smoothing", [0, 1, 3])
@pytest.mark.parametrize("depth", [1, 127, 128, 129, 400])
@pytest.mark.parametrize("sparse", [0, 10**9])
def test_every_u_lands_where_the_contract_says(monkeypatch, dtype, smoothing, depth, sparse):
    """Each u of [0, W) once, found in either way: the counts must be the masses themselves."""
    monkeypatch.setattr(sampler, "SPARSE", sparse)
    gradients = np.random.default_rng(depth).integers(-9, 10, depth).astype(dtype)
    gradients[0] = -9
    mass = np.abs(gradients.astype(np.int64)) + smoothing
    assert masses_of(gradients, smoothing).bounds[-1] == mass.sum()
    for width in (np.uint32, np.uint64):
        draws = np.random.default_rng(1).permutation(int(mass.sum())).astype(width)
        assert landed(gradients, smoothing, draws).tolist() == mass.tolist()


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32])
def test_the_most_negative_gradient_has_its_exact_mass(dtype):
    gradients = np.full(300, np.iinfo(dtype).min, dtype)
    mass = -int(np.iinfo(dtype).min)
    assert masses_of(gradients, 0).bounds.tolist() == [0, 128 * mass, 256 * mass, 300 * mass]
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
def test_results_do_not_depend_on_how_work_is_cut(monkeypatch, draw_words, mass, lanes):
    def run(buffer: int, chunk: int):
        stream = WordStream("xoshiro128++", 4, 1, lanes)
        parts = list(sampler.draw(stream, draw_words, mass, 333, np.empty(buffer, np.uint32), chunk=chunk))
        assert sum(len(values) for values, _ in parts) == 333
        gradients = np.full(300, mass // 300, np.int64).astype(np.int32)
        gradients[-1] += mass - mass // 300 * 300
        counts = sum(landed(gradients, 0, values.copy()) for values, _ in parts)
        return counts.tolist(), sum(rejected for _, rejected in parts), stream.state.tolist()

    whole = run(2**14, 2**14)
    cuts = (
        (1, 1, 1, 16, 1, 0),
        (7, 3, 2, 32, 8, 1000),
        (100, 64, 299, 48, 5, 1000),
        (333, 2**14, 1000, 16, 64, 0),
        (50, 7, 128, 16, 8, 1000),
    )
    for draws, part, block, buffer, tile, sparse in cuts:
        monkeypatch.setattr(sampler, "SLICE", part)
        monkeypatch.setattr(sampler, "SPARSE", sparse)
        monkeypatch.setattr(sampler, "BLOCK", block)
        monkeypatch.setattr(sampler, "TILE", tile)
        assert run(buffer, draws) == whole
