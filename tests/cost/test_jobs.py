"""What was measured is kept and never measured again, whoever was stopped when, and whatever failed."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest

from zimu.cost.cache import VARIABLE, Cache
from zimu.cost.content import digest, sources
from zimu.cost.jobs import measure
from zimu.cost.metrics import CLOCK, FLIP_FLOPS
from zimu.cost.target import Figure, Synthesis, Target
from zimu.cost.target_jobs import TargetJob, figures_of, measurement, parts_of
from zimu.cost.targets import TARGETS
from zimu.golden.errors import InputError, RefusalError, ToolError
from zimu.study.table import read_csv


@dataclass(frozen=True)
class Counter(Target):
    """Counts the letters of a design; each step leaves a line in a log, and may be told to fail."""

    log: Path
    seeds: int = 2
    pause: float = 0
    name = "counter"
    identity = "counter 1"
    forms: ClassVar[tuple[str, ...]] = (name,)
    metrics: ClassVar = (FLIP_FLOPS, CLOCK)

    def _say(self, step):
        with self.log.open("a") as stream:
            stream.write(f"{step}\n")

    def synthesise(self, design, folder):
        assert not list(folder.iterdir())
        time.sleep(self.pause)
        if error := {"refused": RefusalError, "hanging": ToolError, "bad": InputError}.get(design):
            raise error(f"{design} is not liked")
        self._say(f"{design} None")
        letters = {letter: design.count(letter) for letter in design}
        return Synthesis([Figure(FLIP_FLOPS, len(design), tool="counter")], design, {"ff": letters})

    def place(self, netlist, seed, folder):
        time.sleep(self.pause)
        if netlist == "too large":
            raise RefusalError("no room")
        self._say(f"{netlist} {seed}")
        return [Figure(CLOCK, 10.5 * seed, tool="counter")]

    def summarise(self, design, synthesis, placements):
        return [*synthesis, *(figures[0] for figures in placements)]

    @classmethod
    def find(cls, options):
        return []

    default = find


def now(function, *arguments):
    """An executor's `submit` that does it at once."""
    future = Future()
    future.set_result(function(*arguments))
    return future


def later(function, *arguments):
    """An executor's `submit` that does it after a moment, if nobody cancels it."""
    future = Future()

    def do():
        if future.set_running_or_notify_cancel():
            future.set_result(function(*arguments))

    threading.Timer(0.5, do).start()
    return future


@pytest.fixture
def kept(tmp_path, monkeypatch) -> Cache:
    monkeypatch.setitem(TARGETS, "counter", Counter)
    return Cache(tmp_path / "cache")


@pytest.fixture
def counter(tmp_path) -> Counter:
    return Counter(tmp_path / "log")


def done(counter) -> list[str]:
    return counter.log.read_text().split("\n")[:-1] if counter.log.exists() else []


def measured(designs, counter, kept, submit=now, progress=None):
    for design in designs:
        kept.keep_text("designs", digest(design), design)
    each = [(digest(design), measurement(counter, digest(design), kept)) for design in designs]
    measure([one for _, one in each], kept, submit, progress)
    figures = [figures_of(counter, key, one, kept) for key, one in each]
    return [[(figure.metric.name, figure.value, figure.reason) for figure in some] for some in figures]


def test_a_design_is_synthesised_once_and_placed_with_every_seed(counter, kept):
    seen = []
    figures = measured(["abc", "de"], counter, kept, progress=lambda *numbers: seen.append(numbers))
    assert figures == [
        [("ff", 3, ""), ("fmax_mhz", 10.5, ""), ("fmax_mhz", 21, "")],
        [("ff", 2, ""), ("fmax_mhz", 10.5, ""), ("fmax_mhz", 21, "")],
    ]
    assert sorted(done(counter)) == ["abc 1", "abc 2", "abc None", "de 1", "de 2", "de None"]
    assert seen[0] == (0, 6)
    assert seen[-1] == (6, 6)


def test_what_is_known_is_not_measured_again_and_is_the_same(counter, kept):
    first = measured(["abc"], counter, kept)
    seen = []
    assert measured(["abc"], counter, kept, progress=lambda *numbers: seen.append(numbers)) == first
    assert len(done(counter)) == 3
    assert seen == [(3, 3)]
    # Another seed is one job more; another target's commands are all of them.
    measured(["abc"], Counter(counter.log, seeds=3), kept)
    assert done(counter)[3:] == ["abc 3"]
    other = type("Other", (Counter,), {"identity": "counter 2"})(counter.log)
    measured(["abc"], other, kept)
    assert len(done(counter)) == 7


