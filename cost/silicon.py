"""Cost in a silicon technology the user brings as a Liberty library: area, gate equivalents and delay.

Delay is ABC's: the longest path through gates under the library's own tables, without wires, clock-to-output and
setup times. The mapping itself is in ``cost/gates.py``.
"""

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from zimu.cost.gates import command, map_to_cells
from zimu.cost.liberty import Library
from zimu.cost.rows import Figure
from zimu.cost.slots import Slots
from zimu.golden.errors import ToolError
from zimu.golden.programs import yosys_version

DELAY_SCRIPT = (
    "strash; ifraig; scorr; dc2; dch -f; map -B 0.9 -D 2000; topo; buffer -c; topo; upsize -D 2000; dnsize -D 2000; "
    "stime -p"
)
"""ABC's commands: map for speed, buffer, size gates up where slow and down where not, then time the result."""


@dataclass(frozen=True)
class Silicon:
    """A technology.

    Parameters
    ----------
    technology : its cells.
    timeout : seconds the mapping may take.
    """

    technology: Library
    timeout: float = 600
    metrics = ("ff", "ge", "area_um2", "delay_ns", "memory_bits")
    programs = 1

    @property
    def name(self) -> str:
        """The target's name."""
        return f"liberty:{self.technology.name}"

    def measure(self, design: str, folder: Path, slots: Slots) -> list[Figure]:
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
        with slots:
            mapped = map_to_cells(design, folder, files, self.technology.cells, DELAY_SCRIPT, self.timeout)
        script = command([path.name for path in files], DELAY_SCRIPT)
        figure = partial(Figure, tool="yosys", version=yosys_version(), command=script)
        delay = read_delay(mapped.log)
        return [
            figure("ff", mapped.flip_flops),
            figure("ge", mapped.area / self.technology.nand2_area),
            figure("area_um2", mapped.area),
            figure("delay_ns", delay, reason="" if delay else "there are no gates to time"),
            figure("memory_bits", mapped.memory_bits),
        ]


def read_delay(log: str) -> float | None:
    """The delay in ns from the one summary line of ABC's ``stime``; None if there was nothing to time."""
    found = re.findall(r"ABC: WireLoad.*\bDelay\s*=\s*([0-9.]+) ps", log)
    if len(found) > 1:
        raise ToolError(f"ABC timed the design in {len(found)} pieces, so paths through several would be missed")
    return float(found[0]) / 1000 if found else None
