"""The generators against published answers and the reference's words; contexts against streams of their own."""

import random

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from zimu.golden.errors import InputError
from zimu.golden.generators import GENERATORS
from zimu.golden.known_answers import KNOWN_ANSWERS, PHILOX_BLOCKS
from zimu.rtl.generators import KINDS, Generator
from zimu.rtl.kinds import PHILOX_ROUNDS, philox_round, round_key
from zimu.sim.streams import Sink
from zimu.sim.worker import simulate_component


async def fill(pins, states) -> None:
    """Shift expanded words, a list for each lane, into a held generator."""
    pins.set("hold", 1)
    for word in (word for state in states for word in state):
        pins.set("shift", 1)
        pins.set("chain_in", word)
        await pins.tick()
    pins.set("shift", 0)


async def take(pins, sink, rows) -> None:
    """Take rows until ``sink`` holds as many."""
    limit = pins.cycles + 100 + 40 * rows
    while len(sink.taken) < rows:
        assert pins.cycles < limit, "no row comes"
        await pins.tick()
        sink.clock(pins)


def random_states(rng, kind, lanes) -> list[list[int]]:
    return [[rng.getrandbits(32) for _ in range(KINDS[kind].words)] for _ in range(lanes)]


def rows_of(kind, states, count) -> list[int]:
    """The reference's rows, lane 0 in the low bits."""
    lanes = [GENERATORS[kind](state) for state in states]
    return [sum(lane.next() << 32 * i for i, lane in enumerate(lanes)) for _ in range(count)]


@pytest.mark.parametrize("answer", KNOWN_ANSWERS, ids=lambda answer: answer.kind)
def test_a_published_state_gives_the_published_words(answer):
    async def bench(pins):
        sink = Sink("row", random.Random(1), 0.0)
        await fill(pins, [answer.state[: KINDS[answer.kind].words]])
        pins.set("hold", 0)
        await take(pins, sink, answer.skipped + len(answer.words))
        return tuple(sink.taken[answer.skipped :])

    assert simulate_component(Generator(answer.kind, 1), bench) == answer.words


class PhiloxBlock(wiring.Component):
    """All rounds at once."""

    counter: In(128)
    key: In(64)
    block: Out(128)

    def elaborate(self, platform):
        words = [self.counter[32 * i : 32 * (i + 1)] for i in range(4)]
        for number in range(PHILOX_ROUNDS):
            words = philox_round(words, round_key([self.key[:32], self.key[32:]], number))
        m = Module()
        m.d.comb += [self.block[32 * i : 32 * (i + 1)].eq(word) for i, word in enumerate(words)]
        return m


@pytest.mark.parametrize("block", PHILOX_BLOCKS)
def test_ten_philox_rounds_give_the_published_blocks(block):
    def packed(words):
        return sum(word << 32 * i for i, word in enumerate(words))

    async def bench(pins):
        pins.set("counter", packed(block.counter))
        pins.set("key", packed(block.key))
        await pins.tick()
        return pins.get("block")

    assert simulate_component(PhiloxBlock(), bench) == packed(block.words)


@pytest.mark.parametrize("lanes", [1, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_the_references_under_any_stalls(kind, lanes):
    rng = random.Random(f"{kind} {lanes}")
    states = random_states(rng, kind, lanes)

    async def bench(pins):
        taken = []
        await fill(pins, states)
        pins.set("hold", 0)
        for pause in (0.5, 0.0, 0.9):
            sink = Sink("row", rng, pause)
            await take(pins, sink, 30)
            pins.set("row__ready", 0)
            taken += sink.taken
        return taken

    assert simulate_component(Generator(kind, lanes), bench) == rows_of(kind, states, 90)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_taken_at_once_come_as_often_as_the_cost_model_says(kind):
    async def bench(pins):
        sink = Sink("row", random.Random(1), 0.0)
        await fill(pins, random_states(random.Random(2), kind, 2))
        pins.set("hold", 0)
        await take(pins, sink, 4)
        before = pins.cycles
        await take(pins, sink, 44)
        return pins.cycles - before

    assert simulate_component(Generator(kind, 2), bench) == 40 * KINDS[kind].row_clocks


@pytest.mark.parametrize(("lanes", "contexts"), [(1, 2), (2, 5)])
@pytest.mark.parametrize("kind", KINDS)
def test_each_context_goes_on_with_its_own_rows(kind, lanes, contexts):
    rng = random.Random(f"{kind} {contexts}")
    states = [random_states(rng, kind, lanes) for _ in range(contexts)]

    async def seed(pins):
        order = rng.sample(range(contexts), contexts)
        for context in order:
            await fill(pins, states[context])
            pins.set("context", context)
            pins.set("store", 1)
            await pins.tick()
            pins.set("store", 0)
        pins.set("hold", 0)
        return order[-1]

    async def bench(pins):
        episodes = []
        for _ in range(2):  # a new seed takes over wherever the old one was left
            rows = [[] for _ in range(contexts)]
            active, strobed = await seed(pins), None
            for clock in range(2500):
                # Now switching without a pause, now letting rows come.
                strobe = rng.random() < (0.5 if clock % 100 < 20 else 0.02)
                ready = rng.random() < 0.7
                wanted = rng.randrange(contexts)
                pins.set("row__ready", ready)
                pins.set("switch", strobe)
                pins.set("context", wanted)
                await pins.tick()
                moved = strobed is not None and strobed != active
                active = strobed if moved else active
                assert pins.get("switching") == moved
                if ready and pins.get("row__valid"):
                    assert not moved
                    rows[active].append(pins.get("row__payload"))
                strobed = wanted if strobe and not moved else None
            pins.set("switch", 0)
            episodes.append(rows)
        return episodes

    for rows in simulate_component(Generator(kind, lanes, contexts), bench):
        assert all(len(of_context) > 20 for of_context in rows)
        assert rows == [rows_of(kind, state, len(row)) for state, row in zip(states, rows, strict=True)]


def test_an_unknown_kind_is_refused():
    with pytest.raises(InputError, match="prng = 'mt19937': must be one of"):
        Generator("mt19937", 1)
