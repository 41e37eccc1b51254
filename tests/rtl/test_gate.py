"""The gate against the reference's comparison, with explicit words."""

import random

import pytest

from zimu.golden.gate import gate as reference_gate
from zimu.rtl.gate import Gate, TrialsFromMass
from zimu.sim.streams import Source
from zimu.sim.worker import simulate_component


async def step(pins, source, trials, threshold, rng, pause, restart=False) -> int:
    """One step of the gate: the number of tokens it gives."""
    pins.set("trials", trials)
    pins.set("threshold", threshold)
    pins.set("start", 1)
    await pins.tick()
    source.clock(pins)
    pins.set("start", restart)
    tokens, ready = 0, False
    for _ in range(20 + 20 * trials):
        pins.set("token_ready", ready)
        await pins.tick()
        source.clock(pins)
        if not pins.get("busy"):
            return tokens
        tokens += ready and pins.get("token_valid")
        ready = rng.random() >= pause
        if restart and pins.cycles % 7:
            pins.set("start", 0)
    raise AssertionError("the gate does not end")


def run(config, words, steps, pause=0.0, restart=False) -> tuple[list[int], int]:
    """Tokens of each step (n, T), and the words that are left."""
    rng = random.Random(1)

    async def bench(pins):
        source = Source("row", rng, pause)
        source.queue.extend(words)
        source.clock(pins)
        tokens = [await step(pins, source, n, T, rng, pause, restart) for n, T in steps]
        return tokens, len(source.queue)

    return simulate_component(Gate(config), bench)


def boundary_words(bits: int, thresholds) -> list[int]:
    """Draws just below, at and above each threshold, with all bits above the draw set and clear."""
    draws = {max(0, min(2**bits - 1, T + delta)) for T in thresholds for delta in (-1, 0, 1)}
    junk = [0, (2**32 - 1) >> bits << bits]
    return [draw | high for draw in sorted(draws) for high in junk]


@pytest.mark.parametrize("bits", [1, 2, 8, 16, 31, 32])
@pytest.mark.parametrize("pause", [0.0, 0.5])
def test_a_trial_opens_iff_its_low_bits_are_below_t(configure, bits, pause):
    thresholds = sorted({0, 1, min(2, 2**bits), 2 ** (bits - 1), 2**bits - 1, 2**bits})
    words = boundary_words(bits, thresholds)
    tokens, left = run(configure(gate_bits=bits), words * len(thresholds), [(len(words), T) for T in thresholds], pause)
    assert tokens == [sum(reference_gate(word, bits, T) for word in words) for T in thresholds]
    assert tokens[0] == 0
    assert tokens[-1] == len(words)
    assert left == 0


@pytest.mark.parametrize("pause", [0.0, 0.5])
def test_the_step_gate_takes_one_word_and_lets_all_or_none_through(configure, pause):
    words = [0, 127, 128, 255, 256 + 127, 0xFFFFFF80, 9, 9]
    steps = [(5, 128)] * 6 + [(0, 256), (1, 256)]
    tokens, left = run(configure(gate="step", gate_bits=8), words, steps, pause)
    assert tokens == [5, 5, 0, 0, 5, 0, 0, 1]
    assert left == 0, "a step takes a word where n = 0 too"


@pytest.mark.parametrize("kind", ["trial", "step"])
def test_no_trials_give_no_tokens(configure, kind):
    tokens, left = run(configure(gate=kind), [0], [(0, 2**16)])
    assert (tokens, left) == ([0], 1 if kind == "trial" else 0)


@pytest.mark.parametrize("kind", ["trial", "step"])
def test_a_start_while_busy_is_ignored(configure, kind):
    tokens, _ = run(configure(gate=kind), [0] * 200, [(12, 1)], restart=True)
    assert tokens == [12]


def test_one_trial_is_decided_in_each_clock(configure):
    async def bench(pins):
        source = Source("row", random.Random(0), 0.0)
        source.queue.extend([0, 9] * 100)
        source.clock(pins)
        pins.set("token_ready", 1)
        pins.set("threshold", 5)
        pins.set("trials", 100)
        pins.set("start", 1)
        await pins.tick()
        source.clock(pins)
        pins.set("start", 0)
        clocks = 0
        while True:
            await pins.tick()
            source.clock(pins)
            if not pins.get("busy"):
                return clocks
            clocks += 1

    assert simulate_component(Gate(configure()), bench) == 101  # the last one waits to be taken


@pytest.mark.parametrize("shift", [0, 1, 9, 30, 31, 32, 63])
def test_trials_from_the_mass_are_the_products_floor_up_to_the_limit(configure, shift):
    config = configure(trials_shift=shift, gradient_bits=10, smoothing_bits=0, depth=40)
    top = config.max_mass
    rng = random.Random(shift)
    ends = (0, 1, 2**15, 65535)
    cases = [(mass, rate, limit) for mass in (1, 2, top - 1, top) for rate in ends for limit in (0, 1, 5000, 2**32 - 1)]
    for _ in range(60):
        mass, rate = rng.randint(1, top), rng.randint(0, 65535)
        n = mass * rate >> shift
        cases += [(mass, rate, min(max(limit, 0), 2**32 - 1)) for limit in (n - 1, n, n + 1)]

    async def bench(pins):
        seen = []
        for mass, rate, limit in cases:
            for name, value in {"mass": mass, "rate": rate, "limit": limit, "start": 1}.items():
                pins.set(name, value)
            await pins.tick()
            pins.set("start", 0)
            clocks = 0
            while clocks == 0 or not pins.get("done"):
                await pins.tick()
                clocks += 1
                assert clocks < 99
            seen.append((pins.get("trials"), clocks))
            await pins.tick()
            assert pins.get("trials") == seen[-1][0]
        return seen

    expected = [(min(limit, mass * rate >> shift), TrialsFromMass.CLOCKS) for mass, rate, limit in cases]
    assert simulate_component(TrialsFromMass(config), bench) == expected
