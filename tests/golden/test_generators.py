"""The generators of the scalar reference against published answers, second forms, and exact polynomial arithmetic."""

import random
from itertools import islice
from math import isqrt, prod

import pytest

from zimu.golden.errors import InputError
from zimu.golden.generators import GENERATORS, Lfsr128, philox4x32
from zimu.golden.known_answers import KNOWN_ANSWERS, PHILOX_BLOCKS
from zimu.golden.unit import UnitConfig

FACTORS = (3, 5, 17, 257, 641, 65537, 274177, 6700417, 67280421310721)
"""The primes whose product is 2^128 - 1: the first seven Fermat numbers, the last two of them factored."""


def started(kind, state):
    generator = GENERATORS[kind]([1] * GENERATORS[kind].expanded_words)
    generator.state = state
    return generator


def words_of(generator):
    while True:
        yield generator.next()


def random_state(kind, source) -> list[int]:
    """What a generator looks like after an expansion and a few words."""
    generator = GENERATORS[kind]([source.getrandbits(32) for _ in range(GENERATORS[kind].expanded_words)])
    for _ in range(source.randrange(6)):
        generator.next()
    return generator.state


def test_the_kinds_are_those_of_the_configuration():
    assert list(GENERATORS) == UnitConfig.model_json_schema()["properties"]["prng"]["enum"]


@pytest.mark.parametrize("answer", KNOWN_ANSWERS, ids=lambda answer: answer.kind)
def test_known_answers(answer):
    words = words_of(started(answer.kind, answer.state))
    assert tuple(islice(words, answer.skipped, answer.skipped + len(answer.words))) == answer.words


@pytest.mark.parametrize("block", PHILOX_BLOCKS)
def test_philox_blocks(block):
    assert philox4x32(block.counter, block.key) == list(block.words)


