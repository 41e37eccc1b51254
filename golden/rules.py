"""The update rules by name, and how a configuration file finds its own.

To add a rule, add its file in ``golden``, ``emu``, ``rtl`` and ``sim``, all of one name, and its line here.
"""

import os
from importlib import import_module
from typing import NamedTuple

from zimu.golden.errors import InputError, check_choice
from zimu.golden.rule import RuleConfig, read_table, read_text


class Rule(NamedTuple):
    """Where the parts of a rule are."""

    config: str
    """Module and class of its configurations in ``golden``."""
    module: str
    """Module of its unit in ``emu`` and in ``rtl``, and of its operands in ``sim``."""
    unit: str
    """Class of its unit in ``emu``."""
    core: str
    """Class of its core in ``rtl``, with ports for memories."""
    circuit: str
    """Class of what is priced of it in ``rtl``."""


RULES = {
    "zim": Rule("config.UnitConfig", "unit", "ZimUnit", "ZimCore", "ZimCore"),
    "float_sgd": Rule("float_sgd.FloatSGDConfig", "float_sgd", "FloatSGD", "FloatSGDCore", "FloatSGD"),
    "int_sgd": Rule("int_sgd.IntSGDConfig", "int_sgd", "IntSGD", "IntSGDCore", "IntSGD"),
}
"""The rules by name."""


def config_class(rule: str) -> type[RuleConfig]:
    """The class of a rule's configurations; `InputError` naming the rules if there is none."""
    module, name = RULES[check_choice("rule", rule, RULES)].config.split(".")
    found: type[RuleConfig] = getattr(import_module(f"zimu.golden.{module}"), name)
    return found


def from_toml(text: str) -> RuleConfig:
    """The configuration in a TOML text, of whatever rule; errors as `RuleConfig.from_toml`."""
    return config_class(read_table(text).get("rule", "zim")).from_toml(text)


def load(path: str | os.PathLike[str]) -> RuleConfig:
    """Read a configuration file of whatever rule; errors are those of `from_toml`, with the path in front."""
    text = read_text(path)
    try:
        return from_toml(text)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
