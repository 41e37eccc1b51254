"""The float unit's emulator against its scalar reference, bit for bit."""

import numpy as np
import pytest

from zimu.emu.float_sgd import FloatSGD, fused_step
from zimu.golden import float_sgd as golden
from zimu.golden.errors import InputError
from zimu.golden.float_sgd import FORMATS, FloatFormat
from zimu.sim.float_operands import boundary_triples, random_triples


def check(fmt, w, lr, g):
    expected = [golden.fused_step(fmt, *triple) for triple in zip(w.tolist(), lr.tolist(), g.tolist(), strict=True)]
    np.testing.assert_array_equal(fused_step(fmt, w, lr, g), expected)


@pytest.mark.parametrize("name", FORMATS)
def test_all_pairs_of_classes(name):
    check(FORMATS[name], *boundary_triples(FORMATS[name]))


@pytest.mark.parametrize(("name", "count"), [("fp32", 150_000), ("bf16", 50_000), ("fp16", 50_000)])
def test_random_operands(name, count):
    check(FORMATS[name], *random_triples(FORMATS[name], count, seed=4))


def test_every_triple_of_a_small_format():
    every = np.arange(2**6)
    check(FloatFormat(3, 3), *(axis.reshape(-1) for axis in np.meshgrid(every, every, every)))


def test_no_double_rounding():
    # lr*g is 2^-24 but for 2^-70: as a sum in binary64 this would be a tie, and go up to the even neighbour.
    w, lr, g = 1 + 2.0**-23, -(2.0**23 + 1) * 2.0**-23, (2.0**24 - 2) * 2.0**-48
    assert np.float32(w - lr * g) == 1 + 2.0**-22
    weights = np.array([w], np.float32)
    FloatSGD("fp32").step(weights, np.array([g], np.float32), learning_rate=lr)
    assert weights[0] == w


def test_a_step_updates_in_place_whatever_the_shape():
    rng = np.random.default_rng(5)
    weights, gradients = rng.normal(size=(2, 3, 4, 5)).astype(np.float32)
    expected = fused_step(
        FORMATS["fp32"], weights.view(np.uint32), FORMATS["fp32"].from_float(0.1), gradients.view(np.uint32)
    )
    FloatSGD("fp32").step(weights, gradients, learning_rate=0.1)
    np.testing.assert_array_equal(weights.view(np.uint32), expected)


def test_the_learning_rate_is_rounded_to_the_format():
    weights = np.zeros(1, np.float16)
    FloatSGD("fp16").step(weights, np.ones(1, np.float16), learning_rate=0.1)
    assert weights[0] == -np.float16(0.1)
    patterns = np.zeros(1, np.uint16)
    FloatSGD("bf16").step(patterns, np.full(1, 0x3F80, np.uint16), learning_rate=0.1)
    assert patterns[0] == 0x8000 | 0x3DCD


def test_nothing_to_do():
    FloatSGD("fp32").step(np.zeros(0, np.float32), np.zeros(0, np.float32), learning_rate=0.1)


@pytest.mark.parametrize(
    ("weights", "gradients", "rate", "message"),
    [
        (np.zeros(3), np.zeros(3, np.float32), 0.1, "weights is an array of float64: must be a numpy array of float32"),
        (np.zeros(3, np.float32), [0.0] * 3, 0.1, "gradients is a list: must be a numpy array of float32"),
        (
            np.zeros(3, np.float32),
            np.zeros(4, np.float32),
            0.1,
            "gradients has shape (4,): must be that of weights, (3,)",
        ),
        (
            np.zeros(6, np.float32)[::2],
            np.zeros(3, np.float32),
            0.1,
            "weights is not contiguous in memory: pass numpy.ascontiguousarray(weights)",
        ),
        (np.zeros(3, np.float32), np.zeros(3, np.float32), "0.1", "learning_rate = '0.1': must be a real number"),
    ],
)
def test_refused_steps(weights, gradients, rate, message):
    with pytest.raises(InputError) as error:
        FloatSGD("fp32").step(weights, gradients, learning_rate=rate)
    assert str(error.value) == message


def test_read_only_weights_are_refused():
    weights = np.zeros(3, np.float32)
    weights.flags.writeable = False
    with pytest.raises(InputError, match="weights is read-only"):
        FloatSGD("fp32").step(weights, np.ones(3, np.float32), learning_rate=1.0)


def test_refused_patterns():
    with pytest.raises(InputError, match=r"w_bits has values in 0\.\.65536: must be in 0\.\.65535"):
        fused_step(FORMATS["bf16"], [0, 65536], 0, 0)
    with pytest.raises(InputError, match="g_bits is an array of float64: must be bit patterns"):
        fused_step(FORMATS["fp32"], [0], [0], [0.5])
    with pytest.raises(InputError, match="must have at most 8 exponent and 24 significand bits"):
        fused_step(FloatFormat(11, 53), [0], [0], [0])
