"""Ways to drive the parts of the circuit in Amaranth's simulator, shared by their tests."""

import random

import pytest
from amaranth.hdl import Shape

from zimu.golden.unit import UnitConfig
from zimu.rtl.basics import address
from zimu.sim.drivers import pack
from zimu.sim.pins import run_until
from zimu.sim.streams import ReadPort, Sink, Source
from zimu.sim.worker import simulate_component


def configure(**fields) -> UnitConfig:
    """A small configuration; gradients and weights are 8 bits wide unless said otherwise."""
    small = {"weight_bits": 8, "gradient_bits": 8, "smoothing_bits": 4, "depth": 16, "lanes": 4, "gate_bits": 16}
    return UnitConfig(name="part", **small | fields)


@pytest.fixture(name="configure")
def _configure():
    return configure


def land(
    form, config, gradients, smoothing, draws, *, pause=0.0, fill=None
) -> tuple[int, list[tuple[int, bool, bool]]]:
    """Let a sampler circuit sum the gradients and land draws.

    Returns W and a list of (index, negative, zero). ``gradients`` are numbers; ``fill`` is the pattern that padding
    lanes hold, random ones by default.
    """
    rng = random.Random(f"{config} {gradients} {pause}")
    low, high = config.gradient.limits
    padded = [config.encoding.encode(gradient) for gradient in gradients]
    while len(padded) < config.lanes * config.beats:
        padded.append(rng.randint(low, high) if fill is None else fill)
    lanes, bits = config.lanes, config.gradient_bits
    beats, slices = (
        [pack(padded[i : i + size], bits) for i in range(0, len(padded), size)] for size in (lanes, config.slice)
    )

    async def bench(pins):
        source, sink = Source("draw", rng, pause), Sink("landed", rng, pause)
        agents = [
            ReadPort("request", "beat", beats, rng, pause),
            ReadPort("probe_request", "probe_slice", slices, rng, pause),
            source,
            sink,
        ]
        if config.smoothing_bits:
            pins.set("smoothing", smoothing)
        pins.set("sum_start", 1)
        await run_until(pins, agents, lambda: True, 1)
        pins.set("sum_start", 0)
        await run_until(pins, agents, lambda: True, 1)
        limit = 100 + 20 * (config.beats + len(draws) * (2 + config.beats.bit_length()))
        assert await run_until(pins, agents, lambda: pins.get("sum_done"), limit), "the sum pass did not end"
        source.queue.extend(draws)
        assert await run_until(pins, agents, lambda: len(sink.taken) == len(draws), limit), "a draw did not land"
        return pins.get("mass"), sink.taken

    mass, landed = simulate_component(form(config), bench)
    index_bits = Shape.cast(address(config.depth)).width
    mask = (1 << index_bits) - 1
    return mass, [(word & mask, bool(word >> index_bits & 1), bool(word >> index_bits + 1)) for word in landed]


@pytest.fixture(name="land")
def _land():
    return land
