"""What the frozen vector sets of the integer unit hold: one small scenario for each corner of the contract.

``python -m zimu.golden.scenarios FOLDER`` writes the frozen sets of all rules. They never change, so neither do these.
"""

import sys
from collections.abc import Iterator
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

from zimu.golden.prng import Stream, WordStream
from zimu.golden.rule import RULES
from zimu.golden.unit import UnitConfig
from zimu.golden.vectors import Memory, Stimulus, VectorSet

SEED = 0x0123456789ABCDEF

_DEFAULTS: dict[str, Any] = {
    "weight_bits": 8,
    "gradient_bits": 8,
    "smoothing_bits": 4,
    "depth": 16,
    "lanes": 4,
    "gate": "trial",
    "gate_bits": 8,
}


class Scenario:
    """One vector set, built step by step; numbers come from the unit's own generator under another seed."""

    def __init__(self, name: str, **fields: Any) -> None:
        self.config = UnitConfig(name=name, **_DEFAULTS | fields)
        self.memory: Memory = {"weights": [0] * self.config.depth}
        self.stimuli: list[Stimulus] = []
        self._words = (row[0] for row in WordStream("xoshiro128++", SEED ^ (2**64 - 1), Stream.TRIALS, 1).rows())

    def start(self, *weights: int, **beside: tuple[int, ...]) -> "Scenario":
        """Initial weights, and what is kept beside them by name, repeated up to the depth."""
        memory = {name: values for name, values in {"weights": weights, **beside}.items() if values}
        self.memory |= {name: list(self._filled(values)) for name, values in memory.items()}
        return self

    def step(self, *gradients: int, n: int, T: int | None = None, c: int = 0, **others: int) -> "Scenario":
        """Add a step; patterns of gradients are repeated up to the depth, T is 2^gate_bits unless given.

        ``others`` are the run-time values that not all units have.
        """
        threshold = self.config.max_threshold if T is None else T
        values = {"trials": n, "threshold": threshold, "smoothing": c, **others}
        self.stimuli.append(Stimulus(self._filled(gradients), values))
        return self

    def random(self, n: int, bits: int | None = None, **values: int) -> "Scenario":
        """Add a step with patterns all over ``bits`` bits, the configuration's width unless given."""
        kind = self.config.gradient
        kind = kind._replace(bits=bits or kind.bits)
        words = islice(self._words, self.config.depth)
        return self.step(*((word >> (32 - kind.bits)) + kind.limits[0] for word in words), n=n, **values)

    def record(self) -> VectorSet:
        """Run the reference."""
        return VectorSet.record(self.config, SEED, self.memory, self.stimuli)

    def _filled(self, values: tuple[int, ...]) -> tuple[int, ...]:
        depth = self.config.depth
        return (values * depth)[:depth]


