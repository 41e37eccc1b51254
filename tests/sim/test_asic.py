"""What takes a unit to silicon, as far as a machine without a technology's files can see."""

import json
import os
import re
from functools import cache
from pathlib import Path

import pytest

from zimu.cost.liberty import find_libraries
from zimu.golden.programs import run, yosys
from zimu.golden.unit import UnitConfig
from zimu.rtl.ram import Ram
from zimu.sim.asic import ram_verilog
from zimu.sim.kit import write_kit
from zimu.sim.macros import IHP, SKYWATER, TECHNOLOGIES
from zimu.sim.rendering import render
from zimu.sim.simulators import SIMULATORS, why_missing
from zimu.sim.verilog import RAM_MACROS

SHAPE = {"weight_bits": 9, "gradient_bits": 9, "smoothing_bits": 4, "lanes": 4, "gate_bits": 12}
MEANS = UnitConfig(name="means", **SHAPE, depth=300, momentum_bits=13, trials_shift=4)
WIDE = UnitConfig(name="wide", **SHAPE | {"lanes": 32}, depth=1200, form="tree", probe=4)
"""Its core has large memories, some of which are read in places."""
SPLIT = UnitConfig(name="tiles", **SHAPE, depth=300, sampler="split", tile=8, subtrees=1, tile_streams=1, engines=1)
GEOMETRIES = [
    Ram(1100, 26, parts=2),
    Ram(64, 32),
    Ram(600, 39, parts=3),
    Ram(129, 10),
    Ram(300, 24, places=2),
    Ram(1100, 40, places=8),
]
"""Several rows and columns, one macro exactly, parts of odd widths, one row in part, words that are read in places."""

by_name = pytest.mark.parametrize("technology", TECHNOLOGIES, ids=lambda technology: technology.name)
needs_icarus = pytest.mark.skipif(why_missing("icarus") is not None, reason=str(why_missing("icarus")))

IHP_MODEL = """
module {name} (
    input A_CLK, A_MEN, A_WEN, A_REN, A_DLY, B_CLK, B_MEN, B_WEN, B_REN, B_DLY,
    input [{address}:0] A_ADDR, B_ADDR, input [{bit}:0] A_DIN, B_DIN, output reg [{bit}:0] A_DOUT, B_DOUT{more}
);
    reg [{bit}:0] words [0:{word}];
    always @(posedge A_CLK) begin
        if (A_MEN && A_WEN) words[A_ADDR] <= {written};
`ifndef SYNTHESIS
        if (!A_DLY || !B_DLY) $fatal(1, "DLY is to be 1");
        if (B_MEN && B_REN && A_MEN && A_WEN && A_ADDR == B_ADDR) $fatal(1, "read while written");
`endif
    end
    always @(posedge B_CLK) if (B_MEN && B_REN) B_DOUT <= words[B_ADDR];
endmodule
"""
"""One port writes, the other reads; what was read stays. {written} is what a word becomes."""

BIST = (
    ", input [{bit}:0] A_BM, B_BM, A_BIST_BM, B_BIST_BM, A_BIST_DIN, B_BIST_DIN, "
    "input A_BIST_CLK, A_BIST_EN, A_BIST_MEN, A_BIST_WEN, A_BIST_REN, "
    "input B_BIST_CLK, B_BIST_EN, B_BIST_MEN, B_BIST_WEN, B_BIST_REN, "
    "input [{address}:0] A_BIST_ADDR, B_BIST_ADDR"
)

SKYWATER_MODEL = """
module {name} (
    input clk0, csb0, web0, input [{mark}:0] wmask0, input [{address}:0] addr0, input [{bit}:0] din0,
    output [{bit}:0] dout0,
    input clk1, csb1, input [{address}:0] addr1, output [{bit}:0] dout1
);
    reg [{bit}:0] words [0:{word}];
    integer i;
    reg asked;
    reg [{address}:0] place;
    always @(posedge clk0) begin
        if (!csb0 && !web0)
            for (i = 0; i <= {mark}; i = i + 1) if (wmask0[i]) words[addr0][8*i+:8] <= din0[8*i+:8];
`ifndef SYNTHESIS
        if (!csb0 && !csb1 && addr0 == addr1) $fatal(1, "read while written");
`endif
    end
    always @(posedge clk1) begin
        asked <= !csb1;
        place <= addr1;
    end
    assign dout1 = asked && !clk1 ? words[place] : {{{bits}{{1'bx}}}};
endmodule
"""
"""What is read comes after the falling edge and is gone after the next rising one."""


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    """A folder with the files of a circuit, written once."""

    @cache
    def folder(config, top="unit"):
        made = tmp_path_factory.mktemp(config.name)
        write_kit(config, made, top)
        return made

    return folder


