"""The routes that every app has and that need no key."""

from hosting.access.route_table import Route

# Whoever watches over a service asks these.
HEALTHZ = Route(method="GET", path="/healthz", scope=None)
READYZ = Route(method="GET", path="/readyz", scope=None)
METRICS = Route(method="GET", path="/metrics", scope=None)

# FastAPI adds these by itself; they show what routes there are, not what is behind them.
_DOCUMENTATION = ("/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json")

OPEN_ROUTES = (HEALTHZ, READYZ, METRICS, *(Route(method="GET", path=path, scope=None) for path in _DOCUMENTATION))
