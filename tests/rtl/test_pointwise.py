"""Units between streams, beat by beat, and the core around any of them: order, gaps, resets, rates, spare lanes."""

import random
from collections.abc import Iterator
from typing import ClassVar

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring

from zimu.golden import float_sgd, int_sgd
from zimu.golden.float_sgd import FloatSGDConfig
from zimu.golden.int_sgd import IntSGDConfig
from zimu.golden.pointwise import PointwiseConfig
from zimu.golden.prng import Stream, expand_seed
from zimu.golden.rule import Integer, Value
from zimu.golden.update import reference
from zimu.golden.vectors import Stimulus
from zimu.rtl.float_sgd import FloatSGD
from zimu.rtl.generators import KINDS
from zimu.rtl.int_sgd import IntSGD, IntSGDCore
from zimu.rtl.pointwise import PointwiseCore, unit_members
from zimu.sim.drivers import CoreDriver, pack, to_signed
from zimu.sim.pins import run_until
from zimu.sim.streams import Sink, Source
from zimu.sim.worker import simulate_component

SEED = 77


def configure(**fields) -> IntSGDConfig:
    small = {"depth": 30, "lanes": 3, "weight_bits": 6, "gradient_bits": 5, "rate_bits": 4, "fraction_bits": 3}
    return IntSGDConfig(name="part", **small | fields)


class BeatSource(Source):
    """Feeds beats; the learning rate is right in the clock of the transfer and rubbish in all others."""

    def __init__(self, port, rates, rng, pause):
        super().__init__("operands", rng, pause)
        self.port, self.rates = port, rates

    def clock(self, pins) -> None:
        super().clock(pins)
        pins.set(self.port, self.rates[-len(self.queue)] if self._valid else self.rng.getrandbits(32))


async def seed_words(pins, config, seed) -> None:
    """Shift the seed into the unit's generators, as the expansion does."""
    if not config.row_words:
        return
    pins.set("hold", 1)
    pins.set("shift", 1)
    for lane in range(config.row_words):
        for word in expand_seed(seed, Stream.ROUND, lane, KINDS[config.prng].words):
            pins.set("chain_in", word)
            await pins.tick()
    pins.set("shift", 0)
    await pins.tick()
    pins.set("hold", 0)


def stepped(config, beats, rates) -> list[tuple[list[int], int]]:
    """What must come out of a unit, as patterns, and how many were clipped, beat by beat."""
    bits: Iterator[int] = reference(config, SEED).rounding_bits()
    answers = []
    for beat, rate in zip(beats, rates, strict=True):
        if isinstance(config, IntSGDConfig):
            widths = {"fraction_bits": config.fraction_bits, "weight_bits": config.weight_bits}
            signed = [(to_signed(w, config.weight_bits), to_signed(g, config.gradient_bits)) for w, g in beat]
            eta = rate
            if config.rate:
                eta, widths["fraction_bits"] = 1, config.fraction_bits - rate
            cut = 2 ** widths["fraction_bits"]
            results = [int_sgd.step(w, eta, g, next(bits) % cut, **widths) for w, g in signed]
        else:
            results = [(float_sgd.step(config.arithmetic, w, rate, g, next(bits)), False) for w, g in beat]
        weights = [weight & (1 << widths_of(config)[0]) - 1 for weight, _ in results]
        answers.append((weights, sum(clipped for _, clipped in results)))
    return answers


def widths_of(config) -> tuple[int, int, int]:
    """Bits of a weight, a gradient and the learning rate."""
    if isinstance(config, IntSGDConfig):
        return config.weight_bits, config.gradient_bits, config.rate_bits
    numbers = config.arithmetic
    return numbers.weights.width, numbers.gradients.width, numbers.weights.width


UNITS = {
    "integers": (IntSGD, configure(depth=150)),
    "nothing random": (IntSGD, configure(depth=150, fraction_bits=0)),
    "a lane": (IntSGD, configure(depth=50, lanes=1)),
    "three words": (IntSGD, configure(depth=150, lanes=5, fraction_bits=13)),
    "words with pauses": (IntSGD, configure(depth=150, prng="philox4x32-10")),
    "integers at 2^k": (IntSGD, configure(depth=150, rate="power_of_two", rate_bits=2)),
    "integers at 2^k, words with pauses": (
        IntSGD,
        configure(depth=150, rate="power_of_two", rate_bits=2, prng="philox4x32-10"),
    ),
    "floats": (FloatSGD, FloatSGDConfig(name="part", depth=150, lanes=3, weights="fp16")),
    "random floats": (FloatSGD, FloatSGDConfig(name="part", depth=150, lanes=3, weights="e5m2", random_bits=11)),
    "floats, words with pauses": (
        FloatSGD,
        FloatSGDConfig(name="part", depth=90, lanes=3, weights="e5m2", random_bits=7, prng="philox4x32-10"),
    ),
    "floats at once": (FloatSGD, FloatSGDConfig(name="part", depth=60, lanes=2, weights="e4m3", stages="comb")),
}


