"""The pages `/docs` and `/redoc`, out of files that are installed with us: they work where there is no net, and tell
nobody else who reads them. The files (Swagger UI, Redoc) are those of the package fastapi-offline."""

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

# Nothing from elsewhere, whatever the scripts name (Redoc its maker's logo), and no page of others around ours: whoever
# clicks on "Execute" must know it.
_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "worker-src 'self' blob:",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {"Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff"}
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
        page.headers.update(_HEADERS)
        return page

    @endpoint(app, REDOC, include_in_schema=False)
    def redoc() -> Response:
        page = get_redoc_html(
            openapi_url=_OPENAPI,
            title=app.title,
            redoc_js_url="docs/redoc.standalone.js",
            redoc_favicon_url="docs/favicon.png",
            with_google_fonts=False,
        )
        page.headers.update(_HEADERS)
        return page

    for route in ASSETS:
        endpoint(app, route, include_in_schema=False)(_sending(route))


def _sending(route: Route) -> Callable[[], Response]:
    path = Path(str(files(fastapi_offline) / "static" / Path(route.path).name))

    def send() -> Response:
        return FileResponse(path, headers=_HEADERS)

    return send
