"""The cookie by which the links on a page work: who opened a page about a task by a link may look, until that link
expires, at the other pages about this task that pages link to.

Its name ends in the task's; its value is a token as a link has, which signs the task in place of a path. It is of the
browser alone (no script sees it) and is sent on no request that another site's page makes.
"""

from collections.abc import Iterator
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers

from hosting.access.keys import Key, Keyring
from hosting.access.pages.links import Links
from hosting.errors import LinkExpired, LinkInvalid

_PREFIX = "nettailor-page-"
_SUBJECT = "task"


def page_cookie(links: Links, token: str, task: str, key: Key) -> bytes:
    """What a header `Set-Cookie` says to whoever opened a page about the task by the link with this token."""
    made = links.sign_subject(f"{_SUBJECT} {task}", links.expires_at(token), key)
    cookie = SimpleCookie({f"{_PREFIX}{task}": made})
    return f"{cookie.output(header='').strip()}; HttpOnly; Path=/; SameSite=Strict".encode()


def opened_tasks(headers: Headers, links: Links, keyring: Keyring) -> Iterator[tuple[str, Key]]:
    """The tasks that the cookies of a request are good for, each with the key that the link was made with."""
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return
    for name, cookie in cookies.items():
        task = name.removeprefix(_PREFIX)
        if task != name:
            try:
                yield task, links.holder(cookie.value, f"{_SUBJECT} {task}", keyring)
            except (LinkInvalid, LinkExpired):
                continue
