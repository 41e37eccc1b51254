"""How numbers are written in the report and on the terminal. What was not measured is an em dash, never 0."""

from typing import Any

from zimu.cost.metrics import DASH as DASH


def percent(share: float | None, digits: int = 2) -> str:
    """A share of 1 in per cent, without the sign."""
    return DASH if share is None else f"{100 * share:.{digits}f}"


def points(difference: float) -> str:
    """A difference of two shares in percentage points, with its sign."""
    return f"{100 * difference:+.2f}".replace("-", "\N{MINUS SIGN}")


def number(value: float | None) -> str:
    """A count with thousands apart, or a measured value with three significant digits or more; a dash for None."""
    if value is None:
        return DASH
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.3g}"


def spread(values: dict[str, Any]) -> str:
    """Mean and sample standard deviation of a share, in per cent."""
    return f"{percent(values['mean'])} \N{PLUS-MINUS SIGN} {percent(values['deviation'])}"