@pytest.mark.parametrize("pause", [0.0, 0.4])
@pytest.mark.parametrize("name", UNITS)
def test_a_unit_takes_its_values_with_each_beat_and_keeps_the_order(name, pause):
    unit, config = UNITS[name]
    rng = random.Random(5)
    weight_bits, gradient_bits, rate_bits = widths_of(config)
    beats = [
        [(rng.getrandbits(weight_bits), rng.getrandbits(gradient_bits)) for _ in range(config.lanes)]
        for _ in range(config.beats)
    ]
    rates = [rng.getrandbits(rate_bits) for _ in beats]
    pairs = [pack([w | g << weight_bits for w, g in beat], weight_bits + gradient_bits) for beat in beats]
    lost = []

    async def bench(pins):
        port = "rate" if isinstance(config, IntSGDConfig) else "learning_rate"
        source, sink = BeatSource(port, rates, rng, pause), Sink("updated", rng, pause)

        class Losses:
            def clock(self, pins):
                if len(sink.taken) > len(lost):
                    lost.append(pins.get("counted"))

        agents = [source, sink, Losses()]
        # Beats that a reset drops leave no trace.
        await seed_words(pins, config, SEED + 1)
        source.queue.extend(pairs)
        await run_until(pins, agents, lambda: False, 20)
        pins.set("rst", 1)
        for stream in (source, sink):
            stream.clear(pins)
        lost.clear()
        await pins.tick()
        pins.set("rst", 0)
        await seed_words(pins, config, SEED)
        source.queue.extend(pairs)
        before = pins.cycles
        assert await run_until(pins, agents, lambda: len(sink.taken) == len(beats), 100 + 20 * len(beats))
        return sink.taken, pins.cycles - before

    taken, clocks = simulate_component(unit(config), bench)
    mask = (1 << weight_bits) - 1
    got = [[beat >> weight_bits * lane & mask for lane in range(config.lanes)] for beat in taken]
    assert list(zip(got, lost, strict=True)) == stepped(config, beats, rates)
    assert pause or config.prng == "philox4x32-10" or clocks <= len(beats) + 20


def drive(core, bench, pause=0.0):
    """Let ``bench`` use a driver of a core."""

    async def run(pins):
        driver = CoreDriver(pins, core.config, random.Random(3), pause)
        await driver.reset()
        return await bench(driver)

    return simulate_component(core, run)


def some_inputs(config, rate=3) -> Stimulus:
    return Stimulus([(7 * i) % 13 - 6 for i in range(config.depth)], {"rate": rate})


@pytest.mark.parametrize("fields", [{}, {"fraction_bits": 0}, {"fraction_bits": 20}], ids=str)
def test_a_core_takes_a_beat_a_clock(fields):
    clocks = {}
    for depth in (30, 300):
        config = configure(depth=depth, **fields)

        async def bench(driver):
            await driver.begin(SEED, {"weights": [0] * driver.config.depth})
            before = driver.pins.cycles
            await driver.step(some_inputs(driver.config))
            return driver.pins.cycles - before

        clocks[depth] = drive(IntSGDCore(config), bench)
    assert clocks[300] - clocks[30] == 90
    assert clocks[30] <= 10 + 12


def test_requests_run_ahead_of_memories_that_do_not_answer():
    config = configure()

    async def bench(driver):
        await driver.begin(SEED, {"weights": [0] * config.depth})
        asked = Sink("weight_read", driver.rng, 0.0)
        driver.agents = [asked]
        await driver.start(some_inputs(config))
        await driver.clocks(40)
        return asked.taken

    assert drive(IntSGDCore(config), bench) == list(range(config.beats))


