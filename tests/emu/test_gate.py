"""The gate at both ends and at every threshold of a small width."""

import numpy as np
import pytest

from zimu.emu import gate
from zimu.emu.gate import below, count_open, count_open_in_kernel
from zimu.emu.prng import WordStream
from zimu.golden import gate as golden


@pytest.mark.parametrize("gate_bits", [1, 3])
def test_every_word_and_threshold_of_a_small_gate(gate_bits):
    # The bits above the gate's width must not matter.
    words = np.arange(2**gate_bits, dtype=np.uint32) | np.uint32(0xA5A5A5A0 >> gate_bits << gate_bits)
    for threshold in range(2**gate_bits + 1):
        assert below(words, 2**gate_bits - 1, threshold) == threshold


@pytest.mark.parametrize(
    ("threshold", "opened"), [(0, 0), (1, 1), (2**31, 2), (2**31 + 1, 3), (2**32 - 1, 3), (2**32, 4)]
)
def test_a_gate_of_32_bits(threshold, opened):
    words = np.array([0, 2**31 - 1, 2**31, 2**32 - 1], np.uint32)
    assert below(words, 2**32 - 1, threshold) == opened
    assert sum(golden.gate(int(word), 32, threshold) for word in words) == opened


@pytest.mark.parametrize("draws", [0, 1, 15, 16, 17, 100])
def test_the_count_does_not_depend_on_the_buffer(draws, monkeypatch):
    one, other = (WordStream("xoshiro128++", 3, 0, 4) for _ in range(2))
    whole = count_open(one, 5, 11, draws)
    monkeypatch.setattr(gate, "_BUFFER_WORDS", 16)
    assert count_open(other, 5, 11, draws) == whole
    assert one.state.tolist() == other.state.tolist()


@pytest.mark.parametrize("lanes", [1, 4])
@pytest.mark.parametrize("draws", [0, 1, 15, 16, 17, 100])
def test_kernels_take_the_same_draws(draws, lanes):
    one, other = (WordStream("xoshiro128++", 3, 0, lanes) for _ in range(2))
    opened = count_open_in_kernel(one.generators, one.state, 5, 11, draws, np.empty(16, np.uint32))
    assert opened == count_open(other, 5, 11, draws)
    assert one.state.tolist() == other.state.tolist()


@pytest.mark.parametrize("lanes", [1, 4])
@pytest.mark.parametrize("kind", ["xoshiro128++", "pcg32"])
@pytest.mark.parametrize("threshold", [0, 1, 31, 32])
def test_a_gate_that_is_certain_moves_the_stream_as_any_other(kind, threshold, lanes):
    """Also where words are passed over by a jump."""
    many = 3000
    one, other, read = (WordStream(kind, 3, 0, lanes) for _ in range(3))
    opened = count_open(one, 5, threshold, many)
    assert opened == count_open_in_kernel(other.generators, other.state, 5, threshold, many, np.empty(64, np.uint32))
    words = np.empty(many, np.uint32)
    read.read(words)
    assert opened == sum(golden.gate(int(word), 5, threshold) for word in words)
    assert one.state.tolist() == other.state.tolist() == read.state.tolist()


@pytest.mark.parametrize(("draws", "rows"), [(1, 1), (4, 1), (5, 2), (0, 0)])
def test_the_stream_moves_on_to_the_next_row(draws, rows):
    one, other = (WordStream("xoshiro128++", 3, 0, 4) for _ in range(2))
    count_open(one, 5, 11, draws)
    other.read(np.empty(4 * rows, np.uint32))
    assert one.state.tolist() == other.state.tolist()
