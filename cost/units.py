"""Units by name, as the cost flow prices them.

A name is one that `zimu.golden.names.named` knows, or ``prng:KIND`` for a generator alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isqrt

from amaranth.lib import wiring

from zimu.golden.errors import InputError, check_choice, check_range
from zimu.golden.names import examples, named
from zimu.golden.pointwise import PointwiseConfig
from zimu.golden.rule import RuleConfig
from zimu.golden.unit import MAX_TRIALS, UnitConfig
from zimu.rtl.generators import KINDS, Generator
from zimu.rtl.unit import step_cycles
from zimu.rtl.update import update_core


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


def priced(config: RuleConfig, trials: Sequence[int] | None = None, name: str | None = None) -> PricedUnit:
    """The unit of a configuration of any rule.

    Of the integer unit everything but its weight and gradient memories is priced, the sampler's own RAM included; of
    its rivals the stream from operands to new weights and the generator of their rounding bits, but nothing that walks
    through memory.

    Parameters
    ----------
    config : the configuration.
    trials : the n to give the integer unit's throughput for, every trial open; by default n = round(sqrt(d)), where
        n << d, and n = d, the hard case.
    name : what rows call it; by default the configuration's name.
    """
    if isinstance(config, UnitConfig):
        counts = (round_sqrt(config.depth), config.depth) if trials is None else trials
        each = sorted({check_range("trials", n, 1, MAX_TRIALS) for n in counts})
        rates = tuple(Rate(config.depth / step_cycles(config, trials=n, opened=n), n) for n in each)
    else:
        assert isinstance(config, PointwiseConfig)
        rates = (Rate(float(config.lanes)),)
    return PricedUnit(name or config.name, config.description, lambda: update_core(config).priced, rates)


def prng(kind: str) -> PricedUnit:
    """One generator of random words, with its output register and the chain that seeds it."""
    check_choice("kind", kind, KINDS)
    return PricedUnit(
        name=f"prng:{kind}",
        description=f"one {kind} generator of 32-bit words; the expansion of the seed not included",
        build=lambda: Generator(kind, 1),
        rates=(),
    )


def parse_unit(name: str, trials: Sequence[int] | None = None) -> PricedUnit:
    """The unit of that name; ``trials`` as in `priced`.

    Raises
    ------
    InputError
        there is no such unit, or its file cannot be read.
    """
    family, _, kind = name.partition(":")
    if family == "prng":
        return prng(kind)
    try:
        config = named(name)
    except InputError as error:
        if ":" in name or name.endswith((".toml", ".hex")):
            raise
        raise InputError(f"unit = {error}, 'rivals', or prng:{{{','.join(KINDS)}}}") from None
    return priced(config, trials, name if ":" in name else None)


def parse_units(names: Sequence[str], trials: Sequence[int] | None = None) -> list[PricedUnit]:
    """The units of those names, ``rivals`` standing for all of `zimu.golden.names.examples`; errors as `parse_unit`."""
    each = [one for name in names for one in (examples() if name == "rivals" else (name,))]
    return [parse_unit(name, trials) for name in each]


def round_sqrt(number: int) -> int:
    """The integer nearest to the square root."""
    root = isqrt(number)
    return root + (number - root * root > root)
