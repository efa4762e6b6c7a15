"""What an ingress shows people who open its address: what it answers, and where the rest is."""

from starlette.responses import HTMLResponse

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>NetTailor server on Ray</title>
<meta name="viewport" content="width=device-width"></head>
<body><main><h1>NetTailor server on Ray</h1>
<p>This address answers predictions, the Open Inference Protocol under <code>/v2</code>, <a href="healthz">healthz</a>,
<a href="readyz">readyz</a> and the replicas' <a href="metrics">metrics</a>.</p>
<p>It has no lists of tasks and jobs, no reports, no links to them, no exports and no description of the API: the
services that tailor and keep the versions have these, at their own address.</p></main></body></html>
"""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


def front_page() -> HTMLResponse:
    return HTMLResponse(_PAGE, headers=_HEADERS)
