"""Both accumulators against the reference, over memories of any latency."""

import random
from collections import Counter
from itertools import chain

import pytest
from amaranth.hdl import Shape

from zimu.golden.accumulator import accumulate
from zimu.rtl.accumulator import COUNT_BITS, Accumulator, Flush, counts_layout
from zimu.rtl.basics import address
from zimu.sim.drivers import pack, to_signed
from zimu.sim.pins import run_until
from zimu.sim.streams import ReadPort, Source, WritePort
from zimu.sim.worker import simulate_component


class Lost:
    """Adds up the trials lost at a rail."""

    def __init__(self):
        self.total = 0

    def clock(self, pins):
        self.total += pins.get("lost")


def apply(config, pending, weights, trials, pause, latency=0) -> tuple[list[int], int, int]:
    """Weights after the trials (index, negative), trials lost, and the clocks it took."""
    index_bits = Shape.cast(address(config.depth)).width
    rng = random.Random(f"{pending} {pause} {trials[:9]}")

    async def bench(pins):
        memory = [w & (1 << config.weight_bits) - 1 for w in weights]
        source, lost = Source("trials", rng, pause), Lost()
        read = ReadPort("read", "read_data", memory, rng, pause)
        agents = [lost, *([Late(read, latency)] if latency else [read])]
        agents += [WritePort("write", memory, index_bits, rng, pause), source]
        source.queue.extend(index | negative << index_bits for index, negative in trials)
        for _ in range(2):
            await run_until(pins, agents, lambda: True, 1)
        start, limit = pins.cycles, 200 + 60 * (1 + latency) * len(trials)
        assert await run_until(pins, agents, lambda: not source.queue, limit), "a trial is not taken"
        await run_until(pins, agents, lambda: True, 1)  # the last one shows in `busy` a clock later
        assert await run_until(pins, agents, lambda: not pins.get("busy"), limit), "it does not come to rest"
        clocks = pins.cycles - start
        return [to_signed(w, config.weight_bits) for w in memory], lost.total, clocks

    return simulate_component(Accumulator(config, pending), bench)


class Late:
    """A read port whose answers come a fixed number of clocks later, one per clock."""

    def __init__(self, port, latency):
        self.port, self.latency, self.clocks = port, latency, 0
        self.due: list[tuple[int, int]] = []

    def clock(self, pins):
        self.clocks += 1
        held = self.port._answers.queue
        self.port._requests.clock(pins)
        self.due += [(self.clocks + self.latency, self.port.memory[a]) for a in self.port._requests.taken]
        self.port._requests.taken.clear()
        while self.due and self.due[0][0] <= self.clocks:
            held.append(self.due.pop(0)[1])
        self.port._answers.clock(pins)


def reference(config, weights, trials) -> tuple[list[int], int]:
    counts, signs = Counter(index for index, _ in trials), dict(trials)
    updated = [accumulate(w, -1 if signs.get(i) else 1, counts[i], config.weight_bits) for i, w in enumerate(weights)]
    return [weight for weight, _ in updated], sum(lost for _, lost in updated)


@pytest.mark.parametrize("pending", [1, 2, 3, 4])
@pytest.mark.parametrize("pause", [0.0, 0.3, 0.7])
@pytest.mark.parametrize(("weight_bits", "depth"), [(2, 1), (3, 2), (4, 5), (8, 16), (32, 16)])
def test_weights_and_losses_are_the_references(configure, pending, pause, weight_bits, depth):
    config = configure(weight_bits=weight_bits, depth=depth)
    rng = random.Random(f"{weight_bits} {depth}")
    low, high = config.weight.limits
    weights = [rng.choice([low, low + 1, high - 1, high, 0]) for _ in range(depth)]
    sign = [rng.getrandbits(1) for _ in range(depth)]
    # Runs of one address, neighbours in turn, and anything.
    places = [rng.randrange(depth)] * 12 + [i % min(depth, 2) for i in range(12)]
    places += [rng.randrange(depth) for _ in range(60)]
    trials = [(i, sign[i]) for i in places]
    updated, lost, _ = apply(config, pending, weights, trials, pause)
    assert (updated, lost) == reference(config, weights, trials)


@pytest.mark.parametrize("latency", [1, 3, 9])
def test_a_hot_weight_loses_nothing_whatever_the_latency(configure, latency):
    config = configure(depth=4)
    trials = [(2, 1)] * 100
    updated, lost, _ = apply(config, 4, [0, 0, 100, 0], trials, 0.0, latency)
    assert (updated, lost) == ([0, 0, 127, 0], 73)


