"""Templates: found in the user's project first, then in Drydock's own folder."""

import json
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError

from stack.errors import DrydockError
from stack.quantities import show_memory

HOME = Path(__file__).resolve().parents[1]
"""The folder that Drydock itself lives in."""


def as_yaml(value: object) -> str:
    """Write a value as YAML's JSON subset, Compose's variables escaped, so that data stays data."""
    return json.dumps(value, ensure_ascii=False).replace("$", "$$")


@lru_cache
def _environment(project: Path) -> Environment:
    environment = Environment(
        loader=FileSystemLoader([project / "templates", HOME / "templates"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - Dockerfiles and configuration files, not HTML
    )
    environment.filters["yaml"] = as_yaml
    environment.filters["memory"] = show_memory
    return environment


def render(project: Path, template: str, **values: object) -> str:
    """Render `templates/TEMPLATE`; DrydockError names the file, the line and what is wrong."""
    try:
        return _environment(project).get_template(template).render(**values)
    except TemplateError as error:
        line = getattr(error, "lineno", None) or _line_in(error, template)
        place = f"templates/{template}" + (f", line {line}" if line else "")
        raise DrydockError(
            f"{place}: doesn't render: {error.message or error}; mend the template,"
            " or give the value in the stack's data"
        ) from error


def _line_in(error: BaseException, template: str) -> int | None:
    """The template's line that an error came from, by its traceback."""
    line = None
    trace = error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename.endswith(template):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
