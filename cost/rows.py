"""What the cost flow hands back: rows, each a figure with the names of its unit and target."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from zimu.cost.target import Figure
from zimu.cost.targets import is_family_alone

UNITS_OF_MEASURE = {
    "comb": "TRELLIS_COMB",
    "ff": "flip-flops",
    "dsp": "MULT18X18D",
    "alu54": "ALU54B",
    "bram": "DP16KD",
    "ramw": "TRELLIS_RAMW",
    "fmax_mhz": "MHz",
    "ge": "NAND2 equivalents",
    "area_um2": "um2",
    "delay_ns": "ns",
    "memory_bits": "bits",
    "weights_per_cycle": "weights/cycle",
    "ns_per_weight": "ns/weight",
    "comb_per_wpc": "TRELLIS_COMB per weight/cycle",
    "ge_per_wpc": "NAND2 equivalents per weight/cycle",
    "area_um2_per_wpc": "um2 per weight/cycle",
    "comb_ns_per_weight": "TRELLIS_COMB * ns/weight",
    "area_um2_ns_per_weight": "um2 * ns/weight",
}
"""All metrics in the order they are shown, with what they are counted in."""


@dataclass(frozen=True)
class Row(Figure):
    """A figure with the names of its unit and target; both are always given."""

    unit: str = ""
    target: str = ""

    @property
    def uom(self) -> str:
        """What the value is counted in."""
        return UNITS_OF_MEASURE[self.metric]

    @property
    def failed(self) -> bool:
        """Whether this was asked for and could not be measured."""
        return self.value is None and not is_family_alone(self.target)

    def to_dict(self) -> dict[str, Any]:
        """For JSON; names first, then the figure."""
        values = asdict(self)
        first = ("unit", "target", "metric", "value")
        rest = {name: value for name, value in values.items() if name not in first}
        return {name: values[name] for name in first} | {"uom": self.uom} | rest

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Row":
        """The row that `to_dict` gave ``data`` of; what is no field is left out."""
        return cls(**{field.name: data[field.name] for field in fields(cls)})


def rows_of(unit: str, target: str, figures: Iterable[Figure]) -> list[Row]:
    """The figures as rows, in the order of `UNITS_OF_MEASURE`."""
    order = list(UNITS_OF_MEASURE)
    ordered = sorted(figures, key=lambda figure: (order.index(figure.metric), figure.trials or 0))
    return [Row(unit=unit, target=target, **asdict(figure)) for figure in ordered]
