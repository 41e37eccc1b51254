"""Joins cost and throughput: figures per (weight per cycle), and per weight."""

from collections.abc import Sequence
from dataclasses import replace

from zimu.cost.target import Figure
from zimu.cost.units import Rate

_SIZES = {"comb": "comb_per_wpc", "ge": "ge_per_wpc", "area_um2": "area_um2_per_wpc"}
_PRODUCTS = {"comb": "comb_ns_per_weight", "area_um2": "area_um2_ns_per_weight"}


def per_weight(figures: Sequence[Figure], rates: Sequence[Rate]) -> list[Figure]:
    """What follows from the figures of one design on one target, for each of its rates.

    ``weights_per_cycle``; each size divided by it; ``ns_per_weight``, the clock period (1000 / MHz, or the delay)
    divided by it; and size times that time. The spread over seeds is carried along; a figure that is missing leaves
    what follows from it missing, for the same reason.
    """
    by_metric = {figure.metric: figure for figure in figures}
    period = _period(by_metric)
    derived = []
    for rate in rates:
        model = Figure(
            "weights_per_cycle", rate.weights_per_cycle, trials=rate.trials, tool="zimu", command="step_cycles"
        )
        derived.append(model if rate.trials is not None else replace(model, command="one weight per lane and clock"))
        share = 1 / rate.weights_per_cycle
        for size in filter(by_metric.__contains__, _SIZES):
            derived.append(_scaled(by_metric[size], _SIZES[size], share, rate.trials))
        if period is None:
            continue
        time = _scaled(period, "ns_per_weight", share, rate.trials)
        derived.append(time)
        for size in filter(by_metric.__contains__, _PRODUCTS):
            value = by_metric[size].value
            if value is None:
                derived.append(_scaled(by_metric[size], _PRODUCTS[size], 1, rate.trials))
            else:
                derived.append(_scaled(time, _PRODUCTS[size], value, rate.trials))
    return derived


def _period(by_metric: dict[str, Figure]) -> Figure | None:
    """The shortest clock period in ns: of a placed design, or the delay of a mapped one."""
    clock = by_metric.get("fmax_mhz")
    if clock is None:
        return by_metric.get("delay_ns")

    def invert(mhz: float | None) -> float | None:
        return None if mhz is None else 1000 / mhz

    # The fastest clock has the shortest period.
    return replace(clock, value=invert(clock.value), minimum=invert(clock.maximum), maximum=invert(clock.minimum))


def _scaled(figure: Figure, metric: str, factor: float, trials: int | None) -> Figure:
    def scale(value: float | None) -> float | None:
        return None if value is None else value * factor

    return replace(
        figure,
        metric=metric,
        value=scale(figure.value),
        minimum=scale(figure.minimum),
        maximum=scale(figure.maximum),
        trials=trials,
    )
