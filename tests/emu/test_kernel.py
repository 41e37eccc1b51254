"""Compiling: said once, kept for later processes, and never stale."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import zimu
import zimu.emu
import zimu.golden
from zimu.emu.kernel import KEPT, MARK, MARKED, cache_folder, sources_digest

FIRST_STEP = """
import numpy as np
from zimu.emu.unit import ZimUnit
from zimu.golden.names import preset
unit = ZimUnit(preset("zim8"), 1)
weights = np.zeros(1024, np.int8)
print(unit.step(weights, np.ones(1024, np.int8), trials=9, threshold=65536, smoothing=1))
"""
NOTICE = "zimu: compiling the emulator (once per installation)\n"

INNER = """
from zimu.emu.kernel import kernel
@kernel
def inner(x):
    return x + {}
"""
OUTER = """
from zimu.emu.inner import inner
from zimu.emu.kernel import kernel
from zimu.golden.constant import TIMES
@kernel
def outer(x):
    return TIMES * inner(x)
"""
CALL = """
import numba
from zimu.emu.outer import outer
print(outer(0), numba.config.CACHE_DIR)
"""


def run(program: str, folder: Path | None = None, **environment: object) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env={**os.environ, **{name: str(value) for name, value in environment.items()}},
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.stdout, done.stderr


@pytest.fixture
def copy(tmp_path):
    """The root of a copy of the package, with two kernels in two files and a constant in a third."""
    # An installed ``zimu`` holds its parts; in a checkout, which this is to be, it has links to them.
    parts = ("emu", "golden", "rtl", "sim", "cost", "study")
    for package in (zimu, zimu.emu, zimu.golden):
        source = Path(package.__file__).parent
        shutil.copytree(source, tmp_path / source.name, ignore=shutil.ignore_patterns("__pycache__", *parts))
    for name in ("emu", "golden"):
        (tmp_path / "zimu" / name).symlink_to(Path("..", name))
    write(tmp_path, inner=1, times=1)
    (tmp_path / "emu" / "outer.py").write_text(OUTER)
    return tmp_path


def write(root: Path, *, inner: int, times: int) -> None:
    (root / "emu" / "inner.py").write_text(INNER.format(inner))
    (root / "golden" / "constant.py").write_text(f"TIMES = {times}\n")


@pytest.mark.nightly
def test_compiling_is_said_once_and_only_when_it_happens(tmp_path):
    cold, warm = run(FIRST_STEP, NUMBA_CACHE_DIR=tmp_path), run(FIRST_STEP, NUMBA_CACHE_DIR=tmp_path)
    assert cold[1] == NOTICE
    assert warm[1] == ""
    assert cold[0] == warm[0]
    assert cold[0].startswith("StepResult(open_trials=9, ")


def test_a_kernel_follows_what_it_takes_from_other_files(copy):
    """Its own file does not change; numba alone would go on with the old code."""
    places = {"NUMBA_CACHE_DIR": copy / "cache"}
    for inner, times, result in ((1, 1, 1), (2, 1, 2), (2, 3, 6)):
        write(copy, inner=inner, times=times)
        for notice in (NOTICE, ""):
            # The variable of other users of numba is as it was.
            assert run(CALL, copy, **places) == (f"{result} {copy / 'cache'}\n", notice)
    write(copy, inner=1, times=1)
    assert run(CALL, copy, **places)[1] == ""


def test_the_cache_lies_beside_the_source_or_else_in_the_users_folder(copy):
    home, beside = copy / "home", copy / "emu" / "__pycache__"
    places = {"NUMBA_CACHE_DIR": "", "XDG_CACHE_HOME": home, "PYTHONDONTWRITEBYTECODE": 1}
    assert [run(CALL, copy, **places)[1] for _ in range(2)] == [NOTICE, ""]
    assert len(list(beside.glob("zimu-*"))) == 1
    assert not home.exists()
    # A file in place of a folder cannot be written into, not even by root.
    shutil.rmtree(beside)
    beside.write_text("")
    assert [run(CALL, copy, **places)[1] for _ in range(2)] == [NOTICE, ""]
    assert len(list(home.glob("numba/zimu-*"))) == 1


def test_kernels_work_where_nothing_can_be_written(copy):
    for name in ("emu/__pycache__", "home", "cache"):
        (copy / name).write_text("")
    places = {"XDG_CACHE_HOME": copy / "home", "NUMBA_CACHE_DIR": copy / "cache"}
    for _ in range(2):
        assert run(CALL, copy, **places) == (f"1 {copy / 'cache'}\n", NOTICE)


def test_every_source_counts_with_its_name_and_content(tmp_path):
    seen = {sources_digest([tmp_path])}
    for name, content in (("a.py", ""), ("a.py", "x"), ("b.py", "x"), ("b.py", "xy"), ("a.py", "")):
        (tmp_path / name).write_text(content)
        seen.add(sources_digest([tmp_path]))
    assert len(seen) == 6
    before = sources_digest([tmp_path])
    (tmp_path / "notes.txt").write_text("no source")
    assert sources_digest([tmp_path]) == before


def digest(number: int) -> str:
    return f"{number:016x}"


def test_caches_of_old_sources_are_removed(tmp_path):
    for number in range(KEPT + 3):
        assert cache_folder([tmp_path], digest(number)) == tmp_path / f"zimu-{digest(number)}"
        os.utime(tmp_path / f"zimu-{digest(number)}", (1000 + number, 1000 + number))
    assert names(tmp_path) == {f"zimu-{digest(number)}" for number in range(3, KEPT + 3)}
    # What is in use counts as new.
    cache_folder([tmp_path], digest(3))
    cache_folder([tmp_path], digest(99))
    assert names(tmp_path) == {f"zimu-{digest(number)}" for number in (3, *range(5, KEPT + 3), 99)}
    # What is in use stays, even if all others look newer.
    for folder in tmp_path.iterdir():
        os.utime(folder, (2**33, 2**33))
    cache_folder([tmp_path], digest(100))
    assert len(names(tmp_path)) == KEPT
    assert f"zimu-{digest(100)}" in names(tmp_path)


def test_folders_that_were_not_made_here_stay(tmp_path):
    ours = cache_folder([tmp_path], digest(0))
    foreign = {
        "zimu-demo-1": None,  # a report of ours, no cache
        "zimu-demo-2": MARKED,
        f"zimu-{digest(1)}": None,  # a cache of an older release
        f"zimu-{digest(2)}": "Signature: 8a477f597d28d172789f06886806bc55\n# by another program\n",
        f"zimu-{digest(3)}-copy": MARKED,
        "another": MARKED,
    }
    for name, mark in foreign.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.html").write_text("precious")
        if mark is not None:
            (tmp_path / name / MARK).write_text(mark)
    outside = tmp_path / "elsewhere" / "kept"
    shutil.copytree(ours, outside)
    (tmp_path / f"zimu-{digest(4)}").symlink_to(outside)
    (tmp_path / f"zimu-{digest(5)}").mkdir()
    (tmp_path / f"zimu-{digest(5)}" / MARK).symlink_to(ours / MARK)
    (tmp_path / f"zimu-{digest(6)}").write_text("a file")
    stay = names(tmp_path) - {ours.name}
    for folder in tmp_path.iterdir():
        os.utime(folder, (1000, 1000))
    for number in range(100, 100 + 2 * KEPT):
        cache_folder([tmp_path], digest(number))
    assert names(tmp_path) == stay | {f"zimu-{digest(100 + KEPT + i)}" for i in range(KEPT)}
    assert (outside / MARK).read_text() == MARKED
    assert all((tmp_path / name / "report.html").read_text() == "precious" for name in foreign)


def test_a_folder_that_is_there_already_is_used_and_not_marked(tmp_path):
    (tmp_path / f"zimu-{digest(1)}").mkdir()
    assert cache_folder([tmp_path], digest(1)) == tmp_path / f"zimu-{digest(1)}"
    assert not any((tmp_path / f"zimu-{digest(1)}").iterdir())


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}
