"""The pages `/docs` and `/redoc`, out of files that are installed with us: they work where there is no net, and tell
nobody else who reads them. The files (Swagger UI, Redoc) are those of the package fastapi-offline."""

import base64
import hashlib
import re
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import fastapi_offline
from fastapi import FastAPI
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from starlette.responses import FileResponse, Response

from hosting.access.endpoint import endpoint
from hosting.access.open_routes import ASSETS, DOCS, REDOC
from hosting.access.route_table import Route
from hosting.web.openapi import complete

# Nothing from elsewhere, whatever the scripts name (Redoc its maker's logo), no script but theirs and the page's own,
# and no page of others around ours: whoever clicks on "Execute" must know it. The scripts write styles into the page.
_POLICY = (
    "default-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "worker-src 'self' blob:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
)
_INLINE = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
_OPENAPI = "openapi.json"  # names relative to the page: right under any prefix that a proxy takes off


def add_documentation(app: FastAPI) -> None:
    """To an app that is made with neither `docs_url` nor `redoc_url`."""
    complete(app)

    @endpoint(app, DOCS, include_in_schema=False)
    def docs() -> Response:
        page = get_swagger_ui_html(
            openapi_url=_OPENAPI,
            title=app.title,
            swagger_js_url="docs/swagger-ui-bundle.js",
            swagger_css_url="docs/swagger-ui.css",
            swagger_favicon_url="docs/favicon.png",
            swagger_ui_parameters={"validatorUrl": None},  # else a badge is asked of the maker's service
        )
        return _guarded(page)

    @endpoint(app, REDOC, include_in_schema=False)
    def redoc() -> Response:
        page = get_redoc_html(
            openapi_url=_OPENAPI,
            title=app.title,
            redoc_js_url="docs/redoc.standalone.js",
            redoc_favicon_url="docs/favicon.png",
            with_google_fonts=False,
        )
        return _guarded(page)

    for route in ASSETS:
        endpoint(app, route, include_in_schema=False)(_sending(route))


def _sending(route: Route) -> Callable[[], Response]:
    path = Path(str(files(fastapi_offline) / "static" / Path(route.path).name))

    def send() -> Response:
        return FileResponse(path, headers=_headers())

    return send


def _guarded(page: Response) -> Response:
    page.headers.update(_headers(*_INLINE.findall(bytes(page.body))))
    return page


def _headers(*scripts: bytes) -> dict[str, str]:
    """`scripts` are those that stand in the page itself; each is allowed by its hash."""
    hashes = [base64.b64encode(hashlib.sha256(script).digest()).decode() for script in scripts]
    allowed = " ".join(["script-src 'self'", *(f"'sha256-{one}'" for one in hashes)])
    return {"Content-Security-Policy": "; ".join((*_POLICY, allowed)), "X-Content-Type-Options": "nosniff"}
