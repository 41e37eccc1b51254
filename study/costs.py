"""A cost study as data: what ``zimu sweep`` measured of a space of units, as ``study/cost_report.py`` shows it."""

from dataclasses import dataclass

from zimu.cost.price import Breakdown
from zimu.cost.rows import Row
from zimu.cost.units import PricedUnit


@dataclass(frozen=True)
class CostStudy:
    """Units with all that was measured of them.

    Parameters
    ----------
    name : that of the sweep's file, such as ``standard``.
    command : makes it again, such as ``zimu sweep standard``.
    units : in the order they are shown.
    rows : figures on all targets.
    breakdowns : sizes of units' parts, where they were measured.
    """

    name: str
    command: str
    units: list[PricedUnit]
    rows: list[Row]
    breakdowns: list[Breakdown]
