"""Published answers of the generators, for the tests of every rendering.

For xoroshiro128aox none is published beyond the authors' formula; the tests check it bit by bit and prove its period.
For lfsr128 the taps are published, and the tests prove from them what each word must be.
"""

from typing import NamedTuple

from zimu.golden.rule import PrngKind


class KnownAnswer(NamedTuple):
    """A state of a generator, and words that it must give."""

    kind: PrngKind
    state: tuple[int, ...]
    """Saved words."""
    skipped: int
    """Words given before `words`."""
    words: tuple[int, ...]


class PhiloxBlock(NamedTuple):
    """A counter, a key, and the block that Philox4x32-10 makes of them."""

    counter: tuple[int, int, int, int]
    key: tuple[int, int]
    words: tuple[int, int, int, int]


def _trivium(key: str, iv: str, stream: str) -> KnownAnswer:
    """An eSTREAM vector: the state its key and IV set up, 1152 clocks skipped, then the key stream.

    s1..s80 are the key from its last byte's highest bit on, s94..s173 the IV, s286..s288 ones. Key stream bytes hold
    their first bit lowest.
    """
    s1_first = [*_bits(key), *[0] * 13, *_bits(iv), *[0] * 112, 1, 1, 1]
    state = sum(bit << i for i, bit in enumerate(s1_first))
    content = bytes.fromhex(stream)
    return KnownAnswer(
        "trivium",
        tuple(state >> 32 * j & 2**32 - 1 for j in range(9)),
        1152 // 32,
        tuple(int.from_bytes(content[i : i + 4], "little") for i in range(0, len(content), 4)),
    )


def _bits(content: str) -> list[int]:
    return [byte >> i & 1 for byte in reversed(bytes.fromhex(content)) for i in reversed(range(8))]


KNOWN_ANSWERS = (
    # The authors' C code from the state 1, 2, 3, 4, as the crate rand_xoshiro tests it.
    KnownAnswer(
        "xoshiro128++",
        (1, 2, 3, 4),
        0,
        (
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
        ),
    ),
    # Random123, tests/kat_vectors: philox4x32 10, all zero.
    KnownAnswer("philox4x32-10", (0, 0, 0, 0), 0, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    # pcg_basic's pcg32-demo: pcg32_srandom(42, 54) steps once from 0, adds 42 and steps again; what follows is its
    # "Round 1". The increment is 2 * 54 + 1.
    KnownAnswer(
        "pcg32",
        (109 + 42, 0, 109, 0),
        1,
        (0xA15C02B7, 0x7B47F409, 0xBA1D3330, 0x83D2F293, 0xBFA4784B, 0xCBED606E),
    ),
    # eSTREAM, verified test vectors of Trivium: set 1, vector 0, and set 6, vector 0, stream[0..63].
    _trivium(
        "80000000000000000000",
        "00000000000000000000",
        "38EB86FF730D7A9CAF8DF13A4420540DBB7B651464C87501552041C249F29A64"
        "D2FBF515610921EBE06C8F92CECF7F8098FF20CCCC6A62B97BE8EF7454FC80F9",
    ),
    _trivium(
        "0053A6F94C9FF24598EB",
        "0D74DB42A91077DE45AC",
        "F4CD954A717F26A7D6930830C4E7CF0819F80E03F25F342C64ADC66ABA7F8A8E"
        "6EAA49F23632AE3CD41A7BD290A0132F81C6D4043B6E397D7388F3A03B5FE358",
    ),
)
"""Known answers of whole generators."""

PHILOX_BLOCKS = (
    PhiloxBlock((0,) * 4, (0,) * 2, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    PhiloxBlock((2**32 - 1,) * 4, (2**32 - 1,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    PhiloxBlock(
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
)
"""All of Random123's tests/kat_vectors for philox4x32 with 10 rounds."""
