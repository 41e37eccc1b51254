"""The emulator's generators against published answers and against the reference."""

import random

import numpy as np
import pytest

from zimu.emu.generators import KINDS, MANY_BLOCKS, fill, philox_block, philox_blocks
from zimu.golden.generators import GENERATORS
from zimu.golden.known_answers import KNOWN_ANSWERS, PHILOX_BLOCKS


def random_generators(kind, lanes, source):
    """Generators of the reference, and the state of the emulator's stream that they make up."""
    machine = GENERATORS[kind]
    generators = [machine([source.getrandbits(32) for _ in range(machine.expanded_words)]) for _ in range(lanes)]
    return generators, flat(generators)


def flat(generators):
    return np.array([word for generator in generators for word in generator.state], np.uint32)


def check(kind, generators, state, rows):
    """Both give the same ``rows``, and are in the same state afterwards."""
    lanes = len(generators)
    # The words around must stay as they are.
    room = np.full(rows * lanes + 2, 77, np.uint32)
    fill(KINDS[kind].code, state, lanes, room[1:-1])
    expected = [generator.next() for _ in range(rows) for generator in generators]
    assert room.tolist() == [77, *expected, 77]
    assert state.tolist() == flat(generators).tolist()


def test_every_kind_has_a_code_of_its_own():
    assert list(KINDS) == list(GENERATORS)
    assert len({kind.code for kind in KINDS.values()}) == len(KINDS)


@pytest.mark.parametrize("answer", KNOWN_ANSWERS, ids=lambda answer: answer.kind)
@pytest.mark.parametrize("lanes", [1, 2, 5, 16])
def test_known_answers(answer, lanes):
    state = np.array(answer.state * lanes, np.uint32)
    words = np.empty((answer.skipped + len(answer.words), lanes), np.uint32)
    fill(KINDS[answer.kind].code, state, lanes, words.reshape(-1))
    for lane in range(lanes):
        assert tuple(words[answer.skipped :, lane].tolist()) == answer.words


@pytest.mark.parametrize("block", PHILOX_BLOCKS)
def test_philox_blocks(block):
    key = [np.uint32(word) for word in block.key]
    assert philox_block(*(np.uint32(word) for word in block.counter), *key) == block.words
    counters = np.array([block.counter, (1, 2, 3, 4)], np.uint32).T.copy()
    philox_blocks(counters, 1, *key)
    assert counters.T.tolist() == [list(block.words), [1, 2, 3, 4]]


@pytest.mark.parametrize("kind", GENERATORS)
@pytest.mark.parametrize("lanes", range(1, 17))
def test_pieces_of_any_length_are_the_references_words(kind, lanes):
    source = random.Random(100 * lanes + KINDS[kind].code)
    generators, state = random_generators(kind, lanes, source)
    for rows in (1, 0, 2, 5, 1, 4, 3, 8, 1, *(source.randrange(40) for _ in range(3))):
        check(kind, generators, state, rows)


@pytest.mark.parametrize("kind", GENERATORS)
def test_many_states(kind):
    """Also those with few ones, where a wrong tap or a lost carry shows in another way."""
    source = random.Random(KINDS[kind].code)
    machine = GENERATORS[kind]
    for bit in range(32 * machine.expanded_words):
        words = [(1 << bit >> 32 * j) & 2**32 - 1 for j in range(machine.expanded_words)]
        for expanded in (words, [word ^ 2**32 - 1 for word in words]):
            generator = machine(expanded)
            check(kind, [generator], flat([generator]), source.randrange(1, 9))


@pytest.mark.parametrize("kind", GENERATORS)
def test_a_state_saved_anywhere_continues(kind):
    """In the middle of a block or an output too."""
    generators, state = random_generators(kind, 3, random.Random(8))
    check(kind, generators, state, 1)
    for rows in range(1, 9):
        saved = np.array(state.tolist(), np.uint32)
        whole, first, rest = (np.empty(3 * n, np.uint32) for n in (rows + 9, rows, 9))
        fill(KINDS[kind].code, state, 3, first)
        fill(KINDS[kind].code, np.array(state.tolist(), np.uint32), 3, rest)
        fill(KINDS[kind].code, saved, 3, whole)
        assert whole.tolist() == [*first, *rest]


@pytest.mark.parametrize("given", [0, 1, 4 * 2**32 - 9, 2**64 - 4 * MANY_BLOCKS - 7, 2**64 - 3])
@pytest.mark.parametrize("rows", [4 * MANY_BLOCKS - 1, 8 * MANY_BLOCKS + 14])
def test_philox_in_bulk_and_across_the_ends_of_its_counter(given, rows):
    generators, _ = random_generators("philox4x32-10", 2, random.Random(9))
    for lane, generator in enumerate(generators):
        own = (given + lane) % 2**64  # the kernel does not need lanes to be in step
        generator.state = [*generator.state[:2], own % 2**32, own >> 32]
    check("philox4x32-10", generators, flat(generators), rows)
