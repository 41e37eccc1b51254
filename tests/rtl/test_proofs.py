"""Unbounded proofs that the circuits equal their models in ``sim/models``, and that a wrong circuit is refuted."""

import pytest
from amaranth.hdl import Shape
from amaranth.utils import bits_for

from zimu.golden.registers import ADDRESS_BITS
from zimu.golden.unit import UnitConfig
from zimu.rtl.accumulator import COMPARED_BITS, COUNT_BITS, Accumulator, SaturatingStep
from zimu.rtl.basics import address
from zimu.rtl.beats import mass_bits
from zimu.rtl.binomial import Binomial
from zimu.rtl.buses import AxiLiteBridge, WishboneBridge
from zimu.rtl.gate import Gate
from zimu.rtl.generators import KINDS, Generator
from zimu.rtl.kinds import Xoshiro128pp
from zimu.rtl.momentum import Means
from zimu.rtl.prng import SeedExpander
from zimu.rtl.sampler import Draw
from zimu.rtl.tiles import Select
from zimu.sim import formal
from zimu.sim.formal import ProofError, prove


def config(**fields) -> UnitConfig:
    small = {"weight_bits": 8, "gradient_bits": 8, "smoothing_bits": 4, "depth": 16, "lanes": 4, "gate_bits": 16}
    return UnitConfig(name="proved", **small | fields)


def gate(**fields) -> dict:
    unit = config(**fields)
    per_trial = unit.gate == "trial"
    return {
        "component": Gate(unit),
        "model": "gate",
        "parameters": {"GATE_BITS": unit.gate_bits, "PER_TRIAL": int(per_trial)},
        "registers": {
            "first": [("first", 1)],
            "more": [("more", 1)],
            "following": [("following", 32)],
            **{name: [] if per_trial else [(name, 1)] for name in ("undecided", "opened")},
        },
    }


STEPPED = ("xoshiro128++", "pcg32", "xoroshiro128aox", "lfsr128", "trivium")
"""As ``sim/models/generator.v`` numbers them."""


def generator(kind: str, lanes: int) -> dict:
    words = KINDS[kind].words
    return {
        "component": Generator(kind, lanes),
        "model": "generator",
        "parameters": {"KIND": STEPPED.index(kind), "WORDS": words, "LANES": lanes},
        "registers": {
            "state": of_lanes("s", words, lanes),
            "high": [("place", 1)] if kind == "xoroshiro128aox" else [],
        },
    }


def philox(lanes: int) -> dict:
    return {
        "component": Generator("philox4x32-10", lanes),
        "model": "philox",
        "parameters": {"LANES": lanes},
        "registers": {
            "keys": of_lanes("k", 2, lanes),
            "work": of_lanes("x", 4, lanes),
            "blocks": of_lanes("block", 4, lanes),
            "words": [("given", 2), ("number", 62)],
            "round": [("round", 4)],
            "restart": [("restart", 1)],
        },
    }


def of_lanes(name: str, count: int, lanes: int) -> list[tuple[str, int]]:
    return [(f"lane{lane}_{name}{j}", 32) for lane in range(lanes) for j in range(count)]


def expander(words: int, streams: dict[int, int]) -> dict:
    lanes = streams.values()
    widths = {"fsm_state": 2, "j": bits_for(words - 1), "index": 5}
    widths |= {"lane_now": bits_for(max(*lanes, 2) - 1), "stream_now": bits_for(max(streams))}
    return {
        "component": SeedExpander(words, streams),
        "model": "expander",
        "parameters": {
            "WORDS": words,
            "STREAMS": sum(stream << 8 * place for place, stream in enumerate(streams)),
            "LANES": sum(count << 16 * place for place, count in enumerate(lanes)),
            "TOTAL": sum(lanes),
        },
        "registers": {name: [(name, width)] for name, width in widths.items()}
        | {"key": [("k", 16), ("l0", 16), ("l1", 16), ("l2", 16)]},
        "watched": ["stream", "lane", "last"],
    }


