"""The saved state of a unit: what there is to check before a run goes on from it."""

from collections.abc import Collection, Mapping
from typing import Any

from zimu.emu.prng import WordStream
from zimu.golden.config import CONTRACT_VERSION
from zimu.golden.errors import InputError, check_range
from zimu.golden.rule import WORD_BITS, RuleConfig


def check_origin(
    config: RuleConfig, state: Mapping[str, Any], keys: Collection[str], changes_no_bit: Collection[str]
) -> None:
    """`InputError` unless ``state`` has the ``keys``, this contract version, and a configuration equal to ``config``.

    Fields named in ``changes_no_bit`` may differ.
    """
    if not isinstance(state, dict) or set(state) != set(keys):
        raise InputError(f"not a unit's state: must be a table of {', '.join(keys)}")
    if state["contract_version"] != CONTRACT_VERSION:
        raise InputError(
            f"the state has contract_version = {state['contract_version']!r}: must be {CONTRACT_VERSION}; "
            "resume it with the release that saved it"
        )
    expected, got = config.model_dump(), state["config"]
    if not isinstance(got, dict) or set(got) != set(expected):
        raise InputError(f"the state's config is damaged: must be a table of {', '.join(expected)}")
    for field in expected:
        if field not in changes_no_bit and got[field] != expected[field]:
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
    """Saved counters, if each fits its width in bits."""
    if not isinstance(values, dict) or set(values) != set(widths):
        raise InputError(f"state counters is damaged: must be a table of {', '.join(widths)}")
    for field, value in values.items():
        check_range(f"state counters[{field!r}]", value, 0, 2 ** widths.get(field, WORD_BITS) - 1)
    return values
