"""The parts that work on tiles (reader, engine), each against the reference's function, with explicit words."""

import random
from itertools import chain

import pytest

from zimu.golden.sampler import masses, prefix_sums
from zimu.golden.split import draw_tile
from zimu.rtl.accumulator import COUNT_BITS, counts_layout
from zimu.rtl.reader import Reader
from zimu.rtl.tiles import Engine, bounds_layout, job_layout
from zimu.sim.drivers import pack
from zimu.sim.pins import run_until
from zimu.sim.streams import ReadPort, Sink, Source
from zimu.sim.worker import simulate_component


def split_config(configure, **fields):
    return configure(**{"sampler": "split", "tile": 8, "depth": 21} | fields)


def packed(layout, **values) -> int:
    """Fields of a layout as one number."""
    return sum(values[name] << field.offset for name, field in layout)


def some_gradients(config, kind, rng) -> list[int]:
    low, high = config.gradient.limits
    return {
        "any": lambda: [rng.randint(low, high) for _ in range(config.depth)],
        "extreme": lambda: [rng.choice([low, high]) for _ in range(config.depth)],
        "one": lambda: [low if i % config.split.tile == 1 else 0 for i in range(config.depth)],
        "sparse": lambda: [rng.choice([0, 0, rng.randint(low, high)]) for _ in range(config.depth)],
    }[kind]()


def tile_beats(config, gradients, smoothing, tile) -> list[dict]:
    """The beats of a tile as the reader hands them on, those that do not exist left out."""
    lanes, size = config.lanes, config.split.tile
    inside = gradients[tile * size : (tile + 1) * size]
    padded = inside + [0] * (-len(inside) % lanes)
    bounds = prefix_sums([abs(g) + smoothing if i < len(inside) else 0 for i, g in enumerate(padded)])
    beats = []
    for at in range(0, len(padded), lanes):
        part, last = padded[at : at + lanes], at + lanes == len(padded)
        beats.append(
            {
                "prefix": bounds[at : at + lanes],
                "negative": sum((g < 0) << i for i, g in enumerate(part)),
                "zero": sum((g == 0) << i for i, g in enumerate(part)),
                "final": int(last),
                "tail": int(last and tile == config.tiles - 1),
            }
        )
    return beats


class Loader:
    """Brings the beats of the tiles an engine wants, and adds up what it rejects and discards."""

    def __init__(self, bounds, tiles, rng, pause):
        self.bounds, self.tiles, self.rng, self.pause = bounds, tiles, rng, pause
        self.rejected = self.discarded = 0
        self._asked = False

    def clock(self, pins):
        self.rejected += pins.get("rejected")
        self.discarded += pins.get("discarded")
        self._asked = bool(pins.get("wanting")) and not self._asked and self.rng.random() >= self.pause
        if self._asked:
            self.bounds.queue.extend(self.tiles.pop(0))
        pins.set("asked", self._asked)


def run_engine(config, gradients, smoothing, jobs, rows, pause):
    """Counts of every weight, rejected, discarded, rows taken, clocks."""
    rng = random.Random(f"{config} {jobs} {pause}")
    size, layout = config.split.tile, bounds_layout(config)
    beats = [tile_beats(config, gradients, smoothing, tile) for tile, _ in jobs]
    words = [
        [packed(layout, **beat | {"prefix": pack(beat["prefix"], _bits(layout))}) for beat in tile] for tile in beats
    ]
    mass = {tile: sum(masses(gradients[tile * size : (tile + 1) * size], smoothing)) for tile, _ in jobs}

    async def bench(pins):
        job, bounds, row = (Source(name, rng, pause) for name in ("job", "bounds", "row"))
        counts = Sink("counts", rng, pause)
        loader = Loader(bounds, words, rng, pause)
        job.queue.extend(packed(job_layout(config), tile=tile, trials=n, mass=mass[tile]) for tile, n in jobs)
        row.queue.extend(pack(words, 32) for words in rows)
        agents = [job, bounds, row, counts, loader]
        assert await run_until(pins, agents, lambda: not job.queue, 20000), "a tile does not come to an end"
        assert await run_until(pins, agents, lambda: not pins.get("busy"), 5000), "the last tile does not"
        return counts.taken, loader.rejected, loader.discarded, len(rows) - len(row.queue), pins.cycles

    taken, *rest = simulate_component(Engine(config), bench)
    landed = [0] * config.depth
    for word in taken:
        beat = counts_layout(config).from_bits(word)
        for lane in range(config.lanes):
            if beat.count[lane]:
                place = beat.beat * config.lanes + lane
                landed[place] += beat.count[lane]
                assert beat.negative >> lane & 1 == (gradients[place] < 0)
    return landed, *rest


def _bits(layout) -> int:
    return layout["prefix"].width // layout["negative"].width


def reference_jobs(config, gradients, smoothing, jobs, rows):
    """Counts of every weight with a gradient, rejected, discarded, rows taken."""
    rows, landed, rejected, used = list(rows), [0] * config.depth, 0, 0
    size = config.split.tile

    def begun():
        nonlocal used
        while True:
            used += 1
            yield rows.pop(0)

    for tile, trials in jobs:
        inside = masses(gradients[tile * size : (tile + 1) * size], smoothing)
        counts, more = draw_tile(chain.from_iterable(begun()), config.draw_bits, inside, trials)
        rejected += more
        for i, count in enumerate(counts):
            landed[tile * size + i] += count
    discarded = sum(count for count, g in zip(landed, gradients, strict=True) if g == 0)
    return [count if g else 0 for count, g in zip(landed, gradients, strict=True)], rejected, discarded, used


