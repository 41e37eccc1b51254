"""Words that are passed over: the streams stand where they would after reading them."""

import numpy as np
import pytest

from zimu.emu.generators import KINDS
from zimu.emu.jumps import WORTH, jumps_of
from zimu.emu.prng import WordStream

LINEAR = [kind for kind, record in KINDS.items() if record.linear]


@pytest.mark.parametrize("lanes", [1, 4])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", [0, 1, 7, WORTH - 1, WORTH, WORTH + 1, 0b1010_1100_1111, 40_000])
def test_a_skipped_row_is_one_that_was_read(kind, rows, lanes):
    skipped, read = (WordStream(kind, 5, 0, lanes) for _ in range(2))
    skipped.skip(rows)
    read.read(np.empty(rows * lanes, np.uint32))
    assert skipped.state.tolist() == read.state.tolist()


@pytest.mark.parametrize("kind", LINEAR)
def test_jumps_add_up(kind):
    """By every power of two, as far as 2^32 - 1 rows."""
    for first, second in [(2**31, 2**31 - 1), (2**32 - 1 - WORTH, WORTH), (0xAAAA_AAAA, 0x5555_5555)]:
        once, twice = (WordStream(kind, 9, 0, 2) for _ in range(2))
        once.skip(2**32 - 1)
        twice.skip(first)
        twice.skip(second)
        assert once.state.tolist() == twice.state.tolist()


def test_those_that_can_jump_do():
    assert set(LINEAR) == {"xoshiro128++", "lfsr128"}
    assert {kind: len(jumps_of(kind)) for kind in KINDS} == {kind: 32 * (kind in LINEAR) for kind in KINDS}
