"""Running external programs: what they print, how they fail, and how they are fed."""

import itertools
import re
import subprocess
import sys
import threading
import time

import pytest

from zimu.golden import programs
from zimu.golden.errors import InputError, MissingToolError, ToolError
from zimu.golden.programs import how_to_install, run


def python(program: str, **options) -> str:
    return run([sys.executable, "-c", program], **{"timeout": 60, "name": "it"} | options)


COUNT = "import sys; print(len(sys.stdin.buffer.read()))"


def test_text_and_blocks_arrive_whole():
    assert python(COUNT, stdin="seven\nx") == "7\n"
    assert python(COUNT, stdin=[b"abc"] * 70_000) == "210000\n"
    assert python(COUNT, stdin=[]) == "0\n"
    assert python(COUNT) == "0\n"


def test_a_program_takes_as_much_of_an_endless_feed_as_it_likes():
    program = "import sys; data = sys.stdin.buffer.read(100_000); print(data[:4], data[-1:], len(data))"
    assert python(program, stdin=itertools.cycle([b"abc"])) == "b'abca' b'a' 100000\n"


def test_a_program_that_reads_nothing_ends_even_if_little_comes():
    def trickle():
        while True:
            time.sleep(0.05)
            yield b"x"

    assert python("print('done')", stdin=trickle()) == "done\n"


@pytest.mark.parametrize("stdin", ["", itertools.repeat(b"x" * 4096)])
def test_a_program_that_hangs_is_stopped(stdin):
    with pytest.raises(ToolError, match=r"^it did not finish within 1 s and was stopped$"):
        python("import time; time.sleep(1000)", stdin=stdin, timeout=1)


@pytest.mark.parametrize("stdin", ["", itertools.repeat(b"x" * 4096)])
def test_a_failure_shows_the_programs_own_words(stdin):
    with pytest.raises(ToolError, match=r"^it failed with exit code 3: disk error$"):
        python("import sys; print('fine\\ndisk error'); sys.exit(3)", stdin=stdin)


def test_a_fault_of_the_feed_is_not_hidden():
    def broken():
        yield b"x"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        python(COUNT, stdin=broken())


def test_a_missing_program_is_named():
    with pytest.raises(MissingToolError, match=r"^no-such-program is not installed; `zimu doctor` says how to get it$"):
        run(["no-such-program"], timeout=1, stdin=[b"x"])


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_a_time_limit_that_is_none_is_refused(timeout):
    with pytest.raises(InputError, match=r"^timeout = .*: must be a number of seconds above 0$"):
        python("", timeout=timeout)


def test_a_program_is_watched_while_it_runs(tmp_path):
    looks = itertools.count()
    program = "import pathlib, time\nwhile not pathlib.Path('go').exists(): time.sleep(0.01)"
    assert python(program, folder=tmp_path, watch=lambda: next(looks) == 2 and (tmp_path / "go").touch()) == ""


@pytest.mark.parametrize("stdin", ["", itertools.repeat(b"x" * 4096)])
def test_programs_of_all_threads_are_stopped_and_none_begins(monkeypatch, stdin):
    stopping = threading.Event()
    monkeypatch.setattr(programs, "_stopping", stopping)
    with pytest.raises(ToolError, match=r"^it was stopped$"):
        python("import time; time.sleep(1000)", stdin=stdin, watch=programs.stop_programs)
    with pytest.raises(ToolError, match=r"^it was stopped$"):
        python("import time; time.sleep(1000)", stdin=stdin)


def test_a_full_disk_is_the_reason_a_program_failed(monkeypatch, tmp_path):
    monkeypatch.setattr(programs, "is_full", lambda folder: folder == tmp_path)
    with pytest.raises(ToolError, match=rf"^it failed with exit code 3: {re.escape(str(tmp_path))}: no room for temp"):
        python("import sys; sys.exit(3)", folder=tmp_path)


def test_advice_for_a_package_is_a_command_of_this_environment_that_pip_takes():
    advice = how_to_install("matplotlib")
    assert re.search(r"pip install 'matplotlib>=[0-9.]+'$", advice)
    subprocess.run(f"{advice} --dry-run --no-deps --no-index", shell=True, check=True, capture_output=True, timeout=60)
    assert how_to_install("unheard-of").endswith("pip install unheard-of")


def test_temporary_files_lie_in_the_folder(tmp_path):
    program = "import tempfile; print(tempfile.gettempdir())"
    assert python(program, folder=tmp_path) == f"{tmp_path}\n"
