"""The float units' arithmetic against GNU MPFR, which rounds correctly and shares no code with this project.

The exact w - lr*g is computed with as many bits as it takes and then rounded once by MPFR, so there is no double
rounding anywhere. Patterns become numbers, and numbers patterns, through ml_dtypes and numpy.
"""

import ml_dtypes
import numpy as np
import pytest

from zimu.emu import float_sgd as emu
from zimu.golden import float_sgd as golden
from zimu.golden.float_format import FORMATS
from zimu.golden.float_sgd import Arithmetic
from zimu.sim.float_sgd import boundary_triples, random_triples

gmpy2 = pytest.importorskip("gmpy2", reason="gmpy2 is not installed: ./bootstrap test")

DTYPES = {
    "fp32": np.float32,
    "bf16": ml_dtypes.bfloat16,
    "fp16": np.float16,
    "e4m3": ml_dtypes.float8_e4m3fn,
    "e5m2": ml_dtypes.float8_e5m2,
}
PAIRS = [*((name, name) for name in FORMATS), ("bf16", "fp32"), ("fp16", "e4m3"), ("fp16", "e5m2")]
EXACT = 700
"""Bits that hold every w - lr*g of these formats: its last one is above 2^-300, its first one below 2^257."""


def numbers(name, patterns):
    """Python floats of the patterns; exact."""
    dtype = np.dtype(DTYPES[name])
    with np.errstate(invalid="ignore"):  # signalling NaNs become quiet
        return patterns.astype(f"u{dtype.itemsize}").view(dtype).astype(np.float64).tolist()


def encode(name, values):
    """Patterns of floats that are numbers of the format; NaNs canonical."""
    dtype = np.dtype(DTYPES[name])
    values = np.array(values, np.float64)
    with np.errstate(over="ignore"):
        patterns = values.astype(dtype).view(f"u{dtype.itemsize}").astype(np.int64)
    return np.where(np.isnan(values), FORMATS[name].quiet_nan, patterns)


def rounding(fmt):
    """The MPFR context of a format."""
    largest = fmt.to_float(fmt.max_finite)
    return gmpy2.context(
        precision=fmt.significand_bits,
        emin=fmt.ulp_exponent + 1,
        emax=int(np.frexp(largest)[1]),
        subnormalize=True,
    )


def expected(weights, gradients, fused, w, lr, g):
    fmt = FORMATS[weights]
    largest = fmt.to_float(fmt.max_finite)
    exact, own = gmpy2.context(precision=EXACT, emin=-2000, emax=2000), rounding(fmt)
    columns = [
        [gmpy2.mpfr(x, 53) for x in numbers(name, bits)]
        for name, bits in zip((weights, weights, gradients), (w, lr, g), strict=True)
    ]

    def rounded(value):
        result = own.plus(value)
        # MPFR knows no largest number but that of a whole binade.
        if gmpy2.is_finite(result) and abs(result) > largest:
            return gmpy2.nan() if not fmt.infinities else own.mul(result, gmpy2.inf())
        return result

    if fused:
        results = [rounded(exact.fma(-b, c, a)) for a, b, c in zip(*columns, strict=True)]
    else:
        products = [rounded(exact.mul(b, c)) for a, b, c in zip(*columns, strict=True)]
        if not fmt.infinities:
            products = [x if gmpy2.is_finite(x) else gmpy2.nan() for x in products]
        results = [rounded(exact.sub(a, p)) for a, p in zip(columns[0], products, strict=True)]
    if not fmt.infinities:
        results = [x if gmpy2.is_finite(x) else gmpy2.nan() for x in results]
    return encode(weights, [float(x) for x in results])


def check(weights, gradients, fused, triples):
    arithmetic = Arithmetic(FORMATS[weights], FORMATS[gradients], fused)
    got, want = emu.step(arithmetic, *triples), expected(weights, gradients, fused, *triples)
    for i in np.flatnonzero(got != want)[:3]:
        w, lr, g = (int(values[i]) for values in triples)
        raise AssertionError(f"w {w:#x}, lr {lr:#x}, g {g:#x}: MPFR {want[i]:#x}, emulator {got[i]:#x}")


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "separate"])
@pytest.mark.parametrize(("weights", "gradients"), PAIRS)
def test_all_classes_and_random_operands(weights, gradients, fused):
    arithmetic = Arithmetic(FORMATS[weights], FORMATS[gradients], fused)
    check(weights, gradients, fused, boundary_triples(arithmetic))
    check(weights, gradients, fused, random_triples(arithmetic, 60_000, seed=4))


@pytest.mark.nightly
@pytest.mark.parametrize("fused", [True, False], ids=["fused", "separate"])
@pytest.mark.parametrize(("weights", "gradients"), PAIRS)
def test_seven_and_a_half_million_cases(weights, gradients, fused):
    arithmetic = Arithmetic(FORMATS[weights], FORMATS[gradients], fused)
    for seed in range(30):
        check(weights, gradients, fused, random_triples(arithmetic, 250_000, seed=100 + seed))


@pytest.mark.parametrize(("weights", "gradients"), PAIRS)
def test_the_contract_agrees_too(weights, gradients):
    for fused in (True, False):
        arithmetic = Arithmetic(FORMATS[weights], FORMATS[gradients], fused)
        triples = random_triples(arithmetic, 2000, seed=5)
        got = [golden.step(arithmetic, *triple) for triple in zip(*(x.tolist() for x in triples), strict=True)]
        np.testing.assert_array_equal(got, expected(weights, gradients, fused, *triples))


def test_the_reference_can_fail():
    fp32 = FORMATS["fp32"]
    w, lr, g = (np.array([bits]) for bits in (0x3F800001, 0xBF800001, 0x33800000 - 1))
    # A sum of two roundings: not what a fused unit gives.
    answers = [expected("fp32", "fp32", fused, w, lr, g)[0] for fused in (True, False)]
    assert answers == [
        golden.step(Arithmetic(fp32, fp32, fused), int(w[0]), int(lr[0]), int(g[0])) for fused in (True, False)
    ]
