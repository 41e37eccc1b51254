"""Both circuits that find the weight of a draw (rtl/selection.py) against the reference; their rate."""

import random

import pytest

from zimu.golden.encoding import ENCODINGS
from zimu.golden.sampler import masses, prefix_sums, select
from zimu.rtl.sampler import FORMS
from zimu.sim.drivers import pack
from zimu.sim.pins import run_until
from zimu.sim.streams import ReadPort, Sink, Source
from zimu.sim.worker import simulate_component

pytestmark = pytest.mark.parametrize("form", FORMS)

SHAPES = [(1, 1), (2, 1), (3, 1), (5, 1), (1, 4), (4, 4), (7, 4), (12, 4), (17, 4), (21, 2), (13, 8), (33, 8), (3, 64)]
"""(depth, lanes): one weight, one beat, beats that are no power of two, a last beat that is not full."""


def gradients_of(config, kind, rng) -> list[int]:
    low, high = config.encoding.limits
    depth = config.depth
    return {
        "any": lambda: [rng.randint(low, high) for _ in range(depth)],
        "sparse": lambda: [rng.choice([0, 0, 0, rng.randint(low, high)]) for _ in range(depth)],
        "last": lambda: [0] * (depth - 1) + [low],
        "first": lambda: [high] + [0] * (depth - 1),
        "extreme": lambda: [low] * depth,
    }[kind]()


def expected(gradients, smoothing, draws) -> list[tuple[int, bool, bool]]:
    prefix = prefix_sums(masses(gradients, smoothing))
    return [(i, gradients[i] < 0, gradients[i] == 0) for i in (select(prefix, u) for u in draws)]


