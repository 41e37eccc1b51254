"""The emulator's generators against published answers and against the reference."""

from itertools import chain, islice

import numpy as np
import pytest

from zimu.emu.prng import WordStream, expand_seed, speck32_64
from zimu.golden import prng as golden


def test_xoshiro128pp_known_answers():
    """First words from the state 1, 2, 3, 4 of the authors' C code, as the crate rand_xoshiro tests them."""
    stream = WordStream(0, 0, 1)
    stream.state[:] = 1, 2, 3, 4
    words = np.empty(10, np.uint32)
    stream.read(words)
    assert words.tolist() == [
        641,
        1573767,
        3222811527,
        3517856514,
        836907274,
        4247214768,
        3867114732,
        1355841295,
        495546011,
        621204420,
    ]


def test_speck32_64_known_answer():
    """The test vector of IACR 2013/404, appendix C: key 1918 1110 0908 0100."""
    assert speck32_64(0x1918_1110_0908_0100, np.array([0x6574_694C], np.uint32)).tolist() == [0xA868_42F2]


@pytest.mark.parametrize("seed", [0, 1, 2**64 - 1, 0x0123_4567_89AB_CDEF])
@pytest.mark.parametrize("stream", golden.Stream)
def test_seed_expansion_is_the_references(seed, stream):
    expected = [word for lane in range(16) for word in golden.expand_seed(seed, stream, lane, 4)]
    assert expand_seed(seed, stream, 16).tolist() == expected


@pytest.mark.parametrize("lanes", [1, 2, 4, 8, 16])
def test_reading_in_pieces_is_the_references_stream(lanes):
    stream, reference = WordStream(5, 1, lanes), golden.WordStream("xoshiro128++", 5, golden.Stream.TRIALS, lanes)
    words = np.empty(64 * lanes, np.uint32)
    for start, stop in ((0, 1), (1, 8), (8, 64)):
        stream.read(words[start * lanes : stop * lanes])
    assert words.tolist() == list(islice(chain.from_iterable(reference.rows()), words.size))
    assert stream.state.tolist() == reference.state
