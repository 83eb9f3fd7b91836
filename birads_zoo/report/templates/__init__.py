"""The pages' templates, and the one way to fill them."""

from __future__ import annotations

import jinja2

_PAGES = jinja2.Environment(
    loader=jinja2.PackageLoader("birads_zoo.report", "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(name: str, **values: object) -> str:
    """Fill the template `name`; every text is escaped, and a name that the template asks for in vain is an error."""
    return _PAGES.get_template(name).render(**values)
