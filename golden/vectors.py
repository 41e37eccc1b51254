"""The vector format: what went into a unit and what must come out, in one text file.

``docs/vectors.md`` describes the file. A Verilog bench reads it through ``$readmemh``, Python through
`VectorSet`.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

from zimu.golden.errors import InputError
from zimu.golden.files import write_whole
from zimu.golden.rule import CONTRACT_VERSION, WORD_BITS, Integer, RuleConfig, counters_of, from_toml
from zimu.golden.update import reference

MAGIC = 0x5A494D56
"""The first word: "ZIMV" in ASCII."""

HEADER_WORDS = 6
"""Words before the initial weights."""

FROZEN = Path(__file__).with_suffix("")
"""The folder of the frozen sets."""

_OPENING = re.compile(rb"// zimu vectors, contract version (\d+)\n// sha256 = ([0-9a-f]{64})\n")
_FORM = re.compile(r"((?://.*\n)+)((?:[0-9a-f]{8}\n)+)")
_REMEDY = "get an untouched copy or record it again"


Memory = dict[str, list[int]]
"""What the user's memory holds: ``weights``, and the configuration's memories by name."""


@dataclass(frozen=True)
class Stimulus:
    """What goes into one step."""

    gradients: Sequence[int]
    registers: dict[str, int]
    """The run-time values, by name."""
    memory: Memory = field(default_factory=dict)
    """What is written into the memory before the step; the rest stays. A vector set has none of it."""


@dataclass(frozen=True)
class Step:
    """One step: what goes in, and what must be there afterwards."""

    stimulus: Stimulus
    memory: Memory
    counters: dict[str, int]

    def differences(self, memory: Memory, counters: Mapping[str, int]) -> Iterator["Difference"]:
        """What is not as it must be."""
        cells = (
            Difference(f"{name}[{i}]", *pair)
            for name, values in self.memory.items()
            for i, pair in enumerate(zip(values, memory[name], strict=True))
        )
        counts = (Difference(name, value, counters[name]) for name, value in self.counters.items())
        yield from (each for each in chain(cells, counts) if each.expected != each.got)


class Difference(NamedTuple):
    """A value that is not as it must be."""

    field: str
    """``weights[i]``, a place of another memory, or a counter's name."""
    expected: int
    got: int


class Mismatch(NamedTuple):
    """The first value of a replay that is not the one on record."""

    step: int
    """Index of the step, from 0."""
    difference: Difference

    def __str__(self) -> str:
        field, expected, got = self.difference
        return f"step {self.step}, {field}: expected {expected}, got {got}"


class Unit(Protocol):
    """What takes the steps of a set: a unit whose weights and memories are integers as the hardware holds them."""

    @property
    def counters(self) -> Any:
        """Cumulative counters."""

    @property
    def memories(self) -> Any:
        """What is kept beside the weights, by name."""

    def step(self, weights: list[int], gradients: list[int], **registers: int) -> list[int]:
        """Take one step and return the new weights."""


def take_steps(unit: Unit, memory: Memory, stimuli: Iterable[Stimulus]) -> Iterator[Step]:
    """Let a unit take steps from a memory on; yields each with what the unit makes of it."""
    weights = memory["weights"]
    _write(unit, memory)
    for stimulus in stimuli:
        weights = stimulus.memory.get("weights", weights)
        _write(unit, stimulus.memory)
        weights = unit.step(list(weights), list(stimulus.gradients), **stimulus.registers)
        beside = {name: [int(value) for value in values] for name, values in unit.memories.items()}
        yield Step(stimulus, {"weights": weights} | beside, unit.counters._asdict())


def _write(unit: Unit, memory: Memory) -> None:
    for name, values in unit.memories.items():
        if name in memory:
            values[:] = memory[name]


