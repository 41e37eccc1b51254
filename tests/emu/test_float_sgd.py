"""The float units' emulator, whole steps: against the scalar reference, and as its users call it."""

import json

import numpy as np
import pytest

from zimu.emu import float_sgd as emu
from zimu.emu import pointwise
from zimu.emu.float_sgd import FloatSGD
from zimu.emu.states import checksum
from zimu.golden.errors import InputError
from zimu.golden.float_format import FORMATS, FloatFormat
from zimu.golden.float_sgd import Arithmetic, FloatSGDConfig, ReferenceFloatSGD
from zimu.sim.float_sgd import patterns, random_triples

FP32 = FORMATS["fp32"]

VARIANTS = [
    {"weights": "fp32"},
    {"weights": "fp32", "multiply": "separate"},
    {"weights": "fp32", "subnormals": "flushed", "momentum": True},
    {"weights": "fp32", "momentum": True},
    {"weights": "bf16", "random_bits": 8, "lanes": 3},
    {"weights": "bf16", "gradients": "fp32", "random_bits": 24, "lanes": 2, "momentum": True},
    {"weights": "bf16", "rate": "power_of_two", "prng": "lfsr128", "random_bits": 5, "lanes": 16},
    {"weights": "fp16", "gradients": "e4m3", "multiply": "separate", "momentum": True},
    {"weights": "fp16", "gradients": "e5m2", "rate": "power_of_two"},
    {"weights": "e4m3", "random_bits": 1, "lanes": 40},
    {"weights": "e5m2", "subnormals": "flushed"},
]


def config_of(depth=37, **fields):
    return FloatSGDConfig(name="rival", depth=depth, **fields)


def random_step(config, rng):
    """Registers and gradients of a step, as patterns."""
    numbers = config.arithmetic
    learning_rate, momentum = (int(patterns(fmt, 1, rng)[0]) for fmt in (numbers.weights, numbers.gradients))
    if config.rate == "power_of_two":
        learning_rate = (learning_rate & numbers.weights.sign_bit - 1) >> numbers.weights.fraction_bits
    registers = {"learning_rate": learning_rate} | ({"momentum": momentum} if config.momentum else {})
    return registers, patterns(numbers.gradients, config.depth, rng).tolist()


@pytest.mark.parametrize("fields", VARIANTS, ids=str)
def test_steps_are_the_references(fields, monkeypatch):
    monkeypatch.setattr(pointwise, "BLOCK", 2)  # blocks end inside a step
    config = config_of(**fields)
    rng = np.random.default_rng(9)
    unit, reference = FloatSGD(config, 5), ReferenceFloatSGD(config, 5)
    weights = patterns(config.arithmetic.weights, config.depth, rng).tolist()
    for _ in range(6):
        registers, gradients = random_step(config, rng)
        got = unit.step_patterns(weights, gradients, **registers)
        weights = reference.step(weights, gradients, **registers)
        assert got == weights
        assert unit.counters == reference.counters
        if config.momentum:
            assert unit.memories["velocity"].tolist() == reference.memories["velocity"]


@pytest.mark.parametrize("fields", [VARIANTS[0], VARIANTS[3], VARIANTS[4]], ids=str)
def test_threads_change_no_bit(fields):
    config = config_of(depth=300_001, **fields)
    rng = np.random.default_rng(1)
    w, g = (patterns(config.arithmetic.weights, config.depth, rng).tolist() for _ in range(2))
    registers, _ = random_step(config, rng)
    units = [FloatSGD(config, 7, threads) for threads in (1, 3)]
    one, three = (unit.step_patterns(w, g, **registers) for unit in units)
    assert one == three
    for name, values in units[0].memories.items():
        np.testing.assert_array_equal(values, units[1].memories[name])


def test_native_binary32_is_the_general_path():
    for fused in (True, False):
        arithmetic = Arithmetic(FP32, FP32, fused)
        w, _, g = random_triples(arithmetic, 200_000, seed=2)
        for rate in (0x3C23D70A, 0x00000003, 0x7F800000, 0xFF7FFFFF):
            unit = FloatSGD(config_of(depth=w.size, weights="fp32", multiply="fused" if fused else "separate"))
            got = unit.step_patterns(w, g, learning_rate=rate)
            np.testing.assert_array_equal(got, emu.step(arithmetic, w, rate, g))


def test_no_double_rounding():
    # lr*g is 2^-24 but for 2^-70: as a sum in binary64 this would be a tie, and go up to the even neighbour.
    w, lr, g = 1 + 2.0**-23, -(2.0**23 + 1) * 2.0**-23, (2.0**24 - 2) * 2.0**-48
    assert np.float32(w - lr * g) == 1 + 2.0**-22
    bits = [FP32.from_float(x) for x in (w, lr, g)]
    assert emu.step(Arithmetic(FP32, FP32), *bits) == bits[0]
    weights = np.array([w], np.float32)
    FloatSGD(config_of(depth=1, weights="fp32")).step(weights, np.array([g], np.float32), learning_rate=lr)
    assert weights[0] == w


