"""Fills a page's template. Whatever goes in is text: names of classes and files are anybody's."""

import base64
from typing import Any

import jinja2


def render(page: str, **values: Any) -> str:
    """The page of this name; a value that the template asks for and does not get is an error."""
    loader = jinja2.PackageLoader("trainer.reports", "pages")
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.get_template(f"{page}.html").render(percent=percent, **values)


def percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2f} %"


def data_uri(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"
