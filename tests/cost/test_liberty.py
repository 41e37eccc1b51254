"""Finding and reading Liberty libraries."""

import gzip

import pytest

from zimu.cost.liberty import VARIABLE, Library, find_libraries, is_nand2, pdk_libraries, read_cells
from zimu.golden.errors import InputError

NAND = 'cell(ND) { area : 2.5; pin(Y) { function : "!(A*B)"; } }\n'
WIDE_NAND = 'cell("ND4X") {\n area : "5";\n pin(Y) { function : "(A B)\'"; }\n}\n'
FLOP = 'cell (FF) {\n area : 12;\n ff (IQ, IQN) { next_state : "D"; }\n pin(Q) { function : "IQ"; }\n}\n'
BANNED = 'cell(TINY) { dont_use : true;\n area : 1.0; pin(Y) { function : "!(A*B)"; } }\n'


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.delenv("PDK_ROOT", raising=False)


@pytest.fixture
def folder(tmp_path):
    """Two parts of one technology, one of them packed, and a file that is no library."""
    (tmp_path / "simple.lib").write_text("library(simple) {\n" + NAND + WIDE_NAND + BANNED + "}\n")
    (tmp_path / "seq.lib.gz").write_bytes(gzip.compress(("library(seq) {\n" + FLOP + "}\n").encode()))
    (tmp_path / "notes.txt").write_text("x")
    return tmp_path


@pytest.mark.parametrize(
    "function",
    ["!(A*B)", "!(A & B)", "(!A) | (!B)", "(!A) + (!B)", "(A B)'", "A'+B'", "!A | !B", "(A1*A2)'"],
)
def test_nand_is_known_in_every_spelling(function):
    assert is_nand2(function)


@pytest.mark.parametrize(
    "function", ["A*B", "!(A+B)", "!(A*B*C)", "!A", "A^B", "!A*B", "!(A*!B)", "IQ", "", "!(A*B", "A ? B", "!A !B"]
)
def test_other_functions_are_no_nand(function):
    assert not is_nand2(function)


def test_operators_bind_as_liberty_says():
    # AND before OR, XOR before AND; each of these is a NAND only that way.
    assert is_nand2("!A | A & !B")
    assert is_nand2("1 ^ A | 1 ^ B")
    assert not is_nand2("(!A | A) & !B")


def test_cells_are_read():
    cells = read_cells("library(x) {\n" + NAND + WIDE_NAND + FLOP + BANNED + "}\n")
    assert {name: (cell.area, cell.flip_flop, cell.usable) for name, cell in cells.items()} == {
        "ND": (2.5, False, True),
        "ND4X": (5.0, False, True),
        "FF": (12.0, True, True),
        "TINY": (1.0, False, False),
    }


def test_smallest_usable_nand_is_the_unit(folder):
    (library,) = find_libraries([f"x={folder}"])
    assert library.nand2_area == 2.5


def test_folder_is_a_library_for_each_file_that_is_whole(folder):
    (folder / "whole.lib").write_text(NAND + FLOP)
    (folder / "another.lib").write_text(WIDE_NAND + FLOP)
    libraries = find_libraries([str(folder)])
    assert [(library.name, len(library.files)) for library in libraries] == [("another", 1), ("s", 2), ("whole", 1)]


def test_parts_that_make_no_whole_stay_apart(folder):
    (folder / "seq.lib.gz").unlink()
    (folder / "more.lib").write_text(NAND)
    assert [library.name for library in find_libraries([str(folder)])] == ["more", "simple"]


def test_named_folder_is_one_library(folder):
    (library,) = find_libraries([f"both={folder}"])
    library.check()
    assert (library.name, len(library.files)) == ("both", 2)


def test_named_pattern_is_one_library(folder):
    (library,) = find_libraries([f"some={folder}/s*.lib"])
    assert [path.name for path in library.files] == ["simple.lib"]


def test_packed_file_is_unpacked_under_a_plain_name(folder, tmp_path):
    (library,) = find_libraries([str(folder / "seq.lib.gz")])
    (copy,) = library.unpack(tmp_path)
    assert (copy.name, copy.read_text()) == ("cells0.lib", "library(seq) {\n" + FLOP + "}\n")


def test_environment_is_used_where_nothing_is_given(folder, monkeypatch):
    monkeypatch.setenv(VARIABLE, f"{folder / 'simple.lib'}:both={folder}")
    assert [library.name for library in find_libraries()] == ["simple", "both"]
    assert [library.name for library in find_libraries([str(folder / "seq.lib.gz")])] == ["seq"]


def test_pdk_root_is_searched_in_the_usual_layout(folder, tmp_path, monkeypatch):
    place = tmp_path / "pdk" / "libs.ref" / "cells" / "lib"
    place.mkdir(parents=True)
    (place / "cells_typ.lib").write_text(NAND)
    (place / "cells_typ.txt").write_text(NAND)
    monkeypatch.setenv("PDK_ROOT", str(tmp_path))
    assert [library.name for library in pdk_libraries()] == ["cells_typ"]
    assert find_libraries() == []


@pytest.mark.parametrize("entry", ["/nowhere.lib", "x=/nowhere/*.lib", "x=/nowhere"])
def test_missing_library_is_refused(entry):
    with pytest.raises(InputError, match=rf"^liberty = '{entry.replace('*', '[*]')}': no .lib or .lib.gz file there$"):
        find_libraries([entry])


def test_two_libraries_of_one_name_are_refused(folder):
    with pytest.raises(InputError, match="library simple is given twice: write NAME=PATH"):
        find_libraries([str(folder / "simple.lib"), f"simple={folder}"])


@pytest.mark.parametrize(("name", "lacks"), [("simple.lib", "flip-flop"), ("seq.lib.gz", "NAND2 cell")])
def test_part_of_a_technology_is_refused_alone(folder, name, lacks):
    with pytest.raises(InputError, match=f"has no {lacks}: if its technology comes in several files"):
        Library("part", (folder / name,)).check()


def test_broken_archive_is_one_line(tmp_path):
    (tmp_path / "x.lib.gz").write_bytes(b"no gzip")
    with pytest.raises(InputError, match=r"x\.lib\.gz: cannot be read: [^\n]*$"):
        assert Library("x", (tmp_path / "x.lib.gz",)).cells
