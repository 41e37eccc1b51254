"""Files of the package that circuits come with, as they are or made by a template."""

import json
from importlib import resources
from typing import Any


def render(template: str, **values: Any) -> str:
    """The text that a template of ``sim/templates`` makes of ``values``; a name that is not among them is an error."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(lambda name: packaged(f"templates/{name}")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["quoted"] = json.dumps
    return environment.get_template(template).render(values)


def packaged(name: str) -> str:
    """The text of a file under ``sim``."""
    return resources.files("zimu.sim").joinpath(name).read_text(encoding="utf-8")
