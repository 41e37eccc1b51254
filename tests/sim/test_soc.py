"""A processor at work: the example system replays the emulator's steps on the unit, through the C driver and a bus."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from zimu.emu.update import ListUnit
from zimu.golden.errors import MissingToolError
from zimu.golden.names import preset
from zimu.golden.programs import find_program, package_folder, run
from zimu.golden.rule import counters_of
from zimu.golden.unit import UnitConfig
from zimu.golden.vectors import VectorSet
from zimu.sim.kit import write_kit
from zimu.sim.simulators import SIMULATORS
from zimu.sim.stimuli import random_vectors

SHAPE = {"weight_bits": 9, "gradient_bits": 7, "smoothing_bits": 4, "depth": 41, "lanes": 4, "gate_bits": 12}
UNITS = {
    "search": UnitConfig(name="signs", **SHAPE | {"depth": 21}, form="search", gradient_encoding="sign_magnitude"),
    "momentum": UnitConfig(name="means", **SHAPE | {"gradient_bits": 10}, momentum_bits=13, trials_shift=4),
    "split": UnitConfig(name="tiles", **SHAPE, sampler="split", tile=8, subtrees=1, tile_streams=1, engines=1),
    "preset": preset("zim8_search"),
}

COMPILER, COPIER = "riscv64-unknown-elf-gcc", "riscv64-unknown-elf-objcopy"
FLAGS = "-march=rv32i -mabi=ilp32 -O2 -std=c99 -Wall -Wextra -Wpedantic -Werror -ffreestanding -nostdlib -T soc.ld"

REFUSALS = [
    "start without a seed: the unit refused: it has no seed, not all gradients, or is busy",
    "weights that nobody asked for: the bus answered with an error: no such register, or one that cannot be used now",
]
"""What the driver says before the first step."""


@dataclass(frozen=True)
class System:
    """The example system of a unit, ready to run in a folder."""

    config: UnitConfig
    folder: Path
    command: list[str]
    """Of the simulation, which reads the program when it begins."""

    def replay(self, words: Sequence[int]) -> tuple[int, list[str]]:
        """Run the program with these recorded words: exit code of the simulation, and the lines printed."""
        (self.folder / "vectors.h").write_text("".join(f"0x{word:08x}u,\n" for word in words))
        sources = ["soc.S", f"{self.config.name}_soc.c", "zimu.c"]
        run([COMPILER, *FLAGS.split(), *sources, "-lgcc", "-o", "soc.elf"], folder=self.folder, timeout=60)
        image = ["-O", "verilog", "--verilog-data-width", "4", "soc.elf", "soc.hex"]
        run([COPIER, *image], folder=self.folder, timeout=60)
        ended = subprocess.run(self.command, cwd=self.folder, capture_output=True, text=True, timeout=500)
        return ended.returncode, ended.stdout.splitlines()


def build(config: UnitConfig, simulator: str, folder: Path) -> System:
    try:
        environment = SIMULATORS[simulator]()
        find_program(COMPILER)
        processor = package_folder("pythondata_cpu_picorv32") / "verilog" / "picorv32.v"
    except MissingToolError as missing:
        pytest.skip(str(missing))
    write_kit(config, folder, bus="wishbone")
    top = f"{config.name}_soc_tb"
    files = [f"{config.name}.v", f"{config.name}_soc.v", f"{top}.sv", processor]
    if simulator == "icarus":
        run(["iverilog", "-g2012", "-s", top, "-o", "soc", *files], folder=folder, timeout=60)
        return System(config, folder, ["vvp", "-n", "soc"])
    options = ["--binary", "--timing", "-Wno-fatal", "--top-module", top, "-Mdir", "built", "-o", "soc"]
    run(["verilator", *options, "zimu.vlt", *files], folder=folder, timeout=300, environment=environment)
    return System(config, folder, ["built/soc"])


@pytest.fixture(scope="module")
def momentum(tmp_path_factory):
    return build(UNITS["momentum"], "verilator", tmp_path_factory.mktemp("momentum"))


def emulated(config: UnitConfig, steps: int) -> VectorSet:
    """Random steps, and what the emulator makes of them."""
    drawn = random_vectors(config, 5, steps)
    stimuli = [step.stimulus for step in drawn.steps]
    return VectorSet.record(config, drawn.seed, drawn.memory, stimuli, unit=ListUnit)


def answers(config: UnitConfig) -> list[str]:
    """What is recorded after each step, a name for every word: weights, what is kept beside them, counters."""
    counters = counters_of(config.counters).items()
    kept = [f"{name}[{i}]" for name in ("weights", *config.memories) for i in range(config.depth)]
    return kept + [f"{name}[{i}]" for name, counter in counters for i in range(counter.words)]


def takes_the_emulators_steps(system: System, steps: int) -> None:
    status, lines = system.replay(emulated(system.config, steps).words())
    assert lines[:3] == [*REFUSALS, f"PASS: {steps * len(answers(system.config))} values agree"]
    assert status == 0


def test_a_processor_gets_the_emulators_weights_means_and_counters(momentum):
    takes_the_emulators_steps(momentum, 6)


@pytest.mark.parametrize(
    ("unit", "simulator", "steps"),
    [
        ("search", "icarus", 2),
        pytest.param("momentum", "icarus", 6, marks=pytest.mark.nightly),
        pytest.param("search", "verilator", 60, marks=pytest.mark.nightly),
        pytest.param("split", "verilator", 60, marks=pytest.mark.nightly),
        pytest.param("preset", "verilator", 20, marks=pytest.mark.nightly),
    ],
)
def test_a_processor_gets_the_emulators_weights_and_counters(tmp_path, unit, simulator, steps):
    takes_the_emulators_steps(build(UNITS[unit], simulator, tmp_path), steps)


def test_a_processor_sees_every_kind_of_wrong_answer(momentum):
    vectors = emulated(momentum.config, 2)
    words, fields = vectors.words(), answers(momentum.config)
    right = dict(zip(fields, words[-len(fields) :], strict=True))
    counters = [
        f"{name}[{i}]" for name, counter in counters_of(momentum.config.counters).items() for i in range(counter.words)
    ]
    for field in ["weights[0]", "weights[40]", "momentum[40]", *counters]:
        wrong = list(words)
        wrong[fields.index(field) - len(fields)] ^= 1
        status, lines = momentum.replay(wrong)
        told = f"FAIL: step 1, {field}: expected 0x{right[field] ^ 1:08x}, got 0x{right[field]:08x}"
        assert lines[2] == told
        assert not [line for line in lines if line.startswith("PASS")]
        assert status != 0


def test_a_program_of_another_configuration_is_told_so(momentum, tmp_path):
    shutil.copytree(momentum.folder, tmp_path / "soc")
    write_kit(momentum.config.replace(gate_bits=13), tmp_path / "other", bus="wishbone")
    shutil.copy(tmp_path / "other" / "means.h", tmp_path / "soc")
    status, lines = replace(momentum, folder=tmp_path / "soc").replay(emulated(momentum.config, 1).words())
    assert lines[0] == "FAIL: the unit is of another configuration: build with the header that came with its Verilog"
    assert status != 0


def test_vectors_of_another_depth_are_refused(momentum):
    words = emulated(momentum.config, 1).words()
    words[2] += 1
    status, lines = momentum.replay(words)
    assert lines[0] == "FAIL: vectors.h is not of means"
    assert status != 0
