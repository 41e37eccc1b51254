"""From a unit to the file that configures a board: synthesis, place and route, packing.

The commands are those of the board's Amaranth platform, run with the programs that come as packages.
"""

import json
import os
from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import inf, isclose
from pathlib import Path
from typing import NamedTuple

from zimu.cost.fpga import compiled_programs, nextpnr_version
from zimu.cost.target import Progress
from zimu.golden.errors import InputError, ToolError, check_choice, check_range
from zimu.golden.files import check_writable, scratch_folder, write_whole
from zimu.golden.link import BAUD
from zimu.golden.programs import find_program, run, yosys, yosys_version
from zimu.golden.rule import RuleConfig
from zimu.golden.unit import UnitConfig
from zimu.rtl.board import BOARDS, BoardTop, platform_of
from zimu.rtl.netlist import any_on_collision, plain_arrays
from zimu.rtl.pll import MHZ

TIMEOUT = 1800
"""Seconds that any one program may take."""


class Bitstream(NamedTuple):
    """What was made, and how good it is.

    Parameters
    ----------
    path : of the file.
    clock, fmax : frequency of the unit, and that which place and route reached, in MHz.
    baud : bits a second of the host link, as they come out.
    used, available : cells of the device that there are any of, by nextpnr's names.
    version : of Yosys and nextpnr.
    """

    path: Path
    clock: float
    fmax: float
    baud: float
    used: Mapping[str, int]
    available: Mapping[str, int]
    version: str

    @property
    def met(self) -> bool:
        """Whether the unit is fast enough for its clock."""
        return self.fmax >= self.clock


def build_bitstream(
    config: RuleConfig,
    board: str,
    folder: str | os.PathLike[str] = ".",
    clock: float | None = None,
    baud: int = BAUD,
    seed: int = 1,
    timeout: float = TIMEOUT,
    progress: Progress = lambda done, total: None,
) -> Bitstream:
    """Make ``NAME_BOARD`` with the ending of the board's tools in ``folder``, which is made if missing.

    Parameters
    ----------
    config : of a rule with on-chip memory.
    board : one of `zimu.rtl.board.BOARDS`.
    clock : MHz at most, to which the PLL comes as near as it can; by default the board's.
    baud : bits a second of the host link.
    seed : of place and route, 1..1000.
    timeout : seconds that any one program may take.
    progress : called after each of the three.

    Raises
    ------
    InputError
        there is no such board, it can have no such clock or line, or the rule has no unit with on-chip memory.
    MissingToolError
        a program or package is not installed.
    ToolError
        a program failed, as where the unit does not fit; its own message is in the error.
    """
    check_range("seed", seed, 1, 1000)
    if not isinstance(config, UnitConfig):
        raise InputError(f"rule = {config.rule!r}: must be 'zim', which has registers for a board's host link")
    chosen = BOARDS[check_choice("board", board, BOARDS)]
    platform = platform_of(chosen)
    if clock is not None and not 0 < clock < inf:
        raise InputError(f"clock = {clock!r}: must be a number of MHz above 0")
    wanted = chosen.clock if clock is None else Fraction(clock) * MHZ
    top = BoardTop(config, chosen, Fraction(platform.default_clk_frequency), wanted, baud)
    options = f"--seed {seed} --report report.json --timing-allow-fail --threads 1"
    plan = platform.prepare(top, emit_src=False, synth_opts=chosen.synthesis, nextpnr_opts=options)
    files = {name: content if isinstance(content, str) else content.decode() for name, content in plan.files.items()}
    _, placing, packing = json.loads(files["build_top.json"])["commands"]
    made = _made_by(packing)
    path = Path(folder) / f"{config.name}_{board}{made.suffix}"
    check_writable(path)
    program = f"yowasp-{placing[0]}"
    version = f"{yosys_version()} + {nextpnr_version(program)}"
    with scratch_folder() as scratch:
        for name, content in files.items():
            (scratch / name).write_text(content, encoding="utf-8")
        design = plain_arrays(files["top.il"])
        (scratch / "top.il").write_text(design, encoding="utf-8")
        progress(0, 3)
        yosys(_script(files["top.ys"], any_on_collision(design)), folder=scratch, timeout=timeout)
        caches = [compiled_programs(program, timeout), scratch]
        for done, (command, cache) in enumerate(zip((placing, packing), caches, strict=True), 1):
            progress(done, 3)
            run(
                [_program(command[0]), *command[1:]],
                folder=scratch,
                timeout=timeout,
                environment={"YOWASP_CACHE_DIR": os.fspath(cache)},
                name=command[0],
            )
        progress(3, 3)
        report = json.loads((scratch / "report.json").read_text(encoding="utf-8"))
        frequency = float(top.pll.setting.frequency / MHZ)
        fmax = _fmax(report["fmax"], frequency)
        write_whole(path, (scratch / made).read_bytes())
    return Bitstream(
        path,
        frequency,
        fmax,
        float(top.baud),
        {name: cells["used"] for name, cells in report["utilization"].items() if cells["available"]},
        {name: cells["available"] for name, cells in report["utilization"].items() if cells["available"]},
        version,
    )


def _made_by(packing: Sequence[str]) -> Path:
    """The file that a command leaves for the device."""
    return next(Path(word) for word in packing if Path(word).suffix in (".bit", ".bin", ".fs"))


def _script(lines: str, settings: Sequence[str]) -> list[str]:
    """The platform's commands for Yosys with others after the design was read."""
    script: list[str] = []
    for line in lines.splitlines():
        if not line.startswith("#"):
            script += [line, *(settings if line.startswith("read_rtlil") else ())]
    return script


def _program(name: str) -> str:
    """Where a program of a platform's commands is: all but one come translated to WebAssembly."""
    return find_program(name if name == "gowin_pack" else f"yowasp-{name}")


def _fmax(clocks: Mapping[str, Mapping[str, float]], wanted: float) -> float:
    """The MHz of the one clock of the unit, which each nextpnr calls otherwise, if it is what was aimed at."""
    aims = [clock["constraint"] for clock in clocks.values()]
    if len(aims) != 1 or not isclose(aims[0], wanted, rel_tol=1e-3):
        raise ToolError(f"place and route aimed at {aims} MHz: must be {wanted:.6g} alone")
    return next(iter(clocks.values()))["achieved"]
