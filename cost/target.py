"""What the file of a target is written with: the figures it gives, the slots its programs run in, and its base class.

A target is a file with a subclass of `Target`, and a line in ``cost/targets.py``.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from zimu.cost.metrics import Metric
from zimu.golden.errors import ToolError, check_range, check_seconds

Progress = Callable[[int, int], None]
"""Called with the programs that ended and the programs there are."""


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


class Slots:
    """How many external programs run at a time: ``with slots:`` around each holds back all but ``jobs`` of them.

    Parameters
    ----------
    jobs : programs at a time.
    total : programs there will be.
    progress : told at the start and after each one; called from several threads, never at the same time.
    """

    def __init__(self, jobs: int, total: int = 0, progress: Progress | None = None) -> None:
        self._free = threading.Semaphore(jobs)
        self._lock = threading.Lock()
        self._progress = progress
        self._total = total
        self._done = 0
        self._closed = False
        if progress:
            progress(0, total)

    def close(self) -> None:
        """Let no further program begin."""
        self._closed = True

    def __enter__(self) -> None:
        self._free.acquire()
        if self._closed:
            self._free.release()
            raise ToolError("stopped before it was measured")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._free.release()
        with self._lock:
            self._done += 1
            if self._progress:
                self._progress(self._done, self._total)


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


class Target(ABC):
    """Where a design can be measured."""

    forms: ClassVar[tuple[str, ...]]
    """The names of the family's targets as a help text has them, a word in capitals for what the user brings."""

    metrics: ClassVar[tuple[Metric, ...]]
    """All that the family has figures of, in the order they are shown: first what `measure` gives."""

    unmeasured: ClassVar[Mapping[Metric, str]] = {}
    """Those among them that it has no tool for, and why: they never have a value, and that is no failure."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What rows call it."""

    @property
    @abstractmethod
    def programs(self) -> int:
        """External programs it runs for a design."""

    @classmethod
    def missing(cls, reason: str) -> list[Figure]:
        """What `measure` would have given, without a value."""
        owed = [metric for metric in cls.metrics if not metric.per_weight and not metric.optional]
        return [Figure(metric, None, cls.unmeasured.get(metric, reason)) for metric in owed]

    @abstractmethod
    def measure(self, design: str, folder: Path, slots: Slots) -> list[Figure]:
        """Measure a design.

        Parameters
        ----------
        design : RTLIL text with top module ``top``.
        folder : empty, for whatever is written; it goes away.
        slots : to be held around each external program.

        Raises
        ------
        ZimuError
            it could not be measured: all figures will be missing, with the error as the reason.
        """

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
