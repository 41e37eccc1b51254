"""Cost in a silicon technology the user brings as a Liberty library: area, gate equivalents and delay.

Delay is ABC's: the longest path through gates under the library's own tables, without wires, clock-to-output and
setup times. The mapping itself is in ``cost/gates.py``, a second opinion on timing in ``cost/sta.py``.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import ClassVar, Self

from zimu.cost.content import digest
from zimu.cost.gates import (
    GATES,
    GATES_PER_THROUGHPUT,
    areas_of_parts,
    command,
    map_to_cells,
    netlist_script,
)
from zimu.cost.liberty import VARIABLE, Library, find_libraries, pdk_libraries, read_text
from zimu.cost.metrics import (
    ENERGY,
    ENERGY_PARTS,
    FLIP_FLOPS,
    MEMORY_AREA,
    MEMORY_BITS,
    MEMORY_ENERGY,
    RANDOM_CLOCK,
    THROUGHPUT,
    Metric,
    per_throughput,
    time_per_weight,
    times_time,
)
from zimu.cost.sta import COMMAND, has_sta, sta_version, time_paths
from zimu.cost.target import Figure, Options, Synthesis, Target
from zimu.golden.errors import InputError, ToolError
from zimu.golden.programs import yosys_version

AREA = Metric(name="area_um2", title="Area", uom="um2", label="area", charted=True, judged=True)
DELAY = Metric(name="delay_ns", title="Delay", uom="ns", label="delay", charted=True)
STA_DELAY = Metric(name="sta_delay_ns", title="Delay by OpenSTA", uom="ns", label="OpenSTA\ndelay", optional=True)
STA_PERIOD = Metric(
    name="sta_period_ns", title="Clock period by OpenSTA", uom="ns", label="OpenSTA\nperiod", optional=True
)

_SIZE = "topo; buffer -c; topo; upsize -D {0}; dnsize -D {0}; stime -p"
_SMALL = f"strash; ifraig; scorr; dc2; dc2; dch -f; amap -m; {_SIZE}"
_MIDDLE = f"strash; ifraig; scorr; dc2; dch -f; map -B 0.9 -D {{0}}; {_SIZE}"
_FAST = f"strash; ifraig; scorr; dc2; st; if -g -K 6; st; dch -f; map -B 0.9 -D {{0}}; {_SIZE}"

DELAY_SCRIPT = _MIDDLE.format(2000)
"""ABC's commands: map for speed, buffer, size gates up where slow and down where not, then time the result."""

SCRIPTS = (_SMALL.format(50_000), DELAY_SCRIPT, _FAST.format(1))
"""Those that a period chooses among: for area with the smallest gates, as ever, and for speed by fewer levels."""


