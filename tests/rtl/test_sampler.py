"""Masked rejection with explicit words, against the reference."""

import random
from itertools import chain

import pytest

from zimu.golden.sampler import draws
from zimu.rtl.sampler import Draw, WordPair
from zimu.sim.drivers import pack
from zimu.sim.pins import run_until
from zimu.sim.streams import Sink, Source
from zimu.sim.worker import simulate_component

TWO_WORDS = {"gradient_bits": 32, "smoothing_bits": 16, "depth": 10}


class Tokens:
    """Offers a number of tokens, pausing at random, and adds up what the circuit rejects."""

    def __init__(self, rng, pause):
        self.rng, self.pause = rng, pause
        self.left = self.rejected = 0
        self._valid = False

    def clock(self, pins):
        self.rejected += pins.get("rejected")
        if self._valid and pins.get("token_ready"):
            self.left -= 1
            self._valid = False
        self._valid = self._valid or (self.left > 0 and self.rng.random() >= self.pause)
        pins.set("token_valid", self._valid)


def reference_steps(config, rows, steps) -> list[tuple[list[int], int, int]]:
    """Accepted draws, rejections and rows used for each step (W, N)."""
    rows, seen = list(rows), []
    for mass, wanted in steps:
        words, taken = chain.from_iterable(rows), []
        accepted, candidates = [], 0
        for u in draws(words, config.draw_words, mass) if wanted else ():
            candidates += 1
            taken += [u] if u >= mass else []
            accepted += [u] if u < mass else []
            if len(accepted) == wanted:
                break
        used = -(-candidates * config.draw_words // config.row_words)
        seen.append((accepted, len(taken), used))
        rows = rows[used:]
    return seen


def circuit_steps(config, rows, steps, pause) -> list[tuple[list[int], int, int]]:
    rng = random.Random(f"{config} {pause}")

    async def bench(pins):
        source, sink, tokens = Source("row", rng, pause), Sink("draw", rng, pause), Tokens(rng, pause)
        agents = [source, sink, tokens]
        source.queue.extend(pack(row, 32) for row in rows)
        seen = []
        for mass, wanted in steps:
            before = len(source.queue)
            pins.set("clear", 1)
            await run_until(pins, agents, lambda: True, 1)
            pins.set("clear", 0)
            for part in (0, mass // 3, mass):  # W grows as a sum pass makes it
                pins.set("mass", part)
                await run_until(pins, agents, lambda: True, rng.randint(1, 3))
            await run_until(pins, agents, lambda: True, 1)
            assert await run_until(pins, agents, lambda: pins.get("settled"), 150), "the mask does not settle"
            tokens.left, tokens.rejected = wanted, 0
            assert await run_until(pins, agents, lambda n=wanted: not tokens.left and len(sink.taken) == n, 9999)
            pins.set("align", 1)
            await run_until(pins, agents, lambda: True, 1)
            pins.set("align", 0)
            await run_until(pins, agents, lambda: True, 1)
            seen.append((list(sink.taken), tokens.rejected, before - len(source.queue)))
            sink.taken.clear()
        return seen

    return simulate_component(Draw(config), bench)


@pytest.mark.parametrize("pause", [0.0, 0.4])
@pytest.mark.parametrize(
    "fields",
    [*({"prng_lanes": lanes} for lanes in (1, 2, 4, 16)), *(TWO_WORDS | {"prng_lanes": n} for n in (1, 2, 4))],
    ids=str,
)
def test_draws_rejections_and_rows_are_the_references(configure, fields, pause):
    config = configure(**fields)
    rng = random.Random(3)
    # W = 1, powers of two and their neighbours, the largest; the number of draws ends rows at every place.
    sizes = [1, 2, 3, 4, 5, 64, 65, 127, config.max_mass // 2 + 1, config.max_mass]
    steps = [(mass, wanted) for mass in sizes for wanted in (0, 1, 2, 7)] + [(3, n) for n in range(1, 9)]
    rows = [[rng.getrandbits(32) for _ in range(config.row_words)] for _ in range(500)]
    assert circuit_steps(config, rows, steps, pause) == reference_steps(config, rows, steps)


@pytest.mark.parametrize("mass", range(1, 20))
def test_every_candidate_is_judged_by_the_contract(configure, mass):
    # All candidates of five bits, with rubbish above them, in each place of the row.
    config = configure(prng_lanes=2)
    values = list(range(32)) + list(range(31, -1, -1))
    words = [0xABCDE << 12 | value for value in values] + [0, 0]
    rows = [words[i : i + 2] for i in range(0, len(words), 2)]
    mask = (1 << (mass - 1).bit_length()) - 1
    wanted = sum(value & mask < mass for value in values)
    assert circuit_steps(config, rows, [(mass, wanted)], 0.0) == reference_steps(config, rows, [(mass, wanted)])


def test_one_draw_is_accepted_in_each_clock_where_nothing_is_rejected(configure):
    config = configure(prng_lanes=1)

    async def bench(pins):
        pins.set("mass", 1)
        pins.set("row__valid", 1)
        pins.set("token_valid", 1)
        pins.set("draw__ready", 1)
        accepted = 0
        for _ in range(40):
            await pins.tick()
            accepted += pins.get("token_ready")
        return accepted

    assert simulate_component(Draw(config), bench) == 40


def test_words_are_paired_low_word_first_and_a_hold_forgets_the_first():
    async def bench(pins):
        rng = random.Random(0)
        source, sink = Source("word", rng, 0.5), Sink("row", rng, 0.5)
        agents = [source, sink]
        source.queue.extend([0xA, 0xB, 0xC, 0xD, 0xE])
        await run_until(pins, agents, lambda: not source.queue, 200)
        pins.set("hold", 1)
        await run_until(pins, agents, lambda: True, 1)
        pins.set("hold", 0)
        source.queue.extend([1, 2])
        await run_until(pins, agents, lambda: len(sink.taken) == 3, 200)
        return sink.taken

    assert simulate_component(WordPair(), bench) == [0xB << 32 | 0xA, 0xD << 32 | 0xC, 2 << 32 | 1]
