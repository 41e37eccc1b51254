"""The unit with its memories, through its bus and streams: what a programmer may and may not do when."""

import random

import pytest

from zimu.golden.errors import InputError
from zimu.golden.registers import Control, Register, Status
from zimu.golden.rule import zero_counters
from zimu.golden.unit import Counters, ReferenceUnit
from zimu.golden.vectors import Stimulus
from zimu.rtl.onchip import MAX_BITS, ReadPath, ZimUnit
from zimu.sim.drivers import HangError
from zimu.sim.onchip import UnitDriver
from zimu.sim.pins import run_until
from zimu.sim.streams import Sink, Source
from zimu.sim.worker import simulate_component

SEED = 11


def drive(config, bench, pause=0.0):
    async def run(pins):
        driver = UnitDriver(pins, config, random.Random(4), pause)
        await driver.reset()
        return await bench(driver)

    return simulate_component(ZimUnit(config), run)


def some_inputs(config, trials=9) -> Stimulus:
    values = {"trials": trials, "threshold": config.max_threshold, "smoothing": 1}
    return Stimulus([(7 * i) % 11 - 5 for i in range(config.depth)], values)


async def status(driver) -> set[str]:
    value = await driver.load(Register.STATUS)
    return {bit.name for bit in Status if value >> bit & 1}


def test_status_follows_seed_load_start_and_end(configure):
    config = configure()

    async def bench(driver):
        seen = [await status(driver)]
        await driver.begin(SEED, {"weights": [0] * config.depth})
        seen.append(await status(driver))
        driver.gradients.queue.extend(driver.beats([1] * config.depth))
        await driver.until(lambda: not driver.gradients.queue, "loading")
        seen.append(await status(driver))
        await driver.write(Register.TRIALS, 50)
        await driver.write(Register.THRESHOLD_LO, config.max_threshold)
        await driver.write(Register.CONTROL, 1 << Control.START)
        seen.append(await status(driver))
        assert not driver.pins.get("interrupt")
        await driver.until(lambda: driver.pins.get("interrupt"), "a step")
        seen.append(await status(driver))
        return seen

    assert drive(config, bench) == [set(), {"SEEDED"}, {"SEEDED", "LOADED"}, {"SEEDED", "BUSY"}, {"SEEDED", "DONE"}]


@pytest.mark.parametrize("missing", ["seed", "gradients"])
def test_a_start_too_early_is_refused(configure, missing):
    config = configure()

    async def bench(driver):
        if missing == "gradients":
            await driver.begin(SEED, {"weights": [0] * config.depth})
            driver.gradients.queue.extend(driver.beats([1] * config.depth)[:-1])
        else:
            driver.gradients.queue.extend(driver.beats([1] * config.depth))
        await driver.until(lambda: not driver.gradients.queue, "loading")
        await driver.write(Register.CONTROL, 1 << Control.START)
        return await status(driver)

    assert drive(config, bench) == ({"SEEDED", "REFUSED"} if missing == "gradients" else {"LOADED", "REFUSED"})


def test_run_time_values_and_streams_are_closed_during_a_step(configure):
    config = configure()

    async def bench(driver):
        await driver.begin(SEED, {"weights": [0] * config.depth})
        await driver.start(some_inputs(config, 300))
        driver.weights_in.queue.append(5)
        driver.gradients.queue.extend(driver.beats([1] * config.depth))
        with pytest.raises(HangError, match="refused to write address 0x18"):
            await driver.write(Register.TRIALS, 1)
        await driver.write(Register.CONTROL, 1 << Control.RESEED)
        assert await status(driver) == {"BUSY", "SEEDED", "REFUSED"}
        assert len(driver.weights_in.queue) == 1
        assert len(driver.gradients.queue) == config.beats
        await driver.until(lambda: driver.pins.get("interrupt"), "a step")
        await driver.clocks(3 + config.beats)
        return len(driver.weights_in.queue), len(driver.gradients.queue), await driver.load(Register.TRIALS)

    assert drive(config, bench) == (0, 0, 300)


