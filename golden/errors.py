"""The one family of errors this project raises on purpose.

Every message is one line: what is wrong, which value, what is allowed, what to do.
"""

import math
from collections.abc import Iterable
from operator import index


class ZimuError(Exception):
    """Base of all errors raised on purpose; the command line prints its message and exits."""

    exit_code = 1


class InputError(ZimuError, ValueError):
    """Something the user gave is not acceptable. Nothing was written."""

    exit_code = 2


class ToolError(ZimuError, RuntimeError):
    """An external program failed, hung, or left no result."""


class RefusalError(ToolError):
    """An external program ended by itself, with an error: it would do so again."""


class MissingToolError(InputError):
    """An external program or an optional package is not installed; the message says how to get it."""


def check_range(field: str, value: int, low: int, high: int) -> int:
    """Return ``value`` as a plain int if it is an integer of whatever type, in ``[low, high]``.

    Raises
    ------
    InputError
        naming the field, the value and the allowed range.
    """
    try:
        number = None if isinstance(value, bool) else index(value)
    except TypeError:
        number = None
    if number is None:
        shown = " ".join(repr(value).split())  # an array's takes several lines
        raise InputError(f"{field} = {shown}: must be an integer in {low}..{high}")
    if not low <= number <= high:
        raise InputError(f"{field} = {number}: must be in {low}..{high}")
    return number


def check_seconds(field: str, value: float) -> float:
    """Return ``value`` if it is a time one can wait for, else raise `InputError`."""
    if not 0 < value < math.inf:  # NaN is neither
        raise InputError(f"{field} = {value:g}: must be a number of seconds above 0")
    return value


def check_choice(field: str, value: str, allowed: Iterable[str]) -> str:
    """Return ``value`` if it is one of ``allowed``, else raise `InputError` naming them all."""
    names = list(allowed)
    if value not in names:
        raise InputError(f"{field} = {value!r}: must be one of {', '.join(map(repr, names))}")
    return value