def test_a_user_gives_numbers():
    weights = np.zeros(1, np.float16)
    FloatSGD(config_of(depth=1, weights="fp16")).step(weights, np.ones(1, np.float16), learning_rate=0.1)
    assert weights[0] == -np.float16(0.1)
    bits = np.zeros(1, np.uint16)
    unit = FloatSGD(config_of(depth=1, weights="bf16", momentum=True))
    for _ in range(2):
        unit.step(bits, np.full(1, 0x3F80, np.uint16), learning_rate=1.0, momentum=0.5)
    assert bits[0] == 0x8000 | 0x4020  # -(1 + 1.5)
    assert unit.counters.steps == 2


@pytest.mark.parametrize("fields", [VARIANTS[0], VARIANTS[5]], ids=str)
def test_a_saved_unit_goes_on_with_the_same_bits(fields):
    config = config_of(**fields)
    rng = np.random.default_rng(4)
    weights = patterns(config.arithmetic.weights, config.depth, rng).tolist()
    registers, gradients = random_step(config, rng)
    unit = FloatSGD(config, 3)
    weights = unit.step_patterns(weights, gradients, **registers)
    again = FloatSGD.restore(config, json.loads(json.dumps(unit.state())))
    assert again.counters == unit.counters
    for _ in range(2):
        assert unit.step_patterns(weights, gradients, **registers) == again.step_patterns(
            weights, gradients, **registers
        )


def test_damaged_states_are_refused():
    config = config_of(weights="bf16", random_bits=8, momentum=True)
    state = FloatSGD(config, 3).state()
    for field, value, message in [
        ("memories", {}, "state memories is damaged: must be a table of velocity"),
        ("memories", {"velocity": 5}, "state velocity is a int: must be a list of 37 integers"),
        ("memories", {"velocity": [0]}, "state velocity has 1 values: must have depth = 37"),
        ("memories", {"velocity": [0] * 36 + [2**16]}, r"state velocity\[36\] = 65536: must be in 0\.\.65535"),
        ("streams", {}, "state streams is damaged: must be a table of round"),
        ("contract_version", 99, "the state has contract_version = 99"),
        (
            "config",
            config.model_dump() | {"random_bits": 7},
            "the state was saved by another configuration, random_bits",
        ),
    ]:
        changed = state | {field: value}
        with pytest.raises(InputError, match=f"^{message}"):
            FloatSGD.restore(config, changed | {"checksum": checksum(changed)})


@pytest.mark.parametrize(
    ("weights", "gradients", "values", "message"),
    [
        (np.zeros(3), np.zeros(3, "f4"), {}, "weights has dtype float64: must be float32"),
        (np.zeros(3, "f4"), [0.0] * 3, {}, "gradients is a list: must be a numpy array of float32, shape (3,)"),
        (np.zeros(3, "f4"), np.zeros(4, "f4"), {}, "gradients has shape (4,): must be (3,), as the configuration says"),
        (
            np.zeros(6, "f4")[::2],
            np.zeros(3, "f4"),
            {},
            "weights is strided or unaligned: must be C-contiguous; numpy.ascontiguousarray makes a copy",
        ),
        (
            np.zeros(3, "f4"),
            np.zeros(3, "f4"),
            {"learning_rate": "0.1"},
            "learning_rate = '0.1': must be a real number",
        ),
        (
            np.zeros(3, "f4"),
            np.zeros(3, "f4"),
            {"momentum": 0.9},
            "momentum = 0.9: this unit has none, leave it out",
        ),
    ],
)
def test_refused_steps(weights, gradients, values, message):
    with pytest.raises(InputError) as error:
        FloatSGD(config_of(depth=3, weights="fp32")).step(weights, gradients, **{"learning_rate": 0.1} | values)
    assert str(error.value) == message


def test_patterns_in_a_masked_array_are_refused():
    masked = np.ma.masked_equal([1, 2], 1)
    with pytest.raises(InputError, match=r"^g is a masked array: must be a plain one"):
        emu.step(Arithmetic(FP32, FP32), [0], [0], masked)
    unit = FloatSGD(config_of(depth=2, weights="bf16"))
    with pytest.raises(InputError, match=r"^weights is a masked array: must be a plain one"):
        unit.step(masked.astype(np.uint16), np.zeros(2, np.uint16), learning_rate=1.0)


def test_formats_beyond_the_emulator_are_refused():
    wide = FloatFormat(11, 53)
    with pytest.raises(InputError, match="must have at most 8 exponent and 24 significand bits"):
        emu.step(Arithmetic(wide, wide), [0], [0], [0])
