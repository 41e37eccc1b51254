"""The emulator against the scalar reference, for configurations and steps of every kind."""

import hashlib
import json
from itertools import cycle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zimu.emu.states import checksum
from zimu.emu.steps import Sampler
from zimu.emu.unit import StepResult, ZimUnit, gradient_dtype, weight_dtype
from zimu.emu.update import ListUnit
from zimu.golden.errors import InputError
from zimu.golden.unit import Counters, ReferenceUnit, UnitConfig
from zimu.golden.vectors import VectorSet, frozen_sets

CONFIG = UnitConfig(
    name="little", weight_bits=4, gradient_bits=12, smoothing_bits=2, depth=40, lanes=2, gate_bits=8, prng_lanes=4
)

encodings = st.sampled_from(["twos_complement", "sign_magnitude"])


@st.composite
def inverse_configs(draw) -> UnitConfig:
    """Any width, with and without momentum, n given or from the mass."""
    gradient_bits = draw(st.integers(2, 32))
    momenta = st.integers(gradient_bits + 1, 16) if gradient_bits < 16 else st.none()
    return UnitConfig(
        name="random",
        weight_bits=draw(st.integers(2, 32)),
        gradient_bits=gradient_bits,
        gradient_encoding=draw(encodings),
        smoothing_bits=draw(st.integers(0, 32)),
        depth=draw(st.one_of(st.integers(1, 40), st.sampled_from([127, 128, 129, 257]))),
        lanes=draw(st.sampled_from([1, 8, 64])),
        gate=draw(st.sampled_from(["trial", "step"])),
        gate_bits=draw(st.integers(1, 32)),
        prng_lanes=draw(st.sampled_from([1, 2, 4, 8, 16])),
        form=draw(st.sampled_from(["search", "tree"])),
        momentum_bits=draw(st.one_of(st.none(), momenta)),
        trials_shift=draw(st.one_of(st.none(), st.integers(0, 63))),
    )


