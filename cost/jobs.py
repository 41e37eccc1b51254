"""The jobs of measuring designs on targets: what each is, and how all are given to processes.

A design is synthesised by one job and placed by one for each seed. What a job gave is in the cache before anyone hears
of it, so a run that was stopped at any moment goes on where it was.
"""

from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass, replace
from pathlib import Path

from zimu.cost.cache import Cache, Outcome
from zimu.cost.content import digest
from zimu.cost.target import Figure, Progress, Synthesis, Target
from zimu.golden.errors import RefusalError, ToolError, ZimuError
from zimu.golden.files import scratch_folder
from zimu.golden.workers import Submit


@dataclass(frozen=True)
class Job:
    """One step of measuring a design on a target.

    Parameters
    ----------
    target : the target.
    identity : the target's, which takes a while to tell.
    design : the key of its RTLIL text in the cache.
    seed : to place with; None to synthesise.
    """

    target: Target
    identity: str
    design: str
    seed: int | None = None

    @property
    def key(self) -> str:
        """The name of what comes of it."""
        return digest(self.identity, self.design, str(self.seed))

    @property
    def synthesis(self) -> str:
        """The key of the job that this one follows, or is."""
        return replace(self, seed=None).key


def run(job: Job, folder: str) -> Outcome:
    """Do a job, or find what it gave before.

    Parameters
    ----------
    folder : of the cache.
    """
    cache = Cache(folder)
    try:
        with cache.claim(job.key):
            if cache.outcome(job.key, job.target.name) is None:
                cache.keep_outcome(job.key, job.target.name, job.seed, _do(job, cache))
            # As whoever comes later will find it.
            found = cache.outcome(job.key, job.target.name)
    except ZimuError as error:
        return Outcome([], str(error))
    return found or Outcome([], f"{cache.folder}: what was kept there cannot be read; name another cache")


def _do(job: Job, cache: Cache) -> Outcome:
    """Figures, or the message of a program that refuses."""
    with scratch_folder() as scratch:
        try:
            if job.seed is None:
                return Outcome(_synthesise(job, cache, scratch).figures)
            # Who keeps a cache small removes netlists first.
            netlist = cache.text("netlists", job.synthesis) or _synthesise(job, cache, scratch).netlist
            return Outcome(job.target.place(netlist, job.seed, _folder(scratch, "placed")))
        except RefusalError as error:
            return Outcome([], str(error))


def _synthesise(job: Job, cache: Cache, scratch: Path) -> Synthesis:
    """What synthesis gives; the netlist is kept."""
    design = cache.text("designs", job.design)
    if design is None:
        raise ToolError(f"{cache.folder}: a design was removed while it was in use; try again")
    synthesis = job.target.synthesise(design, _folder(scratch, "synthesised"))
    if synthesis.netlist:
        cache.keep_text("netlists", job.synthesis, synthesis.netlist)
    return synthesis


def _folder(scratch: Path, name: str) -> Path:
    folder = scratch / name
    folder.mkdir()
    return folder


class Measurement:
    """A design on a target: its jobs that are left to do, and at the end its figures."""

    def __init__(self, target: Target, design: str, cache: Cache) -> None:
        self.target, self._design, self._cache = target, design, cache
        self._outcomes: dict[int | None, Outcome] = {}
        self._identity, self.reason = "", ""
        try:
            self._identity = target.identity
        except ZimuError as error:
            self.reason = str(error)

    @property
    def done(self) -> int:
        """Jobs that need not be done any more."""
        return self.target.jobs if self.reason else len(self._outcomes)

    def begin(self) -> list[Job]:
        """The jobs to do first, without those whose outcomes are known."""
        return [] if self.reason else self._unknown([None])

    def end(self, job: Job, outcome: Outcome) -> list[Job]:
        """Take the outcome of a job; the jobs that may be done now."""
        self.reason = self.reason or outcome.reason
        self._outcomes[job.seed] = outcome
        if self.reason or job.seed is not None:
            return []
        return self._unknown(range(1, self.target.seeds + 1))

    def _unknown(self, seeds: Sequence[int | None]) -> list[Job]:
        jobs = [Job(self.target, self._identity, self._design, seed) for seed in seeds]
        unknown = []
        for job in jobs:
            found = self._cache.outcome(job.key, self.target.name)
            unknown += [job] if found is None else self.end(job, found)
        return unknown

    def figures(self) -> list[Figure]:
        """What was measured."""
        if self.reason:
            return self.target.missing(self.reason)
        design = self._cache.text("designs", self._design) or ""
        placements = [self._outcomes[seed].figures for seed in range(1, self.target.seeds + 1)]
        return self.target.summarise(design, self._outcomes[None].figures, placements)


def measure(measurements: Sequence[Measurement], cache: Cache, submit: Submit, progress: Progress | None) -> None:
    """Do all jobs of some measurements.

    Parameters
    ----------
    measurements : by which the first jobs come first.
    submit : gives work to whoever does it; whatever is done there sees the folder of ``cache``.
    progress : called with the jobs that ended and the jobs there are.
    """
    total = sum(each.target.jobs for each in measurements)
    under_way: dict[Future[Outcome], tuple[Measurement, Job]] = {}

    def give(each: Measurement, jobs: Sequence[Job]) -> None:
        for job in jobs:
            under_way[submit(run, job, str(cache.folder))] = each, job

    def tell() -> None:
        if progress:
            progress(sum(each.done for each in measurements), total)

    for each in measurements:
        give(each, each.begin())
    tell()
    while under_way:
        for future in wait(under_way, return_when=FIRST_COMPLETED).done:
            each, job = under_way.pop(future)
            if future.cancelled():
                continue
            try:
                outcome = future.result()
            except BrokenExecutor:
                outcome = Outcome([], "the process that measured it died; it may have run out of memory")
            give(each, each.end(job, outcome))
            if each.reason:
                for other, (owner, _) in under_way.items():
                    if owner is each:
                        other.cancel()
        tell()
