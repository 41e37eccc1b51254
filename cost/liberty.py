"""Liberty cell libraries: where they are found, and the little the cost flow reads from them itself.

Libraries are the user's; they are read where they are and never copied into the project.
"""

import gzip
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import product
from pathlib import Path
from typing import Self

from zimu.golden.errors import InputError

VARIABLE = "ZIMU_LIBERTY"
"""Environment variable with libraries to price, written as `find_libraries` takes them, parted as in PATH."""

SUFFIXES = (".lib", ".lib.gz")


_CELL = re.compile(r'(?m)^\s*cell\s*\(\s*"?([^")\s]+)"?\s*\)\s*\{')
"""Where a cell begins, and its name."""

_TOKEN = re.compile(r'"([^"]*)"|([^\s(){}:;,"]+)|([(){}:;,])')
"""A text in quotes, a word, or a mark."""


@dataclass
class Group:
    """A group of a Liberty file: ``name (arguments) { attributes and groups }``.

    Parameters
    ----------
    name, arguments : in front of the brace.
    attributes : by name the values of ``name : value;`` or ``name (value, ...);``, without quotes; of several the last.
    groups : those inside, in order.
    """

    name: str
    arguments: list[str]
    attributes: dict[str, list[str]] = field(default_factory=dict)
    groups: list[Self] = field(default_factory=list)

    def all(self, *names: str) -> list[Self]:
        """The groups inside of any of these names."""
        return [group for group in self.groups if group.name in names]

    def text(self, name: str, otherwise: str = "") -> str:
        """The first value of an attribute."""
        return self.attributes.get(name, [otherwise])[0]

    def numbers(self, name: str) -> list[float]:
        """All numbers of an attribute, such as ``index_1 ("0.1, 0.2")``."""
        return [float(each) for value in self.attributes.get(name, ()) for each in re.split(r"[\s,]+", value) if each]


def parse_group(text: str) -> Group:
    """The first group of a text, up to the brace that closes it.

    Raises
    ------
    IndexError, ValueError
        the text ends before, or is no Liberty.
    """
    text = re.sub(r"/\*.*?\*/|\\\r?\n", " ", text, flags=re.DOTALL)
    tokens = (
        (match[1], False) if match[1] is not None else (match[2] or match[3], bool(match[3]))
        for match in _TOKEN.finditer(text)
    )
    ends = {"{", "}", ";"}
    open_groups: list[Group] = []
    words: list[str] = []
    for word, mark in tokens:
        if not mark or word not in ends:
            words += () if mark and word in "(),:" else [word]
            continue
        if word == "{":
            group = Group(words[0], words[1:])
            if open_groups:
                open_groups[-1].groups.append(group)
            open_groups.append(group)
        elif word == ";" and words:
            open_groups[-1].attributes[words[0]] = words[1:]
        elif word == "}":
            closed = open_groups.pop()
            if not open_groups:
                return closed
        words = []
    raise ValueError("it ends within a group")


@dataclass(frozen=True)
class Cell:
    """One cell: area in the library's unit, whether it is a flip-flop, its output functions as written."""

    area: float
    flip_flop: bool
    functions: tuple[str, ...]
    usable: bool = True


@dataclass(frozen=True)
class Library:
    """The Liberty files of one technology and corner.

    Parameters
    ----------
    name : what its target is called, after ``liberty:``.
    files : ``.lib`` or ``.lib.gz``.
    """

    name: str
    files: tuple[Path, ...]

    @cached_property
    def cells(self) -> dict[str, Cell]:
        """All cells by name."""
        return {name: cell for path in self.files for name, cell in _cells_of(path, _changed(path)).items()}

    @cached_property
    def nand2_area(self) -> float:
        """Area of the smallest NAND2, in the library's unit; `InputError` if there is none."""
        areas = [
            cell.area
            for cell in self.cells.values()
            if cell.usable and cell.area and any(is_nand2(function) for function in cell.functions)
        ]
        if not areas:
            raise InputError(f"library {self.name} has no NAND2 cell: {_PARTS}")
        return min(areas)

    def read_groups(self, names: Iterable[str]) -> Iterator[tuple[Group, list[Group]]]:
        """Of each file the head, all up to its first cell, and those of the cells of these names that it has.

        Raises
        ------
        InputError
            a file is no Liberty.
        """
        wanted = set(names)
        for path in self.files:
            head, *parts = _CELL.split(read_text(path))
            cells = zip(parts[::2], parts[1::2], strict=True)
            try:
                found = [parse_group(f"cell ({name}) {{ {body}") for name, body in cells if name in wanted]
                yield parse_group(head + "}"), found
            except (IndexError, ValueError) as error:
                raise InputError(f"{path}: no Liberty library: {error}") from None

    @property
    def complete(self) -> bool:
        """Whether the library can map a design alone."""
        try:
            self.check()
        except InputError:
            return False
        return True

    def check(self) -> None:
        """Raise `InputError` where the library cannot map a design alone."""
        if not any(cell.flip_flop and cell.usable for cell in self.cells.values()):
            raise InputError(f"library {self.name} has no flip-flop: {_PARTS}")
        assert self.nand2_area

    def unpack(self, folder: Path) -> list[Path]:
        """Write the files, uncompressed, into ``folder``, under names fit for a script."""
        written = []
        for number, path in enumerate(self.files):
            target = folder / f"cells{number}.lib"
            target.write_text(read_text(path), encoding="utf-8")
            written.append(target)
        return written


_PARTS = "if its technology comes in several files, give them as one library: NAME=FOLDER or NAME=PATTERN"


