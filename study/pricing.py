"""Prices the units of the study: the integer unit that trained layer 1, and its rivals.

Uses ``cost/price.py``; called by ``study/demo.py``.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from zimu.cost.fpga import Fpga
from zimu.cost.price import price
from zimu.cost.target import Progress
from zimu.cost.targets import find_targets
from zimu.golden.unit import UnitConfig
from zimu.study.methods import HEADLINE, layer_config, mean_trials

RIVALS = (
    *("float_sgd:fp32:comb", "float_sgd:fp32:pipelined"),
    *("float_sgd:bf16:comb", "float_sgd:bf16:pipelined"),
    "int_sgd:8",
)
"""What the integer unit is held against, by names of `zimu.golden.names`."""

GATES_ONLY = (("search",), ("float_sgd:fp32:comb", "float_sgd:bf16:comb"))
"""Forms of the integer unit, and rivals, that are not placed on an FPGA, where they cannot be the best of their kind.

Float units without pipeline registers are larger and slower there than those with them (docs/float_sgd.md); the small
circuit of the ``inverse`` sampler has two thirds of the cells of the other, and a fifth of its throughput.
"""

Results = dict[str, Any]


def integer_units() -> list[UnitConfig]:
    """The unit of layer 1 in both forms of its circuit, which never change a result."""
    config = layer_config(0)
    return [config.replace(name=f"{config.name}_{form}", form=form) for form in ("search", "tree")]


def trial_counts() -> tuple[int, int]:
    """The n that throughput is given for: the mean of the headline run, and n = d, the hard case."""
    return mean_trials(HEADLINE), layer_config(0).depth


def check_targets(place_seeds: int, liberty: Sequence[str]) -> None:
    """Refuse what cannot be priced, such as a cell library that is not there, before minutes are spent on training."""
    find_targets(liberty=liberty, seeds=place_seeds)


def price_units(
    place_seeds: int, liberty: Sequence[str], jobs: int, progress: Progress = lambda done, total: None
) -> list[Results]:
    """Rows of all units on the default targets, as plain data; what could not be measured has its reason.

    Parameters
    ----------
    place_seeds, liberty, jobs, progress : as `zimu.cost.price.price` takes them.
    """
    forms, rivals = GATES_ONLY
    small: list[str | UnitConfig] = [*(unit for unit in integer_units() if unit.form in forms), *rivals]
    everything: list[str | UnitConfig] = [*integer_units(), *RIVALS]
    targets = find_targets(liberty=liberty, seeds=place_seeds)
    gates = [target for target in targets if not isinstance(target, Fpga)]
    placed: list[str | UnitConfig] = [unit for unit in everything if unit not in small]
    in_gates = len(small) * sum(target.jobs for target in gates)
    in_all = in_gates + len(placed) * sum(target.jobs for target in targets)

    price_with = partial(price, liberty=liberty, seeds=place_seeds, trials=trial_counts(), jobs=jobs)
    rows = price_with(small, [target.name for target in gates], progress=lambda done, _: progress(done, in_all)).rows
    rows += price_with(placed, progress=lambda done, _: progress(in_gates + done, in_all)).rows
    order = [unit if isinstance(unit, str) else unit.name for unit in everything]
    return [row.to_dict() | {"failed": row.failed} for row in sorted(rows, key=lambda row: order.index(row.unit))]


def failures(rows: list[Results]) -> list[str]:
    """One line for each reason why something asked for has no price."""
    lines = {f"{row['unit']} has no {row['target']} price: {row['reason']}": None for row in rows if row["failed"]}
    return list(lines)
