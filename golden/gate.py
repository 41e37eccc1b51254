"""The zero-inflation gate: open with probability T / 2^k, exactly.

Twins: ``emu/gate.py``, ``rtl/gate.py``.
"""


def gate(word: int, gate_bits: int, threshold: int) -> bool:
    """Whether a draw opens: the low ``gate_bits`` bits of ``word``, compared with ``threshold`` in [0, 2^gate_bits]."""
    return word % (1 << gate_bits) < threshold