@pytest.mark.parametrize("fraction_bits", [0, 3])
def test_no_step_before_a_seed_and_a_seed_clears_the_counters(fraction_bits):
    config = configure(fraction_bits=fraction_bits)

    async def bench(driver):
        await driver.start(some_inputs(config))
        await driver.clocks(60)
        seen = [driver.pins.get("busy"), driver.pins.get("seeded")]
        for _ in range(2):
            await driver.begin(SEED, {"weights": [31] * config.depth})
            seen.append((await driver.read())[1])
            await driver.step(some_inputs(config))
            seen.append((await driver.read())[1])
        await driver.reset()
        await driver.clocks(2)
        return [*seen, driver.pins.get("seeded")]

    clipped = sum(g < 0 for g in some_inputs(config).gradients) if not fraction_bits else None
    seen = drive(IntSGDCore(config), bench, pause=0.3)
    zero = {"steps": 0, "saturations": 0}
    assert seen[:3] == [0, 0, zero]
    assert seen[3]["steps"] == 1
    assert seen[3]["saturations"] == clipped or fraction_bits
    assert seen[3:5] == [seen[5], zero]
    assert seen[6] == 0


class RollingConfig(PointwiseConfig):
    """A rule with a memory beside the weights."""

    rule: ClassVar[str] = "rolling"
    description: ClassVar[str] = ""
    rounding_bits: ClassVar[int] = 0
    weight: ClassVar[Integer] = Integer(8)
    gradient: ClassVar[Integer] = Integer(4)
    memories: ClassVar[dict[str, Integer]] = {"velocity": Integer(4)}
    values: ClassVar[dict[str, Value]] = {"k": Value(8)}

    def driven(self, learning_rate, shape, exponent):
        return {"k": round(learning_rate)}

    def registers(self, *, k):
        return {"k": k}


class Rolling(wiring.Component):
    """A unit with velocities: v' = v + g, w' = w + v' + k, all modulo 2^8; clips what is not 0."""

    def __init__(self, config):
        self.config = config
        super().__init__(unit_members(config))

    def elaborate(self, platform):
        m = Module()
        lost = Signal(self.config.lanes)
        m.d.comb += [
            self.operands.ready.eq(~self.updated.valid | self.updated.ready),
            self.counted.saturations.eq(sum(lost[i] for i in range(self.config.lanes))),
        ]
        with m.If(self.operands.ready):
            m.d.sync += self.updated.valid.eq(self.operands.valid)
            for i, (operand, updated) in enumerate(zip(self.operands.payload, self.updated.payload, strict=True)):
                velocity = (operand.velocity + operand.gradient)[:4]
                m.d.sync += [
                    updated.velocity.eq(velocity),
                    updated.weight.eq(operand.weight + velocity + self.k),
                    lost[i].eq(operand.as_value().any()),
                ]
        return m


@pytest.mark.parametrize("pause", [0.0, 0.4])
def test_velocities_lie_beside_their_weights_and_rubbish_beyond_the_depth_is_not_counted(monkeypatch, pause):
    core = PointwiseCore(Rolling(RollingConfig(name="rolling", depth=23, lanes=4)))
    monkeypatch.setattr("zimu.sim.drivers.update_core", lambda config: core)
    rng = random.Random(1)
    memory = {"weights": [rng.randrange(256) for _ in range(23)]}
    memory["velocity"] = [rng.randrange(16) for _ in range(23)]
    gradients = [rng.randrange(16) for _ in range(23)]

    async def bench(driver):
        await driver.begin(SEED, memory)
        seen = []
        for k in (7, 250):
            await driver.step(Stimulus(gradients, {"k": k}))
            seen.append(await driver.read())
        return seen

    expected, saturations = [], 0
    weights, velocities = memory["weights"], memory["velocity"]
    for number, k in enumerate((7, 250), 1):
        saturations += sum(any(each) for each in zip(weights, velocities, gradients, strict=True))
        velocities = [(v + g) % 16 for v, g in zip(velocities, gradients, strict=True)]
        weights = [(w + v + k) % 256 for w, v in zip(weights, velocities, strict=True)]
        counters = {"steps": number, "saturations": saturations}
        expected.append(({"weights": weights, "velocity": velocities}, counters))
    assert drive(core, bench, pause) == expected


def test_a_reset_at_any_clock_and_a_seed_give_the_same_results():
    config = configure(depth=16, lanes=4)
    start = {"weights": [3 * i - 20 for i in range(16)]}

    async def bench(driver):
        seen = []
        for clocks in range(20):
            await driver.begin(SEED, start)
            await driver.step(some_inputs(config))
            seen.append(await driver.read())
            await driver.start(some_inputs(config, 9))
            await driver.clocks(clocks)
            await driver.reset()
        return seen

    first, *others = drive(IntSGDCore(config), bench, pause=0.2)
    assert others == [first] * 19
