"""Binomial numbers with explicit words against the reference: value, and words taken."""

import random
from itertools import chain

import pytest

from zimu.golden.split import binomial
from zimu.rtl.binomial import Binomial
from zimu.sim.drivers import pack
from zimu.sim.pins import run_until
from zimu.sim.streams import Source
from zimu.sim.worker import simulate_component


class Rows:
    """Rows of the reference's words, as many as were begun."""

    def __init__(self, rows):
        self.left = list(rows)
        self.used = 0

    def words(self):
        """The words from the next row on."""

        def begun():
            while self.left:
                self.used += 1
                yield self.left.pop(0)

        return chain.from_iterable(begun())


def reference(rows, uses) -> list[tuple[int, int]]:
    """For each number (trials, a, b, align before it): its value and the rows begun so far."""
    stream, seen = Rows(rows), []
    words = stream.words()
    for trials, a, b, align in uses:
        if align:
            words = stream.words()
        seen.append((binomial(words, trials, a, b), stream.used))
    return seen


def circuit(width, lanes, rows, uses, pause) -> tuple[list[tuple[int, int]], int]:
    """The same from the circuit, and the clocks it took."""
    rng = random.Random(f"{width} {lanes} {pause}")

    async def bench(pins):
        source = Source("row", rng, pause)
        source.queue.extend(pack(row, 32) for row in rows)
        seen = []
        for trials, a, b, align in uses:
            pins.set("align", align)
            await run_until(pins, [source], lambda: True, 1)
            pins.set("align", 0)
            for name, value in {"trials": trials, "a": a, "b": b, "certain": a == b, "start": 1}.items():
                pins.set(name, value)
            await run_until(pins, [source], lambda: True, 1)
            pins.set("start", 0)
            assert await run_until(pins, [source], lambda: pins.get("done"), 9999), "a number takes for ever"
            seen.append((pins.get("successes"), len(rows) - len(source.queue)))
        return seen, pins.cycles

    return simulate_component(Binomial(width, lanes), bench)


def shares(rng, width) -> list[tuple[int, int]]:
    """Probabilities a / b: ends, powers of two, those without an end in binary, the widest."""
    top = 2**width - 1
    fixed = [(0, 1), (1, 1), (0, top), (top, top), (1, 2), (1, 4), (3, 4), (1, 3), (2, 3), (1, top), (top - 1, top)]
    return fixed + [(rng.randint(0, b), b) for b in (rng.randint(1, top) for _ in range(20))]


@pytest.mark.parametrize("pause", [0.0, 0.4])
@pytest.mark.parametrize("lanes", [1, 2, 4, 16])
def test_numbers_and_rows_are_the_references(lanes, pause):
    rng = random.Random(f"{lanes}")
    sizes = [0, 1, 2, 31, 32, 33, 63, 64, 65, 32 * lanes - 1, 32 * lanes, 32 * lanes + 1, 700]
    uses = [(rng.choice(sizes), a, b, rng.random() < 0.3) for a, b in shares(rng, 21) * 2]
    uses += [(m, 3, 7, False) for m in sizes]
    rows = [[rng.getrandbits(32) for _ in range(lanes)] for _ in range(6000 // lanes)]
    expected = reference(rows, uses)
    found, _ = circuit(21, lanes, rows, uses, pause)
    assert [value for value, _ in found] == [value for value, _ in expected]
    # A row whose words are not all used is still on offer in the circuit.
    assert all(begun - used in (0, 1) for (_, begun), (_, used) in zip(expected, found, strict=True))


@pytest.mark.parametrize(("trials", "a", "b"), [(2**32 - 1, 1, 1), (2**32 - 1, 0, 5), (2**32 - 1, 7, 7)])
def test_the_most_trials_are_decided_at_once_where_nothing_is_drawn(trials, a, b):
    (value,), clocks = circuit(3, 1, [], [(trials, a, b, False)], 0.0)
    assert value == (trials if a == b else 0, 0)
    assert clocks <= 5


def test_every_word_decides_one_trial_as_the_contract_says():
    # One trial, eight words: all fates of a / b = 5 / 8, whose digits are 1, 0, 1.
    for bits in range(8):
        words = [[bits >> i & 1 | 0xFFFFFFFE] for i in range(3)] + [[0]]
        found, _ = circuit(4, 1, words, [(1, 5, 8, False)], 0.0)
        fraction = (bits & 1) * 4 + (bits & 2) + (bits >> 2 & 1)
        assert found[0][0] == (fraction < 5)


@pytest.mark.parametrize("lanes", [1, 2, 4])
def test_a_clock_counts_a_whole_row_and_a_short_round_takes_one(lanes):
    rng = random.Random(5)
    rows = [[rng.getrandbits(32) for _ in range(lanes)] for _ in range(4000 // lanes)]
    trials = 32 * 640
    (_, *_), long = circuit(2, lanes, rows, [(trials, 1, 2, False)], 0.0)
    (_, *_), short = circuit(2, lanes, rows, [(32, 1, 2, False)], 0.0)
    assert long - short == 640 // lanes - 1