def test_the_gradient_stream_stops_when_the_memory_is_full(configure):
    config = configure()

    async def bench(driver):
        driver.gradients.queue.extend(driver.beats([1] * config.depth) * 2)
        await driver.clocks(50)
        return len(driver.gradients.queue)

    assert drive(config, bench) == config.beats


@pytest.mark.parametrize("form", ["search", "tree"])
def test_interrupted_read_out_and_reloaded_weights_leave_the_reference(configure, form):
    config = configure(form=form, depth=13)
    inputs, start = some_inputs(config, 30), list(range(-6, 7))

    async def bench(driver):
        seen = []
        for _ in range(2):  # the same weights and seed again: all is as at first
            await driver.begin(SEED, {"weights": start})
            for _ in range(2):
                await driver.step(inputs)
                seen.append(await driver.read())
        return seen

    unit, weights, expected = ReferenceUnit(config, SEED), start, []
    for _ in range(2):
        weights = unit.step(weights, inputs.gradients, **inputs.registers)
        expected.append(({"weights": weights}, unit.counters._asdict()))
    assert drive(config, bench, pause=0.3) == expected * 2


def test_reading_weights_blocks_the_rest_until_the_last_is_out(configure):
    config = configure()

    async def bench(driver):
        await driver.begin(SEED, {"weights": list(range(config.depth))})
        driver.agents.remove(driver.weights_out)
        driver.weights_out.clear(driver.pins)
        await driver.write(Register.CONTROL, 1 << Control.READ_WEIGHTS)
        await driver.clocks(5)
        await driver.write(Register.CONTROL, 1 << Control.RESEED)
        assert await status(driver) == {"BUSY", "SEEDED", "REFUSED"}
        driver.agents.append(driver.weights_out)
        await driver.until(lambda: len(driver.weights_out.taken) == config.depth, "reading")
        await driver.rest("reading")
        return driver.weights_out.taken

    assert drive(config, bench) == list(range(config.depth))


def test_a_reseed_clears_the_counters_and_a_reset_forgets_the_seed(configure):
    config = configure()

    async def bench(driver):
        await driver.begin(SEED, {"weights": [-128] * config.depth})
        values = {"trials": 9, "threshold": config.max_threshold, "smoothing": 0}
        await driver.step(Stimulus([0] * config.depth, values))
        await driver.step(some_inputs(config, 99))
        _, counters = await driver.read()
        assert all(counters.values()), "each of them must have something to clear"
        await driver.write(Register.CONTROL, 1 << Control.RESEED)
        await driver.rest("a seed")
        _, counters = await driver.read()
        await driver.reset()
        return counters, await status(driver)

    assert drive(config, bench) == (zero_counters(Counters)._asdict(), set())


def test_the_memory_limit_is_named(configure):
    config = configure(depth=2**20 + 1)
    with pytest.raises(InputError, match=rf"depth = 1048577: must be in 1..{MAX_BITS // 16} for on-chip memories"):
        ZimUnit(config)


@pytest.mark.parametrize("pause", [0.0, 0.5])
def test_a_read_path_answers_in_order_one_a_clock(pause):
    async def bench(pins):
        rng = random.Random(2)
        source, sink = Source("request", rng, pause), Sink("answer", rng, pause)
        source.queue.extend(rng.randrange(8) for _ in range(60))
        wanted = [3 * address for address in source.queue]
        held = 0

        class Ram:
            """A synchronous read port whose output holds while it is not enabled."""

            def clock(self, pins):
                nonlocal held
                if pins.get("enable"):
                    held = 3 * pins.get("address")
                pins.set("data", held)

        assert await run_until(pins, [Ram(), source, sink], lambda: len(sink.taken) == 60, 999)
        return sink.taken == wanted, pins.cycles

    in_order, cycles = simulate_component(ReadPath(8, 8), bench)
    assert in_order
    if not pause:
        assert cycles <= 63
