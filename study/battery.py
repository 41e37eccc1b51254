"""The random words of a unit under dieharder, a packaged battery of statistical tests.

Each test reads a stream from its start, of a unit with a seed of its own, so that any one can be repeated alone.
``study/battery_report.py`` makes tables of the results.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np

from zimu.emu.prng import WordStream
from zimu.golden.errors import InputError, ToolError, check_choice, check_range
from zimu.golden.files import write_whole
from zimu.golden.generators import GENERATORS
from zimu.golden.prng import Stream
from zimu.golden.programs import find_program, run
from zimu.golden.rule import PrngKind
from zimu.golden.unit import UnitConfig

PROGRAM = "dieharder"

LANES = 8
"""Interleaved generators of a kind that is named without a configuration."""

BLOCK_WORDS = 2**16
"""Words handed over at a time, whole rows of every number of lanes."""

STDIN_RAW = "200"
"""dieharder's number of the source: raw 32-bit words on standard input."""

ASSESSMENTS = ("PASSED", "WEAK", "FAILED")
"""dieharder's words for a p-value; by its thresholds a perfect source is WEAK once in 100 and FAILED twice in 10^6."""


class Check(NamedTuple):
    """One test of the battery: dieharder's ``-d`` and ``-n``."""

    number: int
    ntuple: int | None = None

    def __str__(self) -> str:
        return f"{self.number}" if self.ntuple is None else f"{self.number}:{self.ntuple}"


def check(text: str) -> Check:
    """Read ``NUMBER`` or ``NUMBER:NTUPLE``."""
    match = re.fullmatch(r"(\d{1,3})(?::(\d{1,2}))?", text)
    if not match:
        raise InputError(f"test {text!r}: must be NUMBER or NUMBER:NTUPLE; `dieharder -l` lists the numbers")
    return Check(int(match[1]), int(match[2]) if match[2] else None)


QUICK = tuple(map(Check, (0, 1, 2, 3, 4, 8, 9, 10, 11, 12, 13, 15, 16, 100, 102, 202, 205, 206, 207, 208, 209)))
"""Tests that together take a minute or two a stream."""

ALL = (
    *QUICK,
    *map(Check, (17, 101, 204)),
    *(Check(200, n) for n in range(1, 13)),
    *(Check(201, n) for n in range(2, 6)),
    *(Check(202, n) for n in range(2, 6)),
    *(Check(203, n) for n in range(33)),
)
"""What ``dieharder -a`` runs but for the tests it calls suspect or not to be used (5, 6, 7, 14); hours a stream."""


class Source(NamedTuple):
    """A stream of a unit, as the unit consumes it."""

    subject: str
    """The configuration's name, or the kind where there is none."""
    prng: PrngKind
    stream: Stream
    lanes: int


@dataclass(frozen=True)
class Score:
    """One p-value."""

    subject: str
    prng: str
    stream: str
    lanes: int
    test: str
    """As on the command line."""
    seed: int
    """Seed of the unit whose stream this test read."""
    name: str
    """dieharder's name of the test."""
    ntuple: int | None
    tsamples: int | None
    psamples: int | None
    p_value: float | None
    assessment: str
    """One of `ASSESSMENTS`, or why there is no p-value."""


class Progress(NamedTuple):
    """How far a battery is."""

    done: int
    total: int
    following: str
    """What runs next."""
    rows: list[Score]
    """All so far."""


def sources(subject: str | UnitConfig) -> list[Source]:
    """The streams to test of a configuration, or of a unit with `LANES` generators of a kind.

    Of several streams of one number the first.
    """
    if isinstance(subject, UnitConfig):
        of_sampler = [Stream.TRIALS] if subject.sampler == "inverse" else [Stream.TOP, Stream.SPLIT, Stream.DRAW]
        lanes = {Stream.GATE: subject.gate_lanes} | dict.fromkeys(of_sampler, subject.prng_lanes)
        return [Source(subject.name, subject.prng, stream, count) for stream, count in lanes.items()]
    kind = cast(PrngKind, check_choice("prng", subject, GENERATORS))
    return [Source(kind, kind, Stream.GATE, 1), Source(kind, kind, Stream.TRIALS, LANES)]


