"""Units by name, as the cost flow prices them.

A name is one that `zimu.golden.names.named` knows, ``lanes:NAME`` for a rival without what serves its lanes, or
``prng:KIND`` for a generator alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from math import isqrt
from typing import Any

from amaranth.lib import wiring

from zimu import __version__
from zimu.golden.errors import InputError, check_choice, check_range
from zimu.golden.names import examples, named
from zimu.golden.pointwise import PointwiseConfig
from zimu.golden.rule import RuleConfig
from zimu.golden.unit import MAX_TRIALS, UnitConfig
from zimu.rtl.generators import KINDS, Generator
from zimu.rtl.pointwise import PointwiseCore
from zimu.rtl.unit import step_cycles
from zimu.rtl.update import update_core


@dataclass(frozen=True)
class Rate:
    """Throughput: weights brought up to date per clock.

    Parameters
    ----------
    weights_per_cycle : the throughput; None where it could not be counted.
    trials : of a step, where they matter.
    tool, version, command : what told it.
    reason : why it is not known.
    """

    weights_per_cycle: float | None
    trials: int | None = None
    tool: str = "zimu"
    version: str = __version__
    command: str = "one weight per lane and clock"
    reason: str = ""


@dataclass(frozen=True)
class PricedUnit:
    """A unit as the cost flow sees it.

    Parameters
    ----------
    name : what rows call it.
    description : one line for a reader.
    build : makes the component, with one clock named ``clk``.
    rates : its throughput; more than one where it depends on the trials of a step, none where it updates no weights.
    identity : what decides, with the project's sources, what is built; empty where that cannot be told.
    rule, kind, momentum, depth : as in `zimu.cost.rows.Row`.
    rate_at : its throughput at some n, in weights a cycle; None where it does not depend on n.
    config : what it is of, where it is a whole core.
    """

    name: str
    description: str
    build: Callable[[], wiring.Component]
    rates: tuple[Rate, ...]
    identity: str = ""
    rule: str = ""
    kind: str = ""
    momentum: bool = False
    depth: int | None = None
    rate_at: Callable[[int], float] | None = None
    config: RuleConfig | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """What rows say of it."""
        names = {name: getattr(self, name) for name in ("rule", "kind", "momentum", "depth")}
        return {"unit": self.name} | names


def priced(config: RuleConfig, trials: Sequence[int] | None = None, name: str | None = None) -> PricedUnit:
    """The unit of a configuration of any rule.

    Of all rules the core is priced: everything but the weight and gradient memories, so the walk through memory, the
    expansion of the seed, generators and counters, and the sampler's own RAM.

    Parameters
    ----------
    config : the configuration.
    trials : the n to give the integer unit's throughput for, every trial open; by default n = round(sqrt(d)), where
        n << d, and n = d, the hard case.
    name : what rows call it; by default the configuration's name.
    """
    rate_at = None
    if isinstance(config, UnitConfig):
        counts = (round_sqrt(config.depth), config.depth) if trials is None else trials
        each = sorted({check_range("trials", n, 1, MAX_TRIALS) for n in counts})
        rate_at = cache(partial(_rate_at, config))  # break-evens ask for the same n again and again
        rates = tuple(Rate(rate_at(n), n, command="step_cycles") for n in each)
    else:
        assert isinstance(config, PointwiseConfig)
        rates = (Rate(float(config.lanes)),)
    return PricedUnit(
        name=name or config.name,
        description=config.description,
        build=lambda: update_core(config),
        rates=rates,
        identity=f"core {config.rule} {config.model_dump_json()}",
        rule=config.rule,
        kind=config.kind,
        momentum=config.momentum_kept,
        depth=config.depth,
        rate_at=rate_at,
        config=config,
    )


def _rate_at(config: UnitConfig, trials: int) -> float:
    """Weights a cycle at n trials a step, all of which open."""
    return config.depth / step_cycles(config, trials=trials, opened=trials)


def prng(kind: str) -> PricedUnit:
    """One generator of random words, with its output register and the chain that seeds it."""
    check_choice("kind", kind, KINDS)
    return PricedUnit(
        name=f"prng:{kind}",
        description=f"one {kind} generator of 32-bit words; the expansion of the seed not included",
        build=lambda: Generator(kind, 1),
        rates=(),
        identity=f"generator {kind}",
    )


def lanes(name: str) -> PricedUnit:
    """A rival's lanes alone, as units of others come: from its stream of operands to its stream of new weights.

    The generators of rounding bits belong to them; the walk through memory, the seed and the counters do not.
    """
    config = named(name)
    if isinstance(config, UnitConfig):
        raise InputError(f"unit = 'lanes:{name}': must name a rival, the unit of the rule 'zim' has no such lanes")

    def build() -> wiring.Component:
        core = update_core(config)
        assert isinstance(core, PointwiseCore)
        unit: wiring.Component = core.unit
        return unit

    unit = priced(config, name=f"lanes:{name}")
    description = f"{unit.description}; the lanes alone"
    return replace(unit, description=description, build=build, identity=f"lanes {unit.identity}", kind="", config=None)


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
    if family == "lanes":
        return lanes(kind)
    try:
        config = named(name)
    except InputError as error:
        if ":" in name or name.endswith((".toml", ".hex")):
            raise
        raise InputError(f"unit = {error}, 'rivals', lanes:NAME, or prng:{{{','.join(KINDS)}}}") from None
    return priced(config, trials, name if ":" in name else None)


def parse_units(names: Sequence[str], trials: Sequence[int] | None = None) -> list[PricedUnit]:
    """The units of those names, ``rivals`` standing for all of `zimu.golden.names.examples`; errors as `parse_unit`."""
    for count in trials or ():
        check_range("trials", count, 1, MAX_TRIALS)
    each = [one for name in names for one in (examples() if name == "rivals" else (name,))]
    return [parse_unit(name, trials) for name in each]


def round_sqrt(number: int) -> int:
    """The integer nearest to the square root."""
    root = isqrt(number)
    return root + (number - root * root > root)
