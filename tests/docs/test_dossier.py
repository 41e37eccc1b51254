"""What the pages say of registers, counters and ports is what the code has."""

import re
from pathlib import Path

import pytest

from zimu.golden.bold import BoldConfig
from zimu.golden.names import preset
from zimu.golden.pointwise import PointwiseConfig
from zimu.golden.registers import Control, Register, Status
from zimu.golden.rule import counters_of
from zimu.golden.unit import UnitConfig

DOCS = Path(__file__).parents[2] / "docs"


def rows(page: str, heading: str) -> list[list[str]]:
    """The cells of the table under a heading."""
    text = (DOCS / page).read_text(encoding="utf-8").split(f"## {heading}\n", 1)[1].split("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_register_map_is_the_circuits():
    shown = {}
    for addresses, names, *_ in rows("interfaces.md", "Register map"):
        first, *last = [int(each, 16) for each in re.findall("0x[0-9A-F]{2}", addresses)]
        every = range(first, last[-1] + 4, 4) if last else [first]
        shown |= dict(zip(every, names.split(", "), strict=True))
    assert shown == {register.value: register.name for register in Register}


@pytest.mark.parametrize(("register", "bits"), [("CONTROL", Control), ("STATUS", Status)])
def test_the_bits_of_a_register_are_the_circuits(register, bits):
    (text,) = (row[3] for row in rows("interfaces.md", "Register map") if row[1] == register)
    assert [(int(number), name) for number, name in re.findall(r"(\d) ([A-Z_]+)", text)] == [
        (bit.value, bit.name) for bit in bits
    ]


def test_registers_hold_what_the_rule_declares():
    config = preset("zim8")
    words = {name: value.words for name, value in config.values.items()}
    words |= {name: counter.words for name, counter in counters_of(config.counters).items()}
    for name, count in words.items():
        names = [name.upper()] if count == 1 else [f"{name.upper()}_{half}" for half in ("LO", "HI")]
        assert set(names) <= set(Register.__members__), name


def test_the_counters_of_the_contract_are_the_rules():
    shown = [row[0].strip("`") for row in rows("contract.md", "Counters")]
    assert shown == list(counters_of(UnitConfig.counters))


def test_the_counters_of_boolean_weights_are_the_rules():
    text = (DOCS / "bold.md").read_text(encoding="utf-8").split("Counters: ")[1].split("The default of")[0]
    assert re.findall(r"`(\w+)`", text) == list(counters_of(BoldConfig.counters))
    assert list(counters_of(PointwiseConfig.counters)) == ["steps", "saturations"]
