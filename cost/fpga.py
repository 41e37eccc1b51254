"""Cost on an FPGA that Yosys and nextpnr know: synthesis, then placing and routing with several seeds.

Only paths between registers are timed. Each family of devices is a file with a subclass of `Fpga`.
"""

import json
import os
import statistics
import threading
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar, Self

from zimu.cost.count import Weights, count, matching, netlist_cells
from zimu.cost.metrics import CLOCK, Metric
from zimu.cost.target import Figure, Options, Slots, Target
from zimu.golden.errors import MissingToolError, ToolError, check_choice, check_range
from zimu.golden.files import scratch_folder
from zimu.golden.programs import find_program, how_to_install, run, yosys, yosys_version

CLOCK_NAME = "clk"

NO_PORTS = "delete -port top/w:*"
"""The Yosys command that makes ports plain nets, for a nextpnr that would give each a pin. It comes after all mapping,
which sweeps away what leads to no port.
"""

_translating = threading.Lock()
"""Several designs are measured at a time, and the first of them to need nextpnr translates it for all."""


@dataclass(frozen=True)
class Placement:
    """What one seed gave: cells by metric, and the clock's MHz or why there is none."""

    cells: dict[Metric, int]
    fmax_mhz: float | None
    reason: str = ""


@dataclass(frozen=True)
class Fpga(Target):
    """One device of a family.

    Parameters
    ----------
    device : one of ``devices``.
    seeds : place-and-route seeds 1 to ``seeds``.
    timeout : seconds any one program may take.
    """

    device: str
    seeds: int = 8
    timeout: float = 600

    family: ClassVar[str]
    """What targets are called before ``-`` and the device."""

    devices: ClassVar[tuple[str, ...]]
    """All of them."""

    cells: ClassVar[Mapping[Metric, Weights]]
    """What is counted, and the cells it is counted in: nextpnr's, or where its report knows none, the netlist's."""

    untimed: ClassVar[tuple[str, ...]] = ()
    """Cells that nextpnr does not know all delays of: with one of them a design has no clock."""

    program: ClassVar[str]
    """The package that brings nextpnr, which is its program too."""

    def __post_init__(self) -> None:
        check_choice("device", self.device, self.devices)
        check_range("seeds", self.seeds, 1, 1000)

    @property
    @abstractmethod
    def synthesis(self) -> list[str]:
        """The Yosys commands that turn the design ``top`` into ``top.json``."""

    @abstractmethod
    def arguments(self, seed: str) -> list[str]:
        """nextpnr's, to read ``top.json`` and to write ``report{seed}.json``."""

    def finish(self, netlist: Path) -> list[str]:
        """Do in place what Yosys leaves to be done in its netlist; the commands that would do the same."""
        return []

    @property
    def name(self) -> str:
        """The target's name."""
        return f"{self.family}-{self.device}"

    @property
    def programs(self) -> int:
        """External programs one design takes."""
        return 1 + self.seeds

    @classmethod
    def find(cls, options: Options) -> list[Self]:
        """All devices."""
        return [cls(device, options.seeds, options.timeout) for device in cls.devices]

    @classmethod
    def default(cls, options: Options) -> list[Self]:
        """None: a family is priced where it is asked for."""
        return []

    def measure(self, design: str, folder: Path, slots: Slots) -> list[Figure]:
        """Synthesise and place ``design``, RTLIL text with top module ``top``, in the empty ``folder``.

        Raises
        ------
        MissingToolError
            nextpnr is not installed.
        ToolError
            a program failed or ran out of time; its own message is in the error.
        """
        version = f"{yosys_version()} + {nextpnr_version(self.program)}"
        with slots:
            script = synthesise(design, self.synthesis, folder, self.timeout)
            script += self.finish(folder / "top.json")
        netlist = netlist_cells((folder / "top.json").read_text(encoding="utf-8"))
        cache = compiled_programs(self.program, self.timeout)

        def place(seed: int) -> Placement:
            with slots:
                return self._place(folder, seed, cache, netlist)

        with ThreadPoolExecutor(self.seeds) as pool:
            placements = list(pool.map(place, range(1, self.seeds + 1)))
        command = f"{'; '.join(script)}; {self.program} {' '.join(self.arguments('1'))}"
        if self.seeds > 1:
            command += f" (seeds 1 to {self.seeds})"
        return summarise(placements, f"yosys + {_name(self.program)}", version, command)

    def _place(self, folder: Path, seed: int, cache: Path, netlist: Mapping[str, int]) -> Placement:
        run(
            [find_program(self.program), *self.arguments(str(seed))],
            folder=folder,
            timeout=self.timeout,
            environment={"YOWASP_CACHE_DIR": os.fspath(cache)},
            name=_name(self.program),
        )
        report = (folder / f"report{seed}.json").read_text(encoding="utf-8")
        return read_report(report, self.cells, netlist, self.untimed)


