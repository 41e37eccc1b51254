"""The random words of the scalar reference against published answers."""

from itertools import chain, islice

import pytest

from zimu.golden.prng import Stream, WordStream, expand_seed, speck32_64, xoshiro128pp


def test_xoshiro128pp_known_answers():
    """First words from the state 1, 2, 3, 4 of the authors' C code, as the crate rand_xoshiro tests them."""
    state = [1, 2, 3, 4]
    assert [xoshiro128pp(state) for _ in range(10)] == [
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
    assert speck32_64(0x1918_1110_0908_0100, 0x6574_694C) == 0xA868_42F2


def test_the_expansion_numbers_streams_lanes_and_words_apart():
    seed = 0x1918_1110_0908_0100
    assert expand_seed(seed, Stream.TRIALS, 3, 4) == [speck32_64(seed, 0x0100_0300 + j) for j in range(4)]
    words = [word for stream in Stream for lane in range(16) for word in expand_seed(seed, stream, lane, 4)]
    assert len(set(words)) == len(words)


@pytest.mark.parametrize("lanes", [1, 2, 4])
def test_word_t_comes_from_generator_t_mod_p(lanes):
    generators = [expand_seed(77, Stream.TRIALS, lane, 4) for lane in range(lanes)]
    expected = [xoshiro128pp(generators[t % lanes]) for t in range(8 * lanes)]
    assert (
        list(islice(chain.from_iterable(WordStream("xoshiro128++", 77, Stream.TRIALS, lanes).rows()), 8 * lanes))
        == expected
    )


def test_a_stream_continues_from_its_state():
    one, other = WordStream("xoshiro128++", 1, Stream.TRIALS, 2), WordStream("xoshiro128++", 2, Stream.TRIALS, 2)
    next(one.rows())
    other.state = one.state
    assert next(one.rows()) == next(other.rows())
