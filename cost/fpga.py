"""Cost on an FPGA that Yosys and nextpnr know: synthesis, then placing and routing with several seeds.

Only paths between registers are timed. Each family of devices is a file with a subclass of `Fpga`.
"""

import json
import os
import statistics
import threading
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar, Self

from zimu.cost.count import Weights, count, how_counted, matching, netlist_cells, sizes_of_cells, top_module
from zimu.cost.metrics import CLOCK, Metric
from zimu.cost.parts import parts_by_metric
from zimu.cost.target import Figure, Options, Synthesis, Target
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

    parted: ClassVar[Mapping[Metric, Weights]]
    """The metrics that are told by part too, and the netlist's cells that come to them once they are packed."""

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

    finishing: ClassVar[tuple[str, ...]] = ()
    """Commands that do the same as `finish`."""

    def finish(self, netlist: Path) -> None:
        """Do in place what Yosys leaves to be done in its netlist."""

    @property
    def name(self) -> str:
        """The target's name."""
        return f"{self.family}-{self.device}"

    @property
    def identity(self) -> str:
        """The commands with the versions of what they run, and how cells are counted."""
        commands = [*self.synthesis, *self.finishing, *self.arguments("0")]
        return "; ".join([self.name, self.version, *commands, how_counted(self.cells), *self.untimed])

    @property
    def version(self) -> str:
        """That of Yosys and of nextpnr; `MissingToolError` if it is not installed."""
        return f"{yosys_version()} + {nextpnr_version(self.program)}"

    @classmethod
    def find(cls, options: Options) -> list[Self]:
        """All devices."""
        return [cls(device, options.seeds, options.timeout) for device in cls.devices]

    @classmethod
    def default(cls, options: Options) -> list[Self]:
        """None: a family is priced where it is asked for."""
        return []

    def synthesise(self, design: str, folder: Path) -> Synthesis:
        """The netlist, and the sizes of its parts.

        Raises
        ------
        ToolError
            a program failed or ran out of time; its own message is in the error.
        """
        synthesise(design, self.synthesis, folder, self.timeout)
        self.finish(folder / "top.json")
        netlist = (folder / "top.json").read_text(encoding="utf-8")
        module = top_module(netlist)
        return Synthesis([], netlist, parts_by_metric(design, module, self.sizes(module)))

    def sizes(self, module: Mapping[str, Any]) -> dict[Metric, dict[str, float]]:
        """What the cells of a flat netlist come to in the metrics that are parted, by name."""
        return sizes_of_cells(self.parted, module)

    def place(self, netlist: str, seed: int, folder: Path) -> list[Figure]:
        """Cells, and the clock; errors as `synthesise`, and `MissingToolError` if nextpnr is not installed."""
        (folder / "top.json").write_text(netlist, encoding="utf-8")
        arguments = self.arguments(str(seed))
        cache = compiled_programs(self.program, self.timeout)
        run(
            [find_program(self.program), *arguments],
            folder=folder,
            timeout=self.timeout,
            environment={"YOWASP_CACHE_DIR": os.fspath(cache)},
            name=_name(self.program),
        )
        command = f"{self.program} {' '.join(arguments)}"
        figure = partial(Figure, tool=_name(self.program), version=self.version, command=command)
        report = (folder / f"report{seed}.json").read_text(encoding="utf-8")
        return read_report(report, self.cells, netlist_cells(netlist), self.untimed, figure)

    def summarise(self, design: str, synthesis: list[Figure], placements: list[list[Figure]]) -> list[Figure]:
        """Median and spread of each metric over the seeds."""
        script = [*script_of(design, self.synthesis), *self.finishing]
        command = f"{'; '.join(script)}; {placements[0][0].command}"
        if self.seeds > 1:
            command += f" (seeds 1 to {self.seeds})"
        tool = f"yosys + {_name(self.program)}"
        found = [{figure.metric: figure for figure in placement} for placement in placements]
        metrics = dict.fromkeys(metric for placement in found for metric in placement)
        none = Figure(CLOCK, 0, version=self.version)
        spreads = [_spread([placement.get(metric, none) for placement in found]) for metric in metrics]
        return [
            replace(spread, metric=metric, tool=tool, command=command, seeds=self.seeds)
            for metric, spread in zip(metrics, spreads, strict=True)
        ]


def script_of(design: str, commands: Sequence[str]) -> list[str]:
    """The whole script for Yosys that begins with reading ``design``, RTLIL text in ``top.il``."""
    from zimu.rtl.netlist import any_on_collision  # brings Amaranth, too slow for the command line's help

    return ["read_rtlil top.il", *any_on_collision(design), *commands]


def synthesise(design: str, commands: Sequence[str], folder: Path, timeout: float) -> list[str]:
    """Run Yosys' ``commands`` on ``design``, RTLIL text, in ``folder``; all that was run. Errors of `yosys`."""
    script = script_of(design, commands)
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
    text: str,
    cells: Mapping[Metric, Weights],
    netlist: Mapping[str, int],
    untimed: Sequence[str] = (),
    figure: Callable[..., Figure] = Figure,
) -> list[Figure]:
    """The figures in nextpnr's JSON report.

    Parameters
    ----------
    text : the report.
    cells, untimed : as in `Fpga`.
    netlist : Yosys' cells by type. What the report counts is as nextpnr packed it and goes before them.
    figure : makes a figure of a metric and its value.
    """
    report: dict[str, Any] = json.loads(text)
    used = {**netlist, **{cell: int(entry["used"]) for cell, entry in report["utilization"].items()}}
    counts = count(cells, used)
    figures = [figure(metric, number) for metric, number in counts.items() if number or not metric.optional]
    if missed := matching(used, untimed):
        reason = f"nextpnr lacks delays of {', '.join(missed)}: paths there would be missed"
        return [*figures, figure(CLOCK, None, reason=reason)]
    try:
        return [*figures, figure(CLOCK, pick_clock(report["fmax"]))]
    except ToolError as error:
        return [*figures, figure(CLOCK, None, reason=str(error))]


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


def _spread(figures: Sequence[Figure]) -> Figure:
    """One metric over seeds; missing if one is."""
    for figure in figures:
        if figure.value is None:
            return figure
    values = [figure.value for figure in figures if figure.value is not None]
    middle = statistics.median(values)
    if middle == int(middle):
        middle = int(middle)
    samples = tuple(values) if len(values) > 1 else ()
    return replace(figures[0], value=middle, minimum=min(values), maximum=max(values), samples=samples)
