"""The emulator's streams against the reference."""

from itertools import chain, islice

import numpy as np
import pytest

from zimu.emu.prng import WordStream, expand_seed, speck32_64
from zimu.golden import prng as golden
from zimu.golden.errors import InputError
from zimu.golden.generators import GENERATORS


def test_speck32_64_known_answer():
    """The test vector of IACR 2013/404, appendix C: key 1918 1110 0908 0100."""
    assert speck32_64(0x1918_1110_0908_0100, np.array([0x6574_694C], np.uint32)).tolist() == [0xA868_42F2]


@pytest.mark.parametrize("seed", [0, 1, 2**64 - 1, 0x0123_4567_89AB_CDEF])
@pytest.mark.parametrize("stream", golden.Stream)
@pytest.mark.parametrize("first_lane", [0, 2**16 - 16])
def test_seed_expansion_is_the_references(seed, stream, first_lane):
    expected = [golden.expand_seed(seed, stream, first_lane + lane, 9) for lane in range(16)]
    assert expand_seed(seed, stream, first_lane, 16, 9).tolist() == expected


@pytest.mark.parametrize("kind", GENERATORS)
@pytest.mark.parametrize(("lanes", "first_lane"), [(1, 0), (2, 6), (4, 0), (8, 8), (16, 2**16 - 16)])
def test_reading_in_pieces_is_the_references_stream(kind, lanes, first_lane):
    stream = WordStream(kind, 5, 1, lanes, first_lane)
    reference = golden.WordStream(kind, 5, golden.Stream.TRIALS, lanes, first_lane)
    assert stream.state.tolist() == reference.state
    words = np.empty(64 * lanes, np.uint32)
    for start, stop in ((0, 1), (1, 8), (8, 64)):
        stream.read(words[start * lanes : stop * lanes])
    assert words.tolist() == list(islice(chain.from_iterable(reference.rows()), words.size))
    assert stream.state.tolist() == reference.state


@pytest.mark.parametrize("kind", GENERATORS)
def test_a_restored_stream_continues(kind):
    one, other = WordStream(kind, 5, 1, 2), WordStream(kind, 6, 2, 2)
    expected, got = np.empty((2, 10), np.uint32)
    one.read(expected[:6])
    other.restore(one.state.tolist())
    one.read(expected)
    other.read(got)
    assert got.tolist() == expected.tolist()


@pytest.mark.parametrize("kind", GENERATORS)
def test_every_state_the_reference_refuses_is_refused(kind):
    """In the second of two generators; and nothing is changed by the attempt."""
    stream = WordStream(kind, 5, 1, 2)
    machine = GENERATORS[kind]
    before = stream.state.tolist()
    size = machine.saved_words
    candidates = [[0] * size, [0] * (size - 1) + [1], [1] * (size - 1) + [2], [2] * (size - 1) + [1]]
    for generator in [*candidates, [1] * (size - 1) + [2**32], [1] * (size - 1) + [-1]]:
        try:
            machine([1] * machine.expanded_words).state = generator
        except InputError:
            with pytest.raises(InputError) as refusal:
                stream.restore(before[:size] + generator)
            assert "\n" not in str(refusal.value)
            assert stream.state.tolist() == before
        else:
            WordStream(kind, 5, 1, 2).restore(before[:size] + generator)
    for damaged in (before[1:], [*before, 1], None, tuple(before)):
        with pytest.raises(InputError, match=rf"^must be a list of {2 * size} words$"):
            stream.restore(damaged)
