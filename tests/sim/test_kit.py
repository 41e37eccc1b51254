"""What comes with the Verilog, as the tools that it is for take it."""

import json
import re
import shutil
import subprocess
import sys

import pytest

from zimu.golden.errors import InputError
from zimu.golden.names import preset
from zimu.golden.programs import run
from zimu.golden.registers import Access, Control, Register, Status, Storage
from zimu.golden.unit import UnitConfig
from zimu.sim.kit import BENCH_DEPTH, write_kit
from zimu.sim.register_map import register_map
from zimu.sim.simulators import SIMULATORS, why_missing
from zimu.sim.verilog import TOPS

SHAPE = {"weight_bits": 9, "gradient_bits": 7, "smoothing_bits": 4, "depth": 21, "lanes": 4, "gate_bits": 12}
PLAIN = UnitConfig(name="plain", **SHAPE, form="search", gradient_encoding="sign_magnitude")
MEANS = UnitConfig(name="means", **SHAPE | {"gradient_bits": 9}, momentum_bits=13, trials_shift=4)
SPLIT = UnitConfig(name="tiles", **SHAPE, sampler="split", tile=8, subtrees=1, tile_streams=1, engines=1)
UNITS = [PLAIN, MEANS, SPLIT]
BUSES = [bus for buses in TOPS.values() for bus in buses if bus != "ports"]


def simulators():
    return [name for name in ("icarus", "verilator") if why_missing(name) is None]


def by_name(config):
    return config.name


