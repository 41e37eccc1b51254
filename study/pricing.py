"""Prices the units of the study: the integer unit that trained layer 1, and its rivals.

Uses ``cost/price.py``; called by ``study/demo.py``.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Any

from zimu.cost.price import find_targets, price
from zimu.cost.slots import Progress
from zimu.golden.config import UnitConfig
from zimu.study.costs import RIVALS
from zimu.study.methods import HEADLINE, layer_config

Results = dict[str, Any]


def integer_units() -> list[UnitConfig]:
    """The unit of layer 1 in both forms of its circuit, which never change a result."""
    config = layer_config(0)
    return [config.replace(name=f"{config.name}_{form}", form=form) for form in ("search", "tree")]


def trial_counts() -> tuple[int, int]:
    """The n that throughput is given for: the mean of the headline run, and n = d, the hard case."""
    config = layer_config(0)
    return HEADLINE.schedule(config, 1, 2)["trials"], config.depth


def check_targets(place_seeds: int, liberty: Sequence[str]) -> None:
    """Refuse what cannot be priced, such as a cell library that is not there, before minutes are spent on training."""
    find_targets(liberty=liberty, seeds=place_seeds)


def price_units(place_seeds: int, liberty: Sequence[str], jobs: int, progress: Progress | None = None) -> list[Results]:
    """Rows of all units on the default targets, as plain data; what could not be measured has its reason.

    Parameters
    ----------
    place_seeds, liberty, jobs, progress : as `zimu.cost.price.price` takes them.
    """
    rows = price(
        [*integer_units(), *chain.from_iterable(RIVALS.values())],
        liberty=liberty,
        seeds=place_seeds,
        trials=trial_counts(),
        jobs=jobs,
        progress=progress,
    )
    return [row.to_dict() | {"failed": row.failed} for row in rows]


def failures(rows: list[Results]) -> list[str]:
    """One line for each reason why something asked for has no price."""
    lines = {f"{row['unit']} has no {row['target']} price: {row['reason']}": None for row in rows if row["failed"]}
    return list(lines)
