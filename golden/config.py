"""The configuration of the integer unit: a frozen object that emulator, RTL, vectors and cost flow take.

Run-time values (trials, threshold, smoothing, seed) are not configuration; their ranges follow from it.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NamedTuple, Self

from pydantic import Field, field_validator, model_validator

from zimu.golden.errors import InputError, check_range
from zimu.golden.rule import NAME_PATTERN, WORD_BITS, PrngKind, RuleConfig

CONTRACT_VERSION = 1
"""Counts the meanings of the bits. Frozen vectors of one version never change."""

MASS_BITS = 48
"""Width of the W counter, in bits."""

MAX_TRIALS = 2**32 - 1
"""The largest n of one step: the trials register is 32 bits wide."""


class UnitConfig(RuleConfig):
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
    prng_lanes : P, interleaved generators of a stream (the gate of ``inverse`` has one); a power of two, 1..16.
    sampler : ``"inverse"``: inverse CDF, trial by trial; ``"split"``: counts split down a tree, for n near depth.
    form : the circuit of ``inverse``; it never changes a result. ``"search"`` (default) is small, ``"tree"`` is fast.
    tile : of ``split``: weights per tile, a power of two, 2..128, at least ``lanes``; default 64.
    subtrees : of ``split``: subtrees with streams of their own; a power of two, 1..64, at most the tiles; default 1.
    tile_streams : of ``split``: streams of draws per subtree, taken in turn by its tiles; a power of two, 1..16;
        default 1.
    engines : of ``split``: comparator engines of the circuit, which never change a result; a power of two, at most
        ``tile_streams``, which is the default.

    Fields of the other sampler are None and must not be given.

    Raises
    ------
    InputError
        one line naming the field, the value and the allowed range.
    """

    rule: ClassVar[str] = "zim"

    name: str = Field(pattern=NAME_PATTERN)
    weight_bits: int = Field(ge=2, le=32)
    gradient_bits: int = Field(ge=2, le=32)
    smoothing_bits: int = Field(ge=0, le=16)
    depth: int = Field(ge=1, le=2**27)
    lanes: int = Field(ge=1, le=64)
    gate: Literal["trial", "step"] = "trial"
    gate_bits: int = Field(ge=1, le=32)
    prng: PrngKind = "xoshiro128++"
    prng_lanes: int = Field(default=1, ge=1, le=16)
    sampler: Literal["inverse", "split"] = "inverse"
    form: Literal["search", "tree"] | None = None
    tile: int | None = Field(default=None, ge=2, le=128)
    subtrees: int | None = Field(default=None, ge=1, le=64)
    tile_streams: int | None = Field(default=None, ge=1, le=16)
    engines: int | None = Field(default=None, ge=1, le=16)

    def __init__(self, **fields: Any) -> None:
        super().__init__(**_sampler_defaults(fields))

    @field_validator("lanes", "prng_lanes", "tile", "subtrees", "tile_streams", "engines")
    @classmethod
    def _power_of_two(cls, value: int | None) -> int | None:
        if value is not None and value & (value - 1):
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

    @model_validator(mode="after")
    def _fields_fit_the_sampler(self) -> Self:
        foreign = ("form",) if self.sampler == "split" else tuple(SplitShape.__annotations__)
        for field in foreign:
            if getattr(self, field) is not None:
                raise ValueError(f"{field} = {getattr(self, field)!r}: the {self.sampler} sampler has none: remove it")
        if self.sampler == "split":
            self._check_shape(self.split)
        return self

    def _check_shape(self, shape: "SplitShape") -> None:
        if shape.tile < self.lanes:
            raise ValueError(f"tile = {shape.tile}: must be at least lanes = {self.lanes}, a tile is of whole beats")
        widest = 2**WORD_BITS // self.max_weight_mass
        if shape.tile > widest:
            field, value = ("tile", shape.tile) if widest > 1 else ("gradient_bits", self.gradient_bits)
            raise ValueError(
                f"{field} = {value}: the masses of a tile must add up to {2**WORD_BITS} at most "
                f"(tile = {shape.tile}, gradient_bits = {self.gradient_bits}, smoothing_bits = {self.smoothing_bits})"
            )
        if shape.subtrees > self.leaves:
            raise ValueError(
                f"subtrees = {shape.subtrees}: must be in 1..{self.leaves}, a subtree has a tile at least "
                f"(depth = {self.depth}, tile = {shape.tile})"
            )
        if shape.engines > shape.tile_streams:
            raise ValueError(
                f"engines = {shape.engines}: must be in 1..{shape.tile_streams}, no more than tile_streams"
            )

    @property
    def split(self) -> "SplitShape":
        """The fields of the split sampler.

        Raises
        ------
        InputError
            the sampler is another.
        """
        shape = (self.tile, self.subtrees, self.tile_streams, self.engines)
        if None in shape:
            raise InputError(f"sampler = {self.sampler!r}: must be 'split' to have tiles")
        return SplitShape._make(shape)

    @property
    def tiles(self) -> int:
        """Tiles of the split sampler: ceil(depth / tile)."""
        return -(-self.depth // self.split.tile)

    @property
    def leaves(self) -> int:
        """Leaves of the tree of tiles: the next power of two from `tiles`; those beyond have no mass."""
        return 1 << (self.tiles - 1).bit_length()

    @property
    def draw_bits(self) -> int:
        """Bits of a random word that a draw inside a tile takes: 16 where no tile's mass can reach 2^16, else 32."""
        return 16 if self.split.tile * self.max_weight_mass < 2**16 else WORD_BITS

    @property
    def gate_lanes(self) -> int:
        """Interleaved generators of the gate stream: 1, or P where its words are counted many at a time."""
        return self.prng_lanes if self.sampler == "split" else 1

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

    @property
    def description(self) -> str:
        """One line for a reader."""
        form = f"split, {self.engines} engines" if self.sampler == "split" else self.form
        return (
            f"integer update unit, {self.depth} weights of {self.weight_bits} bits, {form}; "
            "weight and gradient memories not included"
        )

    def _kept(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """All fields; those of a sampler that is replaced by the other go with it."""
        fields = super()._kept(changes)
        if changes.get("sampler", self.sampler) == self.sampler:
            return fields
        return {field: value for field, value in fields.items() if field not in _OF_SAMPLERS}

    def registers(self, *, trials: int, threshold: int, smoothing: int) -> dict[str, int]:
        """The run-time values n, T and c, if they are in range; `InputError` otherwise."""
        return {
            "trials": check_range("trials", trials, 0, MAX_TRIALS),
            "threshold": check_range("threshold", threshold, 0, self.max_threshold),
            "smoothing": check_range("smoothing", smoothing, 0, self.max_smoothing),
        }


class SplitShape(NamedTuple):
    """What only the split sampler has; see `UnitConfig`."""

    tile: int
    subtrees: int
    tile_streams: int
    engines: int


_OF_SAMPLERS = ("form", *SplitShape._fields)
"""Fields that only one of the samplers has."""


def _sampler_defaults(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields given, and the defaults of those that go with their sampler; None is as good as not given."""
    given = {field: value for field, value in fields.items() if value is not None or field not in _OF_SAMPLERS}
    if given.get("sampler") == "split":
        streams = given.get("tile_streams", 1)
        return {"tile": 64, "subtrees": 1, "tile_streams": streams, "engines": streams} | given
    return {"form": "search"} | given
