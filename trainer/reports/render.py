"""Fills a page's template. Every value is escaped, as names of classes and files come from uploads."""

import base64
from typing import Any

import jinja2


def render(page: str, **values: Any) -> str:
    """The page of this name. Raises where a value is missing that the template needs."""
    loader = jinja2.PackageLoader("trainer.reports", "pages")
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.get_template(f"{page}.html").render(percent=percent, **values)


def percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2f} %"


def data_uri(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"
