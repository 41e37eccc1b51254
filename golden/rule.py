"""What an update rule is to the rest of the house: the declaration that every rule's configuration makes.

A rule says what a weight and a gradient are, what else is kept for each weight, which values a step takes, what is
counted and which circuits there are. Everything that serves all rules follows from that: states, vectors, ports,
drivers, the command line. Here too: checks with one-line errors, the TOML form, and the one table of the rules.
"""

import os
import re
import tomllib
from abc import abstractmethod
from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Self, get_args, get_type_hints

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from zimu.golden.errors import InputError, check_choice, check_range
from zimu.golden.files import write_whole

RULES = {
    "zim": "unit",
    "float_sgd": "float_sgd",
    "int_sgd": "int_sgd",
    "bold": "bold",
}
"""The update rules, and the name of each one's file on every side.

``golden`` has there ``CONFIG``, a `RuleConfig`, and ``REFERENCE``, a `zimu.golden.update.Reference`; ``emu`` has
``UNIT``, ``rtl`` has ``CORE`` and ``sim`` has ``OPERANDS``. To add a rule, write those files, and a line here.
"""

CONTRACT_VERSION = 1
"""Counts the meanings of the bits. Frozen vectors of one version never change."""

WORD_BITS = 32
"""Width of a random word, of a register and of a word in a vector file, in bits."""

PrngKind = Literal["xoshiro128++", "philox4x32-10", "pcg32", "xoroshiro128aox", "lfsr128", "trivium"]
"""The kinds of generators."""

NAME_PATTERN = r"^[a-z][a-z0-9_]{0,47}$"

DEPTH = 1024
"""Weights of a unit that is named by its rule, ``rule:what:option:...``: as many as the presets have."""

_OWN_MODULES = frozenset({"zimu_core"})


class Integer(NamedTuple):
    """A number as memories and ports hold it: in two's complement if it is signed; of any other form as its pattern."""

    bits: int
    signed: bool = False
    initial: int = 0
    """What each place of a memory of such numbers holds at first."""

    @property
    def limits(self) -> tuple[int, int]:
        """The smallest and the largest."""
        half = 1 << (self.bits - 1) if self.signed else 0
        return -half, (1 << self.bits) - 1 - half


class Value(NamedTuple):
    """A run-time value of a step: an unsigned number of so many bits, which takes so many registers of 32 bits."""

    bits: int
    words: int = 1


