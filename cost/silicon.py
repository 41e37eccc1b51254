"""Cost in a silicon technology the user brings as a Liberty library: area, gate equivalents and delay.

Delay is ABC's: the longest path through gates under the library's own tables, without wires, clock-to-output and
setup times. The mapping itself is in ``cost/gates.py``, a second opinion on timing in ``cost/sta.py``.
"""

import re
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import ClassVar, Self

from zimu.cost.content import digest
from zimu.cost.gates import GATES, GATES_PER_THROUGHPUT, areas_of_parts, command, map_to_cells, netlist_script
from zimu.cost.liberty import VARIABLE, Library, find_libraries, pdk_libraries, read_text
from zimu.cost.metrics import (
    FLIP_FLOPS,
    MEMORY_BITS,
    THROUGHPUT,
    Metric,
    per_throughput,
    time_per_weight,
    times_time,
)
from zimu.cost.sta import COMMAND, has_sta, sta_version, time_paths
from zimu.cost.target import Figure, Options, Synthesis, Target
from zimu.golden.errors import ToolError
from zimu.golden.programs import yosys_version

AREA = Metric(name="area_um2", title="Area", uom="um2", label="area", charted=True, judged=True)
DELAY = Metric(name="delay_ns", title="Delay", uom="ns", label="delay", charted=True)
STA_DELAY = Metric(name="sta_delay_ns", title="Delay by OpenSTA", uom="ns", label="OpenSTA\ndelay", optional=True)
STA_PERIOD = Metric(
    name="sta_period_ns", title="Clock period by OpenSTA", uom="ns", label="OpenSTA\nperiod", optional=True
)


def _energy(name: str, title: str, label: str, *, judged: bool = False) -> Metric:
    """A part of the energy of an update, from simulated steps (``cost/energy.py``, ``cost/memory.py``)."""
    return Metric(
        name=f"{name}_pj_per_weight",
        title=title,
        uom="pJ/weight",
        narrow="pJ\n/weight",
        label=label,
        per_weight=True,
        group="energy",
        charted=judged,
        judged=judged,
        optional=True,
    )


ENERGY = _energy("energy", "Energy per weight", "core", judged=True)
"""Of the core; its memories and those around it are not in it."""

ENERGY_PARTS = (
    _energy("datapath", "Datapath", "data-\npath"),
    _energy("random_words", "Random words", "random\nwords"),
    _energy("clock", "Clock", "clock"),
    _energy("leakage", "Leakage", "leak-\nage"),
)
"""They add up to `ENERGY`."""

RANDOM_CLOCK = _energy("random_words_clock", "Clock of random words", "clock of\nrandom\nwords")
"""The part of the clock's energy that the generators' flip-flops take."""

MEMORY_AREA = Metric(
    name="memory_area_um2",
    title="Memories inside, Aladdin, 40 nm",
    uom="um2",
    label="memories,\nAladdin",
    optional=True,
)
"""Area of the unit's own memories, by the one table that has areas; of another technology than the rest."""

MEMORY_ENERGY = {
    ("inside", "horowitz"): _energy("inside_horowitz", "Memories inside, Horowitz", "inside,\nHorowitz"),
    ("inside", "aladdin"): _energy("inside_aladdin", "Memories inside, Aladdin", "inside,\nAladdin"),
    ("sram", "horowitz"): _energy("sram_horowitz", "Around, SRAM, Horowitz", "SRAM,\nHorowitz"),
    ("sram", "aladdin"): _energy("sram_aladdin", "Around, SRAM, Aladdin", "SRAM,\nAladdin"),
    ("dram_low", "horowitz"): _energy("dram_low_horowitz", "Around, DRAM, Horowitz, least", "DRAM,\nHorowitz,\nleast"),
    ("dram_high", "horowitz"): _energy("dram_high_horowitz", "Around, DRAM, Horowitz, most", "DRAM,\nHorowitz,\nmost"),
}
"""By place and table: the unit's own memories, and those around it if they are SRAM or DRAM."""

DELAY_SCRIPT = (
    "strash; ifraig; scorr; dc2; dch -f; map -B 0.9 -D 2000; topo; buffer -c; topo; upsize -D 2000; dnsize -D 2000; "
    "stime -p"
)
"""ABC's commands: map for speed, buffer, size gates up where slow and down where not, then time the result."""


@dataclass(frozen=True)
class Silicon(Target):
    """A technology.

    Parameters
    ----------
    technology : its cells.
    timeout : seconds any one program may take.
    """

    technology: Library
    timeout: float = 600
    forms: ClassVar[tuple[str, ...]] = ("liberty:NAME",)
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

    @property
    def name(self) -> str:
        """The target's name."""
        return f"liberty:{self.technology.name}"

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
    def _command(self) -> str:
        return command([f"cells{number}.lib" for number in range(len(self.technology.files))], DELAY_SCRIPT)

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
        files = self.technology.unpack(folder)
        cells, more = self.technology.cells, netlist_script([path.name for path in files])
        mapped = map_to_cells(design, folder, files, cells, DELAY_SCRIPT, self.timeout, more)
        figure = partial(Figure, tool="yosys", version=yosys_version(), command=self._command)
        delay = read_delay(mapped.log)
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
