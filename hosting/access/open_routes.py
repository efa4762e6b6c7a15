"""The routes that every app has and that need no key."""

from hosting.access.route_table import Route

# Whoever watches over a service asks these.
HEALTHZ = Route(method="GET", path="/healthz", scope=None)
READYZ = Route(method="GET", path="/readyz", scope=None)
METRICS = Route(method="GET", path="/metrics", scope=None)

# They show what routes there are, not what is behind them. FastAPI adds the last one by itself.
DOCS = Route(method="GET", path="/docs", scope=None)
REDOC = Route(method="GET", path="/redoc", scope=None)
ASSETS = tuple(
    Route(method="GET", path=f"/docs/{name}", scope=None)
    for name in ("swagger-ui-bundle.js", "swagger-ui.css", "redoc.standalone.js", "favicon.png")
)
_OPENAPI = Route(method="GET", path="/openapi.json", scope=None)

OPEN_ROUTES = (HEALTHZ, READYZ, METRICS, DOCS, REDOC, *ASSETS, _OPENAPI)