@pytest.mark.parametrize(("depth", "lanes"), SHAPES)
@pytest.mark.parametrize("kind", ["any", "sparse", "last", "first", "extreme"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_draw_lands_where_the_reference_selects(configure, land, form, depth, lanes, kind, encoding):
    config = configure(depth=depth, lanes=lanes, gradient_bits=3, form=form, gradient_encoding=encoding)
    rng = random.Random(f"{depth} {lanes} {kind}")
    gradients = gradients_of(config, kind, rng)
    smoothing = rng.choice([0, 1, 2]) if any(gradients) else 1
    mass = sum(masses(gradients, smoothing))
    draws = list(range(mass))
    rng.shuffle(draws)
    assert land(FORMS[form], config, gradients, smoothing, draws) == (mass, expected(gradients, smoothing, draws))


@pytest.mark.parametrize("shape", [(17, 4), (33, 2), (6, 1)])
@pytest.mark.parametrize(
    "fields",
    [
        {"gradient_bits": 8},
        {"gradient_bits": 32, "smoothing_bits": 16},
        {"gradient_encoding": "sign_magnitude", "gradient_bits": 32, "smoothing_bits": 16},
        {"gradient_encoding": "sign_magnitude", "smoothing_bits": 0},
    ],
    ids=str,
)
def test_the_ends_of_every_weight_are_hit_exactly_under_pauses(configure, land, form, shape, fields):
    config = configure(depth=shape[0], lanes=shape[1], form=form, **fields)
    rng = random.Random(f"{shape} {fields}")
    low, high = config.encoding.limits
    gradients = [rng.choice([low, high, 0, rng.randint(low, high)]) for _ in range(config.depth)]
    smoothing = config.max_smoothing
    prefix = prefix_sums(masses(gradients, smoothing))
    draws = [u for bound in [0, *prefix] for u in (bound - 1, bound) if 0 <= u < prefix[-1]]
    rng.shuffle(draws)
    for pause in (0.0, 0.5):
        landed = land(FORMS[form], config, gradients, smoothing, draws, pause=pause)
        assert landed == (prefix[-1], expected(gradients, smoothing, draws))


@pytest.mark.parametrize("deepest", [1, 2])
def test_tables_too_deep_for_a_block_ram_are_cut_in_banks(configure, land, form, monkeypatch, deepest):
    if form == "tree":
        monkeypatch.setattr("zimu.rtl.tables.DEEPEST", deepest)
    config = configure(depth=45, lanes=4, probe=1, gradient_bits=3, form=form)
    rng = random.Random(deepest)
    gradients = gradients_of(config, "any", rng)
    mass = sum(masses(gradients, 1))
    draws = list(range(mass))
    rng.shuffle(draws)
    assert land(FORMS[form], config, gradients, 1, draws) == (mass, expected(gradients, 1, draws))


@pytest.mark.parametrize("fill", [0, -128, 127])
def test_padding_lanes_have_no_mass_whatever_they_hold(configure, land, form, fill):
    config = configure(depth=9, lanes=8, form=form)
    gradients = [1, -2, 3, 0, 5, -6, 7, 8, -9]
    mass = sum(masses(gradients, 2))
    draws = list(range(mass))
    assert land(FORMS[form], config, gradients, 2, draws, fill=fill) == (mass, expected(gradients, 2, draws))


def test_a_gradient_without_mass_sums_to_zero(configure, land, form):
    assert land(FORMS[form], configure(form=form), [0] * 16, 0, []) == (0, [])


@pytest.mark.parametrize("where", ["landed", "slices"])
def test_no_draw_is_lost_where_all_queues_are_full(configure, form, where):
    # For a long time nobody takes what has landed, or the memory does not answer.
    config = configure(depth=61, lanes=8, probe=2, form=form)
    rng = random.Random(4)
    gradients = [rng.randint(-128, 127) for _ in range(64)]
    mass = sum(masses(gradients[:61], 0))
    draws = [rng.randrange(mass) for _ in range(400)]

    async def bench(pins):
        source, sink, read = Source("draw", rng, 0.0), Sink("landed", rng, 0.0), slices_of(config, gradients, rng)
        agents = [beats_of(config, gradients, rng), read, source, sink]
        await take_sums(pins, agents, 0)
        source.queue.extend(draws)
        late = sink if where == "landed" else read._requests
        late.pause = 1.0
        await run_until(pins, agents, lambda: False, 400)
        late.pause = 0.0
        assert await run_until(pins, agents, lambda: len(sink.taken) == len(draws), 9999), "a draw is lost"
        return [word & 63 for word in sink.taken]

    landed = simulate_component(FORMS[form](config), bench)
    assert landed == [index for index, _, _ in expected(gradients[:61], 0, draws)]


def beats_of(config, gradients, rng) -> ReadPort:
    """The memory as the sum pass reads it."""
    return ReadPort("request", "beat", packed(gradients, config.lanes), rng, 0.0)


def slices_of(config, gradients, rng) -> ReadPort:
    """The memory as draws read it."""
    return ReadPort("probe_request", "probe_slice", packed(gradients, config.slice), rng, 0.0)


def packed(gradients, size) -> list[int]:
    return [pack(gradients[i : i + size], 8) for i in range(0, len(gradients), size)]


async def take_sums(pins, agents, smoothing) -> None:
    """A whole sum pass."""
    pins.set("smoothing", smoothing)
    pins.set("sum_start", 1)
    await run_until(pins, agents, lambda: True, 1)
    pins.set("sum_start", 0)
    await run_until(pins, agents, lambda: True, 1)
    assert await run_until(pins, agents, lambda: pins.get("sum_done"), 999)


@pytest.mark.parametrize("lanes", [1, 4])
def test_the_rate_is_one_draw_a_clock_for_a_tree_and_one_a_search_for_a_search(configure, form, lanes):
    config = configure(depth=61, lanes=lanes, form=form)
    count = 200
    rng = random.Random(5)
    gradients = [1] * (lanes * config.beats)

    async def bench(pins):
        source, sink = Source("draw", rng, 0.0), Sink("landed", rng, 0.0)
        agents = [beats_of(config, gradients, rng), slices_of(config, gradients, rng), source, sink]
        await take_sums(pins, agents, 0)
        source.queue.extend(rng.randrange(61) for _ in range(count))
        assert await run_until(pins, agents, lambda: len(sink.taken) == 1, 99)
        first = pins.cycles
        assert await run_until(pins, agents, lambda: len(sink.taken) == count, 9999)
        return pins.cycles - first

    clocks = simulate_component(FORMS[form](config), bench)
    if form == "tree":
        assert clocks == count - 1
    else:  # now and then a walk to the last lane takes a clock longer
        searches = (count - 1) * ((config.beats - 1).bit_length() + 2)
        assert searches <= clocks <= searches + 5
