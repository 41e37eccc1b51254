"""The float unit's contract against numpy, the C library and a brute-force nearest-value search."""

import ctypes
from bisect import bisect_left
from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from zimu.golden.errors import InputError
from zimu.golden.float_format import FORMATS, FloatFormat
from zimu.golden.float_sgd import Arithmetic, FloatSGDConfig, ReferenceFloatSGD, step, velocity_step
from zimu.golden.rule import RULES, from_toml
from zimu.sim.float_sgd import boundary_triples, random_triples

FP32 = FORMATS["fp32"]
FUSED = Arithmetic(FP32, FP32)
NAN, INF, NEG, ONE, MAX = 0x7FC00000, 0x7F800000, 0x80000000, 0x3F800000, 0x7F7FFFFF


@pytest.mark.parametrize(
    ("w", "lr", "g", "expected"),
    [
        pytest.param(ONE, ONE, ONE, 0, id="cancellation-is-plus-zero"),
        pytest.param(0, 0, ONE, 0, id="plus-zero-minus-plus-zero"),
        pytest.param(NEG, 0, ONE, NEG, id="minus-zero-minus-plus-zero"),
        pytest.param(NEG, 0, NEG | ONE, 0, id="minus-zero-plus-plus-zero"),
        pytest.param(0, 1, 1, NEG, id="underflow-keeps-the-sign-of-the-exact-result"),
        pytest.param(NEG, NEG | 1, 1, 0, id="underflow-keeps-the-sign-of-the-exact-result-2"),
        pytest.param(NEG | MAX, MAX, ONE, NEG | INF, id="overflow"),
        pytest.param(INF, MAX, MAX, INF, id="infinity-wins-over-a-product-beyond-all-numbers"),
        pytest.param(INF, INF, ONE, NAN, id="infinity-minus-infinity"),
        pytest.param(INF, INF, NEG | ONE, INF, id="infinity-plus-infinity"),
        pytest.param(0, 0, INF, NAN, id="zero-times-infinity"),
        pytest.param(NEG | NAN | 5, ONE, ONE, NAN, id="nan-is-canonical"),
        pytest.param(ONE, INF | 1, 0, NAN, id="signalling-nan-becomes-quiet"),
        pytest.param(0, 1, ONE, NEG | 1, id="smallest-subnormal"),
        pytest.param(0x00800000, 1, ONE, 0x007FFFFF, id="normal-to-subnormal"),
        pytest.param(ONE, ONE | 3, ONE | 3, 0xB5400002, id="one-rounding-not-two"),
    ],
)
def test_rules(w, lr, g, expected):
    assert step(FUSED, w, lr, g) == expected


@pytest.mark.parametrize("widths", [(2, 3), (3, 2)], ids=str)
def test_every_triple_of_a_small_format_gives_the_nearest_number(widths):
    fmt = FloatFormat(*widths)
    numbers = _numbers(fmt)
    ascending = sorted((value, bits) for bits, value in numbers.items() if bits <= fmt.max_finite)
    for w, lr, g in product(numbers, repeat=3):
        exact = numbers[w] - numbers[lr] * numbers[g]
        result = step(Arithmetic(fmt, fmt), w, lr, g)
        if exact == 0:
            product_negative = (lr ^ g) & fmt.sign_bit == 0
            assert result == (fmt.sign_bit if w & fmt.sign_bit and product_negative else 0)
        else:
            assert result == _nearest(fmt, ascending, abs(exact)) | (fmt.sign_bit if exact < 0 else 0)


def test_agrees_with_numpy_where_numpy_rounds_once():
    w, lr, g = random_triples(FUSED, 20_000, seed=2)
    a, b, c = (values.astype(np.uint32).view(np.float32) for values in (w, lr, g))
    with np.errstate(all="ignore"):
        differences, products = _canonical(a - c), _canonical(-(b * c))
    assert [step(FUSED, x, ONE, z) for x, z in zip(w.tolist(), g.tolist(), strict=True)] == differences
    assert [step(FUSED, NEG, y, z) for y, z in zip(lr.tolist(), g.tolist(), strict=True)] == products


