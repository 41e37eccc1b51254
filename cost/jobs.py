"""Jobs that are done once: what a job is, and how jobs in stages are given to processes.

What a job gave is in the cache before anyone hears of it, so a run that was stopped at any moment goes on where it was.
The jobs of measuring a design on a target: ``cost/target_jobs.py``.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from pathlib import Path

from zimu.cost.cache import Cache, Outcome
from zimu.cost.target import Figure, Progress
from zimu.golden.errors import RefusalError, ZimuError
from zimu.golden.files import scratch_folder
from zimu.golden.programs import is_stopping
from zimu.golden.workers import Submit

_LOOK = 0.2
"""Seconds after which it is seen that this process is to end."""


class Job(ABC):
    """Something to be done by any process, with figures as its result."""

    seed: int | None = None
    """With which it is done, if any."""

    @property
    @abstractmethod
    def key(self) -> str:
        """The name of what comes of it: a digest of all that it depends on."""

    @property
    @abstractmethod
    def place(self) -> str:
        """The name of the target whose metrics it has figures of."""

    @abstractmethod
    def do(self, cache: Cache, scratch: Path) -> list[Figure]:
        """Do it.

        Parameters
        ----------
        cache : where more than figures may be found and kept.
        scratch : an empty folder, which goes away.

        Raises
        ------
        RefusalError
            it cannot be done, now or ever.
        ZimuError
            it could not be done this time.
        """


def run(job: Job, folder: str) -> Outcome:
    """Do a job, or find what it gave before.

    Parameters
    ----------
    folder : of the cache.
    """
    cache = Cache(folder)
    try:
        with cache.claim(job.key):
            if cache.outcome(job.key, job.place) is None:
                cache.keep_outcome(job.key, job.place, job.seed, _do(job, cache))
            # As whoever comes later will find it.
            found = cache.outcome(job.key, job.place)
    except ZimuError as error:
        return Outcome([], str(error))
    return found or Outcome([], f"{cache.folder}: what was kept there cannot be read; name another cache")


def _do(job: Job, cache: Cache) -> Outcome:
    """Figures, or the message of a program that refuses."""
    with scratch_folder() as scratch:
        try:
            return Outcome(job.do(cache, scratch))
        except RefusalError as error:
            return Outcome([], str(error))


class Measurement:
    """Jobs in stages, each of which begins when all jobs of the one before have figures.

    Parameters
    ----------
    stages : the jobs.
    cache : where outcomes are looked for.
    reason : why nothing can be measured, if that is known.
    """

    def __init__(self, stages: Sequence[Sequence[Job]], cache: Cache, reason: str = "") -> None:
        self.reason = reason
        self._stages, self._cache = stages, cache
        self._outcomes: dict[Job, Outcome] = {}

    @property
    def total(self) -> int:
        """Jobs there are."""
        return sum(map(len, self._stages))

    @property
    def done(self) -> int:
        """Jobs that need not be done any more."""
        return self.total if self.reason else len(self._outcomes)

    @property
    def keys(self) -> list[str]:
        """The name of what comes of each job, in order."""
        return [job.key for stage in self._stages for job in stage]

    @property
    def figures(self) -> list[list[Figure]]:
        """What each job gave, in order, if there is no reason why not."""
        return [self._outcomes[job].figures for stage in self._stages for job in stage]

    def begin(self) -> list[Job]:
        """The jobs to do first: those of the first stage that has any whose outcome is not known."""
        for stage in self._stages:
            unknown = [job for job in stage if not self._know(job)]
            if self.reason:
                return []
            if unknown:
                return unknown
        return []

    def end(self, job: Job, outcome: Outcome) -> list[Job]:
        """Take the outcome of a job; the jobs that may be done now."""
        self._take(job, outcome)
        (stage,) = (each for each in self._stages if job in each)
        complete = all(each in self._outcomes for each in stage)
        return self.begin() if complete and not self.reason else []

    def _know(self, job: Job) -> bool:
        """Whether there is an outcome, from before or now."""
        if job not in self._outcomes and (found := self._cache.outcome(job.key, job.place)):
            self._take(job, found)
        return job in self._outcomes

    def _take(self, job: Job, outcome: Outcome) -> None:
        self.reason = self.reason or outcome.reason
        self._outcomes[job] = outcome


def measure(measurements: Sequence[Measurement], cache: Cache, submit: Submit, progress: Progress | None) -> None:
    """Do all jobs of some measurements.

    Parameters
    ----------
    measurements : by which the first jobs come first.
    submit : gives work to whoever does it; whatever is done there sees the folder of ``cache``.
    progress : called with the jobs that ended and the jobs there are.

    Raises
    ------
    CancelledError
        this process is about to end.
    """
    total = sum(each.total for each in measurements)
    under_way: dict[Future[Outcome], Job] = {}
    owners: dict[Job, list[Measurement]] = {}

    def give(each: Measurement, jobs: Sequence[Job]) -> None:
        for job in jobs:
            owners.setdefault(job, []).append(each)
            if len(owners[job]) == 1:
                under_way[submit(run, job, str(cache.folder))] = job

    def tell() -> None:
        if progress:
            progress(sum(each.done for each in measurements), total)

    for each in measurements:
        give(each, each.begin())
    tell()
    while under_way:
        if is_stopping():  # whoever ends this process waits for all its threads, and this may be one
            raise CancelledError
        for future in wait(under_way, timeout=_LOOK, return_when=FIRST_COMPLETED).done:
            job = under_way.pop(future)
            waiting = owners.pop(job)
            if future.cancelled():
                continue
            try:
                outcome = future.result()
            except BrokenExecutor:
                outcome = Outcome([], "the process that measured it died; it may have run out of memory")
            for each in waiting:
                give(each, each.end(job, outcome))
            if outcome.reason:
                for other, left in under_way.items():
                    if all(each.reason for each in owners[left]):
                        other.cancel()
        tell()
