"""Fills a page's template. Every value is escaped, as names of classes and files come from uploads."""

import base64
from typing import Any

import jinja2

from hosting.web.moments import moment

_EQUAL = 0.0005  # shares that differ by less are printed alike
_FEW, _MANY = 200, 20_000  # images; of few, one alone is half a point and more


def render(page: str, **values: Any) -> str:
    """The page of this name. Raises where a value is missing that the template needs."""
    loader = jinja2.PackageLoader("trainer.reports", "pages")
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.get_template(f"{page}.html").render(percent=percent, moment=moment, **values)


def percent(share: float | None, images: int = _FEW) -> str:
    """With as many decimals as a share of that many images can have."""
    if share is None:
        return "–"
    decimals = 0 if images < _FEW else 1 if images < _MANY else 2
    return f"{round(100 * share, decimals) + 0.0:.{decimals}f}%"  # never -0


def fewer_or_more(share: float) -> str:
    """A share that is saved, in words: "12.9% fewer"; where it is negative, "12.9% more"."""
    if abs(share) < _EQUAL:
        return "as many"
    return f"{percent(abs(share))} {'fewer' if share > 0 else 'more'}"


def data_uri(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"