def battery(
    subjects: Iterable[str | UnitConfig],
    checks: Sequence[Check] = QUICK,
    *,
    seed: int,
    timeout: float,
    known: Iterable[Score] = (),
) -> Iterator[Progress]:
    """Run every test on every stream, and say before each and at the end how far it is.

    Parameters
    ----------
    subjects : configurations, or kinds of generators.
    checks : what to run.
    seed : 64-bit seed; a test reads the streams of a unit with the seed ``seed + 64 * number + ntuple``, modulo 2^64.
    timeout : seconds that one test may take.
    known : rows of earlier runs; the p-values among them are taken instead of running their test again.

    Raises
    ------
    MissingToolError
        dieharder is not installed.
    """
    check_range("seed", seed, 0, 2**64 - 1)
    find_program(PROGRAM)
    earlier: dict[tuple[object, ...], list[Score]] = {}
    for row in known:
        if row.p_value is not None:
            earlier.setdefault(_key(row), []).append(row)
    jobs = [(source, one) for subject in subjects for source in sources(subject) for one in checks]
    rows: list[Score] = []
    for done, (source, one) in enumerate(jobs):
        job = _job(source, one, seed)
        yield Progress(done, len(jobs), f"{job.subject} {job.stream}, test {job.test}", rows)
        rows = rows + (earlier.get(_key(job)) or run_test(source, one, job, timeout))
    yield Progress(len(jobs), len(jobs), "done", rows)


def _job(source: Source, one: Check, seed: int) -> Score:
    """The row of a test that has given nothing yet."""
    return Score(
        subject=source.subject,
        prng=source.prng,
        stream=source.stream.name.lower(),
        lanes=source.lanes,
        test=str(one),
        seed=seed + 64 * one.number + (one.ntuple or 0) & 2**64 - 1,
        name=f"test {one}",
        ntuple=one.ntuple,
        tsamples=None,
        psamples=None,
        p_value=None,
        assessment="it printed no result",
    )


def _key(row: Score) -> tuple[object, ...]:
    return row.subject, row.prng, row.stream, row.lanes, row.test, row.seed


def run_test(source: Source, one: Check, job: Score, timeout: float) -> list[Score]:
    """The rows of one test on one stream; one that says why where it gave no p-value."""
    command = [find_program(PROGRAM), "-g", STDIN_RAW, "-d", str(one.number)]
    if one.ntuple is not None:
        command += ["-n", str(one.ntuple)]
    stream = WordStream(source.prng, job.seed, source.stream, source.lanes)
    try:
        output = run(command, timeout=timeout, stdin=blocks(stream))
    except ToolError as error:
        return [replace(job, assessment=str(error))]
    return [replace(job, **result) for result in parse(output)] or [job]


def blocks(stream: WordStream) -> Iterator[bytes]:
    """The words of a stream for ever, in the machine's byte order, which is the one dieharder reads."""
    words = np.empty(BLOCK_WORDS, np.uint32)
    while True:
        stream.read(words)
        yield words.tobytes()


def parse(output: str) -> list[dict[str, Any]]:
    """The fields of `Score` that dieharder's output gives, for every result in it."""
    results = []
    for line in output.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) == 6 and cells[5] in ASSESSMENTS:
            name, ntuple, tsamples, psamples, p_value, assessment = cells
            numbers = {"ntuple": int(ntuple), "tsamples": int(tsamples), "psamples": int(psamples)}
            results.append({"name": name, **numbers, "p_value": float(p_value), "assessment": assessment})
    return results


def tool_version() -> str:
    """``dieharder`` and its version."""
    found = re.search(r"version (\d+(?:\.\d+)+)", run([find_program(PROGRAM), "-l"], timeout=20))
    return f"{PROGRAM} {found[1] if found else 'of unknown version'}"


def save(path: Path, tool: str, rows: Iterable[Score]) -> None:
    """Write the tool's version and the rows as JSON, whole or not at all."""
    write_whole(path, json.dumps({"tool": tool, "rows": [asdict(row) for row in rows]}, indent=1) + "\n")


def load(path: Path, tool: str) -> list[Score]:
    """The rows that `save` wrote; none if there is no such file.

    Raises
    ------
    InputError
        it cannot be read, or is of another tool or version.
    """
    if not path.exists():
        return []
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        of_tool, rows = document["tool"], [Score(**row) for row in document["rows"]]
    except (OSError, ValueError, TypeError, KeyError):
        raise InputError(f"{path}: holds no results of `zimu battery`: name another file") from None
    if of_tool != tool:
        raise InputError(f"{path}: results of {of_tool}: must be of {tool}; name another file")
    return rows