@dataclass(frozen=True)
class Silicon(Target):
    """A technology.

    Parameters
    ----------
    technology : its cells.
    timeout : seconds any one program may take.
    script : ABC's commands.
    period : the delay in ns that mapping aims at, 0.001..1000 in steps of 0.001: of `SCRIPTS` the one of least area
        counts that keeps to it, or the fastest if none does. None: ``script``.

    Raises
    ------
    InputError
        the period is out of its range.
    """

    technology: Library
    timeout: float = 600
    script: str = DELAY_SCRIPT
    period: float | None = None
    forms: ClassVar[tuple[str, ...]] = ("liberty:NAME", "liberty:NAME@PERIODns")
    metrics: ClassVar[tuple[Metric, ...]] = (
        FLIP_FLOPS,
        GATES,
        AREA,
        DELAY,
        STA_DELAY,
        STA_PERIOD,
        MEMORY_BITS,
        MEMORY_AREA,
        THROUGHPUT,
        time_per_weight(DELAY),
        replace(GATES_PER_THROUGHPUT, judged=False),  # it follows from the area
        per_throughput(AREA, "Area per throughput", judged=True),
        times_time(AREA, DELAY, "Area x time per weight"),
        ENERGY,
        *ENERGY_PARTS,
        RANDOM_CLOCK,
        *MEMORY_ENERGY.values(),
    )

    def __post_init__(self) -> None:
        if self.period is not None and not (0.001 <= self.period <= 1000 and self.period == round(self.period, 3)):
            raise InputError(f"period = {self.period!r}: must be 0.001 to 1000 ns with at most three decimals")

    @property
    def name(self) -> str:
        """The target's name."""
        return f"liberty:{self.technology.name}" + ("" if self.period is None else f"@{self.period:.7g}ns")

    def aimed(self, goal: str) -> Self:
        """The same technology under a delay to aim at, such as ``1.5ns``."""
        if not re.fullmatch(r"\d+(\.\d+)?ns", goal):
            raise InputError(
                f"target = '{self.name}@{goal}': the period must be a decimal number of ns, such as {self.name}@1.5ns"
            )
        return replace(self, period=float(goal.removesuffix("ns")))

    @property
    def programs(self) -> int:
        """Yosys, and OpenSTA where there is one."""
        return 1 + has_sta()

    @classmethod
    def find(cls, options: Options) -> list[Self]:
        """The libraries of the PDKs, then those given, which take the place of any of the same name."""
        return [*(cls(library, options.timeout) for library in pdk_libraries()), *cls.default(options)]

    @classmethod
    def default(cls, options: Options) -> list[Self]:
        """The libraries given."""
        return [cls(library, options.timeout) for library in find_libraries(options.liberty)]

    @classmethod
    def absent(cls) -> list[Figure]:
        """That no library was given."""
        reason = f"no cell library: give one with --liberty or {VARIABLE}"
        if found := len(pdk_libraries()):
            reason += f", or choose one of the {found} under PDK_ROOT with --target liberty:NAME"
        return [Figure(metric, None, reason) for metric in (AREA, DELAY)]

    @property
    def identity(self) -> str:
        """The commands, the version of what they run, and the library; `InputError` if it cannot be read."""
        timing = [COMMAND, sta_version()] if has_sta() else []
        libraries = map(digest, map(read_text, self.technology.files))
        return "; ".join([yosys_version(), self._command, *libraries, *timing])

    @property
    def ways(self) -> tuple[Self, ...]:
        """The technology with each of `SCRIPTS`, where there is a period."""
        return (self,) if self.period is None else tuple(replace(self, script=one, period=None) for one in SCRIPTS)

    def choose(self, syntheses: Sequence[Sequence[Figure]]) -> int:
        """The least area that keeps to the period, or the fastest."""

        def rank(place: int) -> tuple[bool, float]:
            values = {figure.metric: figure.value or 0.0 for figure in syntheses[place]}
            late = self.period is not None and values[DELAY] > self.period
            return late, values[DELAY if late else AREA]

        return min(range(len(syntheses)), key=rank)

    @property
    def _command(self) -> str:
        return command([f"cells{number}.lib" for number in range(len(self.technology.files))], self.script)

    def synthesise(self, design: str, folder: Path) -> Synthesis:
        """Map ``design``, RTLIL text with top module ``top``, in the empty ``folder``.

        Raises
        ------
        InputError
            the library has no flip-flop or no NAND2.
        ToolError
            as `map_to_cells`.
        """
        self.technology.check()
        cells, files = self.technology.cells, self.technology.unpack(folder)
        more = netlist_script([path.name for path in files])
        mapped = map_to_cells(design, folder, files, cells, self.script, self.timeout, more)
        delay = read_delay(mapped.log)
        figure = partial(Figure, tool="yosys", version=yosys_version(), command=self._command)
        figures = [
            figure(FLIP_FLOPS, mapped.flip_flops),
            figure(GATES, mapped.area / self.technology.nand2_area),
            figure(AREA, mapped.area),
            figure(DELAY, delay, reason="" if delay else "there are no gates to time"),
            figure(MEMORY_BITS, mapped.memory_bits),
        ]
        if has_sta():
            timing = time_paths(folder, files, cells, self.timeout)
            version = f"{yosys_version()} + {sta_version()}"
            opinion = partial(Figure, tool="yosys + sta", version=version, command=f"{self._command}; {COMMAND}")
            values = {STA_DELAY: timing.delay, STA_PERIOD: timing.period if mapped.flip_flops else None}
            figures += [opinion(metric, value) for metric, value in values.items() if value is not None]
        return Synthesis(figures, parts={AREA.name: areas_of_parts(design, folder, cells)})


def read_delay(log: str) -> float | None:
    """The delay in ns from the one summary line of ABC's ``stime``; None if there was nothing to time."""
    found = re.findall(r"ABC: WireLoad.*\bDelay\s*=\s*([0-9.]+) ps", log)
    if len(found) > 1:
        raise ToolError(f"ABC timed the design in {len(found)} pieces, so paths through several would be missed")
    return float(found[0]) / 1000 if found else None
