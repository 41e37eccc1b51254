"""The house: which folder may import which, and that every rule has its file on every side."""

import ast
import inspect
from importlib import import_module
from pathlib import Path

import pytest

from zimu.emu.update import UpdateUnit
from zimu.golden.rule import RULES, RuleConfig, config_class, counters_of
from zimu.golden.update import Reference
from zimu.rtl.update import UpdateCore
from zimu.sim.verilog import TOPS

ROOT = Path(__file__).parents[2]

MAY_IMPORT = {
    "golden": set(),
    "emu": {"golden"},
    "rtl": {"golden"},
    "sim": {"golden", "emu", "rtl"},
    "cost": {"golden", "rtl"},
    "study": {"golden", "emu", "rtl", "sim", "cost"},
}
"""Beside itself; ``zimu/`` may import all. Of ``zimu`` itself a folder takes the version alone."""


def imported(path: Path) -> set[str]:
    """The folders a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        found |= {f"{name}.".split(".")[1] for name in names if name.split(".")[0] == "zimu"}
    return found - {""}


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_imports_go_one_way(folder):
    paths = sorted((ROOT / folder).rglob("*.py"))
    assert paths
    wrong = {path.name: others for path in paths if (others := imported(path) - MAY_IMPORT[folder] - {folder})}
    assert wrong == {}


def test_an_import_is_seen_wherever_it_stands(tmp_path):
    path = tmp_path / "a.py"
    path.write_text("import zimu.cost.price\ndef f():\n    from zimu.rtl.unit import ZimCore\nimport zimu, numpy\n")
    assert imported(path) == {"cost", "rtl"}


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_has_its_parts_on_every_side(rule):
    golden, emu, rtl, sim = (import_module(f"zimu.{side}.{RULES[rule]}") for side in ("golden", "emu", "rtl", "sim"))
    assert issubclass(golden.CONFIG, RuleConfig)
    assert golden.CONFIG.rule == rule
    assert issubclass(golden.REFERENCE, Reference)
    assert issubclass(emu.UNIT, UpdateUnit)
    assert issubclass(rtl.CORE, UpdateCore)
    assert {"memory", "stimulus", "clocks"} <= {name for name, _ in inspect.getmembers(sim.OPERANDS, callable)}
    config = config_class(rule)
    assert all(set(buses) <= set(TOPS[top]) for top, buses in config.tops.items())
    assert next(iter(counters_of(config.counters))) == "steps"