class Counter(NamedTuple):
    """How a counter counts: modulo 2^bits since the last seed, or anew in each step where it is the ``latest``."""

    bits: int = WORD_BITS
    latest: bool = False

    @property
    def words(self) -> int:
        """Registers of 32 bits that it takes."""
        return -(-self.bits // WORD_BITS)


@cache
def counters_of(counters: Hashable) -> dict[str, Counter]:
    """The counters of a named tuple in its order; ``Annotated[int, Counter(...)]`` says what a plain ``int`` is not."""
    hints = get_type_hints(counters, include_extras=True)
    return {
        name: next((note for note in get_args(hint)[1:] if isinstance(note, Counter)), Counter())
        for name, hint in hints.items()
    }


def zero_counters(counters: type) -> Any:
    """The counters after a seed."""
    return counters(*(0 for _ in counters_of(counters)))


def add_counters(old: Any, step: Iterable[int]) -> Any:
    """The counters after one more step, which counted ``step``, in their order."""
    cls: Any = type(old)
    kinds = zip(old, step, _masks(cls), strict=True)
    return cls._make([(now if latest else before + now) & mask for before, now, (mask, latest) in kinds])


@cache
def _masks(counters: Hashable) -> tuple[tuple[int, bool], ...]:
    """The largest value of each counter, and whether it is counted anew in each step."""
    return tuple(((1 << kind.bits) - 1, kind.latest) for kind in counters_of(counters).values())


def optional(default: Any, **limits: Any) -> Any:
    """A field that is written down only where it is not the default: what was saved before it came stays as it was."""
    return Field(default=default, exclude_if=lambda value: value == default, **limits)


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

    counters: ClassVar[type]
    """The named tuple of what a unit counts, ``steps`` among it; see `counters_of`."""

    tops: ClassVar[Mapping[str, tuple[str, ...]]] = {"core": ("ports",)}
    """The circuits there are, by the names of `zimu.sim.verilog.TOPS`, each with the buses it may be behind; the first
    where none is asked for."""

    usage: ClassVar[str] = ""
    """The form of names ``rule:what:option:...``, for messages; empty where there are none."""

    examples: ClassVar[tuple[str, ...]] = ()
    """Such names of units worth a comparison."""

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

    @property
    def kind(self) -> str:
        """What one unit is held against others as, such as ``int8 SGD``: a rule, and what its weights are."""
        return self.rule

    @property
    def momentum_kept(self) -> bool:
        """Whether a running mean of the gradients is kept beside each weight: like is compared with like."""
        return False

    @property
    @abstractmethod
    def weight(self) -> Integer:
        """A weight."""

    @property
    @abstractmethod
    def gradient(self) -> Integer:
        """A gradient, or whatever else a step is given one of for each weight."""

    @property
    def memories(self) -> dict[str, Integer]:
        """What is kept for each weight beside it, by name; `Integer.initial` at first, saved with the state."""
        return {}

    @property
    @abstractmethod
    def values(self) -> dict[str, Value]:
        """The run-time values of a step, by name, in the order of their registers."""

    @property
    def options(self) -> dict[str, Any]:
        """The fields made by `optional` that are not at their defaults."""
        fields = type(self).model_fields.items()
        given = {name: (getattr(self, name), field.exclude_if) for name, field in fields}
        return {name: value for name, (value, left_out) in given.items() if left_out and not left_out(value)}

    @property
    def circuit_fields(self) -> frozenset[str]:
        """Fields that say how the circuit is built and change no bit."""
        return frozenset({"name"})

    @abstractmethod  # a signature that each rule may replace by its own
    def registers(self, *args: Any, **values: Any) -> dict[str, int]:
        """The run-time values of a step as the unit's registers hold them; `InputError` if one cannot be held."""

    @abstractmethod  # a signature that each rule replaces by its own
    def driven(self, *args: Any, **values: Any) -> dict[str, Any]:
        """The run-time values of a step, as the emulator's ``step`` takes them, that a learning rate stands for.

        Parameters
        ----------
        learning_rate : in the rule's own sense.
        shape : of the tensor that the weights are.
        exponent : e, where gradients are real numbers times 2^e; else 0.
        values : what the rule has beside.

        Raises
        ------
        InputError
            one is out of range, missing, or not the rule's.
        """

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
    def from_words(cls, name: str, words: Sequence[str]) -> Self:
        """The unit of a name ``rule:what:option:...``; `InputError` if none has it.

        ``words`` are what follows the rule.
        """
        raise InputError(f"{name!r}: units of the rule {cls.rule!r} have no names, only configuration files")

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


def config_class(rule: str) -> type[RuleConfig]:
    """The class of a rule's configurations; `InputError` naming the rules if there is none."""
    module = RULES[check_choice("rule", rule, RULES)]
    found: type[RuleConfig] = import_module(f"zimu.golden.{module}").CONFIG
    return found


def from_toml(text: str) -> RuleConfig:
    """The configuration in a TOML text, of whatever rule; errors as `RuleConfig.from_toml`."""
    return config_class(read_table(text).get("rule", "zim")).from_toml(text)


def load(path: str | os.PathLike[str]) -> RuleConfig:
    """Read a configuration file of whatever rule; errors are those of `from_toml`, with the path in front."""
    text = read_text(path)
    try:
        return from_toml(text)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def identifier(name: str) -> str:
    """A unit's name ``rule:what:option:...`` as a Verilog module's."""
    return re.sub("[^a-z0-9]+", "_", name)


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


_WORDS = """
accept_on alias always always_comb always_ff always_latch and assert assign assume automatic before begin bind bins
binsof bit break buf bufif0 bufif1 byte case casex casez cell chandle checker class clocking cmos config const
constraint context continue cover covergroup coverpoint cross deassign default defparam design disable dist do edge
else end endcase endchecker endclass endclocking endconfig endfunction endgenerate endgroup endinterface endmodule
endpackage endprimitive endprogram endproperty endsequence endspecify endtable endtask enum event eventually expect
export extends extern final first_match for force foreach forever fork forkjoin function generate genvar global
highz0 highz1 if iff ifnone ignore_bins illegal_bins implements implies import incdir include initial inout input
inside instance int integer interconnect interface intersect join join_any join_none large let liblist library local
localparam logic longint macromodule matches medium modport module nand negedge nettype new nexttime nmos nor
noshowcancelled not notif0 notif1 null or output package packed parameter pmos posedge primitive priority program
property protected pull0 pull1 pulldown pullup pulsestyle_ondetect pulsestyle_onevent pure rand randc randcase
randsequence rcmos real realtime ref reg reject_on release repeat restrict return rnmos rpmos rtran rtranif0
rtranif1 s_always s_eventually s_nexttime s_until s_until_with scalared sequence shortint shortreal showcancelled
signed small soft solve specify specparam static string strong strong0 strong1 struct super supply0 supply1
sync_accept_on sync_reject_on table tagged task this throughout time timeprecision timeunit tran tranif0 tranif1 tri
tri0 tri1 triand trior trireg type typedef union unique unique0 unsigned until until_with untyped use uwire var
vectored virtual void wait wait_order wand weak weak0 weak1 while wildcard wire with within wor xnor xor
"""

KEYWORDS = frozenset(_WORDS.split())
"""The 248 keywords of SystemVerilog, IEEE 1800-2017 annex B; those of Verilog, IEEE 1364-2005, are among them."""