@st.composite
def split_configs(draw) -> UnitConfig:
    """Any shape of the tree of tiles, one tile included, and draws of 16 and of 32 bits."""
    tile, streams = draw(st.sampled_from([2, 8, 32, 64, 128])), draw(st.sampled_from([1, 2, 4]))
    depth = draw(st.one_of(st.integers(1, 40), st.sampled_from([127, 128, 129, 257])))
    leaves = 1 << (-(-depth // tile) - 1).bit_length()
    gradient_bits = draw(st.integers(2, 24))
    return UnitConfig(
        name="random",
        weight_bits=draw(st.integers(2, 32)),
        gradient_bits=gradient_bits,
        gradient_encoding=draw(encodings),
        smoothing_bits=draw(st.integers(0, 24)),
        depth=depth,
        lanes=draw(st.sampled_from([1, 2])),
        gate=draw(st.sampled_from(["trial", "step"])),
        gate_bits=draw(st.integers(1, 32)),
        prng=draw(st.sampled_from(["xoshiro128++", "xoroshiro128aox", "philox4x32-10"])),
        prng_lanes=draw(st.sampled_from([1, 2, 4, 8, 16])),
        sampler="split",
        tile=tile,
        subtrees=draw(st.sampled_from([s for s in (1, 2, 4, 16) if s <= leaves])),
        tile_streams=streams,
    )


configs = st.one_of(inverse_configs(), split_configs())


def streams_of(reference: ReferenceUnit) -> dict[str, list[int]]:
    """The state words of all streams of the reference, by name."""
    sampler, gate = reference.sampler, {"gate": reference.gate_stream.state}
    if reference.config.sampler == "inverse":
        return gate | {"trials": sampler.trials.state}
    return gate | {
        "top": sampler.top.state,
        "split": [word for stream in sampler.splits for word in stream.state],
        "draw": [word for stream in sampler.draws for word in stream.state],
    }


def ends_or_between(high: int) -> st.SearchStrategy[int]:
    """0, ``high``, or anything between."""
    return st.one_of(st.sampled_from([0, high]), st.integers(0, high))


def draw_vector(draw, depth: int, limits: tuple[int, int]) -> list[int]:
    """Values of one of several kinds, so that rails, zeros and small W all come up."""
    low, high = limits
    values = draw(
        st.sampled_from(
            [
                st.integers(low, high),
                st.integers(max(low, -2), min(high, 2)),
                st.sampled_from([low, high]),
                st.sampled_from([low, 0, 0, 0, high]),
                st.sampled_from([low, (low + high + 1) // 2, high]),  # of patterns the zero with a sign
                st.just(0),
            ]
        )
    )
    # A short pattern repeated keeps examples small; depth is not a multiple of most lengths.
    pattern = draw(st.lists(values, min_size=1, max_size=7))
    return (pattern * depth)[:depth]


@pytest.mark.parametrize("examples", [50, pytest.param(2000, marks=pytest.mark.nightly)])
def test_emulator_equals_reference(monkeypatch, examples):
    @settings(derandomize=True, deadline=None, max_examples=examples)
    @given(st.data())
    def check(data):
        check_against_reference(monkeypatch, data)

    check()


def check_against_reference(monkeypatch, data):
    """Weights, counters, what each step reports, and every word of state."""
    config = data.draw(configs)
    seed = data.draw(st.integers(0, 2**64 - 1))
    # Both ways of taking a step: in one kernel call, and in many; and a run that takes now one, now the other.
    ways = cycle(data.draw(st.sampled_from([(True,), (False,), (True, False)])))
    monkeypatch.setattr(Sampler, "is_small", lambda _, __: next(ways))
    emulator, reference = ZimUnit(config, seed), ReferenceUnit(config, seed)
    expected = draw_vector(data.draw, config.depth, config.weight.limits)
    weights = np.array(expected, weight_dtype(config))
    for name, kind in config.memories.items():
        emulator.memories[name][:] = reference.memories[name] = draw_vector(data.draw, config.depth, kind.limits)
    for _ in range(data.draw(st.integers(1, 4))):
        patterns = draw_vector(data.draw, config.depth, config.gradient.limits)
        gradients = [config.encoding.decode(pattern) for pattern in patterns]
        largest = {name: 2**value.bits - 1 for name, value in config.values.items()}
        largest |= {"trials": 3 * config.depth, "threshold": config.max_threshold}
        if config.momentum:
            largest["decay"] = config.momentum.max_decay
        values = {name: data.draw(ends_or_between(most)) for name, most in largest.items()}
        before = reference.counters
        expected = reference.step(expected, patterns, **values)
        result = emulator.step(weights, np.array(gradients, gradient_dtype(config)), **values)
        assert weights.tolist() == expected
        assert emulator.counters == reference.counters
        _, *counts, empty, mass = reference.counters.since(before)
        trials = values["trials"]
        if config.trials_shift is not None:
            trials = min(trials, mass * values["rate"] // 2**config.trials_shift)
        assert result == StepResult(*counts, empty == 1, mass, trials)
        assert {name: array.tolist() for name, array in emulator.memories.items()} == reference.memories
        assert emulator.state()["streams"] == streams_of(reference)


@pytest.mark.parametrize("name", frozen_sets())
def test_the_emulator_replays_every_frozen_set(name):
    assert VectorSet.load(frozen_sets()[name]).replay(ListUnit) is None


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(
    ("gradient_bits", "prng_lanes", "threshold"), [(8, 1, 2**16), (16, 4, 50_000), (32, 2, 50_000)]
)
def test_a_step_larger_than_every_buffer(monkeypatch, gradient_bits, prng_lanes, threshold, whole):
    """In one call and in many; one gate is always open, so that it jumps."""
    monkeypatch.setattr(Sampler, "is_small", lambda _, __: whole)
    config = UnitConfig(
        name="big",
        weight_bits=8,
        gradient_bits=gradient_bits,
        smoothing_bits=1,
        depth=5000,
        lanes=8,
        gate_bits=16,
        prng_lanes=prng_lanes,
    )
    source = np.random.default_rng(gradient_bits)
    low, high = config.gradient.limits
    gradients = source.integers(low, high, 5000, endpoint=True).astype(gradient_dtype(config))
    weights = source.integers(-128, 128, 5000).astype(np.int8)
    emulator, reference = ZimUnit(config, 6), ReferenceUnit(config, 6)
    expected = reference.step(weights.tolist(), gradients.tolist(), trials=60_000, threshold=threshold, smoothing=1)
    result = emulator.step(weights, gradients, trials=60_000, threshold=threshold, smoothing=1)
    assert weights.tolist() == expected
    assert emulator.counters == reference.counters
    assert result.open_trials > 2 * 2**14


def test_counters_wrap_at_32_bits():
    weights, gradients = np.full(40, -8, np.int8), np.ones(40, np.int16)
    unit = ZimUnit(CONFIG, 5)
    state = unit.state()
    state["counters"] = dict.fromkeys(Counters._fields, 2**32 - 1)
    unit = ZimUnit.restore(CONFIG, sealed(state))
    result = unit.step(weights, gradients, trials=9, threshold=256, smoothing=0)
    assert result == StepResult(9, 0, result.rejected_draws, 9, False, 40, 9)
    assert unit.counters == Counters(0, 8, 2**32 - 1, result.rejected_draws - 1 & 2**32 - 1, 8, 2**32 - 1, 40)


@pytest.mark.parametrize(
    ("bits", "dtype"), [(2, "int8"), (8, "int8"), (9, "int16"), (16, "int16"), (17, "int32"), (32, "int32")]
)
def test_dtypes_are_the_smallest_that_hold_the_values(bits, dtype):
    fields = CONFIG.model_dump()
    assert weight_dtype(UnitConfig(**fields | {"weight_bits": bits})) == dtype
    assert gradient_dtype(UnitConfig(**fields | {"gradient_bits": bits})) == dtype


# What is refused


def arguments(**change):
    return {
        "weights": np.arange(40, dtype=np.int8) % 16 - 8,
        "gradients": np.arange(40, dtype=np.int16) - 20,
        "trials": 30,
        "threshold": 200,
        "smoothing": 1,
    } | change


def with_value(field: str, at: int, value: int):
    array = arguments()[field]
    array[at] = value
    return {field: array}


def read_only(array):
    array.flags.writeable = False
    return array


def unaligned(array):
    return np.frombuffer(b"\0" + array.tobytes(), np.uint8)[1:].view(array.dtype)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trials": -1}, "trials = -1: must be in 0..4294967295"),
        ({"trials": 2**32}, "trials = 4294967296: must be in 0..4294967295"),
        ({"trials": 3.0}, "trials = 3.0: must be an integer in 0..4294967295"),
        ({"trials": np.array([10])}, "trials = array([10]): must be an integer in 0..4294967295"),
        ({"smoothing": np.eye(2, dtype=int)}, "smoothing = array([[1, 0], [0, 1]]): must be an integer in 0..3"),
        ({"threshold": -1}, "threshold = -1: must be in 0..256"),
        ({"threshold": 257}, "threshold = 257: must be in 0..256"),
        ({"smoothing": 4}, "smoothing = 4: must be in 0..3"),
        (with_value("weights", 7, 8), "weights[7] = 8: must be in -8..7"),
        (with_value("weights", 39, -9), "weights[39] = -9: must be in -8..7"),
        (with_value("gradients", 0, 2048), "gradients[0] = 2048: must be in -2048..2047"),
        (with_value("gradients", 3, -2049), "gradients[3] = -2049: must be in -2048..2047"),
        ({"weights": [0] * 40}, "weights is a list: must be a numpy array of int8, shape (40,)"),
        (
            {"gradients": np.ma.masked_less(np.zeros(40, np.int16), 1)},
            "gradients is a masked array: must be a plain one, a mask has no meaning here; fill it first",
        ),
        ({"weights": np.zeros(40, np.int16)}, "weights has dtype int16: must be int8"),
        ({"weights": np.zeros(40, np.uint8)}, "weights has dtype uint8: must be int8"),
        ({"gradients": np.zeros(40)}, "gradients has dtype float64: must be int16"),
        ({"gradients": np.zeros(40, ">i2")}, "gradients has dtype >i2: must be int16"),
        (
            {"weights": np.zeros(39, np.int8)},
            "weights has shape (39,): must be (40,), as the configuration says",
        ),
        (
            {"gradients": np.zeros((8, 5), np.int16)},
            "gradients has shape (8, 5): must be (40,), as the configuration says",
        ),
        (
            {"weights": np.zeros(80, np.int8)[::2]},
            "weights is strided or unaligned: must be C-contiguous; numpy.ascontiguousarray makes a copy",
        ),
        (
            {"gradients": unaligned(np.zeros(40, np.int16))},
            "gradients is strided or unaligned: must be C-contiguous; numpy.ascontiguousarray makes a copy",
        ),
        (
            {"weights": read_only(np.zeros(40, np.int8))},
            "weights are read-only: must be writeable, they are updated in place",
        ),
    ],
)
def test_bad_arguments_change_nothing(change, message):
    unit = ZimUnit(CONFIG, 5)
    unit.step(**arguments())
    before, given_arrays = unit.state(), arguments(**change)
    weights = np.array(given_arrays["weights"])
    with pytest.raises(InputError) as refusal:
        unit.step(**given_arrays)
    assert str(refusal.value) == message
    assert unit.state() == before
    assert np.array_equal(given_arrays["weights"], weights)


def test_gradients_that_are_the_weights_are_refused():
    config = CONFIG.replace(gradient_bits=4)
    both = np.zeros(40, np.int8)
    with pytest.raises(InputError, match=r"^weights and gradients share memory: must be two arrays$"):
        ZimUnit(config, 5).step(both, both, trials=1, threshold=1, smoothing=0)


def test_gradients_may_be_read_only_or_mapped_from_a_file(tmp_path):
    plain, other = arguments(), arguments()
    np.save(tmp_path / "g.npy", plain["gradients"])
    other["gradients"] = np.load(tmp_path / "g.npy", mmap_mode="r")
    assert ZimUnit(CONFIG, 5).step(**plain) == ZimUnit(CONFIG, 5).step(**other)
    assert plain["weights"].tolist() == other["weights"].tolist()
    assert arguments()["weights"].tolist() != plain["weights"].tolist()


# State


def test_a_saved_state_continues_with_the_same_bits():
    whole, first = arguments(), arguments()
    unit, saved = ZimUnit(CONFIG, 5), ZimUnit(CONFIG, 5)
    unit.step(**whole)
    saved.step(**first)
    # Through text, as a checkpoint would go.
    restored = ZimUnit.restore(CONFIG, json.loads(json.dumps(saved.state())))
    for _ in range(3):
        assert unit.step(**whole) == restored.step(**first)
        assert whole["weights"].tolist() == first["weights"].tolist()
    assert unit.state() == restored.state()
    assert saved.counters.steps == 1


def test_what_changes_no_bit_may_differ_between_saving_and_restoring():
    fields = CONFIG.model_dump(exclude_none=True)
    other = UnitConfig(**fields | {"name": "other", "lanes": 8, "form": "tree"})
    assert ZimUnit.restore(other, ZimUnit(CONFIG, 5).state()).state()["streams"] == STREAMS


STREAMS = ZimUnit(CONFIG, 5).state()["streams"]


def test_the_state_is_the_references():
    emulator, reference = ZimUnit(CONFIG, 5), ReferenceUnit(CONFIG, 5)
    values = arguments()
    reference.step(values.pop("weights").tolist(), values.pop("gradients").tolist(), **values)
    emulator.step(**arguments())
    expected = {
        "contract_version": 1,
        "config": CONFIG.model_dump(),
        "streams": streams_of(reference),
        "counters": reference.counters._asdict(),
        "memories": {},
    }
    text = json.dumps(expected, sort_keys=True, separators=(",", ":"))
    assert emulator.state() == expected | {"checksum": hashlib.sha256(text.encode()).hexdigest()}


def sealed(state):
    """A state that was changed on purpose, with the checksum that fits."""
    return state | {"checksum": checksum(state)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"contract_version": 2}, "the state has contract_version = 2: must be 1; resume it with the release"),
        ({"contract_version": True}, "the state has contract_version = True: must be 1; resume it with the release"),
        (
            {"config": CONFIG.model_dump() | {"depth": 41}},
            "the state was saved by another configuration, depth = 41: must be 40 as in the configuration given",
        ),
        ({"config": {}}, "the state's config is damaged: must be a table of weight_bits, gradient_bits"),
        ({"config": None}, "the state's config is damaged: must be a table"),
        ({"config": CONFIG.model_dump() | {"prng_lanes": 4.0}}, "the state was saved by another configuration, prng_l"),
        ({"streams": {}}, "state streams is damaged: must be a table of gate, trials"),
        ({"streams": STREAMS | {"gate": [1, 2, 3]}}, "state gate is damaged: must be a list of 4 words"),
        ({"streams": STREAMS | {"gate": [0, 0, 0, 0]}}, "state gate is damaged: generator 0"),
        ({"streams": STREAMS | {"trials": [1] * 12 + [0] * 4}}, "state trials is damaged: generator 3"),
        (
            {"streams": STREAMS | {"trials": [1] * 15 + [2**32]}},
            "state trials is damaged: word 15 = 4294967296: must be in 0..4294967295",
        ),
        ({"streams": STREAMS | {"trials": None}}, "state trials is damaged: must be a list of 16 words"),
        ({"counters": {"steps": 1}}, "state counters is damaged: must be a table of steps, open_trials"),
        (
            {"counters": dict.fromkeys(Counters._fields, -1)},
            "state counters['steps'] = -1: must be in 0..4294967295",
        ),
        ({"extra": 1}, "not a unit's state: must be a table of contract_version, config, streams, counters"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(change, message):
    state = ZimUnit(CONFIG, 5).state()
    with pytest.raises(InputError) as refusal:
        ZimUnit.restore(CONFIG, sealed(state | change))
    assert str(refusal.value).startswith(message)
    assert "\n" not in str(refusal.value)


def test_a_state_that_was_changed_without_its_checksum_is_refused():
    state = ZimUnit(CONFIG, 5).state()
    state["counters"]["steps"] += 1
    with pytest.raises(
        InputError, match=r"^the state is damaged: its checksum does not fit; take another copy, or one"
    ):
        ZimUnit.restore(CONFIG, state)
    for value in (object(), 10**5000, float("nan"), [state], {1: 2, "x": 3}):
        if isinstance(value, list):
            value[0] = value  # holds itself
        with pytest.raises(InputError, match=r"^the state is damaged: it holds what JSON does not: "):
            ZimUnit.restore(CONFIG, state | {"streams": value})


@pytest.mark.parametrize("threads", [0, 257, 1.5])
def test_threads_out_of_range_are_refused(threads):
    with pytest.raises(InputError, match=rf"^threads = {threads}: must be .* 1\.\.256$"):
        ZimUnit(CONFIG, 1, threads)


@pytest.mark.parametrize("seed", [-1, 2**64, 0.5])
def test_a_seed_out_of_range_is_refused(seed):
    with pytest.raises(InputError, match=rf"^seed = {seed}: must be .* 0\.\.18446744073709551615$"):
        ZimUnit(CONFIG, seed)
