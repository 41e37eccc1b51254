"""What every kind of unit has between two steps: whether it is whole, and its state, in memory and in a file.

A saved state is a table of plain values with a SHA-256 over the rest of it, so that damage is seen wherever it lies.
"""

import hashlib
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from operator import index
from pathlib import Path
from typing import Any, Self

from zimu.emu.prng import WordStream
from zimu.golden.errors import InputError, check_range
from zimu.golden.files import write_whole
from zimu.golden.rule import CONTRACT_VERSION, RuleConfig, check_vector, read_text


class Resumable(ABC):
    """Base of what takes steps: a step is taken whole or leaves the unit torn; a run can be saved and gone on with."""

    _torn = False

    @property
    def torn(self) -> bool:
        """Whether a step was broken off, by an interrupt say, so that only a part of it may have been written."""
        return self._torn

    def check_whole(self) -> None:
        """`InputError` if the unit is torn."""
        if self.torn:
            raise InputError(
                "the unit is torn: a step was broken off, weights, streams and counters no longer go together; "
                "restore a saved state, and the weights saved with it"
            )

    def begin(self) -> None:
        """Refuse to go on if the unit is torn. From here on a step writes: the unit is torn until it has counted it."""
        self.check_whole()
        self._torn = True

    @abstractmethod
    def state(self) -> Any:
        """All there is to save between two steps, plain values that JSON carries unchanged, for `restore`.

        Raises
        ------
        InputError
            the unit is torn.
        """

    @classmethod
    @abstractmethod  # a signature that each kind of unit replaces by its own
    def restore(cls, *args: Any, **values: Any) -> Self:
        """A unit that continues from a `state` with the same bits; of a configuration equal in all that makes bits."""

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the state to a JSON file, whole or not at all; errors as in `state`."""
        return write_whole(path, json.dumps(self.state()) + "\n")

    @classmethod
    def load(cls, config: RuleConfig, path: str | os.PathLike[str], *args: Any, **values: Any) -> Self:
        """A unit that continues from a saved file.

        Parameters
        ----------
        config : the configuration.
        path : a file that `save` wrote.
        args, values : what `restore` takes beside the state.

        Raises
        ------
        InputError
            the file cannot be read or is no JSON, or as in `restore`; the path in front.
        """
        text = read_text(path)
        try:
            return cls.restore(config, _parsed(text), *args, **values)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None


def checksum(state: Mapping[str, Any]) -> str:
    """SHA-256 over the canonical JSON of all that ``state`` holds beside ``checksum``, in hexadecimal digits."""
    content = {key: value for key, value in state.items() if key != "checksum"}
    return hashlib.sha256(_canonical(content).encode()).hexdigest()


def check_intact(state: Mapping[str, Any], keys: Collection[str]) -> None:
    """`InputError` unless ``state`` has the ``keys``, is of this contract version, and its checksum fits."""
    if not isinstance(state, dict) or set(state) != set(keys):
        raise InputError(f"not a unit's state: must be a table of {', '.join(keys)}")
    if _canonical(state["contract_version"]) != _canonical(CONTRACT_VERSION):
        raise InputError(
            f"the state has contract_version = {state['contract_version']!r}: must be {CONTRACT_VERSION}; "
            "resume it with the release that saved it"
        )
    if state["checksum"] != checksum(state):
        raise InputError("the state is damaged: its checksum does not fit; take another copy, or one saved earlier")


def check_origin(config: RuleConfig, saved: object, changes_no_bit: Collection[str]) -> None:
    """`InputError` unless the ``saved`` table of a configuration's fields is that of ``config``.

    Fields named in ``changes_no_bit`` may differ, or not be there; those of `optional` are not there at their defaults.
    """
    if not isinstance(saved, dict):
        raise InputError("the state's config is damaged: must be a table")
    absent = {name: field.default for name, field in type(config).model_fields.items() if field.exclude_if}
    got, expected = (
        {field: value for field, value in (fields | absent | fields).items() if field not in changes_no_bit}
        for fields in (saved, config.model_dump())
    )
    if set(got) != set(expected):
        raise InputError(f"the state's config is damaged: must be a table of {', '.join(expected)}")
    for field in expected:
        if _canonical(got[field]) != _canonical(expected[field]):
            raise InputError(
                f"the state was saved by another configuration, {field} = {got[field]!r}: "
                f"must be {expected[field]!r} as in the configuration given"
            )


def restore_streams(streams: Mapping[str, WordStream], saved: object) -> None:
    """Let each stream go on from its saved words; `InputError` naming what is damaged."""
    if not isinstance(saved, dict) or set(saved) != set(streams):
        raise InputError(f"state streams is damaged: must be a table of {', '.join(streams)}")
    for name, stream in streams.items():
        try:
            stream.restore(saved[name])
        except InputError as error:
            raise InputError(f"state {name} is damaged: {error}") from None


def checked_counters(values: object, widths: Mapping[str, int]) -> dict[str, int]:
    """Saved counters as plain ints, if each fits its width in bits."""
    if not isinstance(values, dict) or set(values) != set(widths):
        raise InputError(f"state counters is damaged: must be a table of {', '.join(widths)}")
    return {
        field: check_range(f"state counters[{field!r}]", values[field], 0, 2**width - 1)
        for field, width in widths.items()
    }


def checked_memories(values: object, depth: int, limits: Mapping[str, tuple[int, int]]) -> dict[str, list[int]]:
    """Saved memories as lists of ``depth`` plain ints, if each value is within its limits."""
    if not isinstance(values, dict) or set(values) != set(limits):
        raise InputError(f"state memories is damaged: must be a table of {', '.join(limits) or 'nothing'}")
    return {name: check_vector(f"state {name}", values[name], depth, *each) for name, each in limits.items()}


def _canonical(value: object) -> str:
    """The one JSON text of a value: what is not the same to JSON, such as 1 and true, has another."""
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, default=index)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"the state is damaged: it holds what JSON does not: {error}") from None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"not a saved state: no valid JSON: {error}") from None
