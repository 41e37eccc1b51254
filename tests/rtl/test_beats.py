"""The sum pass (rtl/beats.py): sums of beats and of their parts against those of the masses."""

import random

import pytest

from zimu.golden.encoding import ENCODINGS
from zimu.golden.sampler import masses
from zimu.rtl.beats import SumPass
from zimu.sim.drivers import pack
from zimu.sim.pins import run_until
from zimu.sim.streams import ReadPort
from zimu.sim.worker import simulate_component


class Taps:
    """Keeps what a pass gives: prefix sums by beat, and sums of left halves by level and beat."""

    def __init__(self, circuit):
        self.prefix: dict[int, int] = {}
        self.halves: dict[tuple[int, int], list[int]] = {}
        self._circuit = circuit

    def clock(self, pins):
        for name in ("prefix", *(f"halves{level}" for level in range(self._circuit.levels))):
            seen = getattr(self._circuit, name).shape().from_bits(pins.get(name))
            if seen.valid and name == "prefix":
                self.prefix[seen.beat] = seen.mass
            elif seen.valid:
                self.halves[int(name[6:]), seen.beat] = [part.value + part.carry for part in seen.sums]


@pytest.mark.parametrize("depth", [1, 5, 8, 45])
@pytest.mark.parametrize("lanes", [1, 2, 8, 16])
@pytest.mark.parametrize("pause", [0.0, 0.5])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_pass_sums_beats_and_the_left_halves_of_their_parts(configure, depth, lanes, pause, encoding):
    config = configure(depth=depth, lanes=lanes, gradient_bits=5, gradient_encoding=encoding)
    low, high = config.encoding.limits
    rng = random.Random(f"{depth} {lanes}")
    circuit = SumPass(config, levels=lanes.bit_length() - 1)
    taps, beats = Taps(circuit), [0] * config.beats

    async def bench(pins):
        seen = []
        agents = [taps, ReadPort("request", "beat", beats, rng, pause)]
        for smoothing in (0, 15, 6):
            gradients = [rng.choice([low, low, high, 0, rng.randint(low, high)]) for _ in range(lanes * config.beats)]
            patterns = [config.encoding.encode(gradient) for gradient in gradients]
            beats[:] = [pack(patterns[i : i + lanes], config.gradient_bits) for i in range(0, len(patterns), lanes)]
            pins.set("smoothing", smoothing)
            pins.set("start", 1)
            await run_until(pins, agents, lambda: True, 1)
            pins.set("start", 0)
            await run_until(pins, agents, lambda: True, 1)
            assert await run_until(pins, agents, lambda: pins.get("done"), 999), "the pass does not end"
            seen.append((gradients, smoothing, pins.get("mass"), dict(taps.prefix), dict(taps.halves)))
            taps.prefix.clear()
            taps.halves.clear()
        return seen

    for gradients, smoothing, mass, prefix, halves in simulate_component(circuit, bench):
        # Smoothing is in the sums of beats; in those of their parts there is what carries take of it. What lies beyond
        # the depth is in neither.
        held = smoothing & 1 if encoding == "sign_magnitude" else 0
        sizes = [abs(g) if i < depth else 0 for i, g in enumerate(gradients)]
        whole = masses(gradients[:depth], smoothing)
        assert mass == sum(whole)
        assert prefix == {beat: sum(whole[: beat * lanes]) for beat in range(config.beats)}
        for level in range(circuit.levels):
            half = lanes >> level + 1
            for beat in range(config.beats):
                begins = range(beat * lanes, (beat + 1) * lanes, 2 * half)
                assert halves[level, beat] == [sum(sizes[begin : begin + half]) + half * held for begin in begins]


def test_nothing_is_asked_for_before_a_pass_begins(configure):
    async def bench(pins):
        seen = []
        for _ in range(20):
            await pins.tick()
            seen.append(pins.get("request__valid"))
        return seen

    assert not any(simulate_component(SumPass(configure(depth=9, lanes=8)), bench))


@pytest.mark.parametrize("fill", [-16, 15])
def test_padding_lanes_have_no_mass_whatever_they_hold(configure, fill):
    config = configure(depth=9, lanes=8, gradient_bits=5)
    beats = [pack([3] * 8, 5), pack([2] + [fill] * 7, 5)]

    async def bench(pins):
        agents = [ReadPort("request", "beat", beats, random.Random(0), 0.0)]
        pins.set("smoothing", 1)
        pins.set("start", 1)
        await run_until(pins, agents, lambda: True, 1)
        pins.set("start", 0)
        await run_until(pins, agents, lambda: True, 1)
        assert await run_until(pins, agents, lambda: pins.get("done"), 99)
        return pins.get("mass")

    assert simulate_component(SumPass(config), bench) == 8 * 4 + 3