def saturate(weight_bits: int, count_bits: int) -> dict:
    return {
        "component": SaturatingStep(weight_bits, count_bits),
        "model": "saturate",
        "parameters": {"WEIGHT_BITS": weight_bits, "COUNT_BITS": count_bits},
        "registers": {},
    }


def accumulator(pending: int, **fields) -> dict:
    unit = config(**fields)
    index_bits = Shape.cast(address(unit.depth)).width
    widths = {"after": pending, "unwritten": pending, "unanswered": pending, "weight": unit.weight_bits}
    widths |= {"held": 1, "arrived": 1, "trial": index_bits + 1, "mover": index_bits + 1}
    return {
        "component": Accumulator(unit, pending),
        "model": "accumulator",
        "parameters": {
            "WEIGHT_BITS": unit.weight_bits,
            "INDEX_BITS": index_bits,
            "COMPARED_BITS": min(index_bits, COMPARED_BITS),
            "PENDING": pending,
        },
        "registers": {name: [(name, width)] for name, width in widths.items()}
        | {"recent": [(f"recent{i}", index_bits + 1) for i in range(pending)], "rail": [("at_rail", 1)]},
        "watched": ["read__valid", "read__payload", "read_data__ready", "write__valid", "write__payload", "lost"],
    }


def draw(**fields) -> dict:
    unit = config(**fields)
    component = Draw(unit)
    count, bits = component.candidates, bits_for(unit.max_mass - 1)
    return {
        "component": component,
        "model": "draw",
        "parameters": {
            "MASS_BITS": mass_bits(unit),
            "MAX_MASS": unit.max_mass,
            "DRAW_BITS": bits,
            "DRAW_WORDS": unit.draw_words,
            "CANDIDATES": count,
            "REJECTED_BITS": bits_for(2 * count - 1),
        },
        "registers": {
            "mask": [("mask", bits)],
            "position": [("position", bits_for(count - 1))] if count > 1 else [],
            "carried": [("carried", bits_for(count))],
            "candidates": [("candidates", bits * count)],
            "fits": [("fits", count)],
            "held": [("held", 1)],
            "tokens": [("tokens", 2)],
            "grows": [("grows", 1)],
        },
    }


def binomial(width: int, lanes: int) -> dict:
    widths = {"remainder": width, "divisor": width}
    widths |= dict.fromkeys(("left", "ones", "zeros", "decided", "latest"), 32)
    return {
        "component": Binomial(width, lanes),
        "model": "binomial",
        "parameters": {"WIDTH": width, "LANES": lanes, "POSITION_BITS": bits_for(lanes - 1) if lanes > 1 else 1},
        "registers": {name: [(name, bits)] for name, bits in widths.items()},
    }


def means(lanes: int, momentum_bits: int, gradient_bits: int, encoding: str) -> dict:
    unit = config(
        depth=3 * lanes,
        lanes=lanes,
        momentum_bits=momentum_bits,
        gradient_bits=gradient_bits,
        gradient_encoding=encoding,
    )
    return {
        "component": Means(unit),
        "model": "means",
        "parameters": {
            "LANES": lanes,
            "MEAN_BITS": momentum_bits,
            "GRADIENT_BITS": gradient_bits,
            "SIGN_MAGNITUDE": int(encoding == "sign_magnitude"),
            "BEATS": unit.beats,
            "ADDRESS_BITS": 2,
        },
        "registers": {
            "asked": [("asked", 2)],
            "compared": [("compared", 1)],
            "idle": [("idle", 1)],
            "means": [(f"mean{lane}", momentum_bits) for lane in range(lanes)],
            "ways": [(f"way{lane}", momentum_bits + 1) for lane in range(lanes)],
        },
        "watched": ["write__payload", "beat__payload"],
    }


