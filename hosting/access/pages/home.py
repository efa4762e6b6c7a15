"""The front page: what there is, for people, without scripts. Each app says with tables what it has to show."""

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape

from fastapi import FastAPI
from starlette.responses import HTMLResponse

from hosting.access.caller import key as key_of_request
from hosting.access.endpoint import endpoint
from hosting.access.keys import Key
from hosting.access.pages.links import Links
from hosting.access.pages.route_declarations import HOME
from hosting.web.openapi import TEXT, answered

Tasks = frozenset[str] | None  # that may be seen; None for all

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; } h1 + p { margin-top: 0; opacity: .75; }
.table { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem 1rem .3rem 0; border-bottom: 1px solid #8884; white-space: nowrap; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
code { font-size: .9em; } ul { padding-left: 1.2rem; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_ELSEWHERE = (
    ("docs", "the API, with a form to try each route"),
    ("redoc", "the same to read"),
    ("healthz", "whether the process answers"),
    ("readyz", "whether it is ready"),
    ("openapi.json", "the API for programs: clients can be generated from it"),
)
_OF_THE_WHOLE = (("metrics", "figures for Prometheus"),)  # a proxy before several services lets nobody see them
_LOCKED = """
<p>This service asks for keys, and a browser sends none. <code>nettailor link</code>, with your key in
<code>NETTAILOR_KEY</code>, prints a link that opens this page for ten minutes, and <code>nettailor link TASK</code> one
that opens a report.</p>
"""


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """A text that leads to a page of the service."""

    text: str
    path: str


Cell = str | int | Anchor | None


@dataclass(frozen=True, kw_only=True)
class Table:
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    empty: str  # what is said where there is no row
    numbers: frozenset[str] = frozenset()  # columns that are aligned to the right
    note: str = ""


Section = Callable[[Tasks], Table]


def add_home(app: FastAPI, sections: Sequence[Section], links: Links, *, locked: bool, is_whole: bool = False) -> None:
    """`locked`: the service asks for keys. Where it does not, paths are links, and everybody sees all. `is_whole`: the
    app is no part of a service behind a proxy."""
    elsewhere = _elsewhere([*_ELSEWHERE, *(_OF_THE_WHOLE if is_whole else ())])
    page = answered("text/html", TEXT)

    @endpoint(app, HOME, never=[404, 424], tags=["pages"], response_class=HTMLResponse, responses=page)
    def home() -> HTMLResponse:
        """Tasks, jobs and where to go from here, for people. Who shows no key where the service asks for keys sees no
        more than how to get in."""
        key = key_of_request.get()
        if locked and key is None:
            parts = [_LOCKED]
        else:
            href = _unsigned if key is None else partial(_signed, links, key)
            tasks = None if key is None else key.tasks
            parts = [_table(section(tasks), href) for section in sections]
        return HTMLResponse(_page(app.title, [*parts, elsewhere]), headers=_HEADERS)


def _unsigned(path: str) -> str:
    """Relative to this page, so that a prefix that a proxy takes off stays."""
    return path.removeprefix("/")


def _signed(links: Links, key: Key, path: str) -> str:
    return _unsigned(links.sign(path, key).url)


def _page(title: str, parts: Sequence[str]) -> str:
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>\n'
        f'<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">\n'
        f"<style>{_STYLE}</style></head>\n<body><main>\n<h1>{escape(title)}</h1>\n"
        f"<p>Many image-recognition tasks from one shared, frozen ResNet.</p>\n{''.join(parts)}</main></body></html>\n"
    )


def _table(table: Table, href: Callable[[str], str]) -> str:
    heading = f"<h2>{escape(table.title)}</h2>\n"
    if not table.rows:
        return f"{heading}<p>{escape(table.empty)}</p>\n"
    classes = [' class="number"' if column in table.numbers else "" for column in table.columns]
    head = "".join(f"<th{kind}>{escape(column)}</th>" for kind, column in zip(classes, table.columns, strict=True))
    rows = "\n".join(
        f"<tr>{''.join(f'<td{kind}>{_cell(cell, href)}</td>' for kind, cell in zip(classes, row, strict=True))}</tr>"
        for row in table.rows
    )
    note = f"<p>{escape(table.note)}</p>\n" if table.note else ""
    body = f"<table><thead><tr>{head}</tr></thead>\n<tbody>{rows}</tbody></table>"
    return f'{heading}<div class="table">{body}</div>\n{note}'


def _cell(cell: Cell, href: Callable[[str], str]) -> str:
    if isinstance(cell, Anchor):
        return f'<a href="{escape(href(cell.path))}">{escape(cell.text)}</a>'
    return "" if cell is None else escape(str(cell))


def _elsewhere(places: Sequence[tuple[str, str]]) -> str:
    found = "\n".join(f'<li><a href="{path}">{path}</a>: {escape(what)}</li>' for path, what in places)
    return f"<h2>Elsewhere</h2>\n<ul>{found}</ul>\n"