def test_agrees_with_the_c_library():
    try:
        fmaf = ctypes.CDLL(None).fmaf
    except (AttributeError, OSError, TypeError):
        pytest.skip("no fmaf in this Python's C library: run on Linux with glibc to have this check")
    fmaf.restype, fmaf.argtypes = ctypes.c_float, [ctypes.c_float] * 3
    triples = [
        np.concatenate(pair) for pair in zip(boundary_triples(FUSED), random_triples(FUSED, 20_000, 3), strict=True)
    ]
    columns = [values.tolist() for values in triples]
    with np.errstate(invalid="ignore"):  # signalling NaNs become quiet
        floats = [values.astype(np.uint32).view(np.float32).astype(float).tolist() for values in triples]
    got = [step(FUSED, w, lr, g) for w, lr, g in zip(*columns, strict=True)]
    expected = np.array([fmaf(-lr, g, w) for w, lr, g in zip(*floats, strict=True)], np.float32)
    assert got == _canonical(expected)


E4M3, E5M2, FP16 = FORMATS["e4m3"], FORMATS["e5m2"], FORMATS["fp16"]


@pytest.mark.parametrize(
    ("arithmetic", "w", "lr", "g", "expected"),
    [
        pytest.param(Arithmetic(E4M3, E4M3), 0x7E, 0x38, 0xE8, 0x7F, id="e4m3-overflow-is-nan"),
        pytest.param(Arithmetic(E4M3, E4M3), 0xFE, 0x38, 0x68, 0x7F, id="e4m3-negative-overflow-is-the-positive-nan"),
        pytest.param(Arithmetic(E4M3, E4M3), 0xFF, 0x38, 0x38, 0x7F, id="e4m3-nan-is-canonical"),
        pytest.param(Arithmetic(E4M3, E5M2), 0x00, 0x38, 0x7C, 0x7F, id="no-infinity-to-take-one-to"),
        pytest.param(Arithmetic(E5M2, E4M3), 0x00, 0x3C, 0x7E, 0xDF, id="e4m3-448-is-a-number"),
        pytest.param(Arithmetic(E5M2, E5M2), 0x7B, 0x3C, 0xFB, 0x7C, id="e5m2-overflow-is-infinity"),
        pytest.param(Arithmetic(FP16, E4M3), 0x3C00, 0x3C00, 0x38, 0, id="formats-have-their-own-bias"),
        pytest.param(Arithmetic(FP32, FP32, fused=False), ONE, ONE | 3, ONE | 3, 0xB5400000, id="two-roundings"),
        pytest.param(Arithmetic(FP32, FP32, fused=False), 0, 1, ONE >> 1, 0, id="a-product-that-rounds-to-zero"),
        pytest.param(Arithmetic(FP32, FP32, flush=True), 1, ONE, 0, 0, id="subnormal-operand-is-zero"),
        pytest.param(Arithmetic(FP32, FP32, flush=True), NEG | 1, 0, ONE, NEG, id="of-its-sign"),
        pytest.param(Arithmetic(FP32, FP32, flush=True), 0x00800001, ONE, 0x00800000, 0, id="tiny-result-is-zero"),
        pytest.param(Arithmetic(FP32, FP32, flush=True), 0x00800000, ONE, 0x00800001, NEG, id="of-its-sign-too"),
    ],
)
def test_rules_of_the_variants(arithmetic, w, lr, g, expected):
    assert step(arithmetic, w, lr, g) == expected


def test_what_is_tiny_is_seen_before_rounding():
    small = FloatFormat(4, 3)
    # 2^-6 * (1 - 1/32) rounds to the smallest normal number 2^-6, but is below it.
    w, lr, g = small.from_float(2.0**-6), small.from_float(2.0**-6), small.from_float(2.0**-5)
    for flush, expected in ((False, w), (True, 0)):
        assert step(Arithmetic(small, small, flush=flush), w, lr, g) == expected