SCENARIOS = (
    # The two gates, and every end of their range.
    Scenario("trial_gate").start(5, -7, 0).random(16, T=128, c=1).random(40, T=10, c=2).random(9, T=255),
    Scenario("step_gate", gate="step", depth=12)
    .random(12, T=128, c=1)
    .random(12, T=64, c=1)
    .random(0, T=128, c=1)
    .random(12, T=128)
    .random(12, T=0)
    .random(12)
    .random(12, T=64, c=3),
    Scenario("no_trials").start(1, -1).random(0, c=1).random(0, T=0).random(7, c=1),
    Scenario("threshold_ends").random(20, T=0, c=1).random(20, c=1).random(20, T=1, c=1).random(20, T=255, c=1),
    Scenario("gate_bits_1", gate_bits=1).random(20, T=0).random(20, T=1).random(20, T=2),
    Scenario("gate_bits_32", gate_bits=32)
    .random(12, T=2**32)
    .random(12, T=2**32 - 1)
    .random(12, T=2**31)
    .random(12, T=1)
    .random(12, T=0),
    Scenario("gate_bits_32_step", gate="step", gate_bits=32, depth=8)
    .random(9, T=2**32)
    .random(9, T=2**31)
    .random(9, T=2**31)
    .random(9, T=2**31),
    # W: none at all, 1, a power of two and its neighbours.
    Scenario("no_mass", depth=10, prng_lanes=2)
    .start(3, -4)
    .step(0, n=9)
    .random(9, c=1)
    .step(0, n=9, T=128)
    .step(0, n=9, c=2)
    .random(9, T=128),
    Scenario("no_mass_step", depth=10, gate="step").step(0, n=9, T=128).random(9, T=128).random(9, T=128),
    Scenario("mass_one", depth=6).step(*[0] * 4, 1, 0, n=5).step(-1, *[0] * 5, n=5, T=100).step(*[0] * 5, 1, n=3),
    Scenario("mass_power_of_two", depth=16)
    .step(4, -4, n=30)
    .step(5, *[-4] * 15, n=30)
    .step(3, *[4] * 15, n=30)
    .step(0, n=30, c=1)
    .step(1, 1, *[0] * 14, n=10)
    .step(1, -1, 1, *[0] * 13, n=10),
    Scenario("mass_32_bits", depth=2, gradient_bits=32, smoothing_bits=0, weight_bits=4, lanes=1)
    .step(-(2**31), n=9)
    .step(-(2**31), 2**31 - 1, n=9)
    .step(-(2**31), 1, n=9),
    # Gradients and weights at the ends of their ranges.
    Scenario("most_negative", depth=9).step(-128, n=12).step(-128, 127, 0, n=12, c=15).step(*[0] * 8, -128, n=4),
    Scenario("rails", weight_bits=4, depth=8)
    .start(7, -8, 6, -7)
    .step(-9, 9, n=40)
    .step(9, -9, n=200)
    .step(-1, 1, n=200, c=1),
    Scenario("rails_32", weight_bits=32, depth=4)
    .start(2**31 - 1, -(2**31), 2**31 - 2, 3 - 2**31)
    .step(-1, 1, n=12)
    .step(-1, 1, 1, -1, n=12),
    Scenario("discarded").step(*[0] * 15, 3, n=40, c=1).step(0, n=40, T=77, c=15).step(1, 0, 0, n=40, c=3),
    # Widths.
    Scenario("bits_2", weight_bits=2, gradient_bits=2).random(10).random(10, c=1).random(10, T=99, c=15),
    Scenario("bits_4", weight_bits=4, gradient_bits=4, depth=64).random(64, c=1).random(64, T=128).random(8),
    Scenario("bits_16", weight_bits=16, gradient_bits=16, gate_bits=16, depth=48).random(48, c=1).random(48, T=9999),
    Scenario("bits_32", weight_bits=32, gradient_bits=32, depth=20).random(20, c=1).random(40, T=200, bits=8),
    Scenario("weight_2_gradient_16", weight_bits=2, gradient_bits=16).random(16, c=1).random(50),
    Scenario("weight_16_gradient_2", weight_bits=16, gradient_bits=2).start(-300, 299).random(99, c=1).random(50),
    Scenario("smoothing_none", smoothing_bits=0).random(16).random(16, T=128).step(1, 0, -1, n=20),
    Scenario("smoothing_widest", smoothing_bits=16).random(16, c=2**16 - 1).random(16, c=2**15).random(16),
    # Shapes: a single weight, padding lanes, more lanes than weights.
    Scenario("depth_1", depth=1, lanes=1).start(-5).step(3, n=4).step(-1, n=4, T=128).step(0, n=4, c=1).step(0, n=4),
    Scenario("ragged_beat", depth=13, lanes=8).random(26, c=15).random(26, T=128, c=1),
    Scenario("wide_beat", depth=3, lanes=64).random(9, c=15).random(9, T=128, c=1),
    Scenario("odd_depth_tree", depth=33, lanes=2, form="tree").random(33, c=1).random(33, T=128).random(3),
    # Interleaved generators, one word a draw and two; a step may end anywhere in a row.
    Scenario("prng_lanes_2", prng_lanes=2).random(7, c=1).random(8, c=1).random(9, T=128, c=1),
    Scenario("prng_lanes_4", prng_lanes=4).random(5, c=1).random(6, c=1).random(7, T=128, c=1).random(1, c=1),
    Scenario("prng_lanes_16", prng_lanes=16, depth=8, gate="step").random(3, T=200).random(33, T=200).random(3),
    *(
        Scenario(f"two_words_{lanes}", gradient_bits=32, smoothing_bits=16, depth=10, prng_lanes=lanes)
        .random(9, c=1)
        .random(9, c=2**16 - 1, bits=4)
        .step(-(2**31), n=9, T=128)
        .random(9)
        for lanes in (1, 2, 4)
    ),
    # The other kinds of generators, a step ending anywhere in a block or between two halves of an output.
    *(
        Scenario(name, prng=kind, prng_lanes=lanes).random(9, c=1).random(12, T=128, c=1).random(1).random(16, c=3)
        for name, kind, lanes in (
            ("philox", "philox4x32-10", 1),
            ("philox_lanes_4", "philox4x32-10", 4),
            ("pcg", "pcg32", 2),
            ("aox", "xoroshiro128aox", 1),
            ("aox_lanes_2", "xoroshiro128aox", 2),
            ("lfsr", "lfsr128", 1),
            ("trivium", "trivium", 2),
        )
    ),
    # The split sampler: one tile and many, padding tiles, subtrees, streams taken in turn, draws of 16 and 32 bits.
    Scenario("split", sampler="split", tile=4).start(5, -7, 0).random(16, T=128, c=1).random(64, c=2).random(9, T=255),
    Scenario("split_one_tile", sampler="split", tile=64, depth=13).random(13, c=1).random(40, T=77).random(0, c=1),
    Scenario("split_ragged", sampler="split", tile=8, depth=77, prng_lanes=2).random(77, c=1).random(300, T=200, c=15),
    Scenario("split_subtrees", sampler="split", tile=4, depth=60, subtrees=4, tile_streams=2, prng_lanes=4)
    .random(60, c=1)
    .random(7, T=128)
    .random(999, c=3)
    .random(60, T=1, c=1),
    Scenario("split_streams", sampler="split", tile=8, depth=128, lanes=8, tile_streams=4, prng_lanes=2)
    .random(128, c=1)
    .random(128, T=100)
    .random(2000, c=1),
    Scenario("split_step_gate", sampler="split", tile=8, depth=40, gate="step", prng_lanes=2)
    .random(40, T=128, c=1)
    .random(0, T=128, c=1)
    .random(40, T=100, c=1)
    .random(40),
    Scenario("split_no_mass", sampler="split", tile=4, depth=20, subtrees=2)
    .step(0, n=9)
    .step(*[0] * 13, 5, *[0] * 6, n=30)
    .step(*[3] * 8, *[0] * 12, n=30)
    .step(0, n=9, c=2),
    Scenario("split_rails", sampler="split", tile=4, depth=8, weight_bits=4)
    .start(7, -8, 6, -7)
    .step(-9, 9, n=40)
    .step(9, -9, 0, 1, n=2000, T=255)
    .step(-1, 1, n=200, c=1),
    Scenario("split_wide", sampler="split", tile=16, depth=50, gradient_bits=16, weight_bits=16, smoothing_bits=16)
    .random(50, c=1)
    .random(50, T=99, c=2**16 - 1)
    .random(400, bits=3),
    Scenario("split_widest", sampler="split", tile=2, depth=6, lanes=1, gradient_bits=32, smoothing_bits=0)
    .step(-(2**31), n=9)
    .step(-(2**31), 1, n=9)
    .random(9, T=128),
    Scenario("split_philox", sampler="split", tile=8, depth=64, prng="philox4x32-10", subtrees=2, tile_streams=2)
    .random(64, c=1)
    .random(64, T=128, c=1),
    Scenario("split_aox", sampler="split", tile=8, depth=64, prng="xoroshiro128aox", tile_streams=2)
    .random(64, c=1)
    .random(63, T=128, c=1),
    # Sign and magnitude: a zero with a sign, alone and among others, and every pattern of narrow gradients.
    Scenario("sign_magnitude", gradient_encoding="sign_magnitude")
    .start(5, -7, 0)
    .random(16, T=128, c=1)
    .step(128, n=9)
    .step(128, 0, n=20, c=3)
    .step(127, 255, 128, n=40)
    .step(*[128] * 15, 131, n=9)
    .random(40),
    Scenario("sign_magnitude_narrow", gradient_encoding="sign_magnitude", gradient_bits=2, weight_bits=3, depth=9)
    .random(20)
    .random(20, c=1)
    .step(2, n=9),
    Scenario("sign_magnitude_32", gradient_encoding="sign_magnitude", gradient_bits=32, smoothing_bits=1, depth=2)
    .step(2**31 - 1, 2**32 - 1, n=9, c=1)
    .step(2**31, 2**31 + 1, n=9),
    Scenario("sign_magnitude_split", gradient_encoding="sign_magnitude", sampler="split", tile=8, depth=20)
    .random(40, c=1)
    .step(128, 5, 133, n=40, T=200)
    .step(128, n=9, c=2),
    # Momentum: every decay, means at both rails and around every rounding, steps that draw nothing.
    Scenario("momentum", momentum_bits=16, depth=24, weight_bits=5)
    .start(5, -7, 0, momentum=(2**15 - 1, -(2**15), 128, 127, 0, -1, -128, -129, 255, 256, 1, -256))
    .random(24, decay=7)
    .random(24, decay=6, c=1)
    .random(24, decay=5, T=128)
    .random(0, decay=4)
    .random(24, decay=3, T=0)
    .random(24, decay=2)
    .random(24, decay=1)
    .random(24, decay=0)
    .step(127, -128, 0, 1, -1, n=24, decay=7)
    .step(0, n=24, decay=3)
    .step(0, n=24, decay=0)
    .step(0, n=24, decay=7, c=3),
    Scenario("momentum_rails", momentum_bits=12, depth=8, gate="step")
    .start(momentum=(2047, -2048, 2040, -2040))
    .step(127, -128, n=9, decay=3)
    .step(-128, 127, n=9, decay=0, T=60)
    .step(127, n=9, decay=1, T=60)
    .step(-128, n=9, decay=2, T=60, c=1),
    Scenario("momentum_empty", momentum_bits=16, depth=8)
    .start(momentum=(0, 255, 127, 129))
    .step(0, n=9, decay=3)
    .step(1, -1, n=9, decay=7)
    .step(3, -3, n=9, decay=4),
    Scenario("momentum_narrow", momentum_bits=3, gradient_bits=2, depth=8)
    .start(momentum=(-4, -3, -2, -1, 0, 1, 2, 3))
    .step(0, n=9, decay=0)
    .step(1, -2, -1, n=9, decay=0),
    Scenario("momentum_decay_1", momentum_bits=6, gradient_bits=4, depth=16)
    .start(momentum=tuple(range(-32, 32, 4)))
    .step(0, n=20, decay=1)
    .step(1, -1, n=20, decay=1)
    .step(0, n=20, decay=1),
    Scenario("momentum_signs", momentum_bits=12, gradient_encoding="sign_magnitude", depth=12)
    .start(momentum=(-2048, 2047, 8))
    .step(255, 127, 128, n=20, decay=3)
    .random(20, decay=2, c=1)
    .random(20, decay=0),
    # n from the mass: less than the limit, the limit itself, none at all, the ends of the rate and of the shift.
    Scenario("rate", trials_shift=16)
    .random(99, rate=1000)
    .random(99, rate=3000, T=128, c=1)
    .random(9, rate=65535)
    .random(99, rate=0, c=1)
    .random(99, rate=60, c=1)
    .step(0, n=99, rate=65535)
    .step(0, n=99, rate=8192, c=1),
    Scenario("rate_step_gate", trials_shift=12, gate="step", depth=12)
    .random(40, rate=100, T=60)
    .random(40, rate=0, T=128)
    .random(40, rate=150, T=128)
    .random(7, rate=200, T=200),
    Scenario("rate_unshifted", trials_shift=0).step(1, *[0] * 15, n=50, rate=33).step(1, -1, n=60, rate=65535),
    Scenario("rate_wide", trials_shift=47, gradient_bits=32, depth=8)
    .random(9, rate=65535)
    .step(-(2**31), n=9, rate=65535)
    .step(-(2**31), n=5, rate=65535),
    Scenario("rate_widest", trials_shift=63, gradient_bits=32, depth=8).step(-(2**31), n=9, rate=65535, c=15),
    Scenario("rate_momentum", trials_shift=16, momentum_bits=16, depth=24, prng_lanes=2)
    .random(60, decay=3, rate=4000)
    .random(60, decay=3, rate=9000, T=128, c=1)
    .random(60, decay=1, rate=1500)
    .step(0, n=60, decay=0, rate=65535),
)
"""All scenarios; the name of each is its configuration's and its file's."""


def vector_sets() -> Iterator[VectorSet]:
    """Every frozen set, recorded anew: those of the scenarios, and ``VECTOR_SETS()`` of each rule's file with some."""
    yield from (scenario.record() for scenario in SCENARIOS)
    for name in RULES.values():
        yield from getattr(import_module(f"zimu.golden.{name}"), "VECTOR_SETS", tuple)()


def write_all(folder: Path) -> list[Path]:
    """Write every frozen set into ``folder``; the same bytes each time."""
    return [vectors.save(folder / f"{vectors.config.name}.hex") for vectors in vector_sets()]


if __name__ == "__main__":
    print(f"{len(write_all(Path(sys.argv[1])))} vector sets written")