def synthesise(design: str, commands: Sequence[str], folder: Path, timeout: float) -> list[str]:
    """Run Yosys' ``commands`` on ``design``, RTLIL text, in ``folder``; all that was run. Errors of `yosys`."""
    from zimu.rtl.netlist import any_on_collision  # brings Amaranth, too slow for the command line's help

    script = ["read_rtlil top.il", *any_on_collision(design), *commands]
    (folder / "top.il").write_text(design, encoding="utf-8")
    yosys(script, folder=folder, timeout=timeout)
    return script


def _name(program: str) -> str:
    """What it is called elsewhere than in the registry of packages."""
    return program.removeprefix("yowasp-")


def nextpnr_version(program: str) -> str:
    """The version of that place-and-route program; `MissingToolError` if it is not installed."""
    try:
        return metadata.version(program)
    except metadata.PackageNotFoundError:
        raise MissingToolError(f"{program} is not installed: {how_to_install(program)}") from None


def compiled_programs(program: str, timeout: float) -> Path:
    """The folder with that nextpnr translated from WebAssembly to this machine's code.

    Translating takes about ten seconds on the first call. The result appears whole: two processes that begin at the
    same time never read each other's half-written file.
    """
    if folder := os.environ.get("YOWASP_CACHE_DIR"):
        return Path(folder)
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zimu"
    target = base / f"{_name(program)}-{nextpnr_version(program)}-wasmtime-{metadata.version('wasmtime')}"
    with _translating:
        if not target.exists():
            base.mkdir(parents=True, exist_ok=True)
            with scratch_folder(base) as fresh:
                run(
                    [find_program(program), "--version"],
                    folder=fresh,
                    timeout=timeout,
                    environment={"YOWASP_CACHE_DIR": os.fspath(fresh / "programs")},
                    name=_name(program),
                )
                try:
                    (fresh / "programs").rename(target)
                except OSError:
                    if not target.exists():
                        raise
    return target


def read_report(
    text: str, cells: Mapping[Metric, Weights], netlist: Mapping[str, int], untimed: Sequence[str] = ()
) -> Placement:
    """Read nextpnr's JSON report.

    Parameters
    ----------
    text : the report.
    cells, untimed : as in `Fpga`.
    netlist : Yosys' cells by type. What the report counts is as nextpnr packed it and goes before them.
    """
    report: dict[str, Any] = json.loads(text)
    used = {**netlist, **{cell: int(entry["used"]) for cell, entry in report["utilization"].items()}}
    counts = count(cells, used)
    if missed := matching(used, untimed):
        return Placement(counts, None, f"nextpnr lacks delays of {', '.join(missed)}: paths there would be missed")
    try:
        return Placement(counts, pick_clock(report["fmax"]))
    except ToolError as error:
        return Placement(counts, None, str(error))


def pick_clock(clocks: dict[str, Any]) -> float:
    """The MHz of the one clock ``clk``; `ToolError` if it is not there, or not alone."""
    if list(clocks) == [CLOCK_NAME]:
        return float(clocks[CLOCK_NAME]["achieved"])
    if not clocks:
        raise ToolError(f"the timing report has no clock {CLOCK_NAME!r}: there is no path between registers")
    raise ToolError(
        f"the timing report has the clocks {', '.join(sorted(clocks))}: "
        f"only a design whose one clock is {CLOCK_NAME!r} is priced"
    )


def summarise(placements: Sequence[Placement], tool: str, version: str, command: str) -> list[Figure]:
    """Median and spread of each metric over the seeds."""
    figure = partial(Figure, tool=tool, version=version, command=command)
    figures = []
    for metric in placements[0].cells:
        counts = [placement.cells[metric] for placement in placements]
        if any(counts) or not metric.optional:
            figures.append(_spread(metric, counts, figure))
    clocks = [placement.fmax_mhz for placement in placements if placement.fmax_mhz is not None]
    if len(clocks) == len(placements):
        figures.append(_spread(CLOCK, clocks, figure))
    else:
        reason = next(placement.reason for placement in placements if placement.reason)
        figures.append(figure(CLOCK, None, reason=reason))
    return figures


def _spread(metric: Metric, values: Sequence[float], figure: Callable[..., Figure]) -> Figure:
    middle = statistics.median(values)
    if middle == int(middle):
        middle = int(middle)
    return figure(metric, middle, minimum=min(values), maximum=max(values))