def test_velocity_is_gradient_plus_decayed_velocity():
    own = Arithmetic(FP32, FORMATS["bf16"])
    one, half = 0x3F80, 0x3F00
    assert velocity_step(own, half, one, one) == 0x3FC0  # 1 + 1/2
    assert velocity_step(own, half, 0, 0x8000) == 0  # -0 + 0: positive
    assert velocity_step(own, half, 0x8000, 0x8000) == 0x8000


def test_a_unit_takes_a_velocity_and_a_weight_step():
    config = FloatSGDConfig(name="unit", depth=2, weights="fp32", momentum=True)
    unit = ReferenceFloatSGD(config, 0)
    registers = config.registers(learning_rate=0.5, momentum=0.5)
    weights = [0, ONE]
    for _ in range(2):
        weights = unit.step(weights, [ONE, NEG | ONE], **registers)
    assert [FP32.to_float(v) for v in unit.memories["velocity"]] == [1.5, -1.5]
    assert [FP32.to_float(w) for w in weights] == [-1.25, 2.25]
    assert unit.counters == (2, 0)


def test_lanes_share_words_of_a_row():
    fields = {"name": "unit", "depth": 5, "weights": "bf16", "random_bits": 12}
    assert [FloatSGDConfig(**fields, lanes=lanes).row_words for lanes in (1, 2, 3, 64)] == [1, 1, 2, 32]
    assert FloatSGDConfig(**fields | {"random_bits": 24}, lanes=3).row_words == 3
    assert FloatSGDConfig(**fields | {"random_bits": 0}, lanes=3).row_words == 0


def test_configuration_survives_its_toml_form_and_gradients_follow_weights():
    config = FloatSGDConfig(name="unit", depth=2, weights="bf16")
    assert config.gradients == "bf16"
    text = config.to_toml()
    assert text.startswith('[unit]\nrule = "float_sgd"\n')
    assert from_toml(text) == config
    assert from_toml(text.replace('gradients = "bf16"\n', "")) == config
    with pytest.raises(InputError, match=f"^rule = 'sgd': must be one of {', '.join(map(repr, RULES))}$"):
        from_toml(text.replace('"float_sgd"', '"sgd"'))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"weights": "fp8"}, "weights = 'fp8': must be one of 'fp32', 'bf16', 'fp16', 'e4m3', 'e5m2'"),
        ({"weights": "bf16", "random_bits": 25}, r"random_bits = 25: must be an integer in 0\.\.24"),
        ({"weights": "bf16", "multiply": "twice"}, "multiply = 'twice': must be one of 'fused', 'separate'"),
        ({"weights": "bf16", "momentum": 0.9}, r"momentum = 0\.9: must be true or false"),
        ({}, "weights is missing: must be one of 'fp32'"),
    ],
)
def test_refused_configurations(fields, message):
    with pytest.raises(InputError, match=f"^{message}"):
        FloatSGDConfig(name="unit", depth=2, **fields)


@pytest.mark.parametrize(
    ("fields", "values", "message"),
    [
        ({}, {"learning_rate": 1e39}, "learning_rate = 1e+39: overflows bf16, must be in -3.3895313892515355e+38.."),
        ({}, {"learning_rate": 1e-60}, "learning_rate = 1e-60: becomes 0 in bf16, must be 0 or at least 9.18"),
        ({"momentum": True}, {"learning_rate": 1}, "momentum is missing: this unit has a velocity, give a real number"),
        ({}, {"learning_rate": 1, "momentum": 0}, "momentum = 0: this unit has none, leave it out"),
        *(
            ({"rate": "power_of_two"}, {"learning_rate": rate}, f"learning_rate = {rate}: must be 0 or a power of two")
            for rate in (0.3, 1 + 2.0**-20, -0.5, 2.0**-130)
        ),
    ],
)
def test_refused_run_time_values(fields, values, message):
    config = FloatSGDConfig(name="unit", depth=2, weights="bf16", **fields)
    with pytest.raises(InputError) as error:
        config.registers(**values)
    assert str(error.value).startswith(message)


