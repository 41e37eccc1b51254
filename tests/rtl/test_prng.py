"""The seed's expansion and the generators against the reference's state and rows."""

from itertools import islice

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from zimu.golden.prng import Stream, WordStream, expand_seed
from zimu.rtl.prng import STATE_WORDS, Generator, SeedExpander
from zimu.sim.worker import simulate_component

SEEDS = (0, 1, 0x0123456789ABCDEF, 2**64 - 1)
ROUND_TRIP = 24
"""Clocks one state word takes: load, 22 rounds, hand over."""


class Streams(wiring.Component):
    """An expander and the generators of both streams on its chain, as in the unit."""

    def __init__(self, lanes: int):
        self.lanes = lanes
        super().__init__(
            {
                "start": In(1),
                "seed": In(64),
                "busy": Out(1),
                "word": Out(32),
                "strobe": Out(1),
                "ready": In(1),
                "valid": Out(1),
                "gate": Out(32),
                "trials": Out(32 * lanes),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.expander = expander = SeedExpander(self.lanes)
        m.submodules.gate_words = gate = Generator(1)
        m.submodules.trial_words = trials = Generator(self.lanes)
        m.d.comb += [
            expander.start.eq(self.start),
            expander.seed.eq(self.seed),
            self.busy.eq(expander.busy),
            self.word.eq(expander.word),
            self.strobe.eq(expander.strobe),
            trials.chain_in.eq(expander.word),
            gate.chain_in.eq(trials.chain_out),
            self.valid.eq(gate.row.valid & trials.row.valid),
            self.gate.eq(gate.row.payload[0]),
            self.trials.eq(trials.row.payload.as_value()),
        ]
        for words in (gate, trials):
            m.d.comb += [
                words.hold.eq(expander.busy),
                words.shift.eq(expander.strobe),
                words.row.ready.eq(self.ready & self.valid),
            ]
        return m


async def expand(pins, seed) -> tuple[list[int], int]:
    """Expand a seed: the words in the order they come, and the clocks it took."""
    pins.set("seed", seed)
    pins.set("start", 1)
    await pins.tick()
    pins.set("start", 0)
    words, clocks = [], 0
    while True:
        await pins.tick()
        if not pins.get("busy"):
            return words, clocks
        clocks += 1
        if pins.get("strobe"):
            words.append(pins.get("word"))


async def take(pins, count, ready) -> list[tuple[int, int]]:
    """Take rows, ready in those clocks for which ``ready(clock)`` says so."""
    rows, clock = [], 0
    while len(rows) < count:
        offered = ready(clock)
        pins.set("ready", offered)
        await pins.tick()
        if offered and pins.get("valid"):
            rows.append((pins.get("gate"), pins.get("trials")))
        clock += 1
    pins.set("ready", 0)
    return rows


def reference_rows(seed, lanes, count) -> list[tuple[int, int]]:
    gate = WordStream(seed, Stream.GATE, 1).rows()
    trials = WordStream(seed, Stream.TRIALS, lanes).rows()
    packed = (sum(word << 32 * lane for lane, word in enumerate(row)) for row in trials)
    return list(islice(((g[0], t) for g, t in zip(gate, packed, strict=False)), count))


@pytest.mark.parametrize("lanes", [1, 2, 4, 16])
def test_the_expansion_gives_the_contracts_state_words_in_chain_order(lanes):
    async def bench(pins):
        return [await expand(pins, seed) for seed in SEEDS]

    expected = [
        expand_seed(seed, Stream.GATE, 0, STATE_WORDS)
        + [word for lane in range(lanes) for word in expand_seed(seed, Stream.TRIALS, lane, STATE_WORDS)]
        for seed in SEEDS
    ]
    seen = simulate_component(SeedExpander(lanes), bench)
    assert [words for words, _ in seen] == expected
    assert {clocks for _, clocks in seen} == {ROUND_TRIP * STATE_WORDS * (1 + lanes)}


def test_the_expander_ignores_a_start_while_busy():
    async def bench(pins):
        pins.set("seed", 5)
        pins.set("start", 1)
        words = []
        for _ in range(ROUND_TRIP * 2 * STATE_WORDS):
            await pins.tick()
            if pins.get("strobe"):
                words.append(pins.get("word"))
        return words

    assert simulate_component(SeedExpander(1), bench)[:4] == expand_seed(5, Stream.GATE, 0, STATE_WORDS)


@pytest.mark.parametrize("lanes", [1, 2, 4])
def test_rows_are_the_references_through_stalls_and_reseeding(lanes):
    async def bench(pins):
        # Reset leaves the generators running on zeros; a seed must wash that out, and so must one in the middle.
        seen = []
        for seed in (*SEEDS, SEEDS[1]):
            await expand(pins, seed)
            seen.append(await take(pins, 9, lambda clock: clock % 3 != 1) + await take(pins, 9, lambda clock: True))
        return seen

    seen = simulate_component(Streams(lanes), bench)
    assert seen == [reference_rows(seed, lanes, 18) for seed in (*SEEDS, SEEDS[1])]


def test_a_generator_gives_one_row_a_clock():
    async def bench(pins):
        await expand(pins, 3)
        await take(pins, 1, lambda clock: True)
        before = pins.cycles
        await take(pins, 50, lambda clock: True)
        return pins.cycles - before

    assert simulate_component(Streams(2), bench) == 50
