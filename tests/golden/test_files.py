"""Files appear whole or not at all, what cannot be written is said in one line, and no scratch folder stays behind."""

import errno
import math
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from zimu.golden import files
from zimu.golden.errors import InputError, check_choice, check_range, check_seconds
from zimu.golden.files import check_writable, scratch_folder, write_whole


def test_content_is_written_with_unix_line_ends_and_parents(tmp_path):
    path = write_whole(tmp_path / "new" / "file.txt", "a\nµ\n")
    assert path.read_bytes() == "a\nµ\n".encode()
    assert write_whole(path, b"\x00").read_bytes() == b"\x00"


def test_the_old_file_stays_when_writing_fails(tmp_path, monkeypatch):
    path = write_whole(tmp_path / "file.txt", "old")

    def fails(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fdopen", fails)
    with pytest.raises(InputError, match=rf"^{re.escape(str(path))}: cannot be written: disk full; name another$"):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_has_the_mode_of_any_other(tmp_path):
    (tmp_path / "other").write_text("")
    assert write_whole(tmp_path / "file", "").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_file_is_copied_whole_and_a_link_stays_a_link(tmp_path):
    source = write_whole(tmp_path / "source", b"\x00\xff")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "new" / "target")
    assert write_whole(link, source) == link
    assert link.is_symlink()
    assert (tmp_path / "new" / "target").read_bytes() == b"\x00\xff"


@pytest.mark.parametrize("act", [check_writable, lambda path: write_whole(path, "x")])
def test_what_cannot_be_written_is_refused_in_one_line_and_leaves_nothing(tmp_path, act):
    (tmp_path / "file").write_text("old")
    refused = [(tmp_path, "Is a directory"), (tmp_path / "file" / "below", "Not a directory")]
    for path, reason in refused:
        with pytest.raises(InputError, match=rf"^{re.escape(str(path))}: cannot be written: {reason}; name another$"):
            act(path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "old"


def test_outputs_are_checked_without_making_them(tmp_path):
    (tmp_path / "file").write_text("old")
    check_writable(tmp_path / "a" / "b" / "c.txt", None, tmp_path / "file", os.devnull)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "old"


def test_a_device_is_written_as_it_is():
    write_whole(os.devnull, "x")
    assert not Path(os.devnull).is_file()
    if not Path("/dev/full").exists():
        pytest.skip("/dev/full is missing: this system has none")
    message = r"^/dev/full: cannot be written: No space left on device; make room or name another$"
    with pytest.raises(InputError, match=message):
        write_whole("/dev/full", "x")


def test_scratch_folders_go_away_and_no_room_in_them_is_said(tmp_path):
    with scratch_folder(tmp_path) as folder:
        assert folder.name.startswith("zimu-")
        (folder / "deep").mkdir()
    with pytest.raises(InputError, match=rf"^{re.escape(str(tmp_path))}: no room for temporary files: .* in TMPDIR$"):
        with scratch_folder(tmp_path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(PermissionError), scratch_folder(tmp_path):
        raise PermissionError
    assert list(tmp_path.iterdir()) == []


KILLED = """
import os, signal, sys
from zimu.golden.files import scratch_folder
with scratch_folder(sys.argv[1]) as folder:
    print(folder, flush=True)
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path):
    foreign = tmp_path / "zimu-foreign"
    foreign.mkdir()
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        left = Path(process.stdout.readline().strip())
        copy = tmp_path / "zimu-linked"
        copy.symlink_to(left)
        files._sweep.cache_clear()
        with scratch_folder(tmp_path) as mine:
            assert left.exists(), "its owner lives"
            files._sweep.cache_clear()
            with scratch_folder(tmp_path):
                assert mine.exists(), "this process is its owner"
        process.communicate("end")
    assert process.returncode == -signal.SIGKILL
    assert left.exists()
    files._sweep.cache_clear()
    with scratch_folder(tmp_path):
        assert not left.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["zimu-foreign", "zimu-linked"]


def test_nowhere_for_temporary_files_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(tmp_path / "none")])
    with pytest.raises(
        InputError, match=r"^temporary files: No usable temporary directory.*; name a folder in TMPDIR$"
    ):
        with scratch_folder():
            pass


def test_check_seconds_takes_what_one_can_wait_for():
    assert check_seconds("timeout", 0.5) == 0.5
    for value in (0, -1, math.nan, math.inf):
        with pytest.raises(InputError, match=rf"^timeout = {value:g}: must be a number of seconds above 0$"):
            check_seconds("timeout", value)


def test_check_range_takes_any_integer_type_and_nothing_else():
    assert check_range("n", np.uint32(7), 0, 7) == 7
    assert type(check_range("n", np.uint8(7), 0, 7)) is int
    for value in (True, 1.0, "1", None, np.float64(1), np.True_, np.array([1]), np.eye(3)):
        with pytest.raises(InputError, match=r"^n = .*: must be an integer in 0\.\.7$"):
            check_range("n", value, 0, 7)
    with pytest.raises(InputError, match=r"^n = 8: must be in 0\.\.7$"):
        check_range("n", 8, 0, 7)


def test_check_choice_lists_what_is_allowed():
    assert check_choice("tool", "icarus", ("icarus", "verilator")) == "icarus"
    with pytest.raises(InputError, match=r"^tool = 'vcs': must be one of 'icarus', 'verilator'$"):
        check_choice("tool", "vcs", ("icarus", "verilator"))
