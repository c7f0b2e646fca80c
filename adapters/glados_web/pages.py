"""The page's templates."""

from pathlib import Path

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader

_templates = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)


def show(name: str, status: int = 200, **values: object) -> HTMLResponse:
    """A template, filled in. Whatever is put in is escaped, unless the template says otherwise."""
    return HTMLResponse(_templates.get_template(f"{name}.html").render(values), status)
