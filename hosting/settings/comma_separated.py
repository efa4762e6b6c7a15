"""Settings that are several words: separated by commas in a variable, a list in the file."""

from typing import Annotated, Any

from pydantic import BeforeValidator, StringConstraints
from pydantic_settings import NoDecode


def _separated(given: Any) -> Any:
    return frozenset(filter(None, map(str.strip, given.split(",")))) if isinstance(given, str) else given


_Host = Annotated[str, StringConstraints(to_lower=True, pattern=r"^(\*|[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])$")]
_Origin = Annotated[str, StringConstraints(to_lower=True, pattern=r"^(\*|[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#]+)$")]

Hosts = Annotated[frozenset[_Host], NoDecode, BeforeValidator(_separated)]  # without ports; IPv6 in brackets
Origins = Annotated[frozenset[_Origin], NoDecode, BeforeValidator(_separated)]  # as a browser writes them
