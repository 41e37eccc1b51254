"""The random words of the scalar reference against published answers."""

from itertools import chain, islice

import pytest

from zimu.golden.generators import GENERATORS
from zimu.golden.prng import Stream, WordStream, expand_seed, speck32_64


def test_speck32_64_known_answer():
    """The test vector of IACR 2013/404, appendix C: key 1918 1110 0908 0100."""
    assert speck32_64(0x1918_1110_0908_0100, 0x6574_694C) == 0xA868_42F2


def test_the_expansion_numbers_streams_lanes_and_words_apart():
    seed = 0x1918_1110_0908_0100
    assert expand_seed(seed, Stream.TRIALS, 3, 4) == [speck32_64(seed, 0x0100_0300 + j) for j in range(4)]
    words = [word for stream in Stream for lane in range(16) for word in expand_seed(seed, stream, lane, 4)]
    assert len(set(words)) == len(words)


@pytest.mark.parametrize("kind", GENERATORS)
@pytest.mark.parametrize(("lanes", "first_lane"), [(1, 0), (2, 0), (4, 12), (1, 2**16 - 1)])
def test_word_t_comes_from_generator_t_mod_p(kind, lanes, first_lane):
    machine = GENERATORS[kind]
    generators = [
        machine(expand_seed(77, Stream.TRIALS, first_lane + lane, machine.expanded_words)) for lane in range(lanes)
    ]
    expected = [generators[t % lanes].next() for t in range(8 * lanes)]
    stream = WordStream(kind, 77, Stream.TRIALS, lanes, first_lane)
    assert list(islice(chain.from_iterable(stream.rows()), 8 * lanes)) == expected


@pytest.mark.parametrize("kind", GENERATORS)
def test_a_stream_continues_from_its_state(kind):
    one, other = WordStream(kind, 1, Stream.TRIALS, 2), WordStream(kind, 2, Stream.TRIALS, 2)
    next(one.rows())
    other.state = one.state
    assert list(islice(one.rows(), 5)) == list(islice(other.rows(), 5))