def test_a_netlist_that_was_removed_is_made_again(counter, kept):
    measured(["abc"], counter, kept)
    for file in (kept.folder / "netlists").rglob("*.gz"):
        file.unlink()
    measured(["abc"], Counter(counter.log, seeds=3), kept)
    assert done(counter)[3:] == ["abc None", "abc 3"]


def test_parts_are_kept_and_made_with_the_netlist_only(counter, kept):
    for expected in ({"ff": {"a": 2, "b": 1}}, {}):
        measured(["aba"], counter, kept)
        done = measurement(counter, digest("aba"), kept)
        measure([done], kept, now, None)
        assert parts_of(counter, done, kept) == expected
        for file in (kept.folder / "parts").rglob("*.gz"):
            file.unlink()


def test_a_target_without_its_program_has_no_parts(counter, kept):
    class Absent(Counter):
        @property
        def identity(self):
            raise ToolError("gone")

    absent = Absent(counter.log)
    assert parts_of(absent, measurement(absent, digest("aba"), kept), kept) == {}


@dataclass(frozen=True)
class Choosing(Counter):
    """Counts a design as it is or doubled, and takes whichever count is nearer to a goal."""

    seeds: int = 0
    goal: int = 0
    times: int = 1

    @property
    def identity(self):
        return f"times {self.times}"

    @property
    def ways(self):
        return (self,) if not self.goal else tuple(replace(self, goal=0, times=times) for times in (1, 2))

    def choose(self, syntheses):
        return min(range(len(syntheses)), key=lambda way: abs(syntheses[way][0].value - self.goal))

    def synthesise(self, design, folder):
        return super().synthesise(self.times * design, folder)


def test_what_several_targets_choose_among_is_measured_once(counter, kept):
    kept.keep_text("designs", digest("ab"), "ab")
    targets = [Choosing(counter.log), Choosing(counter.log, goal=1), Choosing(counter.log, goal=5)]
    each = [measurement(target, digest("ab"), kept) for target in targets]
    given, seen = [], []

    def submit(*work):
        given.append(work)
        return later(*work)

    measure(each, kept, submit, lambda *numbers: seen.append(numbers))
    assert len(given) == 2
    assert sorted(done(counter)) == ["ab None", "abab None"]
    assert (seen[0], seen[-1]) == ((0, 5), (5, 5))
    found = [(figures_of(one, digest("ab"), some, kept)[0].value) for one, some in zip(targets, each, strict=True)]
    assert found == [2, 2, 4]
    assert parts_of(targets[2], each[2], kept) == {"ff": {"a": 2, "b": 2}}


def test_one_way_that_fails_leaves_what_others_need(counter, kept):
    kept.keep_text("designs", digest("ab"), "ab")
    choosing, plain = Choosing(counter.log, goal=5), Choosing(counter.log)
    each = [measurement(target, digest("ab"), kept) for target in (choosing, plain)]

    def submit(function, job, folder):
        if job.target.times == 1:
            return later(function, job, folder)
        future = Future()
        future.set_exception(BrokenExecutor("gone"))
        return future

    measure(each, kept, submit, None)
    assert each[0].reason
    assert figures_of(plain, digest("ab"), each[1], kept)[0].value == 2


def test_what_cannot_be_read_is_measured_again(counter, kept):
    first = measured(["abc"], counter, kept)
    for file in (kept.folder / "figures").rglob("*.parquet"):
        file.write_bytes(file.read_bytes()[:100])
    assert measured(["abc"], counter, kept) == first
    assert len(done(counter)) == 6


@pytest.mark.parametrize(
    ("design", "reason", "again"),
    [
        ("refused", "refused is not liked", False),
        ("too large", "no room", False),
        # What may go well another time.
        ("hanging", "hanging is not liked", True),
        ("bad", "bad is not liked", True),
    ],
)
def test_a_failure_is_told_for_its_row_and_the_others_go_on(counter, kept, monkeypatch, design, reason, again):
    expected = [("ff", None, reason), ("fmax_mhz", None, reason)]
    for _ in range(2):
        bad, good = measured([design, "abc"], counter, kept)
        assert (bad, good[0]) == (expected, ("ff", 3, ""))
    monkeypatch.setattr(Counter, "synthesise", lambda *_: Synthesis([Figure(FLIP_FLOPS, 1, tool="x")], "x"))
    assert (measured([design], counter, kept)[0] == expected) is not again


