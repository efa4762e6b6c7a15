"""Links: how a browser, which sends no key, opens a page of a service with keys.

A link is the page's path with a token that whoever holds a key asked for. It is good for this path alone, for reading,
for a few minutes, and for as long as the file has that key with that secret; what the key may not see it does not show.

A token is `ntl_EXPIRES.SIGNATURE.NAME`: Unix time, HMAC-SHA256 in base64url, name of the key. The hash of the key's
secret is signed, too, so that a key that is made anew under its old name ends its links. The file of keys is not enough
to make a link: the secret that signs is in Redis, which all processes of an installation share.
"""

import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode

from hosting.access.keys import Key, Keyring
from hosting.errors import LinkExpired, LinkInvalid

PARAMETER = "token"  # its value is struck out of logs by that name
LINK_SECONDS = 600
TOKEN_PREFIX = "ntl_"

_EXPIRES_DIGITS = 12


@dataclass(frozen=True, kw_only=True)
class Link:
    url: str  # path and query
    expires_at: int  # Unix time


class Links:
    """Makes and checks them. `secret` gives the bytes that sign; what it raises goes through."""

    def __init__(self, secret: Callable[[], bytes], *, clock: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._clock = clock

    def sign(self, path: str, key: Key) -> Link:
        expires_at = int(self._clock()) + LINK_SECONDS
        token = self.sign_subject(path, expires_at, key)
        return Link(url=f"{quote(path)}?{urlencode({PARAMETER: token})}", expires_at=expires_at)

    def sign_subject(self, subject: str, expires_at: int, key: Key) -> str:
        """A token for a path, or for something that is no path."""
        return f"{TOKEN_PREFIX}{expires_at}.{self._signature(subject, expires_at, key)}.{key.name}"

    @staticmethod
    def expires_at(token: str) -> int:
        """Unix time, of a token that was found to be good."""
        return int(token.removeprefix(TOKEN_PREFIX).partition(".")[0])

    def holder(self, token: str, path: str, keyring: Keyring) -> Key:
        """Whose key the link was made with; `path` is what was signed. Raises `LinkInvalid`, `LinkExpired`."""
        expires, _, rest = token.removeprefix(TOKEN_PREFIX).partition(".")
        signature, _, name = rest.partition(".")
        key = keyring.named(name)
        if key is None or not (expires.isascii() and expires.isdecimal() and len(expires) <= _EXPIRES_DIGITS):
            raise LinkInvalid
        if not hmac.compare_digest(signature.encode(), self._signature(path, int(expires), key).encode()):
            raise LinkInvalid
        if int(expires) <= self._clock():
            raise LinkExpired
        return key

    def _signature(self, path: str, expires_at: int, key: Key) -> str:
        signed = "\n".join(("nettailor-link/1", path, str(expires_at), key.name, key.sha256))
        digest = hmac.new(self._secret(), signed.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def token_in(query: bytes) -> tuple[str | None, bytes]:
    """The token of a query, and the query without it."""
    if PARAMETER.encode() not in query:
        return None, query
    parameters = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    tokens = [value for name, value in parameters if name == PARAMETER]
    others = [(name, value) for name, value in parameters if name != PARAMETER]
    return (tokens[0] if len(tokens) == 1 else None), urlencode(others).encode()
