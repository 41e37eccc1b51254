"""The zero-inflation gate: open with probability T / 2^k, exactly.

Twins: ``golden/gate.py``, ``rtl/gate.py``.
"""

from zimu.emu.kernel import int64, kernel
from zimu.emu.prng import Words, WordStream


def count_open(stream: WordStream, gate_bits: int, threshold: int, draws: int, buffer: Words) -> int:
    """Take ``draws`` gate draws, one word each, and return how many open.

    ``threshold`` is T in [0, 2^gate_bits]; ``buffer`` is scratch.
    """
    opened = 0
    for start in range(0, draws, buffer.size):
        words = buffer[: draws - start]
        stream.read(words)
        opened += below(words, 2**gate_bits - 1, threshold)
    return opened


@kernel
def below(words: Words, mask: int, threshold: int) -> int:
    """How many ``words & mask`` are below ``threshold``, which may be 2^32."""
    count = 0
    for word in words:
        count += int64(word) & mask < threshold
    return count
