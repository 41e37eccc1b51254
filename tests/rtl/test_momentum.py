"""Means on their way to the sum pass (rtl/momentum.py) against the reference."""

import random
from itertools import product

import pytest

from zimu.golden.encoding import ENCODINGS
from zimu.rtl.momentum import Means
from zimu.sim.drivers import PlaceLayout, to_signed
from zimu.sim.pins import run_until
from zimu.sim.streams import ReadPort, Source, WritePort
from zimu.sim.worker import simulate_component


class Taken:
    """What goes to the sum pass, which takes every beat in the clock in which it comes."""

    def __init__(self):
        self.beats: list[int] = []

    def clock(self, pins):
        if pins.get("beat__valid"):
            self.beats.append(pins.get("beat__payload"))


@pytest.mark.parametrize("pause", [0.0, 0.4])
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(("momentum_bits", "gradient_bits"), [(4, 3), (7, 3), (8, 2)])
def test_every_mean_moves_by_every_gradient_as_the_reference_says(
    configure, encoding, momentum_bits, gradient_bits, pause
):
    fields = {"momentum_bits": momentum_bits, "gradient_bits": gradient_bits, "gradient_encoding": encoding}
    pairs = list(product(range(-(1 << momentum_bits - 1), 1 << momentum_bits - 1), range(1 << gradient_bits)))
    random.Random(1).shuffle(pairs)
    config = configure(depth=len(pairs), lanes=8, **fields)
    circuit = Means(config)
    patterns = [pattern for _, pattern in pairs]
    signed = config.gradient.signed
    gradients = [config.encoding.decode(to_signed(p, gradient_bits) if signed else p) for p in patterns]
    layouts = [
        PlaceLayout(port.payload.shape(), ["x"]) for port in (circuit.gradient_beat, circuit.read_data, circuit.beat)
    ]

    async def bench(pins):
        seen = []
        for decay in range(config.momentum.max_decay + 1):
            rng = random.Random(f"{decay} {pause}")
            means = layouts[1].places({"x": [mean for mean, _ in pairs]}, rng)
            asked, taken = Source("request", rng, pause), Taken()
            agents = [
                ReadPort("gradient_request", "gradient_beat", layouts[0].places({"x": patterns}, rng), rng, pause),
                ReadPort("read", "read_data", means, rng, pause),
                WritePort("write", means, (config.beats - 1).bit_length(), rng, pause),
                asked,
                taken,
            ]
            pins.set("decay", decay)
            asked.queue.extend(range(config.beats))
            done = await run_until(
                pins, agents, lambda taken=taken: len(taken.beats) == config.beats, 99 * config.beats
            )
            assert done, "beats are lost"
            await run_until(pins, agents, lambda: False, 3)
            seen.append([layouts[i].read(places, len(pairs))["x"] for i, places in ((1, means), (2, taken.beats))])
        return seen

    for decay, (means, sampled) in enumerate(simulate_component(circuit, bench)):
        expected = [config.momentum.step(m, g, decay) for (m, _), g in zip(pairs, gradients, strict=True)]
        assert means == expected
        assert sampled == [config.momentum.sample(m) for m in expected]
