"""What the configurations of all update rules share: checks of their fields, one-line errors, the TOML form.

A rule's own configuration is in the file that bears its part's name; ``golden/rules.py`` finds it.
"""

import os
import tomllib
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import tomli_w
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from zimu.golden.errors import InputError, check_range
from zimu.golden.files import write_whole
from zimu.golden.keywords import KEYWORDS

WORD_BITS = 32
"""Width of a random word, in bits."""

PrngKind = Literal["xoshiro128++", "philox4x32-10", "pcg32", "xoroshiro128aox", "lfsr128", "trivium"]
"""The kinds of generators."""

NAME_PATTERN = r"^[a-z][a-z0-9_]{0,47}$"

_OWN_MODULES = frozenset({"zimu_core"})


class RuleConfig(BaseModel):
    """What is fixed when a unit is built; each rule adds its fields, ``name``, ``depth`` and ``lanes`` among them.

    Raises
    ------
    InputError
        one line naming the field, the value and the allowed range.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    if TYPE_CHECKING:  # each rule declares them itself, in the order of its TOML form
        name: str
        depth: int
        lanes: int

    rule: ClassVar[str]
    """The rule's name, the key ``rule`` of the TOML form; a file without that key is of the rule ``zim``."""

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise InputError(_one_line(type(self), error)) from None

    @field_validator("name", check_fields=False)
    @classmethod
    def _name_is_free(cls, value: str) -> str:
        if value in KEYWORDS | _OWN_MODULES:
            raise ValueError("must not be a Verilog keyword or a module of the unit")
        return value

    @property
    @abstractmethod
    def description(self) -> str:
        """One line for a reader."""

    @abstractmethod  # a signature that each rule may replace by its own
    def registers(self, *args: Any, **values: Any) -> dict[str, int]:
        """The run-time values of a step as the unit's registers hold them; `InputError` if one cannot be held."""

    def replace(self, **changes: Any) -> Self:
        """A configuration like this one but for the fields given, checked like any other."""
        return type(self)(**self._kept(changes) | changes)

    def _kept(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of this configuration that go with ``changes``."""
        return self.model_dump()

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """`replace`, for pydantic's own would check nothing; what is frozen and flat needs no ``deep`` copy."""
        return self.replace(**update or {})

    def to_toml(self) -> str:
        """The ``[unit]`` table as TOML text; `from_toml` reads it back to an equal object."""
        key = {} if self.rule == "zim" else {"rule": self.rule}
        return tomli_w.dumps({"unit": key | self.model_dump(exclude_none=True)})

    @classmethod
    def from_toml(cls, text: str) -> Self:
        """Read a ``[unit]`` table.

        Raises
        ------
        InputError
            not TOML, no ``[unit]`` table, something beside it, another rule, an unknown key, or a value out of range.
        """
        fields = read_table(text)
        rule = fields.pop("rule", "zim")
        if rule != cls.rule:
            raise InputError(f"rule = {rule!r}: must be {cls.rule!r} here")
        return cls(**fields)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a configuration file; errors are those of `from_toml`, with the path in front."""
        text = read_text(path)
        try:
            return cls.from_toml(text)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the configuration to ``path``, whole or not at all."""
        return write_whole(path, self.to_toml())


def check_vector(field: str, values: list[int], depth: int, low: int, high: int) -> list[int]:
    """``values`` as plain ints; `InputError` unless there are ``depth`` integers, all in ``[low, high]``."""
    if not hasattr(values, "__len__"):
        raise InputError(f"{field} is a {type(values).__name__}: must be a list of {depth} integers")
    if len(values) != depth:
        raise InputError(f"{field} has {len(values)} values: must have depth = {depth}")
    return [check_range(f"{field}[{i}]", value, low, high) for i, value in enumerate(values)]


def read_text(path: str | os.PathLike[str]) -> str:
    """The text of a file; `InputError` with the system's reason if it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None


def read_table(text: str) -> dict[str, Any]:
    """The ``[unit]`` table of a TOML text, which must hold nothing else; `InputError` otherwise."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"not valid TOML: {error}") from None
    unit = document.pop("unit", None)
    if not isinstance(unit, dict):
        raise InputError("no [unit] table: a configuration has exactly one; `zimu config` prints an example")
    if document:
        raise InputError(f"unknown table or key {next(iter(document))!r} beside [unit]: remove it")
    return unit


def _one_line(config: type[RuleConfig], error: ValidationError) -> str:
    """Put the first complaint of pydantic into the project's form: ``field = value: must be ...``."""
    # A misspelt key makes another one missing: name the misspelt one.
    first = min(error.errors(), key=lambda complaint: complaint["type"] != "extra_forbidden")
    field = ".".join(map(str, first["loc"]))
    kind, context = first["type"], first.get("ctx", {})
    if kind == "extra_forbidden":
        return f"unknown key {field!r}: must be one of {', '.join(config.model_fields)}"
    if kind == "missing":
        return f"{field} is missing: {_allowed(config, field)}"
    if kind == "value_error":
        message = str(context["error"])
        return f"{field} = {first['input']!r}: {message}" if field else message
    return f"{field} = {first['input']!r}: {_allowed(config, field)}"


def _allowed(config: type[RuleConfig], field: str) -> str:
    """What a field takes, in words, from its JSON schema."""
    schema = config.model_json_schema()["properties"][field]
    schema = schema.get("anyOf", [schema])[0]
    if "enum" in schema:
        return "must be one of " + ", ".join(repr(name) for name in schema["enum"])
    if "const" in schema:
        return f"must be {schema['const']!r}"
    if schema["type"] == "boolean":
        return "must be true or false"
    if schema["type"] == "integer":
        return f"must be an integer in {schema['minimum']}..{schema['maximum']}"
    return f"must be text matching {schema['pattern']}"
