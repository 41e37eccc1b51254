"""The sums of a beat against those of its masses."""

import random

import pytest

from zimu.golden.sampler import masses
from zimu.rtl.beats import BeatSums, sums_layout
from zimu.sim.drivers import pack
from zimu.sim.pins import run_until
from zimu.sim.streams import Sink, Source
from zimu.sim.worker import simulate_component


def heap_sums(values) -> list[int]:
    """Sums of all nodes: node k has the children 2k and 2k + 1, the values are the leaves."""
    nodes = [0] * len(values) + list(values)
    for k in reversed(range(1, len(values))):
        nodes[k] = nodes[2 * k] + nodes[2 * k + 1]
    return nodes


@pytest.mark.parametrize("depth", [1, 5, 8, 13])
@pytest.mark.parametrize("lanes", [1, 2, 8])
@pytest.mark.parametrize("pause", [0.0, 0.5])
def test_beat_sums_are_those_of_the_masses_in_range(configure, depth, lanes, pause):
    config = configure(depth=depth, lanes=lanes)
    low, high = config.gradient.limits
    rng = random.Random(7)
    pool = [low, low, high, 0, 1, -1, rng.randint(low, high)]
    gradients = [rng.choice(pool) for _ in range(lanes * config.beats)]
    beats = [gradients[i : i + lanes] for i in range(0, len(gradients), lanes)]
    layout, smoothing = sums_layout(config), 5

    async def bench(pins):
        source, sink = Source("beat", rng, pause), Sink("sums", rng, pause)
        agents = [source, sink]
        source.queue.extend(pack(beat, config.gradient_bits) for beat in beats)
        pins.set("smoothing", smoothing)
        for _ in range(20 + 20 * config.beats):
            pins.set("last", len(source.queue) == 1)
            await run_until(pins, agents, lambda: True, 1)
        return sink.taken

    seen = [layout.from_bits(word) for word in simulate_component(BeatSums(config), bench)]
    assert len(seen) == len(beats)
    for number, (beat, sums) in enumerate(zip(beats, seen, strict=True)):
        inside = [i + number * lanes < depth for i in range(lanes)]
        nodes = heap_sums([m if ok else 0 for m, ok in zip(masses(beat, smoothing), inside, strict=True)])
        assert sums.total == nodes[1]
        assert [sums.left[k] for k in range(1, lanes)] == [nodes[2 * k] for k in range(1, lanes)]
        assert [sums.negative >> i & 1 for i in range(lanes)] == [g < 0 for g in beat]
        assert [sums.zero >> i & 1 for i in range(lanes)] == [g == 0 for g in beat]
