"""Verilog out: the same bytes everywhere, legal for every reader, and the same circuit as the RTLIL it came from."""

import json
import os
import re
import subprocess
import sys

import pytest

from zimu.golden.config import CONTRACT_VERSION, UnitConfig
from zimu.golden.float_sgd import FloatSGDConfig
from zimu.golden.int_sgd import IntSGDConfig
from zimu.golden.presets import preset
from zimu.golden.rule import RuleConfig
from zimu.rtl.netlist import to_rtlil, yosys
from zimu.rtl.programs import run
from zimu.sim.simulators import SIMULATORS, why_missing
from zimu.sim.verilog import TOPS, circuit, write_rtl

WRITE = """
import sys
from zimu.golden.rules import from_toml
from zimu.sim.verilog import write_rtl
text, *tops = sys.argv[1:]
for top in tops:
    write_rtl(from_toml(text), top, top)
"""


def small(name="tiny", **fields) -> UnitConfig:
    shape = {"weight_bits": 4, "gradient_bits": 4, "smoothing_bits": 2, "depth": 9, "lanes": 2, "gate_bits": 8}
    return UnitConfig(name=name, **shape | fields)


WIDTHS = {"weight_bits": 4, "gradient_bits": 5, "rate_bits": 3, "fraction_bits": 7}
INTEGERS = IntSGDConfig(name="integers", depth=9, lanes=2, **WIDTHS)
FLOATS = FloatSGDConfig(name="floats", depth=9, lanes=2, weights="e4m3", random_bits=9, momentum=True)
NOTHING_RANDOM = FloatSGDConfig(name="plain", depth=1, weights="e5m2", rate="power_of_two", stages="comb")
RIVALS = [INTEGERS, FLOATS, NOTHING_RANDOM]


def tops_of(config: RuleConfig) -> list[str]:
    return ["core", "unit"] if config.rule == "zim" else ["core"]


@pytest.mark.parametrize("config", [small(form="tree"), preset("zim8_search"), *RIVALS], ids=lambda config: config.name)
def test_the_files_are_the_same_bytes_in_every_process_and_folder(tmp_path, config):
    written = []
    for number in (1, 2):
        folder = tmp_path / f"somewhere-{number}" / ("deep" * number)
        folder.mkdir(parents=True)
        environment = os.environ | {"PYTHONHASHSEED": str(number), "HOME": str(folder), "TZ": f"UTC+{number}"}
        subprocess.run(
            [sys.executable, "-c", WRITE, config.to_toml(), *tops_of(config)], cwd=folder, env=environment, check=True
        )
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        assert [str(path.relative_to(folder)) for path in files] == [
            f"{top}/{config.name}.{suffix}" for top in tops_of(config) for suffix in ("json", "v")
        ]
        written.append([path.read_bytes() for path in files])
    assert written[0] == written[1]
    text = b"".join(written[0]).decode()
    assert not re.search(r"\.py\b|/tmp|/home|somewhere|Yosys|\b20\d\d-\d\d|\d\d:\d\d:\d\d", text)


@pytest.mark.parametrize(
    ("config", "top"),
    [(config, top) for config in (preset("zim8"), preset("zim8_search"), *RIVALS) for top in tops_of(config)],
    ids=lambda each: getattr(each, "name", each),
)
def test_every_reader_takes_the_verilog(tmp_path, config, top):
    verilog, _ = write_rtl(config, top, tmp_path)
    yosys([f"read_verilog {verilog.name}", f"hierarchy -check -top {config.name}", "check -assert"], folder=tmp_path)
    if not why_missing("icarus"):
        assert run(["iverilog", "-g2005", "-Wall", "-t", "null", verilog], timeout=60) == ""
    if not why_missing("verilator"):
        environment = SIMULATORS["verilator"]()
        run(["verilator_bin", "--lint-only", "-Wno-fatal", verilog], timeout=60, environment=environment)


def test_modules_have_plain_names_that_begin_with_the_units(tmp_path):
    for top in TOPS:
        text = write_rtl(small(), top, tmp_path)[0].read_text()
        names = re.findall(r"^module (\w+)", text, re.MULTILINE)
        assert len(names) > 8
        assert names.count("tiny") == 1
        assert all(re.fullmatch(r"tiny(_[A-Z][A-Za-z0-9_]*)?", name) for name in names)


def test_units_of_different_names_live_in_one_design(tmp_path):
    # Names that end like submodules of the others.
    units = {
        name: small(name, form=form) for name, form in (("tiny", "tree"), ("tiny_core", "search"), ("tiny_", "tree"))
    }
    for name, config in units.items():
        write_rtl(config, "unit", tmp_path)
        assert (tmp_path / f"{name}.v").exists()
    reads = [f"read_verilog {name}.v" for name in units]  # a second module of one name is an error
    yosys([*reads, *(f"hierarchy -check -top {name}" for name in ("tiny",))], folder=tmp_path)


@pytest.mark.parametrize(
    ("config", "top"),
    [(config, top) for config in (small(smoothing_bits=0), *RIVALS) for top in tops_of(config)],
    ids=lambda each: getattr(each, "name", each),
)
def test_the_manifest_says_what_the_verilog_is(tmp_path, config, top):
    verilog, manifest = write_rtl(config, top, tmp_path)
    content = json.loads(manifest.read_text())
    assert content["module"] == config.name
    assert content["top"] == top
    assert content["contract_version"] == CONTRACT_VERSION
    assert content["rule"] == config.rule
    assert type(config)(**content["parameters"]) == config
    # Yosys' view of the module's ports is the judge.
    yosys([f"read_verilog {verilog.name}", "proc", "write_json netlist.json"], folder=tmp_path)
    ports = json.loads((tmp_path / "netlist.json").read_text())["modules"][config.name]["ports"]
    listed = {port["name"]: (port["direction"], port["width"]) for port in content["ports"]}
    assert listed == {name: (port["direction"], len(port["bits"])) for name, port in ports.items()}


@pytest.mark.parametrize(
    "config", [small("search", form="search"), small("tree", form="tree"), *RIVALS], ids=lambda config: config.name
)
def test_the_verilog_is_the_circuit_of_the_rtlil(tmp_path, config):
    verilog, _ = write_rtl(config, "core", tmp_path)
    (tmp_path / "source.il").write_text(to_rtlil(circuit(config, "core"), "source"))
    prepare = ["proc", "flatten", "memory_map", "opt_clean"]
    script = ["read_rtlil source.il", "hierarchy -check -top source", *prepare, "design -stash source"]
    script += [
        f"read_verilog {verilog.name}",
        f"hierarchy -check -top {config.name}",
        *prepare,
        "design -stash written",
    ]
    script += ["design -copy-from source -as source source", f"design -copy-from written -as written {config.name}"]
    script += ["equiv_make source written equal", "hierarchy -top equal", "opt_clean"]
    yosys([*script, "equiv_simple -undef", "equiv_induct -undef", "equiv_status -assert"], folder=tmp_path)
