"""The configuration of a unit: one frozen object that the emulator, the RTL, the vectors and the cost flow take.

Run-time values (trials, threshold, smoothing, seed) are not configuration; their ranges follow from it.
"""

import os
import tomllib
from pathlib import Path
from typing import Any, Literal, Self

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from zimu.golden.errors import InputError
from zimu.golden.files import write_whole
from zimu.golden.keywords import KEYWORDS

CONTRACT_VERSION = 1
"""Counts the meanings of the bits. Frozen vectors of one version never change."""

MASS_BITS = 48
"""Width of the W counter, in bits."""

WORD_BITS = 32
"""Width of a random word, in bits."""

MAX_TRIALS = 2**32 - 1
"""The largest n of one step: the trials register is 32 bits wide."""

PrngKind = Literal["xoshiro128++", "philox4x32-10", "pcg32", "xoroshiro128aox", "lfsr128", "trivium"]
"""The kinds of generators."""

_OWN_MODULES = frozenset({"zimu_core"})


class UnitConfig(BaseModel):
    """What is fixed when a unit is built.

    Parameters
    ----------
    name : the Verilog module and the stem of its files; lower case identifier, at most 48 characters.
    weight_bits : width of a weight, two's complement, 2..32.
    gradient_bits : width of a gradient, two's complement, 2..32.
    smoothing_bits : width of the smoothing register c, 0..16; 0 fixes c = 0.
    depth : d, the number of weights, 1..2^27.
    lanes : gradients per beat of the sum pass; a power of two, 1..64.
    gate : ``"trial"`` gates every trial, ``"step"`` gates the whole step.
    gate_bits : k, width of the gate's draw, 1..32; the threshold T is in 0..2^k.
    prng : generator kind; the contract's "Random words" and ``zimu.golden.generators`` describe each.
    prng_lanes : P, interleaved generators of the trials stream; a power of two, 1..16.
    sampler : ``"inverse"``: inverse CDF, trial by trial.
    form : the sampler's circuit; it never changes a result. ``"search"`` is small, ``"tree"`` is fast.

    Raises
    ------
    InputError
        one line naming the field, the value and the allowed range.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,47}$")
    weight_bits: int = Field(ge=2, le=32)
    gradient_bits: int = Field(ge=2, le=32)
    smoothing_bits: int = Field(ge=0, le=16)
    depth: int = Field(ge=1, le=2**27)
    lanes: int = Field(ge=1, le=64)
    gate: Literal["trial", "step"] = "trial"
    gate_bits: int = Field(ge=1, le=32)
    prng: PrngKind = "xoshiro128++"
    prng_lanes: int = Field(default=1, ge=1, le=16)
    sampler: Literal["inverse"] = "inverse"
    form: Literal["search", "tree"] = "search"

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise InputError(_one_line(error)) from None

    @field_validator("name")
    @classmethod
    def _name_is_free(cls, value: str) -> str:
        if value in KEYWORDS | _OWN_MODULES:
            raise ValueError("must not be a Verilog keyword or a module of the unit")
        return value

    @field_validator("lanes", "prng_lanes")
    @classmethod
    def _power_of_two(cls, value: int) -> int:
        if value & (value - 1):
            raise ValueError("must be a power of two")
        return value

    @model_validator(mode="after")
    def _mass_fits(self) -> Self:
        limit = (2**MASS_BITS - 1) // self.max_weight_mass
        if self.depth > limit:
            raise ValueError(
                f"depth = {self.depth}: must be in 1..{limit}, so that W fits its {MASS_BITS}-bit counter "
                f"(gradient_bits = {self.gradient_bits}, smoothing_bits = {self.smoothing_bits})"
            )
        return self

    @property
    def max_weight_mass(self) -> int:
        """The largest |g_i| + c."""
        return (1 << self.gradient_bits - 1) + self.max_smoothing

    @property
    def max_mass(self) -> int:
        """The largest W this configuration can meet."""
        return self.depth * self.max_weight_mass

    @property
    def beats(self) -> int:
        """Beats of the sum pass: ceil(depth / lanes)."""
        return -(-self.depth // self.lanes)

    @property
    def draw_words(self) -> int:
        """Random words one draw of the trials stream takes: 1, or 2 where W may need more than 32 bits."""
        return 1 if self.max_mass <= 2**WORD_BITS else 2

    @property
    def row_words(self) -> int:
        """Words the trials stream advances by at a time; a step begins on a row."""
        return max(self.prng_lanes, self.draw_words)

    @property
    def weight_range(self) -> tuple[int, int]:
        """Smallest and largest weight; the accumulator saturates there."""
        return -(2 ** (self.weight_bits - 1)), 2 ** (self.weight_bits - 1) - 1

    @property
    def gradient_range(self) -> tuple[int, int]:
        """Smallest and largest gradient."""
        return -(2 ** (self.gradient_bits - 1)), 2 ** (self.gradient_bits - 1) - 1

    @property
    def max_threshold(self) -> int:
        """The threshold that opens the gate always: 2^gate_bits."""
        return 1 << self.gate_bits

    @property
    def max_smoothing(self) -> int:
        """The largest smoothing constant c."""
        return (1 << self.smoothing_bits) - 1

    def to_toml(self) -> str:
        """The ``[unit]`` table as TOML text; `from_toml` reads it back to an equal object."""
        return tomli_w.dumps({"unit": self.model_dump()})

    @classmethod
    def from_toml(cls, text: str) -> Self:
        """Read a ``[unit]`` table.

        Raises
        ------
        InputError
            not TOML, no ``[unit]`` table, something beside it, an unknown key, or a value out of range.
        """
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise InputError(f"not valid TOML: {error}") from None
        unit = document.pop("unit", None)
        if not isinstance(unit, dict):
            raise InputError("no [unit] table: a configuration has exactly one; `zimu config` prints an example")
        if document:
            raise InputError(f"unknown table or key {next(iter(document))!r} beside [unit]: remove it")
        return cls(**unit)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a configuration file; errors are those of `from_toml`, with the path in front."""
        try:
            return cls.from_toml(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: cannot be read: {error}") from None
        except InputError as error:
            raise InputError(f"{path}: {error}") from None

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the configuration to ``path``, whole or not at all."""
        return write_whole(path, self.to_toml())


def _one_line(error: ValidationError) -> str:
    """Put the first complaint of pydantic into the project's form: ``field = value: must be ...``."""
    # A misspelt key makes another one missing: name the misspelt one.
    first = min(error.errors(), key=lambda complaint: complaint["type"] != "extra_forbidden")
    field = ".".join(map(str, first["loc"]))
    known = list(UnitConfig.model_fields)
    kind, context = first["type"], first.get("ctx", {})
    if kind == "extra_forbidden":
        return f"unknown key {field!r}: must be one of {', '.join(known)}"
    if kind == "missing":
        return f"{field} is missing: {_allowed(field)}"
    if kind == "value_error":
        message = str(context["error"])
        return f"{field} = {first['input']!r}: {message}" if field else message
    return f"{field} = {first['input']!r}: {_allowed(field)}"


def _allowed(field: str) -> str:
    """What a field takes, in words, from its JSON schema."""
    schema = UnitConfig.model_json_schema()["properties"][field]
    if "enum" in schema:
        return "must be one of " + ", ".join(repr(name) for name in schema["enum"])
    if "const" in schema:
        return f"must be {schema['const']!r}"
    if schema["type"] == "integer":
        return f"must be an integer in {schema['minimum']}..{schema['maximum']}"
    return f"must be text matching {schema['pattern']}"
