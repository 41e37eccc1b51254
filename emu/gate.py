"""The zero-inflation gate: open with probability T / 2^k, exactly.

Twins: ``golden/gate.py``, ``rtl/gate.py``.
"""

import numpy as np

from zimu.emu.generators import Generators, Words, fill
from zimu.emu.jumps import skip
from zimu.emu.kernel import int64, kernel
from zimu.emu.prng import WordStream

_BUFFER_WORDS = 2**14


def count_open(stream: WordStream, gate_bits: int, threshold: int, draws: int) -> int:
    """Take ``draws`` gate draws, one word each, and return how many open.

    ``threshold`` is T in [0, 2^gate_bits]. The stream moves on to the row after the last word.
    """
    if is_certain(gate_bits, threshold):
        stream.skip(-(-draws // stream.lanes))
        return draws if threshold else 0
    opened = 0
    buffer = np.empty(min(-(-draws // stream.lanes) * stream.lanes, _BUFFER_WORDS), np.uint32)
    for start in range(0, draws, _BUFFER_WORDS):
        rows = -(-(draws - start) // stream.lanes)
        row_words = buffer[: rows * stream.lanes]
        stream.read(row_words)
        words = row_words[: draws - start]
        opened += below(words, 2**gate_bits - 1, threshold)
    return opened


@kernel
def count_open_in_kernel(
    generators: Generators, state: Words, gate_bits: int, threshold: int, draws: int, buffer: Words
) -> int:
    """The same for kernels, which cannot be interrupted.

    Parameters
    ----------
    generators, state : of the stream.
    gate_bits, threshold, draws : as for `count_open`.
    buffer : scratch of any number of rows.
    """
    code, lanes, _ = generators
    if is_certain(gate_bits, threshold):
        skip(generators, state, (draws + lanes - 1) // lanes, buffer)
        return draws if threshold > 0 else 0
    opened = 0
    for start in range(0, draws, buffer.size):
        rows = (draws - start + lanes - 1) // lanes
        row_words = buffer[: rows * lanes]
        fill(code, state, lanes, row_words)
        opened += below(row_words[: draws - start], (1 << gate_bits) - 1, threshold)
    return opened


@kernel
def is_certain(gate_bits: int, threshold: int) -> bool:
    """Whether the gate is open, or closed, whatever the word."""
    return threshold in (0, 1 << gate_bits)


@kernel
def below(words: Words, mask: int, threshold: int) -> int:
    """How many ``words & mask`` are below ``threshold``, which may be 2^32."""
    count = 0
    for word in words:
        count += (int64(word) & mask) < threshold
    return count
