"""Answers that a client has already, by their entity tags (RFC 9110, 8.8.3 and 13.1.2)."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from starlette.responses import Response

_TAG = re.compile(r'"[^"]*"')  # a weak one's W/ stands before it, and does not matter here
_NAME = "If-None-Match"


async def _lines(request: Request, _: Annotated[str | None, Header(alias=_NAME)] = None) -> list[str]:
    """All of the header, which the document has as a text: generators of clients leave out routes with lists there."""
    return request.headers.getlist(_NAME)


KnownTags = Annotated[list[str], Depends(_lines)]
UNCHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "as `If-None-Match` says"}}


def unchanged(headers: Mapping[str, str], known: Sequence[str] | None) -> Response | None:
    """The answer to who knows the `ETag` among these headers, by name or as any (`*`); None for whoever does not."""
    own = _TAG.findall(headers["ETag"])
    if any(line.strip() == "*" or own[0] in _TAG.findall(line) for line in known or ()):
        return Response(status_code=304, headers=dict(headers))
    return None