def test_a_changed_copy_computes_as_it_says():
    config = FloatSGDConfig(name="unit", depth=2, weights="bf16")
    assert config.arithmetic.random_bits == 0
    changed = config.replace(weights="fp16", gradients="e4m3", random_bits=8)
    assert changed.arithmetic == Arithmetic(FP16, E4M3, random_bits=8)


def test_a_power_of_two_is_its_exponent_field():
    config = FloatSGDConfig(name="unit", depth=2, weights="fp16", rate="power_of_two")
    assert [config.registers(learning_rate=rate)["learning_rate"] for rate in (0, 2.0**-14, 1, 2.0**15)] == [
        0,
        1,
        15,
        30,
    ]


@pytest.mark.parametrize(
    ("fields", "registers", "message"),
    [
        ({}, {"learning_rate": 2**16}, "learning_rate = 65536: must be in 0..65535"),
        ({"rate": "power_of_two"}, {"learning_rate": 256}, "learning_rate = 256: must be in 0..255"),
        ({}, {"momentum": 2**16}, "momentum = 65536: must be in 0..65535"),
        ({}, {"momentum": 0.5}, "momentum = 0.5: must be an integer in 0..65535"),
    ],
)
def test_a_refused_register_changes_nothing(fields, registers, message):
    config = FloatSGDConfig(name="unit", depth=2, weights="bf16", momentum=True, random_bits=4, **fields)
    unit, fresh = ReferenceFloatSGD(config, 3), ReferenceFloatSGD(config, 3)
    run = {"learning_rate": 5, "momentum": 1}
    with pytest.raises(InputError) as refusal:
        unit.step([1, 2], [3, 4], **run | registers)
    assert str(refusal.value) == message
    assert unit.memories == {"velocity": [0, 0]}
    assert unit.step([1, 2], [3, 4], **run) == fresh.step([1, 2], [3, 4], **run)


def test_refused_patterns():
    with pytest.raises(InputError, match=r"^lr = 4294967296: must be in 0\.\.4294967295$"):
        step(FUSED, 0, 2**32, 0)


def _canonical(values):
    bits = values.view(np.uint32)
    return np.where(np.isnan(values), np.uint32(NAN), bits).tolist()


def _numbers(fmt):
    """Every finite pattern with its value, by the formula of IEEE 754-2019, section 3.4."""
    numbers = {}
    for bits in range(2**fmt.width):
        sign, field = bits >> (fmt.width - 1), bits >> fmt.fraction_bits & 2**fmt.exponent_bits - 1
        fraction = Fraction(bits & 2**fmt.fraction_bits - 1, 2**fmt.fraction_bits)
        if field == 2**fmt.exponent_bits - 1:
            continue
        size = (1 + fraction) * Fraction(2) ** (field - fmt.bias) if field else fraction * Fraction(2) ** (1 - fmt.bias)
        numbers[bits] = (-1) ** sign * size
    return numbers


def _nearest(fmt, ascending, exact):
    """The nearest of all numbers, found by looking; 2^(e_max + 1) stands for infinity when distances are compared."""
    beyond = Fraction(2) ** (2**fmt.exponent_bits - 1 - fmt.bias)
    numbers = [*ascending, (beyond, fmt.max_finite + 1)]
    above = bisect_left(numbers, (exact, 0))
    if above == len(numbers):
        return fmt.max_finite + 1
    near = numbers[max(above - 1, 0) : above + 1]
    closest = min(abs(value - exact) for value, _ in near)
    ties = [bits for value, bits in near if abs(value - exact) == closest]
    return ties[0] if len(ties) == 1 else next(bits for bits in ties if bits % 2 == 0)
