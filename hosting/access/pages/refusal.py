"""What a browser shows of a link that opens nothing: words, where programs get a problem document."""

from html import escape

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, Response

_HTML = "text/html"


def wants_words(method: str, headers: Headers) -> bool:
    """Whether a person looks at the answer: browsers name HTML when they open a page, programs do not."""
    accepted = (kind.partition(";")[0].strip().lower() for kind in headers.get("accept", "").split(","))
    return method in ("GET", "HEAD") and _HTML in accepted


def page_of_refusal(status: int, title: str, reason: str, challenge: str) -> Response:
    heading = escape(title[:1].upper() + title[1:])
    page = f"""<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{heading}</title>
<h1>{heading}</h1><p>{escape(reason[:1].upper() + reason[1:])}.</p>
<p>Links open pages for ten minutes. With your key in <code>NETTAILOR_KEY</code>, <code>nettailor link</code> prints one
that opens the front page, and <code>nettailor link TASK</code> one that opens a report.</p></html>"""
    headers = {
        "WWW-Authenticate": challenge,
        "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
        "Vary": "Accept",
    }
    return HTMLResponse(page, status_code=status, headers=headers)
