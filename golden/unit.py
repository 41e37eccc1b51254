"""The integer unit: its configuration, which emulator, RTL, vectors and cost flow take, and its scalar reference.

The reference is the specification in executable form: plain Python integers, one trial after the other. Slow on
purpose; ``emu/unit.py`` is the one for daily use. Run-time values (trials, threshold, smoothing, seed) are not
configuration; their ranges follow from it. Twins: ``emu/unit.py``, ``rtl/unit.py``.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from itertools import chain
from math import inf, prod
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self

from pydantic import Field, field_validator, model_validator

from zimu.golden.accumulator import accumulate
from zimu.golden.encoding import ENCODINGS, GradientEncoding
from zimu.golden.errors import InputError, check_choice, check_range
from zimu.golden.gate import gate
from zimu.golden.momentum import DECAY_BITS, MAX_BITS, Momentum
from zimu.golden.prng import Stream, WordStream
from zimu.golden.rule import NAME_PATTERN, WORD_BITS, Counter, Integer, PrngKind, RuleConfig, Value, optional
from zimu.golden.sampler import InverseSampler, Sampler, masses
from zimu.golden.split import SplitSampler, SplitShape
from zimu.golden.update import Reference

SAMPLERS: dict[str, type[Sampler]] = {"inverse": InverseSampler, "split": SplitSampler}
"""The samplers by name; to add one, write its file and a line here, and its name and its fields below."""

MASS_BITS = 48
"""Width of the W counter, in bits."""

MAX_TRIALS = 2**32 - 1
"""The largest n of one step: the trials register is 32 bits wide."""

RATE_BITS = 16
"""Width of T', by which n follows from the mass."""


class Counters(NamedTuple):
    """What the unit counts. In registers all but ``mass`` are 32 bits wide, wrap, and count since the last seed."""

    steps: int
    """Steps taken, empty ones included."""
    open_trials: int
    """Trials that passed the gate."""
    discarded_trials: int
    """Open trials that landed on a weight whose gradient is 0."""
    rejected_draws: int
    """Draws u >= W that came before an accepted one."""
    saturations: int
    """Trials whose unit of change was lost at a rail."""
    empty_steps: int
    """Steps with W = 0, in which nothing is drawn."""
    mass: Annotated[int, Counter(MASS_BITS, latest=True)]
    """W of the last step."""

    def since(self, before: "Counters") -> "Counters":
        """What the steps between ``before`` and now counted; ``mass`` is that of the last step."""
        deltas = ((new - old) % 2**WORD_BITS for new, old in zip(self, before, strict=True))
        return Counters(*deltas)._replace(mass=self.mass)