def select(size: int, bits: int) -> dict:
    return {
        "component": Select(size, bits),
        "model": "select",
        "parameters": {"SIZE": size, "BITS": bits},
        "registers": {},
    }


def axi_lite() -> dict:
    registers = {"active": 1, "enabled": 1, "writes": 1, "held": 1, "address": ADDRESS_BITS}
    responses = ("awready", "wready", "bresp", "bvalid", "arready", "rdata", "rresp", "rvalid")
    return {
        "component": AxiLiteBridge(),
        "model": "axi_lite",
        "parameters": {"ADDRESS_BITS": ADDRESS_BITS},
        "registers": {name: [(name, width)] for name, width in registers.items()},
        "watched": [
            *(f"axi__{name}" for name in responses),
            *(f"bus__{name}" for name in ("psel", "penable", "pwrite", "paddr", "pwdata")),
        ],
    }


def wishbone() -> dict:
    return {
        "component": WishboneBridge(),
        "model": "wishbone",
        "parameters": {"ADDRESS_BITS": ADDRESS_BITS},
        "registers": {"enabled": [("enabled", 1)]},
    }


TWO_WORDS = {"gradient_bits": 32, "smoothing_bits": 16, "depth": 10}


@pytest.mark.parametrize("gate_bits", [1, 16, 32])
@pytest.mark.parametrize("kind", ["trial", "step"])
def test_gate_equals_its_model(kind, gate_bits):
    prove(**gate(gate=kind, gate_bits=gate_bits))


@pytest.mark.parametrize(
    ("kind", "lanes"),
    [
        *((kind, 1) for kind in STEPPED),
        ("xoshiro128++", 2),
        *(pytest.param(kind, 2, marks=pytest.mark.nightly) for kind in STEPPED[1:]),
        pytest.param("xoshiro128++", 4, marks=pytest.mark.nightly),
    ],
)
def test_generator_equals_its_model(kind, lanes):
    prove(**generator(kind, lanes))


@pytest.mark.parametrize("lanes", [1, pytest.param(2, marks=pytest.mark.nightly)])
def test_philox_equals_its_model(lanes):
    prove(**philox(lanes))


@pytest.mark.parametrize(
    ("words", "streams"),
    [
        *((4, {0: 1, 1: lanes}) for lanes in (1, 2, 4, 16)),
        (2, {0: 1, 1: 4}),
        (9, {0: 1, 1: 2}),
        (4, {0: 2, 2: 2, 3: 8, 4: 5}),
    ],
    ids=str,
)
def test_expander_equals_its_model(words, streams):
    prove(**expander(words, streams))


@pytest.mark.parametrize("weight_bits", range(2, 33, 5))
def test_saturating_step_equals_its_model(weight_bits):
    prove(**saturate(weight_bits, COUNT_BITS))


@pytest.mark.parametrize(
    ("pending", "weight_bits", "depth"),
    [(1, 2, 1), (1, 8, 16), (1, 32, 2**27), (2, 2, 4), (3, 4, 7), (4, 8, 16), (4, 32, 2**20)],
)
def test_accumulator_keeps_every_weight_right(pending, weight_bits, depth):
    prove(**accumulator(pending, weight_bits=weight_bits, gradient_bits=2, depth=depth))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"prng_lanes": 2},
        {"prng_lanes": 4},
        {"depth": 1, "lanes": 1, "gradient_bits": 2, "smoothing_bits": 0, "prng_lanes": 2},
        {"depth": 2, "gradient_bits": 32, "smoothing_bits": 0, "prng_lanes": 2},
        *(TWO_WORDS | {"prng_lanes": lanes} for lanes in (1, 2, 4)),
        pytest.param({"prng_lanes": 16}, marks=pytest.mark.nightly),
    ],
    ids=str,
)
def test_draw_equals_its_model(fields):
    prove(**draw(**fields))