def test_a_hot_weight_takes_a_trial_in_four_clocks(configure):
    trials = [(2, 0)] * 200
    updated, _, clocks = apply(configure(depth=4, weight_bits=16), 4, [0] * 4, trials, 0.0)
    assert updated == [0, 0, -200, 0]
    assert clocks <= 4 * 200 + 6


def test_different_weights_take_one_trial_a_clock(configure):
    trials = [(i % 7, 0) for i in range(210)]
    updated, _, clocks = apply(configure(depth=7, weight_bits=16), 4, [0] * 7, trials, 0.0)
    assert updated == [-30] * 7
    assert clocks <= 210 + 6


def test_trials_wait_for_a_weight_that_is_late(configure):
    # The first read of weight 0 is late: the others wait, and those of weight 1 behind them.
    trials = [(0, 1)] * 30 + [(1, 0)] * 30
    updated, lost, _ = apply(configure(depth=2), 2, [0, 0], trials, 0.0, latency=40)
    assert (updated, lost) == ([30, -30], 0)


def run_flush(config, memory, parts, pause, seed) -> tuple[list[int], int, int]:
    """Apply streams of (beat, counts, negative), one for each engine; the memory after it, losses, clocks."""
    rng = random.Random(f"{seed} {pause}")
    layout = counts_layout(config)
    memory = [pack(beat, config.weight_bits) for beat in memory]

    async def bench(pins):
        sources = [Source(f"counts__{i}", rng, pause) for i in range(len(parts))]
        for source, part in zip(sources, parts, strict=True):
            for beat, counts, negative in part:
                source.queue.append(layout.const({"beat": beat, "count": counts, "negative": negative}).as_bits())
        lost = Lost()
        bits = (config.beats - 1).bit_length()
        ports = [ReadPort("read", "read_data", memory, rng, pause), WritePort("write", memory, bits, rng, pause)]
        agents = [*sources, *ports, lost]
        assert await run_until(pins, agents, lambda: not any(source.queue for source in sources), 5000), "it hangs"
        await run_until(pins, agents, lambda: True, 1)
        assert await run_until(pins, agents, lambda: not pins.get("busy"), 99), "the flush does not come to an end"
        return lost.total, pins.cycles

    total, cycles = simulate_component(Flush(config), bench)
    lanes, bits = config.lanes, config.weight_bits
    return [to_signed(beat >> bits * i, bits) for beat in memory for i in range(lanes)], total, cycles


@pytest.mark.parametrize("pause", [0.0, 0.5])
@pytest.mark.parametrize(("weight_bits", "lanes"), [(2, 4), (4, 2), (8, 4), (16, 1)])
def test_counts_are_applied_to_whole_beats(configure, weight_bits, lanes, pause):
    config = configure(sampler="split", tile=8, depth=32, lanes=lanes, weight_bits=weight_bits, tile_streams=2)
    rng = random.Random(f"{weight_bits} {lanes}")
    low, high = config.weight.limits
    weights = [[rng.choice([low, high, rng.randint(low, high)]) for _ in range(lanes)] for _ in range(config.beats)]
    expected, total = [list(beat) for beat in weights], 0
    # Two engines have beats of their own; the same one again and again is what a late memory could get wrong.
    parts = [[(rng.choice([i, i, i + 2]), *_some_counts(rng, lanes)) for _ in range(40)] for i in range(2)]
    for beat, counts, negative in (use for part in parts for use in part):
        for lane, count in enumerate(counts):
            sign = -1 if negative >> lane & 1 else 1
            expected[beat][lane], lost = accumulate(expected[beat][lane], sign, count, weight_bits)
            total += lost
    assert run_flush(config, weights, parts, pause, 1)[:2] == (list(chain.from_iterable(expected)), total)


def _some_counts(rng, lanes) -> tuple[list[int], int]:
    return [rng.choice([0, 1, rng.randrange(2**COUNT_BITS)]) for _ in range(lanes)], rng.getrandbits(lanes)


def test_different_beats_are_flushed_one_a_clock(configure):
    config = configure(sampler="split", tile=8, depth=64, lanes=4)
    parts = [[(i, [1] * 4, 0) for i in range(16)]]
    *_, clocks = run_flush(config, [[0] * 4] * 16, parts, 0.0, 1)
    assert clocks <= 16 + 6
