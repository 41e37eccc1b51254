"""Cost on a Xilinx 7 series FPGA, which no place and route is brought for: the cells that Yosys maps to, no clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar, Self

from zimu.cost.count import Weights, count, how_counted, matching, netlist_cells, sizes_of_cells, top_module
from zimu.cost.fpga import synthesise
from zimu.cost.metrics import CLOCK, FLIP_FLOPS, THROUGHPUT, Metric, per_throughput
from zimu.cost.parts import parts_by_metric
from zimu.cost.target import Figure, Options, Synthesis, Target
from zimu.golden.errors import ToolError
from zimu.golden.programs import yosys_version

SYNTHESIS = "synth_xilinx -family xc7 -flatten -noiopad -noclkbuf -top top -json top.json"

COMB = Metric(name="comb", title="Look-up tables", uom="LUT6", charted=True)
CELLS: dict[Metric, Weights] = {
    # Shift registers and small memories are look-up tables too.
    COMB: {
        **{"LUT[1-6]": 1, "INV": 1, "SRL16E": 1, "SRLC32E": 1, "RAM64X1S": 1, "RAM64X1D": 2, "RAM128X1S": 2},
        **{"RAM128X1D": 4, "RAM256X1S": 4, "RAM32M": 4, "RAM64M": 4},
    },
    FLIP_FLOPS: {"FD[CPRS]E*": 1},
    Metric(name="dsp", title="DSP blocks", uom="DSP48E1", charted=True): {"DSP48E1": 1},
    Metric(name="bram", title="Block RAMs", uom="RAMB18E1", charted=True): {"RAMB18E1": 1, "RAMB36E1": 2},
    Metric(name="carry", title="Carry cells", uom="CARRY4"): {"CARRY4": 1},
}

FREE = ("GND", "VCC", "MUXF[78]", "$scopeinfo")
"""Constants, notes without hardware, and the multiplexers that every few look-up tables have between them."""


@dataclass(frozen=True)
class Xilinx7(Target):
    """All devices of the series, whose logic is the same.

    Parameters
    ----------
    timeout : seconds the mapping may take.
    """

    timeout: float = 600
    name = "xilinx7"
    forms: ClassVar[tuple[str, ...]] = (name,)
    metrics: ClassVar[tuple[Metric, ...]] = (
        *CELLS,
        CLOCK,
        THROUGHPUT,
        per_throughput(COMB, "Tables per throughput", charted=True, judged=True),
    )
    unmeasured: ClassVar[Mapping[Metric, str]] = {CLOCK: "no place and route for this family: cells are counted alone"}

    @classmethod
    def find(cls, options: Options) -> list[Self]:
        """The one there is."""
        return [cls(options.timeout)]

    @classmethod
    def default(cls, options: Options) -> list[Self]:
        """None: it is priced where it is asked for."""
        return []

    @property
    def identity(self) -> str:
        """The command, the version of what runs it, and how cells are counted."""
        return "; ".join([self.name, yosys_version(), SYNTHESIS, how_counted(CELLS)])

    def synthesise(self, design: str, folder: Path) -> Synthesis:
        """Map ``design``, RTLIL text with top module ``top``, in the empty ``folder``.

        Raises
        ------
        ToolError
            Yosys failed or ran out of time, or left cells that no metric counts.
        """
        script = synthesise(design, [SYNTHESIS], folder, self.timeout)
        netlist = (folder / "top.json").read_text(encoding="utf-8")
        used = netlist_cells(netlist)
        module = top_module(netlist)
        sizes = sizes_of_cells({metric: CELLS[metric] for metric in (COMB, FLIP_FLOPS)}, module)
        figure = partial(Figure, tool="yosys", version=yosys_version(), command="; ".join(script))
        return Synthesis(
            [
                *(figure(metric, number) for metric, number in count_all(used).items()),
                *(figure(metric, None, reason) for metric, reason in self.unmeasured.items()),
            ],
            parts=parts_by_metric(design, module, sizes),
        )


def count_all(used: Mapping[str, int]) -> dict[Metric, int]:
    """Cells by metric; `ToolError` if there are any that none counts."""
    known = (*FREE, *(pattern for weights in CELLS.values() for pattern in weights))
    if left := sorted({*used} - {*matching(used, known)}):
        raise ToolError(f"Yosys' netlist has cells that no metric counts: {', '.join(left)}")
    return count(CELLS, used)