def model(macro):
    """A macro as its documents describe it."""
    places = {"address": macro.address_bits - 1, "bit": macro.bits - 1, "word": macro.words - 1}
    if macro in SKYWATER.macros:
        return SKYWATER_MODEL.format(name=macro.name, mark=macro.bits // 8 - 1, bits=macro.bits, **places)
    written = "words[A_ADDR] & ~A_BM | A_DIN & A_BM" if macro.mask else "A_DIN"
    more = BIST.format(**places) if macro.mask else ""
    return IHP_MODEL.format(name=macro.name, more=more, written=written, **places)


def write_models(technology, folder):
    path = folder / "models.v"
    path.write_text("".join(model(macro) for macro in technology.macros))
    return path


def pdk_models(technology):
    """The technology's own models, where its PDK is."""
    folder = Path(os.environ.get("PDK_ROOT", "")) / technology.pdk / "libs.ref" / technology.folder / "verilog"
    return sorted(map(str, folder.glob("*.v"))) if "PDK_ROOT" in os.environ else []


COMPARISON = """
`timescale 1ns/1ps
module comparison;
    reg clk = 0, read_en = 0;
    reg [{read_address}:0] read_addr = 0;
    reg [{address}:0] write_addr = 0;
    reg [{part}:0] write_en = 0;
    reg [{bit}:0] write_data = 0;
    wire [{read_bit}:0] wanted, found;
    plain plain(.clk(clk), .read__en(read_en), .read__addr(read_addr), .read__data(wanted),
        .write__en(write_en), .write__addr(write_addr), .write__data(write_data));
    made made(.clk(clk), .read__en(read_en), .read__addr(read_addr), .read__data(found),
        .write__en(write_en), .write__addr(write_addr), .write__data(write_data));
    integer turn, compared = 0;
    reg known = 0;
    task tick;
        begin
            #5 clk = 1;
            #1;
            if (read_en) known = !(write_en != 0 && read_addr >> {place_bits} == write_addr);
            #3;
            clk = 0;
            #1;
        end
    endtask
    task compare;
        if (known) begin
            if (found !== wanted) $fatal(1, "turn %0d: %h for %h", turn, found, wanted);
            compared = compared + 1;
        end
    endtask
    initial begin
        for (turn = 0; turn < {words}; turn = turn + 1) begin
            write_addr = turn; write_en = -1; write_data = {{$random, $random}};
            tick;
        end
        for (turn = 0; turn < 20 * {words}; turn = turn + 1) begin
            read_en = $random;
            read_addr = $unsigned($random) % ({words} << {place_bits});
            write_en = $random & $random;
            write_addr = $random & 1 ? read_addr >> {place_bits} : $unsigned($random) % {words};
            write_data = {{$random, $random}};
            tick;
            #4 compare;  // as late in the clock as a register takes it
        end
        $display("compared %0d", compared);
        $finish;
    end
endmodule
"""


@needs_icarus
@pytest.mark.parametrize("ram", GEOMETRIES, ids=lambda ram: ram.name)
@by_name
def test_an_array_of_macros_reads_and_writes_as_a_plain_memory_does(tmp_path, technology, ram):
    (tmp_path / "made.v").write_text(ram_verilog("made", technology, {"made": technology.best(ram)}))
    (tmp_path / "plain.v").write_text(render("ram.v.j2", module="plain", ram=ram, define=RAM_MACROS))
    widths = {
        "address": ram.address_bits - 1,
        "read_address": ram.address_bits + ram.place_bits - 1,
        "place_bits": ram.place_bits,
        "bit": ram.bits - 1,
        "read_bit": ram.bits // ram.places - 1,
        "part": ram.parts - 1,
        "words": ram.words,
    }
    (tmp_path / "comparison.v").write_text(COMPARISON.format(**widths))
    for models in filter(None, ([write_models(technology, tmp_path)], pdk_models(technology))):
        sources = ["comparison.v", "made.v", "plain.v", *models]  # its timescale holds for all
        run(
            ["iverilog", "-g2012", "-DFUNCTIONAL", "-s", "comparison", "-o", "run", *sources],
            folder=tmp_path,
            timeout=60,
        )
        output = run(["vvp", "-n", "run"], folder=tmp_path, timeout=60)
        assert int(re.search(r"^compared (\d+)$", output, re.MULTILINE)[1]) > 10 * ram.words


@needs_icarus
@by_name
@pytest.mark.parametrize(
    "config", [SPLIT, WIDE, pytest.param(MEANS, marks=pytest.mark.nightly)], ids=lambda each: each.name
)
def test_the_bench_passes_with_memories_of_macros(tmp_path, kit, config, technology):
    folder, models = kit(config), write_models(technology, tmp_path)
    sources = [f"{config.name}_tb.sv", f"{config.name}.v", f"{config.name}_{technology.name}_ram.v", models]
    built = tmp_path / "run"
    command = ["iverilog", "-g2012", f"-D{RAM_MACROS}", "-s", f"{config.name}_tb", "-o", built, *sources]
    run(command, folder=folder, timeout=60)
    assert "PASS: " in run(["vvp", "-n", built], folder=folder, timeout=120)


@by_name
def test_verilator_has_nothing_to_say_of_memories_of_macros(tmp_path, kit, technology):
    if reason := why_missing("verilator"):
        pytest.skip(reason)
    models, waivers = write_models(technology, tmp_path), tmp_path / "models.vlt"
    waivers.write_text(f'`verilator_config\nlint_off -file "{models}"\n')
    command = ["verilator", "--lint-only", "-Wall", "--timing", f"-D{RAM_MACROS}", "--top-module", "tiles"]
    sources = ["zimu.vlt", waivers, models, "tiles.v", f"tiles_{technology.name}_ram.v"]
    environment = SIMULATORS["verilator"]()
    assert "%" not in run([*command, *sources], folder=kit(SPLIT), timeout=60, environment=environment)


@pytest.mark.skipif(
    not os.environ.get("ZIMU_LIBERTY"), reason="no cell library: set ZIMU_LIBERTY to a Liberty file or a folder of them"
)
@pytest.mark.nightly
@pytest.mark.parametrize(("config", "top"), [(SPLIT, "unit"), (WIDE, "core")])
@by_name
def test_synthesis_leaves_cells_of_the_library_and_the_macros_that_the_flows_name(
    tmp_path, kit, technology, config, top
):
    node = technology.folder.partition("_")[0]
    complete = [library for library in find_libraries() if library.complete]
    library = max(complete, key=lambda library: library.name.startswith(node))
    name, folder, models = config.name, kit(config, top), write_models(technology, tmp_path)
    cells = [path.name for path in library.unpack(tmp_path)]
    liberty = " ".join(f"-liberty {name}" for name in cells)
    (tmp_path / "map.abc").write_text("strash\nmap\n")
    script = [
        f'setenv TMPDIR "{tmp_path}"',
        *(f"read_liberty -lib {name}" for name in cells),
        f"read_verilog -sv -lib {models}",
        f"read_verilog -D{RAM_MACROS} {folder}/{name}.v {folder}/{name}_{technology.name}_ram.v",
        f"synth -noabc -flatten -top {name}",
        f"dfflibmap {liberty}",
        f"abc -script map.abc {liberty}",
        "opt_clean",
        "delete t:$scopeinfo",
        "check -assert -mapped",
        "write_json mapped.json",
    ]
    yosys(script, folder=tmp_path)
    found = json.loads((tmp_path / "mapped.json").read_text())["modules"][name]["cells"]
    kinds = {cell["type"] for cell in found.values()}
    names = {macro.name for macro in technology.macros}
    assert not kinds - set(library.cells) - names  # no memory, and no latch: nothing maps those
    named = {instance: cell["type"] for instance, cell in found.items() if cell["type"] in names}
    macros = json.loads((folder / f"{name}_librelane.json").read_text())[f"pdk::{technology.pdk}"]["MACROS"]
    assert named == {instance: kind for kind, macro in macros.items() for instance in macro["instances"]}
    assert named


@by_name
@pytest.mark.parametrize("top", ["unit", "core"])
def test_make_takes_the_configuration_and_finds_the_files_of_the_kit(tmp_path, kit, technology, top):
    folder = kit(SPLIT, top)
    (tmp_path / "Makefile").write_text('include $(DESIGN_CONFIG)\nall: ; @env -u MAKEFLAGS | grep -E "^[A-Z_]+="\n')
    design = folder / f"tiles_{technology.platform}.mk"
    asked = ["make", "-s", f"DESIGN_CONFIG={design}", f"DESIGN_DIR={folder}", "PDK_ROOT=/pdk"]
    lines = run(asked, folder=tmp_path, timeout=60).splitlines()
    values = dict(line.partition("=")[::2] for line in lines)
    assert values["DESIGN_NAME"] == "tiles"
    assert values["PLATFORM"] == technology.platform
    files = [Path(name) for name in (values["VERILOG_FILES"] + " " + values["SDC_FILE"]).split()]
    assert {path.parent for path in files} == {folder}
    assert all(path.is_file() for path in files)
    if top == "core":
        assert len(files) == 2
        assert not [name for name in values if name.startswith("ADDITIONAL_")]
        return
    assert values["VERILOG_DEFINES"] == f"-D {RAM_MACROS}"
    used = set(re.findall(r"\w+", (folder / f"tiles_{technology.name}_ram.v").read_text()))
    used &= {macro.name for macro in technology.macros}
    assert used
    corner = next(iter(technology.corners.values()))
    for kind, place in (("LEFS", "lef/{}.lef"), ("GDS", "gds/{}.gds"), ("LIBS", "lib/{}_" + corner + ".lib")):
        library = f"/pdk/{technology.pdk}/libs.ref/{technology.folder}"
        assert set(values[f"ADDITIONAL_{kind}"].split()) == {f"{library}/{place.format(name)}" for name in used}


@pytest.mark.nightly
@pytest.mark.skipif(
    "ZIMU_LIBRELANE" not in os.environ,
    reason="no LibreLane: install librelane into an environment of its own and set ZIMU_LIBRELANE to its Python",
)
@by_name
@pytest.mark.parametrize("top", ["unit", "core"])
def test_librelane_declares_what_its_configuration_says(tmp_path, kit, technology, top):
    path = kit(SPLIT, top) / "tiles_librelane.json"
    for name in re.findall(r'"pdk_dir::([^"]*)"', path.read_text()):
        named = tmp_path / technology.pdk / name
        named.parent.mkdir(parents=True, exist_ok=True)
        named.touch()
    check = Path(__file__).with_name("librelane_check.py")
    command = [os.environ["ZIMU_LIBRELANE"], check, path, technology.pdk, tmp_path]
    taken = json.loads(run(command, timeout=120).splitlines()[-1])
    assert taken["DESIGN_NAME"] == "tiles"
    assert ("MACROS" in taken) is (top == "unit")
    assert (f"tiles_{technology.name}_ram.v" in taken["VERILOG_FILES"]) is (top == "unit")


def test_small_memories_stay_flip_flops(tmp_path):
    small = SPLIT.replace(depth=8)
    names = {path.name for path in write_kit(small, tmp_path)}
    assert {"tiles_ihp-sg13g2.mk", "tiles_sky130hd.mk", "tiles_librelane.json"} <= names
    assert not [name for name in names if "ram" in name]
    assert RAM_MACROS not in (tmp_path / "tiles.v").read_text()
    assert json.loads((tmp_path / "tiles.json").read_text())["memories"] == []


def test_the_array_of_least_area_is_taken():
    one = IHP.best(Ram(1024, 16))
    assert (one.macro.name, one.rows, one.columns) == ("RM_IHPSG13_2P_1024x16_c2_bm_bist", 1, 1)
    assert IHP.best(Ram(64, 32)).macro.name == "RM_IHPSG13_2P_64x32_c2"
    assert IHP.best(Ram(64, 32, 4)).macro.mask == 1  # those of 64 words cannot write a part
    assert IHP.best(Ram(64, 32, places=4)).macro.mask is None  # a word is written whole
    lanes = SKYWATER.best(Ram(200, 3 * 9, 3))
    assert (lanes.stored, lanes.columns, lanes.rows) == (16, 2, 1)
