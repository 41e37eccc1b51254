"""How generators get past words that nobody looks at: those whose steps are linear over bits jump.

A jump by 2^k words is a matrix, and one by any number a product of a few. Used by ``emu/prng.py`` and ``emu/gate.py``.
"""

from functools import cache

import numpy as np

from zimu.emu.generators import KINDS, Generators, Words, fill
from zimu.emu.kernel import int64, kernel
from zimu.golden.rule import PrngKind

WORTH = 512
"""Words from which on a jump takes less time than they do."""

_POWERS = 32
"""Jumps by 2^k words with k below that: a step has fewer than 2^32 trials."""


@cache
def jumps_of(kind: PrngKind) -> Words:
    """The jumps of a kind of generators: shape (`_POWERS`, bits of a state, words of a state).

    Row i of jump k is the state that comes 2^k words after the one that has bit i alone. Of a kind that cannot jump
    there are none.
    """
    record = KINDS[kind]
    bits = 32 * record.saved
    if not record.linear:
        return np.empty((0, bits, record.saved), np.uint32)
    numbers = np.arange(bits)
    states = np.zeros((bits, record.saved), np.uint32)
    states[numbers, numbers // 32] = np.left_shift(np.uint32(1), (numbers % 32).astype(np.uint32))
    fill(record.code, states.reshape(-1), bits, np.empty(bits, np.uint32))
    jumps = np.empty((_POWERS, bits, record.saved), np.uint32)
    for k in range(_POWERS):
        jumps[k] = states
        # Sums of at most 128 ones are exact in binary32, in which numpy multiplies fastest.
        matrix = np.unpackbits(states.astype("<u4").view(np.uint8), axis=1, bitorder="little").astype(np.float32)
        squared = (matrix @ matrix).astype(np.uint8) & 1
        states = np.packbits(squared, axis=1, bitorder="little").view("<u4").astype(np.uint32)
    jumps.flags.writeable = False
    return jumps


@kernel
def skip(generators: Generators, state: Words, rows: int, buffer: Words) -> None:
    """Get past ``rows`` words of each of some generators.

    Parameters
    ----------
    generators : of a stream.
    state : their saved words, one generator after the other; advanced in place.
    rows : 0..2^32-1.
    buffer : scratch of one row or more, whole ones.
    """
    code, lanes, jumps = generators
    if rows < WORTH or jumps.shape[0] == 0:
        for start in range(0, rows, buffer.size // lanes):
            fill(code, state, lanes, buffer[: min(rows - start, buffer.size // lanes) * lanes])
        return
    words = jumps.shape[2]
    for lane in range(lanes):
        own = state[lane * words : (lane + 1) * words]
        for k in range(_POWERS):
            if (rows >> k) & 1:
                _jump(jumps[k], own)


@kernel
def _jump(matrix: Words, state: Words) -> None:
    a = b = c = d = np.uint32(0)
    for i in range(matrix.shape[0]):
        taken = np.uint32(-int64((state[i >> 5] >> np.uint32(i & 31)) & np.uint32(1)))
        a ^= taken & matrix[i, 0]
        b ^= taken & matrix[i, 1]
        c ^= taken & matrix[i, 2]
        d ^= taken & matrix[i, 3]
    state[0], state[1], state[2], state[3] = a, b, c, d