@pytest.mark.parametrize("bus", BUSES)
@pytest.mark.parametrize("config", UNITS, ids=by_name)
def test_the_bench_passes_without_python_and_sees_a_wrong_weight(tmp_path, config, bus):
    if "icarus" not in simulators():
        pytest.skip(why_missing("icarus"))
    write_kit(config, tmp_path, bus=bus)
    bench = f"{config.name}_tb"
    command = ["iverilog", "-g2012", "-Wall", "-s", bench, "-o", "bench", f"{config.name}.v", f"{bench}.sv"]
    assert run(command, folder=tmp_path, timeout=60) == ""
    output = run(["vvp", "-n", "bench"], folder=tmp_path, timeout=60)
    (checked,) = re.findall(r"^PASS: (\d+) values agree$", output, re.MULTILINE)
    assert int(checked) >= 4 * (config.depth // 4 + 8)
    # The value of the last check of a weight or of a word of weights.
    script = tmp_path / f"{bench}.hex"
    lines = script.read_text().splitlines()
    wanted = ("06", f"02{Register.WEIGHTS:08x}")
    place = max(number for number, line in enumerate(lines) if line.startswith(wanted))
    lines[place] = lines[place][:-1] + f"{int(lines[place][-1], 16) ^ 1:x}"
    script.write_text("\n".join(lines) + "\n")
    ended = subprocess.run(["vvp", "-n", "bench"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert ended.returncode
    assert f"FAIL: line {place}:" in ended.stdout
    assert "PASS" not in ended.stdout


@pytest.mark.parametrize("target", ["lint", "sim", "sim_verilator"])
@pytest.mark.parametrize("bus", ["apb", pytest.param("axi4", marks=pytest.mark.nightly)])
def test_fusesoc_runs_every_target(tmp_path, bus, target):
    pytest.importorskip("fusesoc", reason="fusesoc is not installed")
    tool = "icarus" if target == "sim" else "verilator"
    if tool not in simulators():
        pytest.skip(why_missing(tool))
    write_kit(MEANS, tmp_path / "cores", bus=bus)
    environment = SIMULATORS[tool]() | {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    command = [
        sys.executable,
        "-m",
        "fusesoc.main",
        "--cores-root",
        "cores",
        "run",
        "--target",
        target,
        "zimu:unit:means",
    ]
    output = run(command, folder=tmp_path, timeout=300, environment=environment)
    assert ("PASS: " in output) is (target != "lint")
    assert "%Warning" not in output


@pytest.mark.parametrize("storage", Storage)
@pytest.mark.parametrize("config", [PLAIN, MEANS], ids=by_name)
def test_systemrdl_says_what_the_declaration_says(tmp_path, config, storage):
    systemrdl = pytest.importorskip("systemrdl", reason="systemrdl-compiler is not installed")
    write_kit(config, tmp_path, bus="apb" if storage is Storage.ONCHIP else "axi4")
    compiler = systemrdl.RDLCompiler()
    compiler.compile_file(str(tmp_path / f"{config.name}.rdl"))
    top = compiler.elaborate().top
    seen = {}
    for register in top.registers():
        fields = {field.inst_name: (field.low, field.width, field.get_property("reset")) for field in register.fields()}
        seen[register.inst_name] = (register.absolute_address, fields)
        for field in register.fields():
            assert field.is_sw_readable or field.is_sw_writable
            assert (field.get_property("onwrite") is not None) is (
                register.inst_name == "STATUS" and field.inst_name in ("DONE", "REFUSED", "READ_ERROR", "WRITE_ERROR")
            )
    for entry in register_map(config, storage):
        address, fields = seen.pop(entry.name)
        assert address == entry.address == Register[entry.name]
        assert {name: place for name, (*place, _) in fields.items()} == {
            field.name: [field.low, field.bits] for field in entry.fields
        }
        assert sum(reset << low for low, _, reset in fields.values()) == entry.reset
    assert not seen


def test_json_and_markdown_name_every_register(tmp_path):
    write_kit(MEANS, tmp_path)
    registers = json.loads((tmp_path / "means.json").read_text())["registers"]
    assert [each["name"] for each in registers] == [each.name for each in register_map(MEANS, Storage.ONCHIP)]
    text = (tmp_path / "means.md").read_text()
    for each in registers:
        assert f"| 0x{each['address']:02X} | {each['name']} | {each['access']} |" in text
        if each["access"] == Access.READ and each["name"] in ("ID", "DEPTH", "DIGEST"):
            assert f"| 0x{each['reset']:X} |" in text
    for bit in (*Control, *Status):
        assert (f"| {bit.value} | {bit.name} |" in text) is (bit.storage in (None, Storage.ONCHIP))


def test_constraints_are_taken_by_opensta(tmp_path):
    if shutil.which("sta") is None:
        pytest.skip("OpenSTA is not installed: install the package opensta")
    write_kit(PLAIN, tmp_path, bus="axi4lite")
    ports = json.loads((tmp_path / "plain.json").read_text())["ports"]
    # The ports alone: constraints speak of nothing else.
    declared = [f"{port['direction']} [{port['width'] - 1}:0] {port['name']}" for port in ports if port["width"] > 1]
    declared += [f"{port['direction']} {port['name']}" for port in ports if port["width"] == 1]
    names = ", ".join(port["name"] for port in ports)
    body = "".join(f"  {line};\n" for line in declared)
    (tmp_path / "ports.v").write_text(f"module plain({names});\n{body}endmodule\n")
    script = "read_verilog ports.v\nlink_design plain\nread_sdc plain.sdc\nreport_checks -unconstrained\nexit\n"
    (tmp_path / "script.tcl").write_text(script)
    output = run(["sta", "-no_splash", "-exit", "script.tcl"], folder=tmp_path, timeout=60)
    assert not re.search("error|warning", output, re.IGNORECASE), output


def test_a_circuit_without_registers_comes_without_what_is_made_of_them(tmp_path):
    names = {path.name for path in write_kit(PLAIN, tmp_path, "core", "ports")}
    flows = {"plain_ihp-sg13g2.mk", "plain_sky130hd.mk", "plain_librelane.json"}
    assert names == {"plain.v", "plain.json", "plain.core", "plain.sdc", "plain.xdc", "zimu.vlt", *flows}
    assert {path.name for path in tmp_path.iterdir()} == names


def test_a_deep_unit_comes_without_a_bench(tmp_path):
    deep = preset("zim8_search").replace(depth=BENCH_DEPTH + 1)
    names = {path.name for path in write_kit(deep, tmp_path, bus="axi4")}
    assert "zimu.h" in names
    assert not [name for name in names if "_tb" in name]


def test_nothing_is_written_where_one_file_cannot_be(tmp_path):
    (tmp_path / "plain.md").mkdir()
    with pytest.raises(InputError, match=r"plain\.md"):
        write_kit(PLAIN, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["plain.md"]
