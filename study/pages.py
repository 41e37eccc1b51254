"""Pages from ``study/templates``: all of them extend ``base.html.j2`` and share the macros of ``parts.html.j2``.

The same values give the same bytes, and nothing is loaded from elsewhere.
"""

from importlib import resources
from typing import Any

from zimu.study.numbers import DASH, number, percent, spread
from zimu.study.plots import THEME


def page(template: str, **values: Any) -> str:
    """The page that a template makes of ``values``; text is escaped, and a name that is not among them an error."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(_read),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(percent=percent, number=number, spread=spread)
    return environment.get_template(template).render(values, theme=THEME, DASH=DASH)


def _read(name: str) -> str:
    return resources.files("zimu.study").joinpath("templates", name).read_text(encoding="utf-8")
