"""The way down the tree (rtl/splitter.py) with explicit words against the reference: jobs, and rows of each stream."""

import random
from itertools import accumulate, chain

import pytest

from zimu.golden.gate import gate
from zimu.golden.split import binomial, split
from zimu.rtl.splitter import GATE, TOP, Splitter, contexts_of_splitter, first_split
from zimu.rtl.tiles import job_layout
from zimu.sim.drivers import pack
from zimu.sim.pins import run_until
from zimu.sim.streams import Sink
from zimu.sim.worker import simulate_component


class Streams:
    """Rows of several streams, of which one is active."""

    def __init__(self, rows, rng, pause):
        self.rows = [list(stream) for stream in rows]
        self.rng, self.pause = rng, pause
        self.active, self._valid = GATE, False

    def clock(self, pins):
        if self._valid and pins.get("row__ready"):
            self.rows[self.active].pop(0)
            self._valid = False
        if pins.get("switch") and pins.get("context") != self.active:
            self.active, self._valid = pins.get("context"), False
        elif not self._valid:
            self._valid = self.rng.random() >= self.pause
        if self._valid:
            pins.set("row__payload", pack(self.rows[self.active][0], 32))
        pins.set("row__valid", self._valid)


class Reference:
    """The same streams for the reference; counts the rows begun."""

    def __init__(self, rows):
        self.rows, self.begun = [list(stream) for stream in rows], [0] * len(rows)

    def words(self, stream):
        """The words from the next row on."""

        def following():
            while True:
                self.begun[stream] += 1
                yield self.rows[stream].pop(0)

        return chain.from_iterable(following())

    def step(self, config, sums, trials, threshold) -> tuple[int, list[tuple[int, int, int]]]:
        """N, and the (tile, trials, mass) of each tile with trials."""
        if config.gate == "step":
            opened = trials if gate(next(self.words(GATE)), config.gate_bits, threshold) else 0
        else:
            opened = binomial(self.words(GATE), trials, threshold, config.max_threshold)
        shape = config.split
        bounds = [0, *accumulate(sums + [0] * (config.leaves - config.tiles))]
        size = config.leaves // shape.subtrees
        counts = split(self.words(TOP), bounds[::size], opened)
        jobs = []
        for s, count in enumerate(counts):
            words = self.words(first_split(config) + s)
            jobs += split(words, bounds[s * size : (s + 1) * size + 1], count)
        return opened, [(tile, n, sums[tile]) for tile, n in enumerate(jobs) if n]


def circuit(config, rows, steps, pause) -> tuple[list[tuple[int, list[tuple[int, int, int]]]], list[int]]:
    """N and the jobs of each step (sums of the tiles, trials, threshold), and the rows taken of each stream."""
    rng = random.Random(f"{config} {pause}")

    class Opened:
        total = 0

        def clock(self, pins):
            self.total += pins.get("opened")

    async def bench(pins):
        streams, jobs, seen = Streams(rows, rng, pause), Sink("job", rng, pause), []
        for sums, trials, threshold in steps:
            opened = Opened()
            agents = [streams, jobs, opened]
            bounds = list(accumulate(sums))
            for name, value in {"mass": bounds[-1], "trials": trials, "threshold": threshold}.items():
                pins.set(name, value)
            for tile, bound in enumerate(bounds[:-1], start=1):
                for name, value in {"write": 1, "tile": tile, "bound": bound}.items():
                    pins.set(name, value)
                await run_until(pins, agents, lambda: True, 1)
            pins.set("write", 0)
            pins.set("start", 1)
            await run_until(pins, agents, lambda: True, 1)
            pins.set("start", 0)
            await run_until(pins, agents, lambda: True, 1)
            assert await run_until(pins, agents, lambda: not pins.get("busy"), 20000), "the walk does not end"
            found = [job_layout(config).from_bits(word) for word in jobs.taken]
            seen.append((opened.total, [(job.tile, job.trials, job.mass) for job in found]))
            jobs.taken.clear()
        return seen, [len(before) - len(after) for before, after in zip(rows, streams.rows, strict=True)]

    return simulate_component(Splitter(config), bench)


@pytest.mark.parametrize("pause", [0.0, 0.4])
@pytest.mark.parametrize(
    "fields",
    [
        {"depth": 4},  # one tile: nothing to split
        {"depth": 8},
        {"depth": 12, "prng_lanes": 2},  # leaves without a tile
        {"depth": 64, "prng_lanes": 4, "gate_bits": 32},
        {"depth": 61, "gate": "step", "gate_bits": 1},
        {"depth": 64, "subtrees": 2, "prng_lanes": 4},
        {"depth": 36, "subtrees": 4, "prng_lanes": 2},
        {"depth": 64, "subtrees": 16, "prng_lanes": 4},  # subtrees of one tile: only the top draws
    ],
    ids=str,
)
def test_jobs_and_rows_are_the_references(configure, fields, pause):
    config = configure(**{"sampler": "split", "tile": 4, "lanes": 2} | fields)
    rng = random.Random(f"{fields}")
    rows = [
        [[rng.getrandbits(32) for _ in range(config.prng_lanes)] for _ in range(700)]
        for _ in range(contexts_of_splitter(config))
    ]
    top, most = config.max_threshold, 4 * config.max_weight_mass
    steps = []
    for kind in ("any", "any", "one", "sparse", "extreme", "any"):
        sums = [rng.choice([0, 0, 1, most]) if kind == "sparse" else rng.randint(1, most) for _ in range(config.tiles)]
        if kind == "one":
            sums = [0] * config.tiles
        if not any(sums) or kind == "extreme":
            sums[rng.randrange(config.tiles)] = most
        steps.append((sums, rng.choice([0, 1, 5, 40, 300]), rng.choice([0, top // 2, top, top, rng.randint(0, top)])))
    steps.append(([most] * config.tiles, 333, top))
    expected = Reference(rows)
    answers = [expected.step(config, *step) for step in steps]
    found, taken = circuit(config, rows, steps, pause)
    assert found == answers
    assert taken == expected.begun


def test_subtrees_without_trials_are_passed_by_in_a_clock(configure):
    config = configure(sampler="split", tile=2, lanes=2, depth=128)
    rows = [[[2**32 - 1]] * 50] * contexts_of_splitter(config)

    def clocks(mass_at) -> int:
        sums = [0] * 64
        sums[mass_at] = 7

        async def bench(pins):
            streams, jobs = Streams(rows, random.Random(1), 0.0), Sink("job", random.Random(1), 0.0)
            pins.set("write", 1)
            for tile, bound in enumerate(list(accumulate(sums))[:-1], start=1):
                pins.set("tile", tile)
                pins.set("bound", bound)
                await run_until(pins, [], lambda: True, 1)
            pins.set("write", 0)
            for name, value in {"mass": 7, "trials": 1, "threshold": config.max_threshold, "start": 1}.items():
                pins.set(name, value)
            await run_until(pins, [streams, jobs], lambda: True, 1)
            pins.set("start", 0)
            await run_until(pins, [streams, jobs], lambda: True, 1)
            before = pins.cycles
            await run_until(pins, [streams, jobs], lambda: not pins.get("busy"), 999)
            assert len(jobs.taken) == 1
            return pins.cycles - before

        return simulate_component(Splitter(config), bench)

    # Six nodes on the way down whose number is sure, three clocks each; six halves without trials, a clock each.
    assert clocks(0) <= 6 * 3 + 6 + 8
    assert clocks(63) <= 6 * 3 + 6 + 8
