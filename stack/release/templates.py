"""Templates: found in the user's project first, then in Drydock's own folder."""

import json
import re
from functools import lru_cache
from pathlib import Path

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel

from stack.errors import DrydockError
from stack.quantities import show_memory

HOME = Path(__file__).resolve().parents[2]
"""The folder that Drydock itself lives in."""


_NO_PLAIN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""What JSON may hold as it stands, but YAML takes for a line's end or refuses."""


def as_yaml(value: object) -> str:
    """Write a value as YAML's JSON subset, Compose's variables escaped, so that data stays data."""
    text = json.dumps(value, ensure_ascii=False).replace("$", "$$")
    return _NO_PLAIN_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class _Sandbox(ImmutableSandboxedEnvironment):
    """Gives a template its values and nothing behind them: no interpreter, no file, no command."""

    def is_safe_attribute(self, obj: object, attr: str, value: object) -> bool:
        """Of a model its own fields: pydantic's methods read files, and unpickle."""
        if isinstance(obj, BaseModel) and hasattr(BaseModel, attr):
            return False
        return super().is_safe_attribute(obj, attr, value)


def _is_page(template: str | None) -> bool:
    """Whether a template's values are escaped for HTML: all others are configuration files."""
    return (template or "").startswith("report/")


@lru_cache
def _environment(project: Path) -> _Sandbox:
    environment = _Sandbox(
        loader=FileSystemLoader([project / "templates", HOME / "templates"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=_is_page,
    )
    environment.filters["yaml"] = as_yaml
    environment.filters["memory"] = show_memory
    return environment


def render(project: Path, template: str, **values: object) -> str:
    """Render `templates/TEMPLATE`; DrydockError names the file, the line and what is wrong."""
    try:
        return _environment(project).get_template(template).render(**values)
    except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        said = getattr(error, "message", None) or error
        line = getattr(error, "lineno", None) or _line_in(error, template)
        place = f"templates/{template}" + (f", line {line}" if line else "")
        raise DrydockError(
            f"{place}: doesn't render: {said}; mend the template,"
            " or give the value in the stack's data"
        ) from error


def prepare(project: Path, *names: str) -> None:
    """Read templates ahead of their first use, which is then quicker."""
    for name in names:
        try:
            _environment(project).get_template(name)
        except TemplateError as error:
            raise DrydockError(f"templates/{name}: {error.message}; mend it") from error


def _line_in(error: BaseException, template: str) -> int | None:
    """The template's line that an error came from, by its traceback."""
    line = None
    trace = error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename.endswith(template):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
