"""What the cost flow hands back: rows, each a figure with the names of its unit and target, to and from plain data."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from zimu.cost.target import Figure
from zimu.cost.targets import find_metric, is_owed, metrics_of


@dataclass(frozen=True)
class Row(Figure):
    """A figure with the names of its unit and target, which are always given, and what the unit is.

    Parameters
    ----------
    unit, target : names.
    rule : the unit's update rule; empty where it is no unit.
    kind : `zimu.golden.rule.RuleConfig.kind`; empty where it is not compared with others.
    momentum : whether it keeps a running mean of the gradients.
    depth : d, its weights; None where it has none.
    """

    unit: str = ""
    target: str = ""
    rule: str = ""
    kind: str = ""
    momentum: bool = False
    depth: int | None = None

    @property
    def failed(self) -> bool:
        """Whether this was asked for and could not be measured."""
        return self.value is None and is_owed(self.target, self.metric)

    @property
    def share(self) -> float | None:
        """N / d; None where the figure does not depend on n."""
        return None if self.trials is None or not self.depth else self.trials / self.depth

    @property
    def label(self) -> str:
        """The unit, and n where the figure depends on it."""
        return self.unit if self.trials is None else f"{self.unit}, n = {self.trials:,}"

    def to_dict(self) -> dict[str, Any]:
        """For JSON; names first, then the figure."""
        rest = {name: value for name, value in vars(self).items() if name not in _FIRST}
        names = {"unit": self.unit, "target": self.target, "metric": self.metric.name}
        return names | {"value": self.value, "uom": self.metric.uom} | rest | {"samples": list(self.samples)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Row":
        """The row that `to_dict` gave ``data`` of; what is no field is left out.

        Raises
        ------
        InputError
            there is no such target, or it has no such metric.
        """
        values = {field.name: data[field.name] for field in fields(cls)}
        metric = find_metric(data["target"], data["metric"])
        return cls(**values | {"metric": metric, "samples": tuple(data["samples"])})


_FIRST = ("unit", "target", "metric", "value")


def rows_of(unit: Mapping[str, Any], target: str, figures: Iterable[Figure]) -> list[Row]:
    """The figures as rows, in the order of the target's metrics, then of n; ``unit`` has the fields of its unit."""
    order = metrics_of(target)
    ordered = sorted(figures, key=lambda figure: (order.index(figure.metric), figure.trials or 0))
    return [Row(**vars(figure), **unit, target=target) for figure in ordered]
