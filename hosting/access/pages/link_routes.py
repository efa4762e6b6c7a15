"""Links to pages, over HTTP."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import FastAPI
from pydantic import BaseModel, Field, StringConstraints

from hosting.access.caller import key as key_of_request
from hosting.access.endpoint import endpoint
from hosting.access.pages.links import Links
from hosting.access.pages.route_declarations import MAKE_LINK
from hosting.access.route_table import RouteTable
from hosting.errors import PageUnknown, TaskForbidden
from hosting.web.json_body import JsonBody
from nettailor.plain_text import PlainText


class AskLink(JsonBody):
    """`path` is the page's, as `/tasks/signs/report`; `/` is the front page."""

    path: Annotated[PlainText, StringConstraints(max_length=1000, pattern="^/[^?#]*$")]


class LinkAnswer(BaseModel):
    url: str = Field(description="path and query, to be put behind the address of the service")
    expires_at: str | None = Field(description="null where nothing is locked: then the path alone opens the page")


def add_links(app: FastAPI, pages: RouteTable, links: Links) -> None:
    """`pages` has the routes that links may be made for: those of other services, too, which check them themselves."""

    @endpoint(app, MAKE_LINK, never=[409, 424, 507], tags=["pages"])
    def make_link(ask: AskLink) -> LinkAnswer:
        """A link that opens a page in a browser, which sends no key: this one path, for ten minutes, with the rights of
        the key that asks, and no longer than there is that key."""
        match = pages.find("GET", ask.path)
        if match.route is None or not match.route.is_page:
            raise PageUnknown(ask.path)
        key = key_of_request.get()
        if key is None:
            return LinkAnswer(url=ask.path, expires_at=None)
        for task in match.tasks:
            if key.tasks is not None and task not in key.tasks:
                raise TaskForbidden(key.name, task)
        link = links.sign(ask.path, key)
        expires_at = datetime.fromtimestamp(link.expires_at, UTC).isoformat(timespec="seconds")
        return LinkAnswer(url=link.url, expires_at=expires_at)
