"""The seed's expansion against the reference, and the streams it starts."""

from itertools import islice

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from zimu.golden.prng import Stream, WordStream, expand_seed
from zimu.rtl.generators import KINDS, Generator
from zimu.rtl.prng import SeedExpander
from zimu.sim.worker import simulate_component

SEEDS = (0, 1, 0x0123456789ABCDEF, 2**64 - 1)
ROUND_TRIP = 24
"""Clocks one state word takes: load, 22 rounds, hand over."""


class Streams(wiring.Component):
    """An expander and the generators of both streams on its chain, as in the unit."""

    def __init__(self, kind: str, lanes: int):
        self.kind = kind
        self.lanes = lanes
        super().__init__(
            {
                "start": In(1),
                "seed": In(64),
                "busy": Out(1),
                "ready": In(1),
                "valid": Out(1),
                "gate": Out(32),
                "trials": Out(32 * lanes),
            }
        )

    def elaborate(self, platform):
        m = Module()
        streams = {Stream.GATE: 1, Stream.TRIALS: self.lanes}
        m.submodules.expander = expander = SeedExpander(KINDS[self.kind].words, streams)
        m.submodules.gate_words = gate = Generator(self.kind, 1)
        m.submodules.trial_words = trials = Generator(self.kind, self.lanes)
        m.d.comb += [
            expander.start.eq(self.start),
            expander.seed.eq(self.seed),
            self.busy.eq(expander.busy),
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


async def expand(pins, seed, see=lambda pins: None) -> int:
    """Expand a seed, calling ``see`` in every busy clock; the clocks it took."""
    pins.set("seed", seed)
    pins.set("start", 1)
    await pins.tick()
    pins.set("start", 0)
    clocks = 0
    while True:
        await pins.tick()
        if not pins.get("busy"):
            return clocks
        clocks += 1
        see(pins)


async def take(pins, count, ready) -> list[tuple[int, int]]:
    """Take rows, ready in those clocks for which ``ready(clock)`` says so."""
    rows, clock = [], 0
    while len(rows) < count:
        assert clock < 40 * count, "no row comes"
        offered = ready(clock)
        pins.set("ready", offered)
        await pins.tick()
        if offered and pins.get("valid"):
            rows.append((pins.get("gate"), pins.get("trials")))
        clock += 1
    pins.set("ready", 0)
    return rows


def reference_rows(kind, seed, lanes, count) -> list[tuple[int, int]]:
    gate = WordStream(kind, seed, Stream.GATE, 1).rows()
    trials = WordStream(kind, seed, Stream.TRIALS, lanes).rows()
    packed = (sum(word << 32 * lane for lane, word in enumerate(row)) for row in trials)
    return list(islice(((g[0], t) for g, t in zip(gate, packed, strict=False)), count))


@pytest.mark.parametrize(
    ("words", "streams"),
    [
        *((4, {Stream.GATE: 1, Stream.TRIALS: lanes}) for lanes in (1, 2, 4, 16)),
        (2, {Stream.GATE: 1, Stream.TRIALS: 4}),
        (9, {Stream.GATE: 1, Stream.TRIALS: 2}),
        (4, {Stream.GATE: 2, Stream.TOP: 2, Stream.SPLIT: 8, Stream.DRAW: 5}),
        (2, {Stream.DRAW: 300}),
    ],
    ids=str,
)
def test_the_expansion_gives_the_contracts_state_words_in_chain_order(words, streams):
    seen = []

    def see(pins):
        if pins.get("strobe"):
            seen.append(tuple(pins.get(name) for name in ("stream", "lane", "last", "word")))

    async def bench(pins):
        return {await expand(pins, seed, see) for seed in SEEDS}

    clocks = simulate_component(SeedExpander(words, streams), bench)
    assert clocks == {ROUND_TRIP * words * sum(streams.values())}
    assert seen == [
        (stream, lane, j == words - 1, word)
        for seed in SEEDS
        for stream, lanes in streams.items()
        for lane in range(lanes)
        for j, word in enumerate(expand_seed(seed, stream, lane, words))
    ]


def test_the_expander_ignores_a_start_while_busy():
    async def bench(pins):
        pins.set("seed", 5)
        pins.set("start", 1)
        words = []
        for _ in range(ROUND_TRIP * 8):
            await pins.tick()
            if pins.get("strobe"):
                words.append(pins.get("word"))
        return words

    expander = SeedExpander(4, {Stream.GATE: 1, Stream.TRIALS: 1})
    assert simulate_component(expander, bench)[:4] == expand_seed(5, Stream.GATE, 0, 4)


@pytest.mark.parametrize(("kind", "lanes"), [("xoshiro128++", 1), ("xoshiro128++", 4), *((kind, 2) for kind in KINDS)])
def test_rows_are_the_references_through_stalls_and_reseeding(kind, lanes):
    async def bench(pins):
        # Reset leaves the generators running on zeros; a seed must wash that out, and so must one in the middle.
        seen = []
        for seed in (*SEEDS, SEEDS[1]):
            await expand(pins, seed)
            seen.append(await take(pins, 9, lambda clock: clock % 3 != 1) + await take(pins, 10, lambda clock: True))
        return seen

    seen = simulate_component(Streams(kind, lanes), bench)
    assert seen == [reference_rows(kind, seed, lanes, 19) for seed in (*SEEDS, SEEDS[1])]
