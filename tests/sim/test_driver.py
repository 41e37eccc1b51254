"""The C driver, compiled for this machine, at a unit that Verilator made a program of, through the unit's bus."""

import re
from pathlib import Path

import pytest

from zimu.golden.programs import run
from zimu.golden.registers import Register
from zimu.golden.unit import UnitConfig
from zimu.sim.kit import write_kit
from zimu.sim.simulators import SIMULATORS, why_missing
from zimu.sim.stimuli import random_vectors

HOST = Path(__file__).with_name("driver_host.cpp")

OK, BUS_ERROR, OTHER_CONFIG, BAD_VALUE, REFUSED = 0, 1, 3, 4, 5
"""Of `enum zimu_status`."""

SHAPE = {"weight_bits": 9, "gradient_bits": 7, "smoothing_bits": 4, "depth": 21, "lanes": 4, "gate_bits": 12}
UNITS = {
    "search": UnitConfig(name="unit", **SHAPE, form="search", gradient_encoding="sign_magnitude"),
    "momentum": UnitConfig(name="unit", **SHAPE | {"gradient_bits": 10, "lanes": 1}, momentum_bits=13, trials_shift=4),
    "split": UnitConfig(name="unit", **SHAPE, sampler="split", tile=8, subtrees=1, tile_streams=1, engines=1),
}


@pytest.fixture(scope="module", params=UNITS)
def unit(request, tmp_path_factory):
    """A configuration, and its program."""
    if reason := why_missing("verilator"):
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp(request.param)
    write_kit(UNITS[request.param], folder, bus="wishbone")
    flags = "-std=c99 -Wall -Wextra -Wpedantic -Wconversion -Werror"
    run(["cc", *flags.split(), "-c", "zimu.c", "-o", "zimu.o"], folder=folder, timeout=60)
    command = [
        "verilator",
        "--cc",
        "--exe",
        "--build",
        "-Wno-fatal",
        "zimu.vlt",
        "--top-module",
        "unit",
        "--prefix",
        "Vunit",
    ]
    command += ["-CFLAGS", f"-I{folder}", "-Mdir", "built", "-o", "host", "unit.v", str(HOST), str(folder / "zimu.o")]
    run(command, folder=folder, timeout=300, environment=SIMULATORS["verilator"]())
    return UNITS[request.param], folder / "built" / "host"


def talk(program: Path, orders: list[str]) -> list[list[int]]:
    """What the program answers to each order: the driver's status, and numbers."""
    answers = run([program], timeout=120, stdin="\n".join(orders) + "\n").splitlines()
    assert len(answers) == len(orders)
    return [[int(number) for number in answer.split()] for answer in answers]


def words(order: str, *numbers) -> str:
    flat = [number for part in numbers for number in (part if isinstance(part, list) else [part])]
    return " ".join([order, *map(str, flat)])


def kept(memory) -> list[int]:
    """Weights, then what is kept beside them."""
    return [number for values in memory.values() for number in values]


def test_the_driver_takes_steps_as_the_reference_does(unit):
    config, program = unit
    vectors = random_vectors(config, 5, 6)
    decode = config.encoding.decode
    orders = ["open 0", words("load", kept(vectors.memory)), words("seed", vectors.seed)]
    for step in vectors.steps:
        values = step.stimulus.registers
        given = [values.get(name, 0) for name in ("trials", "threshold", "smoothing", "decay", "rate")]
        orders += [words("step", given, [decode(g) for g in step.stimulus.gradients]), "read", "counters"]
    answers = talk(program, orders)
    assert [answer[0] for answer in answers] == [OK] * len(orders)
    for number, step in enumerate(vectors.steps):
        _, weights, counters = answers[3 + 3 * number :][:3]
        assert weights[1:] == kept(step.memory)
        assert counters[1:] == list(step.counters.values())


def test_what_goes_wrong_is_told_and_changes_nothing(unit):
    config, program = unit
    weights = [0] * config.depth
    means = [0] * config.depth if config.momentum else []
    low, high = config.encoding.limits
    good = [1, 1, 0, 0, 0]
    answers = talk(
        program,
        [
            "open 1",
            "open 0",
            "start",  # no seed
            words("load", weights[:-1], 2 ** (config.weight_bits - 1), means),
            words("load", [7] * config.depth, means),
            words("seed", 2**64 - 1),
            "start",  # no gradients
            words("step", good, [0] * (config.depth - 1), high + 1),
            words("step", good, [0] * (config.depth - 1), low - 1),
            words("step", 1, config.max_threshold + 1, 0, 0, 0, [0] * config.depth),
            words("step", 1, 1, config.max_smoothing + 1, 0, 0, [0] * config.depth),
            "rewind",  # the gradients of the last two are there
            "part",
            "rewind",
            words("step", good, [low] * config.depth),
            "counters",
        ],
    )
    statuses = [answer[0] for answer in answers]
    assert statuses[:7] == [OTHER_CONFIG, OK, REFUSED, BAD_VALUE, OK, OK, REFUSED]
    assert statuses[7:9] == [BAD_VALUE] * 2
    assert statuses[9] == BAD_VALUE
    assert statuses[11:] == [OK] * 5
    assert answers[-1][1] == 1, "one step in all"


def test_the_header_has_the_addresses_of_the_registers(tmp_path):
    write_kit(UNITS["search"], tmp_path)
    text = (tmp_path / "zimu_registers.h").read_text()
    defined = dict(re.findall(r"#define ZIMU_(\w+) (0x\w+)u", text))
    assert {register.name: f"0x{register:02X}" for register in Register}.items() <= defined.items()
