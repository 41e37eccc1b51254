"""Files appear whole or not at all; integers are checked in one way."""

import os

import numpy as np
import pytest

from zimu.golden.errors import InputError, check_choice, check_range
from zimu.golden.files import write_whole


def test_content_is_written_with_unix_line_ends_and_parents(tmp_path):
    path = write_whole(tmp_path / "new" / "file.txt", "a\nµ\n")
    assert path.read_bytes() == "a\nµ\n".encode()
    assert write_whole(path, b"\x00").read_bytes() == b"\x00"


def test_the_old_file_stays_when_writing_fails(tmp_path, monkeypatch):
    path = write_whole(tmp_path / "file.txt", "old")

    def fails(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fdopen", fails)
    with pytest.raises(OSError, match="disk full"):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_has_the_mode_of_any_other(tmp_path):
    (tmp_path / "other").write_text("")
    assert write_whole(tmp_path / "file", "").stat().st_mode == (tmp_path / "other").stat().st_mode


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