@pytest.mark.parametrize("width", [1, 5, pytest.param(17, marks=pytest.mark.nightly)])
def test_binomial_with_a_word_a_row_equals_its_model(width):
    prove(**binomial(width, 1))


@pytest.mark.parametrize(("size", "bits"), [(2, 16), (4, 6), pytest.param(8, 5, marks=pytest.mark.nightly)])
def test_select_equals_its_model(size, bits):
    prove(**select(size, bits))


@pytest.mark.parametrize(
    ("lanes", "momentum_bits", "gradient_bits", "encoding"),
    [
        (1, 4, 3, "twos_complement"),
        (2, 12, 8, "twos_complement"),
        (2, 16, 8, "twos_complement"),
        (2, 9, 4, "sign_magnitude"),
        # More lanes than share a carry chain.
        pytest.param(8, 12, 8, "twos_complement", marks=pytest.mark.nightly),
        pytest.param(4, 16, 3, "sign_magnitude", marks=pytest.mark.nightly),
    ],
)
def test_means_equal_their_model(lanes, momentum_bits, gradient_bits, encoding):
    prove(**means(lanes, momentum_bits, gradient_bits, encoding))


@pytest.mark.parametrize("bridge", [axi_lite, wishbone])
def test_bridges_keep_the_rules_of_both_sides(bridge):
    prove(**bridge())


# A proof that cannot fail proves nothing: wrong circuits.

MUTANTS = {
    "gate": lambda: gate(),
    "step gate": lambda: gate(gate="step"),
    **{kind: lambda kind=kind: generator(kind, 1) for kind in STEPPED},
    "philox4x32-10": lambda: philox(1),
    "expander": lambda: expander(4, {0: 1, 1: 1}),
    "saturate": lambda: saturate(8, 3),
    "accumulator": lambda: accumulator(1),
    "accumulator pending": lambda: accumulator(2, weight_bits=4, depth=4),
    "draw": lambda: draw(prng_lanes=2),
    "binomial": lambda: binomial(2, 1),
    "select": lambda: select(4, 4),
    "means": lambda: means(2, 6, 3, "sign_magnitude"),
    "axi_lite": axi_lite,
    "wishbone": wishbone,
}


SLOW = ("lfsr128", "trivium", "philox4x32-10", "binomial")


@pytest.mark.parametrize("part", [pytest.param(part, marks=[pytest.mark.nightly] * (part in SLOW)) for part in MUTANTS])
def test_mutated_circuits_are_refuted(part):
    # One of four may be a mutant that changes nothing; then the proof holds, and should.
    refuted = 0
    for seed in range(4):
        try:
            prove(**MUTANTS[part](), mutation=[f"mutate -list 1 -seed {seed} -o mutant.ys", "script mutant.ys"])
        except ProofError:
            refuted += 1
    assert refuted >= 3


def test_a_wrong_rotation_is_refuted_with_its_counterexample(monkeypatch):
    def wrong(self, s, right=Xoshiro128pp.next_state):
        return [*right(self, s)[:3], (s[3] ^ s[1]).rotate_left(12)]

    monkeypatch.setattr(Xoshiro128pp, "next_state", wrong)
    with pytest.raises(ProofError, match=r"generator: circuit and model differ\n(?s:.*)rtl_row__payload"):
        prove(**generator("xoshiro128++", 1))


def test_a_model_that_says_too_little_is_not_taken_for_a_proof(monkeypatch, tmp_path):
    # With nothing to tie the two states together the induction must not close, though no counterexample exists.
    model = (formal.MODELS / "generator.v").read_text()
    assert "related = state == rtl_state" in model
    (tmp_path / "generator.v").write_text(model.replace("related = state == rtl_state", "related = 1"))
    monkeypatch.setattr(formal, "MODELS", tmp_path)
    with pytest.raises(ProofError, match="generator: no induction"):
        prove(**generator("xoshiro128++", 1))