def test_a_process_that_dies_is_told_for_its_row(counter, kept):
    def breaks(function, job, folder):
        future = now(function, job, folder)
        if job.seed is None and job.design == digest("abc"):
            future = Future()
            future.set_exception(BrokenExecutor("gone"))
        return future

    bad, good = measured(["abc", "de"], counter, kept, breaks)
    assert {reason for _, _, reason in bad} == {"the process that measured it died; it may have run out of memory"}
    assert [value for _, value, _ in good] == [2, 10.5, 21]


def test_two_runs_in_one_cache_share_the_work(counter, kept):
    slow = Counter(counter.log, pause=0.05)
    designs = ["abc", "de", "f"]
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda order: measured(designs[::order], slow, kept), (1, -1))
    assert first == second[::-1]
    assert sorted(done(counter)) == sorted(f"{design} {seed}" for design in designs for seed in (None, 1, 2))


def test_a_folder_that_cannot_be_written_is_named(counter, kept, tmp_path):
    kept.keep_text("designs", digest("abc"), "abc")
    (kept.folder / "locks").write_text("")
    (figures, *_) = measured(["abc"], counter, kept)
    assert figures[0][2].startswith(f"{kept.folder}: cannot be written: ")


def test_names_tell_texts_apart():
    texts = [("ab", "c"), ("a", "bc"), ("abc",), ("abc", ""), ("",), ()]
    assert len({digest(*each) for each in texts}) == len(texts)
    counter = Counter(Path())
    jobs = [("identity", "design"), ("identity", "design", 1), ("identity", "design", 2), ("identity1", "design")]
    assert len({TargetJob(counter, *each).key for each in jobs}) == len(jobs)
    import zimu.cost
    import zimu.cost.cache

    assert sources(zimu.cost) != sources(zimu.cost.cache)


def kept_files(folder: Path) -> dict[Path, tuple[int, int]]:
    """The files of figures, and what changes if one is written anew."""
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in (folder / "figures").rglob("*.parquet")}


@pytest.mark.parametrize(
    ("kills", "sweep"), [(1, False), pytest.param(10, True, marks=pytest.mark.nightly)], ids=["cost", "sweep"]
)
def test_a_run_killed_at_any_moment_loses_nothing_and_repeats_nothing(tmp_path, kills, sweep):
    rng = random.Random(kills)
    units = [f"int_sgd:{bits}{rate}:lfsr128" for rate in ("", ":pow2") for bits in range(3, 18)][: 3 * kills]
    jobs = len(units) * (2 if sweep else 1)  # a sweep simulates them, too
    command = [sys.executable, "-m", "zimu.cli", "cost", *units, "--target", "generic", "--json"]
    if sweep:
        (tmp_path / "space.toml").write_text(f"targets = ['generic']\n[[unit]]\nname = {units}\n")
        command = [*command[:3], "sweep", str(tmp_path / "space.toml"), "--out", str(tmp_path / "out")]
    folder = tmp_path / "cache"
    environment = os.environ | {VARIABLE: str(folder)}
    known: dict[Path, tuple[int, int]] = {}
    for _ in range(kills):
        run = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until, more = time.monotonic() + 600, len(known) + rng.randint(1, 2)  # only a hang takes so long
        while len(kept_files(folder)) < more and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(rng.random())
        run.kill()
        assert run.wait() == -signal.SIGKILL
        now_known = kept_files(folder)
        assert known.items() <= now_known.items()
        assert len(now_known) > len(known)
        known = now_known
    last = subprocess.run(command, env=environment, capture_output=True, check=True)
    assert known.items() <= kept_files(folder).items()
    assert len(kept_files(folder)) == jobs
    if sweep:
        table = read_csv(tmp_path / "out" / "space.csv")
        assert {record["unit"] for record in table if record["metric"] == "memory_bytes_per_weight"} == set(units)
    else:
        gates = [row["value"] for row in json.loads(last.stdout) if row["metric"] == "ge"]
        assert [value is not None for value in gates] == [True] * len(units)
