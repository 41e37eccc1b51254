"""The targets by family, and how they are found by name.

To add a target, add its file with a subclass of ``cost/target.py``'s `Target`, and its line here. The command line
lists the targets in its help, so their files import nothing that takes long to load.
"""

import re
from collections.abc import Mapping, Sequence

from zimu.cost.ecp5 import Ecp5
from zimu.cost.gates import Generic
from zimu.cost.gowin import Gowin
from zimu.cost.ice40 import Ice40
from zimu.cost.metrics import MEMORY, MEMORY_METRICS, Metric
from zimu.cost.silicon import Silicon
from zimu.cost.target import Options, Target
from zimu.cost.xilinx7 import Xilinx7
from zimu.golden.errors import InputError, check_choice

TARGETS: dict[str, type[Target]] = {
    "ecp5": Ecp5,
    "ice40": Ice40,
    "gowin": Gowin,
    "xilinx7": Xilinx7,
    "generic": Generic,
    "liberty": Silicon,
}
"""The families in the order they are shown. A target is called as its family, ``FAMILY-PART`` or ``FAMILY:PART``,
and one that can aim at something ``TARGET@GOAL`` too."""


def forms() -> str:
    """The names that targets have, for a help text."""
    return ", ".join(form for family in TARGETS.values() for form in family.forms)


def find_targets(
    names: Sequence[str] = (), *, liberty: Sequence[str] = (), seeds: int = 8, timeout: float = 600
) -> list[Target]:
    """The targets of those names, by default those of `defaults`.

    Parameters
    ----------
    names : of targets.
    liberty, seeds, timeout : as `zimu.cost.target.Options` takes them.

    Raises
    ------
    InputError
        an unknown name, a library that is not there, or a number out of its range.
    """
    options = Options(tuple(liberty), seeds, timeout)
    if not names:
        return [target for family in TARGETS.values() for target in family.default(options)]
    known = {target.name: target for family in TARGETS.values() for target in family.find(options)}
    return [_find(name, known) for name in names]


def _find(name: str, known: Mapping[str, Target]) -> Target:
    """The target of that name, or what one of them is under a goal: ``TARGET@GOAL``."""
    plain, at, goal = name.rpartition("@")
    if at and name not in known and plain in known:
        return known[plain].aimed(goal)
    if name not in known:
        raise InputError(f"target = {name!r}: must be one of {', '.join(known)}")
    return known[name]


def technology_of(target: str) -> str:
    """The name of a target without what it aims at."""
    return target.partition("@")[0]


def metrics_of(target: str) -> tuple[Metric, ...]:
    """What rows of that target, or of `MEMORY`, have figures of, in the order shown; `InputError` if it is unknown."""
    return MEMORY_METRICS if target == MEMORY else _family(target).metrics


def find_metric(target: str, name: str) -> Metric:
    """The metric that rows of that target call so; `InputError` if there is none."""
    metrics = {metric.name: metric for metric in metrics_of(target)}
    return metrics[check_choice(f"metric of {target}", name, metrics)]


def is_owed(target: str, metric: Metric) -> bool:
    """Whether a target should have a value: it has a tool for the metric, and is no family the user brought no part of.

    Such a family's rows bear its name, which no target of it does.
    """
    if target == MEMORY:
        return True
    family = _family(target)
    return metric not in family.unmeasured and (target not in TARGETS or target in family.forms)


def _family(target: str) -> type[Target]:
    return TARGETS[check_choice("family of targets", re.split("[-:]", target)[0], TARGETS)]
