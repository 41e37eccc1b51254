"""The way down the tree (rtl/splitter.py) with explicit words against the reference: jobs, and rows of each stream."""

import random
from itertools import accumulate, chain

import pytest

from zimu.golden.gate import gate
from zimu.golden.split import binomial, split
from zimu.rtl.splitter import (
    GATE,
    TOP,
    Splitter,
    Stack,
    TileSums,
    TreeWalk,
    contexts_of_splitter,
    first_split,
    levels_of,
    node_layout,
)
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


def halves(config, tile, level, count) -> list[tuple[int, int, int]]:
    """The (tile, level, trials) of a node and all below it in preorder, where ``count`` trials are halved, the left
    half rounded down; nothing below a node without trials.
    """
    below = []
    if level and count:
        left = count // 2
        below = halves(config, tile, level - 1, left)
        below += halves(config, tile + 2 ** (level - 1), level - 1, count - left)
    return [(tile, level, count), *below]


@pytest.mark.parametrize("count", [0, 1, 5, 1000])
@pytest.mark.parametrize("depth", [4, 8, 64])
def test_a_walk_comes_to_the_nodes_in_preorder(configure, depth, count):
    config = configure(sampler="split", tile=4, lanes=2, depth=depth)
    levels, mass = levels_of(config), 100 * config.tiles
    layout = node_layout(config)

    async def bench(pins):
        async def move(name, **values):
            for pin, value in {**values, name: 1}.items():
                pins.set(pin, value)
            await pins.tick()
            pins.set(name, 0)

        seen = []
        await move("root", mass=mass)
        await move("open", trials=count)
        while len(seen) < 100:
            await pins.tick()
            node = layout.from_bits(pins.get("node"))
            seen.append((node.tile, node.level, node.trials, node.low, node.high))
            if node.level and node.trials:
                await move("left", trials=node.trials // 2, middle=(node.low + node.high) // 2)
            elif pins.get("last"):
                break
            else:
                await move("onward")
        return seen

    seen = simulate_component(TreeWalk(config), bench)
    expected = halves(config, 0, levels, count)
    assert seen == [(*node, 100 * node[0], 100 * (node[0] + 2 ** node[1])) for node in expected]


def test_a_stack_gives_back_the_half_of_the_lowest_level(configure):
    levels, rng = 6, random.Random(9)

    async def bench(pins):
        waiting: dict[int, int] = {}
        lowest = levels
        for _ in range(400):
            await pins.tick()
            assert pins.get("empty") == (not waiting)
            if waiting:
                lowest = min(waiting)
                assert (pins.get("next_level"), pins.get("next_half")) == (lowest, waiting[lowest])
            room = range(min(waiting, default=levels))
            push = bool(room) and rng.random() < 0.6
            pop = not push and bool(waiting)
            pins.set("push", push)
            pins.set("pop", pop)
            if push:
                level, half = rng.choice(room), rng.getrandbits(7 + 32)
                pins.set("level", level)
                pins.set("half", half)
                waiting[level] = half
            if pop:
                del waiting[lowest]
            await pins.tick()
            pins.set("push", 0)
            pins.set("pop", 0)

    simulate_component(Stack(levels, 7), bench)


@pytest.mark.parametrize("depth", [8, 12, 61, 64])
def test_the_sum_at_a_nodes_middle_is_that_before_its_right_half(configure, depth):
    config = configure(sampler="split", tile=4, lanes=2, depth=depth)
    rng = random.Random(depth)
    bounds = [0, *accumulate(rng.randint(0, 200) for _ in range(config.tiles))]
    nodes = [(tile, level) for level in range(1, levels_of(config) + 1) for tile in range(0, config.leaves, 2**level)]

    async def bench(pins):
        pins.set("mass", bounds[-1])
        pins.set("write", 1)
        for tile in range(1, config.tiles):
            pins.set("tile", tile)
            pins.set("bound", bounds[tile])
            await pins.tick()
        pins.set("write", 0)
        middles = []
        for tile, level in nodes:
            pins.set("node", node_layout(config).const({"tile": tile, "level": level}).as_bits())
            pins.set("read", 1)
            await pins.tick()
            pins.set("read", 0)
            pins.set("node", 0)
            for _ in range(2):
                await pins.tick()
                middles.append(pins.get("middle"))
        return middles

    expected = [bounds[min(tile + 2 ** (level - 1), config.tiles)] for tile, level in nodes]
    assert simulate_component(TileSums(config), bench) == [middle for middle in expected for _ in range(2)]