def read_text(path: Path) -> str:
    """The text of a ``.lib`` or ``.lib.gz`` file; `InputError` if it cannot be read."""
    try:
        data = path.read_bytes()
        return (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8", errors="replace")
    except (OSError, EOFError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None


def holds(expression: str, values: Mapping[str, bool]) -> bool:
    """Whether a Liberty expression, a function or a condition, is true of the values of its names.

    Raises
    ------
    KeyError
        it has a name that has no value.
    """
    return _Expression(expression, values).value()


def read_cells(text: str) -> dict[str, Cell]:
    """The cells of a Liberty file, by name. Only what `Cell` holds is looked at."""
    parts = _CELL.split(text)
    cells = {}
    for name, body in zip(parts[1::2], parts[2::2], strict=True):
        area = re.search(r'\barea\s*:\s*"?([0-9.eE+-]+)', body)
        cells[name] = Cell(
            area=float(area[1]) if area else 0.0,
            flip_flop=re.search(r"(?m)^\s*ff(_bank)?\s*\(", body) is not None,
            functions=tuple(re.findall(r'\bfunction\s*:\s*"([^"]*)"', body)),
            usable=re.search(r'\bdont_use\s*:\s*"?true', body) is None,
        )
    return cells


@cache
def _cells_of(path: Path, changed: int) -> dict[str, Cell]:
    """The cells of a file, read once for all libraries that have it; ``changed`` is when it was."""
    return read_cells(read_text(path))


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:  # the next to read it says why
        return 0


def is_nand2(function: str) -> bool:
    """Whether a Liberty function is that of a NAND with two inputs, however it is written."""
    names = sorted(set(re.findall(r"[A-Za-z_]\w*", function)))
    if len(names) != 2:
        return False
    try:
        return all(
            _Expression(function, dict(zip(names, values, strict=True))).value() is (values != (True, True))
            for values in product((False, True), repeat=2)
        )
    except (IndexError, KeyError):
        return False


class _Expression:
    """Evaluates a Liberty function: ``!a``, ``a'``; ``a ^ b``; ``a & b``, ``a * b``, ``a b``; ``a | b``, ``a + b``.

    Operators are listed as they bind, tightest first (Liberty User Guide, attribute ``function``).
    """

    def __init__(self, text: str, values: Mapping[str, bool]) -> None:
        self.tokens = [*re.findall(r"[A-Za-z_]\w*|[01]|[!'^&*|+()]", text), ""]
        self.values = {**values, "0": False, "1": True}

    def value(self) -> bool:
        result = self._and()
        while self.tokens[0] in ("|", "+"):
            self.tokens.pop(0)
            result |= self._and()
        return result

    def _and(self) -> bool:
        result = self._xor()
        while self.tokens[0] not in ("|", "+", ")", ""):
            if self.tokens[0] in ("&", "*"):
                self.tokens.pop(0)
            result &= self._xor()
        return result

    def _xor(self) -> bool:
        result = self._operand()
        while self.tokens[0] == "^":
            self.tokens.pop(0)
            result ^= self._operand()
        return result

    def _operand(self) -> bool:
        token = self.tokens.pop(0)
        if token == "!":
            return not self._operand()
        result = self.value() if token == "(" else self.values[token]
        if token == "(":
            self.tokens.pop(0)
        while self.tokens[0] == "'":
            self.tokens.pop(0)
            result = not result
        return result


def find_libraries(given: Sequence[str] = ()) -> list[Library]:
    """The libraries to price.

    Parameters
    ----------
    given : each is a Liberty file; a folder, each file of which is a library, but files that cannot map a design alone
        are taken together as one; or ``NAME=`` before a file, a folder or a pattern such as ``cells_*.lib``, all files
        of which make one library. If there are none, those in the environment variable `VARIABLE`.

    Raises
    ------
    InputError
        nothing is there, or two libraries have one name.
    """
    given = given or [entry for entry in os.environ.get(VARIABLE, "").split(os.pathsep) if entry]
    libraries = [library for entry in given for library in _named(entry)]
    names = [library.name for library in libraries]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"library {name} is given twice: write NAME=PATH to tell them apart")
    return libraries


def pdk_libraries() -> list[Library]:
    """The libraries of the PDKs under ``$PDK_ROOT``, in the layout ``*/libs.ref/*/lib/*.lib``; one for each file."""
    root = os.environ.get("PDK_ROOT")
    return _one_each(Path(root).glob("*/libs.ref/*/lib/*")) if root else []


def _named(entry: str) -> list[Library]:
    name, equals, place = entry.partition("=")
    if not equals:
        path = Path(entry)
        libraries = _join_parts(_one_each(path.iterdir()), path) if path.is_dir() else _one_each([path])
    else:
        path = Path(place)
        files = path.iterdir() if path.is_dir() else path.parent.glob(path.name)
        found = tuple(sorted(filter(_is_liberty, files)))
        libraries = [Library(name, found)] if found else []
    if not libraries:
        raise InputError(f"liberty = {entry!r}: no {' or '.join(SUFFIXES)} file there")
    return libraries


def _join_parts(libraries: list[Library], folder: Path) -> list[Library]:
    """The same, with those that cannot map a design alone taken together, if they can do so together."""
    parts = [library for library in libraries if not library.complete]
    prefix = os.path.commonprefix([library.name for library in parts]).rstrip("_-. ")  # noqa: RUF071
    joined = Library(prefix or folder.name, tuple(file for library in parts for file in library.files))
    if not parts or not joined.complete:
        return libraries
    return sorted([*(library for library in libraries if library.complete), joined], key=lambda library: library.name)


def _one_each(paths: Iterable[Path]) -> list[Library]:
    return [Library(_stem(path), (path,)) for path in sorted(filter(_is_liberty, paths))]


def _is_liberty(path: Path) -> bool:
    return path.name.endswith(SUFFIXES) and path.is_file()


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".lib")