@pytest.mark.parametrize("pause", [0.0, 0.4])
@pytest.mark.parametrize(
    "fields",
    [
        {"lanes": 1},
        {"lanes": 2, "prng_lanes": 2},  # a beat of the last tile does not exist
        {"lanes": 8, "prng_lanes": 4},
        {"lanes": 4, "gradient_bits": 20},  # draws of 32 bits
        {"lanes": 2, "tile": 2, "depth": 6},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ["any", "extreme", "one", "sparse"])
def test_an_engine_draws_tiles_like_the_reference(configure, fields, kind, pause):
    config = split_config(configure, **fields)
    rng = random.Random(f"{fields} {kind}")
    gradients, smoothing = some_gradients(config, kind, rng), rng.choice([1, 3])
    # Trials that fit a chunk, fill it, and go far beyond; the last tile too.
    jobs = [(rng.randrange(config.tiles), n) for n in (1, 2, 7, 8, 9, 2**COUNT_BITS, 150)] + [(config.tiles - 1, 20)]
    rows = [[rng.getrandbits(32) for _ in range(config.prng_lanes)] for _ in range(1500)]
    found = run_engine(config, gradients, smoothing, jobs, rows, pause)
    assert found[:4] == reference_jobs(config, gradients, smoothing, jobs, rows)


def test_an_engine_takes_an_accepted_draw_a_clock(configure):
    config = split_config(configure, lanes=8, prng_lanes=4, smoothing_bits=4)
    gradients = [15] * config.depth  # with c = 1 a tile has a mass of 2^7: nothing is rejected
    rng = random.Random(2)
    rows = [[rng.getrandbits(32) for _ in range(4)] for _ in range(400)]
    clocks = [run_engine(config, gradients, 1, [(0, n)], rows, 0.0)[4] for n in (40, 60)]
    assert clocks[1] - clocks[0] == 20


@pytest.mark.parametrize("pause", [0.0, 0.5])
@pytest.mark.parametrize(
    "fields", [{"lanes": 1}, {"lanes": 2}, {"lanes": 4}, {"lanes": 8}, {"lanes": 4, "depth": 3}], ids=str
)
def test_a_reader_sums_up_all_beats_and_hands_out_tiles(configure, fields, pause):
    config = split_config(configure, tile_streams=2, **fields)
    rng = random.Random(f"{fields} {pause}")
    size, lanes, layout = config.split.tile, config.lanes, bounds_layout(config)
    gradients, smoothing = some_gradients(config, "any", rng), 3
    low, high = config.gradient.limits
    padded = gradients + [rng.randint(low, high) for _ in range(lanes * config.beats - config.depth)]
    memory = [pack(padded[i : i + lanes], config.gradient_bits) for i in range(0, len(padded), lanes)]
    wanted = [[rng.randrange(config.tiles) for _ in range(6)] for _ in range(2)]

    class Ends:
        """The sums at the ends of tiles."""

        def __init__(self):
            self.seen = {}

        def clock(self, pins):
            if pins.get("tile_ends"):
                self.seen[pins.get("tile")] = pins.get("reached")

    async def bench(pins):
        ends, sinks = Ends(), [Sink(f"bounds__{i}", rng, pause) for i in range(2)]
        agents = [ReadPort("request", "beat", memory, rng, pause), ends, *sinks]
        pins.set("smoothing", smoothing)
        pins.set("start", 1)
        await run_until(pins, agents, lambda: True, 1)
        pins.set("start", 0)
        await run_until(pins, agents, lambda: True, 1)
        assert await run_until(pins, agents, lambda: pins.get("done"), 999), "the sum pass does not end"
        left = [list(tiles) for tiles in wanted]
        for _ in range(3000):
            wants = [bool(tiles) and rng.random() < 0.5 for tiles in left]
            pins.set("wanting", sum(want << i for i, want in enumerate(wants)))
            for i, tiles in enumerate(left):
                pins.set(f"tiles__{i}", tiles[0] if tiles else 0)
            await run_until(pins, agents, lambda: True, 1)
            for i in range(2):
                if pins.get("asked") >> i & 1:
                    left[i].pop(0)
        return ends.seen, pins.get("mass"), left, [sink.taken for sink in sinks]

    ends, mass, left, handed = simulate_component(Reader(config), bench)
    bounds = prefix_sums(masses(gradients, smoothing))
    assert mass == bounds[-1]
    assert ends == {t: bounds[t * size - 1] for t in range(1, config.tiles)}
    assert left == [[], []]
    for tiles, words in zip(wanted, handed, strict=True):
        expected = [beat for tile in tiles for beat in tile_beats(config, gradients, smoothing, tile)]
        assert len(words) == len(expected)
        for word, beat in zip(map(layout.from_bits, words), expected, strict=True):
            assert [word.prefix[i] for i in range(lanes)] == beat["prefix"]
            assert {name: word[name] for name in ("final", "tail")} == {n: beat[n] for n in ("final", "tail")}
            if not beat["tail"]:  # padding lanes may have any sign
                assert (word.negative, word.zero) == (beat["negative"], beat["zero"])
