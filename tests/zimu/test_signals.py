"""Signals end a command, whatever it has under way, and nothing stays behind: no process, no temporary folder."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def started(place, *arguments, awaited="pyosys"):
    """A command that is under way: its process, its folder of temporary files, and what it has started by then."""
    folder = place / "temporary"
    folder.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "zimu", *arguments],
        cwd=place,
        env=os.environ | {"TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed_signals,
    )
    try:
        inside = {}
        while not any(awaited in command for command in inside.values()):
            assert process.poll() is None, "it ended too early"
            time.sleep(0.05)
            inside = descendants(process.pid)
        yield process, folder, inside
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def heed_signals():
    """In the command's process: who runs the tests may ignore a signal, as nohup does, and that is inherited."""
    for number in STOPS:
        signal.signal(number, signal.SIG_DFL)


def descendants(pid):
    """The processes a process has started, and they in turn: command lines by number."""
    parents, commands, found = {}, {}, {pid}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            commands[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return {child: commands.get(child, "") for child in found - {pid}}


def has_ended(pid):
    """Whether a process ends; the system may take a moment to clear away one that was killed."""
    for _ in range(100):
        if not Path(f"/proc/{pid}/cmdline").exists() or not Path(f"/proc/{pid}/cmdline").read_bytes():
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize(
    "number",
    [pytest.param(each, id=each.name, marks=[pytest.mark.nightly] * (each != signal.SIGINT)) for each in STOPS],
)
def test_a_signal_ends_the_programs_and_leaves_nothing(tmp_path, number):
    with started(tmp_path, "cost", "zim8") as (process, folder, inside):
        os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 128 + number
        assert errors.splitlines()[-1] == f"zimu: stopped by {number.name}"
        assert "Traceback" not in errors
        assert all(map(has_ended, inside))
        assert list(folder.iterdir()) == []


def test_a_signal_that_another_thread_receives_is_heeded(tmp_path):
    with started(tmp_path, "cost", "zim8", "--seeds", "1000") as (process, folder, inside):
        time.sleep(1)  # by now the main thread waits for the first design, for hours
        other = max(int(task.name) for task in Path(f"/proc/{process.pid}/task").iterdir())
        assert other != process.pid
        os.kill(other, signal.SIGTERM)
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 128 + signal.SIGTERM
        assert errors.splitlines()[-1] == "zimu: stopped by SIGTERM"
        assert all(map(has_ended, inside))
        assert list(folder.iterdir()) == []


def test_what_a_killed_run_left_is_cleared_by_the_next(tmp_path):
    with started(tmp_path, "cost", "zim8") as (process, folder, inside):
        for pid in (*inside, process.pid):  # at once: a worker tidies up when its parent is gone
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.communicate(timeout=120)
        assert {path.name[:5] for path in folder.iterdir()} == {"zimu-"}
        again = subprocess.run(
            [sys.executable, "-m", "zimu", "rtl", "zim4_search", "-o", "out"],
            cwd=tmp_path,
            env=os.environ | {"TMPDIR": str(folder)},
            timeout=300,
        )
        assert again.returncode == 0
        assert list(folder.iterdir()) == []


def test_a_killed_training_leaves_no_process(tmp_path):
    pytest.importorskip("sklearn", reason="scikit-learn is missing: ./bootstrap test")
    with started(tmp_path, "demo", "--simulator", "amaranth", awaited="spawn_main") as (process, _, inside):
        process.kill()
        process.communicate(timeout=120)
        assert all(has_ended(pid) for pid, command in inside.items() if "spawn_main" in command)


def test_ctrl_c_ends_the_training_quietly(tmp_path):
    pytest.importorskip("sklearn", reason="scikit-learn is missing: ./bootstrap test")
    with started(tmp_path, "demo", "--simulator", "amaranth", awaited="spawn_main") as (process, folder, inside):
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 128 + signal.SIGINT
        assert "Traceback" not in errors
        assert all(map(has_ended, inside))
        assert list(folder.iterdir()) == []