@dataclass(frozen=True)
class VectorSet:
    """A configuration of any rule, a seed, what the memory holds at first, and the steps that follow."""

    config: RuleConfig
    seed: int
    memory: Memory
    steps: tuple[Step, ...]

    @classmethod
    def record(
        cls,
        config: RuleConfig,
        seed: int,
        memory: Memory,
        stimuli: Iterable[Stimulus],
        *,
        unit: Callable[[Any, int], Unit] = reference,
    ) -> Self:
        """Let ``unit(config, seed)``, by default the scalar reference, take the steps and write down what it does.

        Raises
        ------
        InputError
            the unit refuses the seed, the weights or a stimulus.
        """
        whole = whole_memory(config, memory)
        return cls(config, seed, whole, tuple(take_steps(unit(config, seed), whole, stimuli)))

    def replay(self, unit: Callable[[Any, int], Unit]) -> Mismatch | None:
        """Take the same steps on ``unit(config, seed)``; the first difference, or None if all agrees."""
        taken = take_steps(unit(self.config, self.seed), self.memory, (step.stimulus for step in self.steps))
        for number, (step, got) in enumerate(zip(self.steps, taken, strict=True)):
            for difference in step.differences(got.memory, got.counters):
                return Mismatch(number, difference)
        return None

    def words(self) -> list[int]:
        """The content of the memory a Verilog bench reads, 32-bit words."""
        words = [MAGIC, CONTRACT_VERSION, self.config.depth, len(self.steps), *_cut(self.seed, 2)]
        words += chain.from_iterable(self.memory.values())
        for step in self.steps:
            for name, value in self.config.values.items():
                words += _cut(step.stimulus.registers[name], value.words)
            words += step.stimulus.gradients
            words += chain.from_iterable(step.memory.values())
            for name, counter in counters_of(self.config.counters).items():
                words += _cut(step.counters[name], counter.words)
        return [int(word) % 2**WORD_BITS for word in words]  # numpy's integers keep their width

    def to_text(self) -> str:
        """The file, checksum included; the same set gives the same bytes."""
        opening = f"// zimu vectors, contract version {CONTRACT_VERSION}\n// sha256 = "
        table = "".join(f"// {line}".rstrip() + "\n" for line in self.config.to_toml().splitlines())
        body = "\n//\n" + table + "//\n" + "".join(f"{word:08x}\n" for word in self.words())
        return opening + _digest(opening, body) + body

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the file, whole or not at all."""
        return write_whole(path, self.to_text())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a file that `save` wrote.

        Raises
        ------
        InputError
            it cannot be read, was truncated or edited in whatever place, or is of another contract version.
        """
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror}") from None
        try:
            return cls.from_bytes(content)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read the content of a file; errors as in `load`."""
        text = _verified(content)
        form = _FORM.fullmatch(text)
        if not form:
            raise InputError(f"not comments followed by one 8-digit word a line; {_REMEDY}")
        config = from_toml("\n".join(line[3:] for line in form[1].splitlines()[2:]))
        vectors = cls._from_words(config, [int(line, 16) for line in form[2].splitlines()])
        # Nothing is taken that would not be written in the same way.
        if vectors.to_text() != text:
            raise InputError(f"not in the form that this release writes; {_REMEDY}")
        return vectors

    @classmethod
    def _from_words(cls, config: RuleConfig, words: list[int]) -> Self:
        count = words[3] if len(words) > HEADER_WORDS else 0
        first, later = set_words(config)
        size = first + count * later
        if len(words) != size:
            raise InputError(f"it has {len(words)} words: must have {size}; {_REMEDY}")
        taken = iter(words[HEADER_WORDS:])
        memory = _take_memory(taken, config)
        steps = tuple(_take_step(taken, config) for _ in range(count))
        return cls(config, _join(words[4:HEADER_WORDS]), memory, steps)


def whole_memory(config: RuleConfig, memory: Memory) -> Memory:
    """A memory with all that the configuration has in it; what is not given is as it is at first."""
    kinds = {"weights": config.weight} | config.memories
    return {name: list(memory.get(name, [kind.initial] * config.depth)) for name, kind in kinds.items()}


def set_words(config: RuleConfig) -> tuple[int, int]:
    """Words of a file before its steps, and of each step."""
    memory = config.depth * (1 + len(config.memories))
    values = sum(value.words for value in config.values.values())
    counters = sum(counter.words for counter in counters_of(config.counters).values())
    return HEADER_WORDS + memory, values + config.depth + memory + counters


def frozen_sets() -> dict[str, Path]:
    """The frozen sets of this contract version, by name."""
    return {path.stem: path for path in sorted(FROZEN.glob("*.hex"))}


def _take_step(words: Iterator[int], config: RuleConfig) -> Step:
    registers = {name: _join(islice(words, value.words)) for name, value in config.values.items()}
    gradients = _take(words, config.depth, config.gradient)
    memory = _take_memory(words, config)
    kinds = counters_of(config.counters).items()
    return Step(
        Stimulus(gradients, registers), memory, {name: _join(islice(words, kind.words)) for name, kind in kinds}
    )


def _take_memory(words: Iterator[int], config: RuleConfig) -> Memory:
    return {
        name: _take(words, config.depth, kind) for name, kind in ({"weights": config.weight} | config.memories).items()
    }


def _take(words: Iterator[int], count: int, kind: Integer) -> list[int]:
    """Numbers of a kind, one a word."""
    half = 2 ** (WORD_BITS - 1)
    return [(word + half) % (2 * half) - half if kind.signed else word for word in islice(words, count)]


def _verified(content: bytes) -> str:
    """The text of a file that is whole and of this contract version."""
    opening = _OPENING.match(content)
    if not opening:
        raise InputError(f"not a vector file, or its first two lines were edited; {_REMEDY}")
    start, end = opening.span(2)
    if _digest(content[:start], content[end:]) != opening[2].decode():
        raise InputError(f"the SHA-256 in its second line does not fit: it was truncated or edited; {_REMEDY}")
    version = int(opening[1])
    if version != CONTRACT_VERSION:
        raise InputError(
            f"contract version {version}: must be {CONTRACT_VERSION}; "
            "use the release that recorded it, or record it again"
        )
    return content.decode()


def _digest(before: str | bytes, after: str | bytes) -> str:
    """SHA-256 over everything of a file but the digest itself."""
    parts = (part.encode() if isinstance(part, str) else part for part in (before, after))
    return hashlib.sha256(b"".join(parts)).hexdigest()


def _cut(value: int, words: int) -> list[int]:
    """A number in words of 32 bits, the low one first."""
    return [(int(value) >> (WORD_BITS * i)) % 2**WORD_BITS for i in range(words)]


def _join(words: Iterable[int]) -> int:
    """The number that `_cut` cut."""
    return sum(word << (WORD_BITS * i) for i, word in enumerate(words))