def test_philox_words_are_blocks_of_a_counter_of_64_bits_that_wraps():
    source = random.Random(1)
    key = [source.getrandbits(32) for _ in range(2)]
    for given in (0, 5, 4 * 2**32 - 3, 2**63 + 7, 2**64 - 6):
        generator = started("philox4x32-10", [*key, given % 2**32, given >> 32])
        blocks = [(given + i) % 2**64 // 4 for i in range(12)]
        expected = [philox4x32([c % 2**32, c >> 32, 0, 0], key)[(given + i) % 4] for i, c in enumerate(blocks)]
        assert list(islice(words_of(generator), 12)) == expected


def test_xoroshiro128aox_is_the_authors_formula_bit_by_bit():
    """No output is published; this is arXiv 2203.04058 written once more, over lists of bits with bit 0 first."""
    source = random.Random(2)
    for _ in range(20):
        state = random_state("xoroshiro128aox", source)[:4]
        generator = started("xoroshiro128aox", [*state, 0])
        bits = [word >> i & 1 for word in state for i in range(32)]
        s0, s1 = bits[:64], bits[64:]
        for _ in range(5):
            both = [a & b for a, b in zip(s0, s1, strict=True)]
            mixed = [s0[i] ^ s1[i] ^ (both[i - 1] | both[i - 2]) for i in range(64)]
            assert generator.next() == sum(bit << i for i, bit in enumerate(mixed[:32]))
            assert generator.next() == sum(bit << i for i, bit in enumerate(mixed[32:]))
            either = [a ^ b for a, b in zip(s0, s1, strict=True)]
            s0 = [s0[i - 55] ^ either[i] ^ (either[i - 14] if i >= 14 else 0) for i in range(64)]
            s1 = [either[i - 36] for i in range(64)]


def test_trivium_is_its_recurrence():
    """The cipher once more, as three sequences that feed each other, each a list with its newest bit last."""
    source = random.Random(3)
    state = random_state("trivium", source)
    bits = [word >> i & 1 for word in state for i in range(32)]
    a, b, c = bits[92::-1], bits[176:92:-1], bits[:176:-1]
    generator = started("trivium", state)
    for _ in range(20):
        stream = []
        for _ in range(32):
            stream.append(a[-66] ^ a[-93] ^ b[-69] ^ b[-84] ^ c[-66] ^ c[-111])
            into_b = a[-66] ^ a[-93] ^ (a[-91] & a[-92]) ^ b[-78]
            into_c = b[-69] ^ b[-84] ^ (b[-82] & b[-83]) ^ c[-87]
            into_a = c[-66] ^ c[-111] ^ (c[-109] & c[-110]) ^ a[-69]
            a.append(into_a)
            b.append(into_b)
            c.append(into_c)
        assert generator.next() == sum(bit << i for i, bit in enumerate(stream))


# Periods of the linear kinds. A polynomial over GF(2) is an integer: bit i is the coefficient of x^i.


def shortest_recurrence(bits: list[int]) -> int:
    """The minimal polynomial of a bit sequence, by Berlekamp and Massey; x^0 belongs to the oldest bit."""
    connection, previous, length, gap = 1, 1, 0, 1
    window = 0
    for n, bit in enumerate(bits):
        window = window << 1 | bit
        if (connection & window).bit_count() & 1:
            before = connection
            connection ^= previous << gap
            if 2 * length <= n:
                length, previous, gap = n + 1 - length, before, 0
        gap += 1
    # The connection polynomial counts backwards from the newest bit.
    return sum((connection >> i & 1) << length - i for i in range(length + 1))


def times(a: int, b: int, modulus: int) -> int:
    product = 0
    top = modulus.bit_length() - 1
    while b:
        product ^= a if b & 1 else 0
        a <<= 1
        a ^= modulus if a >> top & 1 else 0
        b >>= 1
    return product


def power_of_x(exponent: int, modulus: int) -> int:
    result, square = 1, 2
    while exponent:
        if exponent & 1:
            result = times(result, square, modulus)
        square = times(square, square, modulus)
        exponent >>= 1
    return result


def is_primitive(polynomial: int) -> bool:
    """Whether x has the order 2^128 - 1 modulo a polynomial of degree 128."""
    order = 2**128 - 1
    return power_of_x(order, polynomial) == 1 and all(power_of_x(order // p, polynomial) != 1 for p in FACTORS)


def test_the_factors_are_prime_and_complete():
    assert prod(FACTORS) == 2**128 - 1
    assert all(p % q for p in FACTORS for q in range(2, isqrt(p) + 1))


def low_bits(generator, count: int, steps: int = 1) -> list[int]:
    """Bit 0 of the first word of state, a linear function of the state before, after every ``steps`` words."""
    bits = []
    for _ in range(count):
        bits.append(generator.state[0] & 1)
        for _ in range(steps):
            generator.next()
    return bits


def test_the_lfsr_has_the_taps_of_xapp052_and_they_are_primitive():
    generator = started("lfsr128", random_state("lfsr128", random.Random(4)))
    bits = [word >> i & 1 for word in islice(words_of(generator), 8) for i in range(32)]
    # A Galois register that moves right gives the polynomial x^128 T(1/x) of its taps T.
    taps = sum(1 << 128 - tap for tap in Lfsr128.TAPS) | 1 << 128
    assert shortest_recurrence(bits) == taps == 1 << 128 | 1 << 29 | 1 << 27 | 1 << 2 | 1
    assert is_primitive(taps)
    # So the words have the full period too: taking every 32nd state permutes the cycle.
    assert all(32 % p for p in FACTORS)


@pytest.mark.parametrize(("kind", "steps"), [("xoshiro128++", 1), ("xoroshiro128aox", 2)])
def test_the_linear_engines_have_the_full_period(kind, steps):
    """Any wrong shift, rotation or register would most likely not be primitive."""
    polynomial = shortest_recurrence(low_bits(started(kind, random_state(kind, random.Random(5))), 256, steps))
    assert polynomial.bit_length() == 129
    assert is_primitive(polynomial)


def test_polynomial_arithmetic_tells_primitive_from_others():
    assert shortest_recurrence([0, 0, 1, 0, 1, 1, 1, 0, 0, 1]) == 0b1011  # s[n+3] = s[n+1] + s[n]
    assert times(0b110, 0b011, 0b1011) == 0b001
    assert not is_primitive(1 << 128 | 1 << 29 | 1 << 27 | 1 << 1 | 1)
    assert not is_primitive(1 << 128 | 0b111)


# State


@pytest.mark.parametrize("kind", GENERATORS)
def test_a_generator_continues_from_its_state_wherever_it_was_saved(kind):
    one = started(kind, random_state(kind, random.Random(6)))
    words, states = [], []
    for _ in range(9):
        states.append(one.state)
        words.append(one.next())
    for i, state in enumerate(states):
        assert len(state) == GENERATORS[kind].saved_words
        assert list(islice(words_of(started(kind, state)), 9 - i)) == words[i:]


@pytest.mark.parametrize("kind", GENERATORS)
def test_a_state_that_is_none_is_refused(kind):
    machine = GENERATORS[kind]
    size = machine.saved_words
    generator = machine([1] * machine.expanded_words)
    before = generator.state
    refusals = [
        ([1] * (size - 1), f"state: {size - 1} words: must be {size}"),
        ([2**32] + [1] * (size - 1), "state[0] = 4294967296: must be in 0..4294967295"),
    ]
    if kind not in ("philox4x32-10", "pcg32"):
        refusals.append(([0] * size, "state is all zero: must have a bit set"))
    if kind == "pcg32":
        refusals.append(([0, 0, 2, 1], "state[2] = 2: must be odd, it is the low half of the increment"))
    if kind == "xoroshiro128aox":
        refusals.append(([0, 0, 0, 0, 1], "state is all zero: must have a bit set"))
        refusals.append(([1, 1, 1, 1, 2], "state[4] = 2: must be in 0..1"))
    for state, message in refusals:
        with pytest.raises(InputError) as refusal:
            generator.state = state
        assert str(refusal.value) == message
    assert generator.state == before
    with pytest.raises(InputError, match=rf"^expanded words: 1 words: must be {machine.expanded_words}$"):
        machine([1])


@pytest.mark.parametrize("kind", GENERATORS)
def test_a_seed_of_zeros_locks_up_or_works(kind):
    machine = GENERATORS[kind]
    zeros = [0] * machine.expanded_words
    if machine.locks_up:
        with pytest.raises(InputError, match=r"^state is all zero: must have a bit set$"):
            machine(zeros)
    else:
        assert len(set(islice(words_of(machine(zeros)), 8))) > 1