class UnitConfig(RuleConfig):
    """What is fixed when a unit is built.

    Parameters
    ----------
    name : the Verilog module and the stem of its files; lower case identifier, at most 48 characters.
    weight_bits : width of a weight, two's complement, 2..32.
    gradient_bits : width of a gradient, 2..32.
    gradient_encoding : ``"twos_complement"`` or ``"sign_magnitude"``, `zimu.golden.encoding`: how memories and ports
        hold a gradient. The second has no most negative number, and a zero with a sign.
    smoothing_bits : width of the smoothing register c, 0..32; 0 fixes c = 0. Where gradients are real numbers times
        2^e, a constant of their own size takes e bits more: docs/contract.md, "Smoothing".
    depth : d, the number of weights, 1..2^27.
    lanes : gradients per beat of the sum pass; a power of two, 1..256.
    gate : ``"trial"`` gates every trial, ``"step"`` gates the whole step.
    gate_bits : k, width of the gate's draw, 1..32; the threshold T is in 0..2^k.
    prng : generator kind; the contract's "Random words" and ``zimu.golden.generators`` describe each.
    prng_lanes : P, interleaved generators of a stream (the gate of ``inverse`` has one); a power of two, 1..16.
    sampler : ``"inverse"``: inverse CDF, trial by trial; ``"split"``: counts split down a tree, for n near depth.
    form : the circuit of ``inverse``; it never changes a result. ``"search"`` (default) is small, ``"tree"`` is fast.
    probe : of ``inverse``: how many gradients the circuit reads again for a draw, which changes no result; a power of
        two, at most ``lanes``. By default all lanes where there are at most 8, else 8.
    momentum_bits : of ``inverse``: width of a running mean of each weight's gradients, gradient_bits+1..16, kept in
        the memory ``momentum``; the sampler takes its upper gradient_bits, `zimu.golden.momentum`. None: no momentum.
    trials_shift : of ``inverse``: k', 0..63: a step takes floor(W * rate / 2^k') trials, ``trials`` at most. None:
        ``trials``.
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
    counters: ClassVar[type] = Counters
    tops: ClassVar[Mapping[str, tuple[str, ...]]] = {"unit": ("apb", "axi4lite", "wishbone"), "core": ("ports", "axi4")}

    name: str = Field(pattern=NAME_PATTERN)
    weight_bits: int = Field(ge=2, le=32)
    gradient_bits: int = Field(ge=2, le=32)
    gradient_encoding: Literal["twos_complement", "sign_magnitude"] = optional("twos_complement")
    smoothing_bits: int = Field(ge=0, le=32)
    depth: int = Field(ge=1, le=2**27)
    lanes: int = Field(ge=1, le=256)
    gate: Literal["trial", "step"] = "trial"
    gate_bits: int = Field(ge=1, le=32)
    prng: PrngKind = "xoshiro128++"
    prng_lanes: int = Field(default=1, ge=1, le=16)
    sampler: Literal["inverse", "split"] = "inverse"
    form: Literal["search", "tree"] | None = None
    probe: int | None = Field(default=None, ge=1, le=256)
    momentum_bits: int | None = optional(None, ge=3, le=MAX_BITS)
    trials_shift: int | None = optional(None, ge=0, le=63)
    tile: int | None = Field(default=None, ge=2, le=128)
    subtrees: int | None = Field(default=None, ge=1, le=64)
    tile_streams: int | None = Field(default=None, ge=1, le=16)
    engines: int | None = Field(default=None, ge=1, le=16)

    def __init__(self, **fields: Any) -> None:
        super().__init__(**_sampler_fields(fields))

    @field_validator("lanes", "prng_lanes", "probe", "tile", "subtrees", "tile_streams", "engines")
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
        own = self._sampler.fields({})
        for name in _OF_SAMPLERS:
            if name not in own and getattr(self, name) is not None:
                raise ValueError(f"{name} = {getattr(self, name)!r}: the {self.sampler} sampler has none: remove it")
        self._sampler.check(self)
        return self

    @property
    def _sampler(self) -> type[Sampler]:
        return SAMPLERS[self.sampler]

    @property
    def split(self) -> SplitShape:
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
        """Interleaved generators of the gate stream."""
        return self._sampler.gate_lanes(self)

    @property
    def max_weight_mass(self) -> int:
        """The largest |g_i| + c, of a mean of gradients where it is that which is sampled."""
        low, _ = self.momentum.sampled.limits if self.momentum else self.encoding.limits
        return -low + self.max_smoothing

    @property
    def max_mass(self) -> int:
        """The largest W this configuration can meet."""
        return self.depth * self.max_weight_mass

    @property
    def beats(self) -> int:
        """Beats of the sum pass: ceil(depth / lanes)."""
        return -(-self.depth // self.lanes)

    @property
    def slice(self) -> int:
        """Gradients that are read again for a draw of ``inverse``."""
        return self.probe or min(self.lanes, 8)

    @property
    def slices(self) -> int:
        """Slices in all beats."""
        return self.beats * (self.lanes // self.slice)

    @property
    def draw_words(self) -> int:
        """Random words one draw of the trials stream takes: 1, or 2 where W may need more than 32 bits."""
        return 1 if self.max_mass <= 2**WORD_BITS else 2

    @property
    def row_words(self) -> int:
        """Words the trials stream advances by at a time; a step begins on a row."""
        return max(self.prng_lanes, self.draw_words)

    @property
    def weight(self) -> Integer:
        """A weight; the accumulator saturates at its limits."""
        return Integer(self.weight_bits, signed=True)

    @cached_property
    def encoding(self) -> GradientEncoding:
        """What a gradient's pattern means, and the limits of its number."""
        return ENCODINGS[self.gradient_encoding](self.gradient_bits)

    @property
    def gradient(self) -> Integer:
        """A gradient's pattern."""
        return self.encoding.pattern

    @property
    def momentum(self) -> Momentum | None:
        """The running means, where there are any."""
        return None if self.momentum_bits is None else Momentum(self.momentum_bits, self.gradient_bits)

    @property
    def memories(self) -> dict[str, Integer]:
        return {"momentum": self.momentum.memory} if self.momentum else {}

    @property
    def values(self) -> dict[str, Value]:
        values = {
            "trials": Value(32),
            "threshold": Value(self.gate_bits + 1, words=2),
            "smoothing": Value(self.smoothing_bits),
        }
        if self.momentum:
            values["decay"] = Value(DECAY_BITS)
        if self.trials_shift is not None:
            values["rate"] = Value(RATE_BITS)
        return values

    @cached_property
    def _largest(self) -> dict[str, int]:
        """The largest of each run-time value; the smallest is 0."""
        largest = {name: (1 << value.bits) - 1 for name, value in self.values.items()}
        largest["threshold"] = self.max_threshold
        if self.momentum:
            largest["decay"] = self.momentum.max_decay
        return largest

    @property
    def circuit_fields(self) -> frozenset[str]:
        return frozenset({"name", "lanes"}) | self._sampler.circuit_fields

    @property
    def max_threshold(self) -> int:
        """The threshold that opens the gate always: 2^gate_bits."""
        return 1 << self.gate_bits

    @property
    def max_smoothing(self) -> int:
        """The largest smoothing constant c."""
        return (1 << self.smoothing_bits) - 1

    @property
    def kind(self) -> str:
        return f"int{self.weight_bits} ZIM"

    @property
    def momentum_kept(self) -> bool:
        return self.momentum is not None

    @property
    def description(self) -> str:
        """One line for a reader."""
        options = "".join(f", {name} = {value}" for name, value in self.options.items())
        return (
            f"integer update unit, {self.depth} weights of {self.weight_bits} bits, {self._sampler.describe(self)}"
            f"{options}; weight and gradient memories not included"
        )

    def _kept(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """All fields; those of a sampler that is replaced by the other go with it."""
        fields = super()._kept(changes)
        if changes.get("sampler", self.sampler) == self.sampler:
            return fields
        return {field: value for field, value in fields.items() if field not in _OF_SAMPLERS}

    def driven(
        self,
        learning_rate: float,
        shape: Sequence[int],
        exponent: int,
        *,
        trials: int | float | str = MAX_TRIALS,
        drives: str = "trials",
        smoothing: int = 0,
        gradient_smoothing: float = 0.0,
        decay: int | None = None,
        rate: int | None = None,
    ) -> dict[str, Any]:
        """The run-time values of a step; the learning rate is in 0..1.

        Parameters
        ----------
        learning_rate, shape, exponent : as `RuleConfig.driven`.
        trials : n of the learning rate 1: a number, or as a float a share of d; ``"sqrt"``: of d; ``"root"``:
            d^(1/dimensions), which is the source's, arXiv 2512.04051. By default the most there can be.
        drives : what the learning rate multiplies, ``"trials"``, n, or ``"threshold"``, which is 2^k.
        smoothing : c.
        gradient_smoothing : a constant of the size of the real gradients, c / 2^e; instead of ``smoothing``. It stops
            at the most that its register holds, beside which gradients hardly count any more.
        decay, rate : of a unit that has them.
        """
        if not 0 <= learning_rate <= 1:
            raise InputError(f"learning_rate = {learning_rate!r}: must be in 0..1, a share of {drives}")
        if smoothing and gradient_smoothing:
            raise InputError("smoothing and gradient_smoothing: must be one of the two, leave the other out")
        values = {"trials": self._most_trials(trials, shape), "threshold": self.max_threshold}
        driven = check_choice("drives", drives, values)
        values[driven] = round(learning_rate * values[driven])
        if gradient_smoothing:
            if not 0 < gradient_smoothing < inf:
                raise InputError(f"gradient_smoothing = {gradient_smoothing!r}: must be a number from 0 on")
            wanted = round(Fraction(gradient_smoothing) * Fraction(2) ** exponent)
            smoothing = min(wanted, self.max_smoothing)
        own = {"decay": decay, "rate": rate}
        return values | {"smoothing": smoothing} | {name: value for name, value in own.items() if value is not None}

    def _most_trials(self, trials: int | float | str, shape: Sequence[int]) -> int:
        """The n that ``trials`` of `driven` means."""
        size = prod(shape)
        if isinstance(trials, str):
            roots = {"sqrt": 2, "root": max(len(shape), 1)}
            root: float = size ** (1 / roots[check_choice("trials", trials, roots)])
            return round(root)
        return round(trials * size) if isinstance(trials, float) else trials

    def registers(
        self, *, trials: int, threshold: int, smoothing: int, decay: int | None = None, rate: int | None = None
    ) -> dict[str, int]:
        """The run-time values n, T and c, and b and T' of a unit that has them.

        Raises
        ------
        InputError
            one is out of range or missing, or is given to a unit without it.
        """
        values = {"trials": trials, "threshold": threshold, "smoothing": smoothing, "decay": decay, "rate": rate}
        checked: dict[str, int] = {}
        for name, value in values.items():
            largest = self._largest.get(name)
            if largest is None:
                if value is not None:
                    raise InputError(f"{name} = {value!r}: this unit has none, leave it out ({_GIVES[name]} gives one)")
            elif value is None:
                raise InputError(f"{name} is missing: must be an integer in 0..{largest}")
            else:
                checked[name] = check_range(name, value, 0, largest)
        return checked


_GIVES = {"decay": "momentum_bits", "rate": "trials_shift"}
"""The field that gives a unit a run-time value which not all have."""

_OF_SAMPLERS = tuple(chain.from_iterable(sampler.fields({}) for sampler in SAMPLERS.values()))
"""Fields that only one of the samplers has."""


def _sampler_fields(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields given, and the defaults of those that go with their sampler; None is as good as not given."""
    given = {field: value for field, value in fields.items() if value is not None or field not in _OF_SAMPLERS}
    sampler = SAMPLERS.get(given.get("sampler", "inverse"))
    return (sampler.fields(given) if sampler else {}) | given


class ReferenceUnit(Reference[UnitConfig]):
    """The scalar reference of the unit; its counters are `Counters`.

    Parameters
    ----------
    config : the configuration.
    seed : 64-bit seed of all streams.
    """

    def __init__(self, config: UnitConfig, seed: int) -> None:
        super().__init__(config, seed)
        self.gate_stream = WordStream(config.prng, self.seed, Stream.GATE, config.gate_lanes)
        self.sampler = SAMPLERS[config.sampler](config, self.seed)

    def step(
        self,
        weights: list[int],
        gradients: list[int],
        *,
        trials: int,
        threshold: int,
        smoothing: int,
        decay: int | None = None,
        rate: int | None = None,
    ) -> list[int]:
        """Take one step and return the new weights (``depth`` integers of ``weight_bits``).

        ``gradients`` are patterns, `UnitConfig.encoding`; ``trials`` is n or what bounds it, ``threshold`` T in
        [0, 2^gate_bits], ``smoothing`` c, ``decay`` b, ``rate`` T'. A refused argument changes nothing.
        """
        config = self.config
        # Plain ints from here on: those of other libraries wrap.
        values = config.registers(trials=trials, threshold=threshold, smoothing=smoothing, decay=decay, rate=rate)
        weights, patterns = self.checked(weights, gradients)
        gradients = self._sampled(list(map(config.encoding.decode, patterns)), values)
        weight_masses = masses(gradients, values["smoothing"])
        mass = sum(weight_masses)
        opened = self._open(self._trials(mass, values), values["threshold"]) if mass else 0
        counts, rejected = self.sampler.draw(weight_masses, opened)
        updated = [accumulate(w, g, x, config.weight_bits) for w, g, x in zip(weights, gradients, counts, strict=True)]
        self.count(
            open_trials=opened,
            discarded_trials=sum(x for g, x in zip(gradients, counts, strict=True) if g == 0),
            rejected_draws=rejected,
            saturations=sum(lost for _, lost in updated),
            empty_steps=int(mass == 0),
            mass=mass,
        )
        return [weight for weight, _ in updated]

    def _sampled(self, gradients: list[int], values: Mapping[str, int]) -> list[int]:
        """What the sampler takes for the gradients: with momentum their means, brought up to date."""
        momentum = self.config.momentum
        if momentum is None:
            return gradients
        pairs = zip(self.memories["momentum"], gradients, strict=True)
        means = self.memories["momentum"] = [momentum.step(m, g, values["decay"]) for m, g in pairs]
        return [momentum.sample(m) for m in means]

    def _trials(self, mass: int, values: Mapping[str, int]) -> int:
        """How many trials the step takes: n."""
        shift = self.config.trials_shift
        return values["trials"] if shift is None else min(values["trials"], mass * values["rate"] >> shift)

    def _open(self, trials: int, threshold: int) -> int:
        """Draw the gate: the number of trials that pass."""
        words = chain.from_iterable(self.gate_stream.rows())
        if self.config.gate == "step":
            return trials if gate(next(words), self.config.gate_bits, threshold) else 0
        return self.sampler.open(words, trials, threshold)


CONFIG, REFERENCE = UnitConfig, ReferenceUnit
