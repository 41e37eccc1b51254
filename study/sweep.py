"""A space of units in a TOML file: which units, at which n, on which targets.

    targets = ["ecp5-85k", "generic"]
    seeds = 8
    trials = ["sqrt", 0.01, 0.1, 6325]

    [[unit]]
    name = "zim8"
    lanes = [8, 16, 32]
    depth = [1024, 421642]

    [[unit]]
    name = ["float_sgd:bf16", "float_sgd:fp32"]
    lanes = [1, 4, 16]
    seeds = 1

Each table ``unit`` spans the product of its names and of the values of its fields, which are those of the units'
configurations; ``targets``, ``seeds`` and ``trials`` there go before those of all. n is a number; a part of d, if it
has a decimal point; or ``sqrt``, the integer nearest to sqrt(d).
"""

import os
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from zimu.cost.units import PricedUnit, priced, round_sqrt
from zimu.golden.errors import InputError
from zimu.golden.names import named
from zimu.golden.rule import RuleConfig, read_text

Trials = Annotated[int, Field(ge=1)] | Annotated[float, Field(gt=0, le=16)] | Literal["sqrt"]


Seeds = Annotated[int, Field(ge=1, le=1000)]


class Space(BaseModel):
    """The product of names and of the values of fields.

    Parameters
    ----------
    name : of units.
    targets, seeds, trials : as in `Sweep`, for these units alone; None for those of all.
    """

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    name: tuple[str, ...]
    targets: tuple[str, ...] | None = None
    seeds: Seeds | None = None
    trials: tuple[Trials, ...] | None = None

    @field_validator("name", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else (value,)

    @field_validator("targets", "trials", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    def configurations(self) -> Iterator[tuple[str, RuleConfig]]:
        """Each with its name: that of the unit, and the fields whose values are in a list.

        Raises
        ------
        InputError
            there is no such unit or field, or a unit cannot be made so.
        """
        fields = self.model_extra or {}
        listed = {field for field, each in fields.items() if isinstance(each, list)}
        spans = [each if field in listed else [each] for field, each in fields.items()]
        for name, *values in product(self.name, *spans):
            chosen = dict(zip(fields, values, strict=True))
            told = [f"{field} = {value}" for field, value in chosen.items() if field in listed]
            full = ", ".join([name, *told])
            try:
                yield full, named(name).replace(**chosen)
            except InputError as error:
                raise InputError(f"unit {full}: {error}") from None


@dataclass(frozen=True)
class Group:
    """Units that are priced on the same targets, with as many place-and-route seeds."""

    units: list[PricedUnit]
    targets: tuple[str, ...]
    seeds: int


class Sweep(BaseModel):
    """What the file says.

    Parameters
    ----------
    targets : names of targets; by default those of `zimu cost`.
    seeds : place-and-route seeds.
    trials : n of integer units.
    unit : the spaces, at least one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    targets: tuple[str, ...] = ()
    seeds: Seeds = 8
    trials: tuple[Trials, ...] = ("sqrt",)
    unit: Annotated[tuple[Space, ...], Field(min_length=1)]

    @field_validator("targets", "trials", "unit", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    def groups(self, instead: Sequence[str] | None = None) -> list[Group]:
        """The units in their order, those of one table together; one that comes twice is taken once, where it is first.

        Parameters
        ----------
        instead : targets in place of all that the file names.

        Raises
        ------
        InputError
            as `Space.configurations`, or two units have one name.
        """
        known: dict[str, RuleConfig] = {}
        groups = []
        for space in self.unit:
            trials = self.trials if space.trials is None else space.trials
            units = {}
            for name, config in space.configurations():
                if known.get(name, config) != config:
                    raise InputError(f"unit {name} comes twice with different fields: put their values into lists")
                if name not in known:
                    known[name] = units[name] = config
            each = [priced(config, [count(n, config.depth) for n in trials], name) for name, config in units.items()]
            targets = self.targets if space.targets is None else space.targets
            targets = tuple(instead or targets)
            groups.append(Group(each, targets, self.seeds if space.seeds is None else space.seeds))
        return groups


def count(trials: int | float | str, depth: int) -> int:
    """How many trials a step that is for so many weights."""
    if isinstance(trials, str):
        return round_sqrt(depth)
    return trials if isinstance(trials, int) else max(round(trials * depth), 1)


STANDARD = "standard"
"""The name of the space that comes with the project."""


def load(path: str | os.PathLike[str]) -> Sweep:
    """Read a file, or the space `STANDARD` if that is the name.

    Raises
    ------
    InputError
        it cannot be read, is not TOML, or says something that is not known or allowed.
    """
    ours = os.fspath(path) == STANDARD
    text = resources.files("zimu.study").joinpath(f"{STANDARD}.toml").read_text() if ours else read_text(Path(path))
    try:
        return Sweep(**tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: not TOML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"] if isinstance(part, (str, int)))
        raise InputError(f"{path}: {place}: {first['msg']}") from None
