"""The vector format: what went into a unit and what must come out, in one text file.

``docs/vectors.md`` describes the file. A Verilog bench reads it through ``$readmemh``, Python through
`VectorSet`.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import NamedTuple, Protocol, Self

from zimu.golden.config import CONTRACT_VERSION, UnitConfig
from zimu.golden.errors import InputError
from zimu.golden.files import write_whole
from zimu.golden.unit import Counters, ReferenceUnit

MAGIC = 0x5A494D56
"""The first word: "ZIMV" in ASCII."""

HEADER_WORDS = 6
"""Words before the initial weights."""

FROZEN = Path(__file__).with_suffix("")
"""The folder of the frozen sets."""

_INPUT_WORDS = 4
_COUNTER_WORDS = 8
_OPENING = re.compile(rb"// zimu vectors, contract version (\d+)\n// sha256 = ([0-9a-f]{64})\n")
_FORM = re.compile(r"((?://.*\n)+)((?:[0-9a-f]{8}\n)+)")
_REMEDY = "get an untouched copy or record it again"


class Stimulus(NamedTuple):
    """What goes into one step."""

    gradients: tuple[int, ...]
    trials: int
    threshold: int
    smoothing: int


class VectorStep(NamedTuple):
    """One step: what goes in, and what must be there afterwards."""

    stimulus: Stimulus
    weights: tuple[int, ...]
    counters: Counters

    def differences(self, weights: Iterable[int], counters: Counters) -> Iterator[tuple[str, int, int]]:
        """What is not as it must be: ``weights[i]`` or a counter's name, the expected and the actual value."""
        names = (f"weights[{i}]" for i in range(len(self.weights)))
        of_weights = zip(names, self.weights, weights, strict=True)
        of_counters = zip(Counters._fields, self.counters, counters, strict=True)
        yield from (found for found in chain(of_weights, of_counters) if found[1] != found[2])


class Mismatch(NamedTuple):
    """The first value of a replay that is not the one on record."""

    step: int
    """Index of the step, from 0."""
    field: str
    """``weights[i]`` or the name of a counter."""
    expected: int
    got: int

    def __str__(self) -> str:
        return f"step {self.step}, {self.field}: expected {self.expected}, got {self.got}"


class Unit(Protocol):
    """What can be replayed on: the interface of `ReferenceUnit`."""

    @property
    def counters(self) -> Counters:
        """Cumulative counters."""

    def step(
        self, weights: list[int], gradients: list[int], *, trials: int, threshold: int, smoothing: int
    ) -> list[int]:
        """Take one step and return the new weights."""


@dataclass(frozen=True)
class VectorSet:
    """A configuration, a seed, initial weights and the steps that follow."""

    config: UnitConfig
    seed: int
    weights: tuple[int, ...]
    steps: tuple[VectorStep, ...]

    @classmethod
    def record(
        cls,
        config: UnitConfig,
        seed: int,
        weights: Iterable[int],
        stimuli: Iterable[Stimulus],
        *,
        unit: Callable[[UnitConfig, int], Unit] = ReferenceUnit,
    ) -> Self:
        """Let ``unit(config, seed)``, by default the scalar reference, take the steps and write down what it does.

        Raises
        ------
        InputError
            the unit refuses the seed, the weights or a stimulus.
        """
        machine = unit(config, seed)
        initial = now = list(weights)
        steps = []
        for stimulus in stimuli:
            now = _step(machine, now, stimulus)
            steps.append(VectorStep(stimulus, tuple(now), machine.counters))
        return cls(config, seed, tuple(initial), tuple(steps))

    def replay(self, unit: Callable[[UnitConfig, int], Unit]) -> Mismatch | None:
        """Take the same steps on ``unit(config, seed)``; the first difference, or None if all agrees."""
        machine = unit(self.config, self.seed)
        now = list(self.weights)
        for number, step in enumerate(self.steps):
            now = _step(machine, now, step.stimulus)
            for difference in step.differences(now, machine.counters):
                return Mismatch(number, *difference)
        return None

    def words(self) -> list[int]:
        """The content of the memory a Verilog bench reads, 32-bit words."""
        header = [MAGIC, CONTRACT_VERSION, self.config.depth, len(self.steps), *_halves(self.seed)]
        words = [*header, *self.weights]
        for stimulus, weights, counters in self.steps:
            words += [stimulus.trials, *_halves(stimulus.threshold), stimulus.smoothing, *stimulus.gradients]
            words += [*weights, *counters[:-1], *_halves(counters.mass)]
        return [int(word) & 2**32 - 1 for word in words]  # numpy's integers keep their width

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
        config = UnitConfig.from_toml("\n".join(line[3:] for line in form[1].splitlines()[2:]))
        vectors = cls._from_words(config, [int(line, 16) for line in form[2].splitlines()])
        # Nothing is taken that would not be written in the same way.
        if vectors.to_text() != text:
            raise InputError(f"not in the form that this release writes; {_REMEDY}")
        return vectors

    @classmethod
    def _from_words(cls, config: UnitConfig, words: list[int]) -> Self:
        depth, count = config.depth, words[3] if len(words) > HEADER_WORDS else 0
        size = HEADER_WORDS + depth + count * step_words(depth)
        if len(words) != size:
            raise InputError(f"it has {len(words)} words: must have {size}; {_REMEDY}")
        taken = iter(words)
        _, _, _, _, seed_low, seed_high = (next(taken) for _ in range(HEADER_WORDS))
        weights = _signed(taken, depth)
        steps = tuple(_read_step(taken, depth) for _ in range(count))
        return cls(config, seed_high << 32 | seed_low, weights, steps)


def step_words(depth: int) -> int:
    """Words of one step in the file."""
    return _INPUT_WORDS + 2 * depth + _COUNTER_WORDS


def frozen_sets() -> dict[str, Path]:
    """The frozen sets of this contract version, by name."""
    return {path.stem: path for path in sorted(FROZEN.glob("*.hex"))}


def _step(unit: Unit, weights: list[int], stimulus: Stimulus) -> list[int]:
    return unit.step(
        weights,
        list(stimulus.gradients),
        trials=stimulus.trials,
        threshold=stimulus.threshold,
        smoothing=stimulus.smoothing,
    )


def _read_step(words: Iterator[int], depth: int) -> VectorStep:
    trials, threshold_low, threshold_high, smoothing = (next(words) for _ in range(_INPUT_WORDS))
    gradients = _signed(words, depth)
    weights = _signed(words, depth)
    *counts, mass_low, mass_high = (next(words) for _ in range(_COUNTER_WORDS))
    stimulus = Stimulus(gradients, trials, threshold_high << 32 | threshold_low, smoothing)
    return VectorStep(stimulus, weights, Counters._make([*counts, mass_high << 32 | mass_low]))


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


def _halves(value: int) -> tuple[int, int]:
    """Low and high 32 bits."""
    return value & 2**32 - 1, value >> 32


def _signed(words: Iterator[int], count: int) -> tuple[int, ...]:
    return tuple((word ^ 1 << 31) - (1 << 31) for word in (next(words) for _ in range(count)))
