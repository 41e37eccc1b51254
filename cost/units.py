"""Units by name, as the cost flow prices them.

A name is a TOML file of a `UnitConfig`, a preset, or ``family:option:...`` with a family of `FAMILIES`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isqrt

from amaranth.lib import wiring

from zimu.golden.config import MAX_TRIALS, UnitConfig
from zimu.golden.errors import InputError, check_choice, check_range
from zimu.golden.float_sgd import FORMATS, float_format
from zimu.golden.presets import PRESETS
from zimu.rtl.cycles import step_cycles
from zimu.rtl.float_sgd import FloatSGD
from zimu.rtl.generators import KINDS, Generator
from zimu.rtl.unit import ZimCore


@dataclass(frozen=True)
class Rate:
    """Throughput: weights brought up to date per clock, at ``trials`` trials a step where that matters."""

    weights_per_cycle: float
    trials: int | None = None


@dataclass(frozen=True)
class PricedUnit:
    """A unit as the cost flow sees it.

    Parameters
    ----------
    name : what rows call it.
    description : one line for a reader.
    build : makes the component, with one clock named ``clk``.
    rates : its throughput; more than one where it depends on the trials of a step, none where it updates no weights.
    """

    name: str
    description: str
    build: Callable[[], wiring.Component]
    rates: tuple[Rate, ...]


def zim(config: UnitConfig, trials: Sequence[int] | None = None) -> PricedUnit:
    """The integer unit without its weight and gradient memories; the sampler's own RAM is part of it.

    Parameters
    ----------
    config : the configuration.
    trials : the n to give throughput for, every trial open; by default n = round(sqrt(d)), where n << d, and n = d,
        the hard case.
    """
    if trials is None:
        trials = (round_sqrt(config.depth), config.depth)
    counts = sorted({check_range("trials", n, 1, MAX_TRIALS) for n in trials})
    form = f"split, {config.engines} engines" if config.sampler == "split" else config.form
    return PricedUnit(
        name=config.name,
        description=f"integer update unit, {config.depth} weights of {config.weight_bits} bits, {form}; "
        "weight and gradient memories not included",
        build=lambda: ZimCore(config),
        rates=tuple(Rate(config.depth / step_cycles(config, trials=n, opened=n), n) for n in counts),
    )


def float_sgd(options: Sequence[str]) -> PricedUnit:
    """The floating-point rival, one lane, from its options FORMAT and STAGES."""
    name, stages = options
    fmt = float_format(name)
    pipelined = check_choice("stages", stages, ("comb", "pipelined")) == "pipelined"
    return PricedUnit(
        name=":".join(("float_sgd", name, stages)),
        description=f"w - lr*g in {name}, fused, one rounding, "
        + ("pipelined" if pipelined else "registers at inputs and outputs only"),
        build=lambda: FloatSGD(fmt, lanes=1, pipelined=pipelined),
        rates=(Rate(1.0),),
    )


def prng(options: Sequence[str]) -> PricedUnit:
    """One generator of random words, from its option KIND, with its output register and the chain that seeds it."""
    (kind,) = options
    check_choice("kind", kind, KINDS)
    return PricedUnit(
        name=f"prng:{kind}",
        description=f"one {kind} generator of 32-bit words; the expansion of the seed not included",
        build=lambda: Generator(kind, 1),
        rates=(),
    )


@dataclass(frozen=True)
class Family:
    """Units named ``family:option:...``: what the options are, and how one is made from them."""

    options: tuple[str, ...]
    make: Callable[[Sequence[str]], PricedUnit]


FAMILIES = {
    "float_sgd": Family(("{" + ",".join(FORMATS) + "}", "{comb,pipelined}"), float_sgd),
    "prng": Family(("{" + ",".join(KINDS) + "}",), prng),
}
"""To add a family, add its line here."""


def parse_unit(name: str, trials: Sequence[int] | None = None) -> PricedUnit:
    """The unit of that name; ``trials`` as in `zim`.

    Raises
    ------
    InputError
        there is no such unit, or its file cannot be read.
    """
    family, *options = name.split(":")
    if family in FAMILIES and len(options) == len(FAMILIES[family].options):
        return FAMILIES[family].make(options)
    if name in PRESETS:
        return zim(PRESETS[name], trials)
    if name.endswith(".toml"):
        return zim(UnitConfig.load(name), trials)
    patterns = [":".join((key, *value.options)) for key, value in FAMILIES.items()]
    raise InputError(
        f"unit = {name!r}: must be a .toml file, a preset ({', '.join(PRESETS)}) or {' or '.join(patterns)}"
    )


def round_sqrt(number: int) -> int:
    """The integer nearest to the square root."""
    root = isqrt(number)
    return root + (number - root * root > root)
