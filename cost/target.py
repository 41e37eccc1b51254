"""What the file of a target is written with: the figures it gives, and its base class.

A target is a file with a subclass of `Target`, and a line in ``cost/targets.py``.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple, Self

from zimu.cost.metrics import Metric
from zimu.golden.errors import InputError, check_range, check_seconds

Progress = Callable[[int, int], None]
"""Called with the jobs that ended and the jobs there are."""


@dataclass(frozen=True)
class Figure:
    """One metric of one design on one target.

    Parameters
    ----------
    metric : one of its target's.
    value : the figure; of several seeds the median. None where it was not measured, never 0.
    reason : why there is no value.
    minimum, maximum : spread over place-and-route seeds.
    trials : n, the trials of a step the figure holds for; None where it does not depend on n.
    tool, version, command : what measured it.
    seeds : of how many place-and-route seeds it is the median; 0 where no seed changes it.
    samples : the value with each of these seeds, in their order; empty where there are none.
    """

    metric: Metric
    value: float | None
    reason: str = ""
    minimum: float | None = None
    maximum: float | None = None
    trials: int | None = None
    tool: str = ""
    version: str = ""
    command: str = ""
    seeds: int = 0
    samples: tuple[float, ...] = ()


@dataclass(frozen=True)
class Options:
    """What a call sets for all its targets; each takes what concerns it.

    Parameters
    ----------
    liberty : cell libraries, as `zimu.cost.liberty.find_libraries` takes them.
    seeds : place-and-route seeds, 1..1000.
    timeout : seconds any one program may take.
    """

    liberty: tuple[str, ...] = ()
    seeds: int = 8
    timeout: float = 600

    def __post_init__(self) -> None:
        check_range("seeds", self.seeds, 1, 1000)
        check_seconds("timeout", self.timeout)


class Synthesis(NamedTuple):
    """What synthesis gives.

    Parameters
    ----------
    figures : those that no seed changes.
    netlist : what is placed with each seed.
    parts : by name of a metric of the target, the size in it of each part of the design.
    """

    figures: list[Figure]
    netlist: str = ""
    parts: Mapping[str, Mapping[str, float]] = {}


class Target(ABC):
    """Where a design can be measured: it is synthesised and, if that is not all, placed with several seeds.

    Each of these is a job of its own, done by any process. What a job gives depends on the design, on ``identity``, and
    on the seed alone, so it is kept and never done again.
    """

    forms: ClassVar[tuple[str, ...]]
    """The names of the family's targets as a help text has them, a word in capitals for what the user brings."""

    metrics: ClassVar[tuple[Metric, ...]]
    """All that the family has figures of, in the order they are shown: first what is measured."""

    seeds: int = 0
    """Each design is placed with the seeds 1 to this one."""

    unmeasured: ClassVar[Mapping[Metric, str]] = {}
    """Those among them that it has no tool for, and why: they never have a value, and that is no failure."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What rows call it."""

    @property
    @abstractmethod
    def identity(self) -> str:
        """What decides the figures beside the design and the seed: commands, versions, digests of libraries.

        Raises
        ------
        MissingToolError
            a program is not installed.
        """

    def aimed(self, goal: str) -> Self:
        """The same aiming at what stands behind ``@`` in a target's name; `InputError` if it cannot."""
        raise InputError(f"target = '{self.name}@{goal}': must be {self.name}, which has no period to aim at")

    @property
    def ways(self) -> Sequence[Self]:
        """What synthesises a design: the target itself, or others in ways of their own, of which it chooses."""
        return (self,)

    def choose(self, syntheses: Sequence[Sequence[Figure]]) -> int:
        """Which of the `ways`, whose figures are given, counts."""
        return 0

    @property
    def jobs(self) -> int:
        """Jobs that a design takes."""
        return len(self.ways) + self.seeds

    @classmethod
    def missing(cls, reason: str) -> list[Figure]:
        """What would have been measured, without a value."""
        owed = [metric for metric in cls.metrics if not metric.per_weight and not metric.optional]
        return [Figure(metric, None, cls.unmeasured.get(metric, reason)) for metric in owed]

    @abstractmethod
    def synthesise(self, design: str, folder: Path) -> Synthesis:
        """Synthesise a design.

        Parameters
        ----------
        design : RTLIL text with top module ``top``.
        folder : empty, for whatever is written; it goes away.

        Raises
        ------
        ZimuError
            it could not be measured: all figures will be missing, with the error as the reason.
        """

    def place(self, netlist: str, seed: int, folder: Path) -> list[Figure]:
        """The figures of one seed; ``folder`` and errors as above. Called where there are `seeds`."""
        raise NotImplementedError

    def summarise(self, design: str, synthesis: list[Figure], placements: list[list[Figure]]) -> list[Figure]:
        """The figures of a design, from those of its synthesis and of each seed."""
        return synthesis

    @classmethod
    @abstractmethod
    def find(cls, options: Options) -> Sequence[Self]:
        """All targets of the family that can be asked for by name; of two of one name the later one counts.

        Raises
        ------
        InputError
            ``options`` are no good.
        """

    @classmethod
    @abstractmethod
    def default(cls, options: Options) -> Sequence[Self]:
        """Those that are priced where none is asked for; errors as `find`."""

    @classmethod
    def absent(cls) -> list[Figure]:
        """What a call that asks for no target has to say where `default` finds none: figures missing, with a reason."""
        return []
