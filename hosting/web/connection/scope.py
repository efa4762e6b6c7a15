"""What the connection tells the apps about a request, in its ASGI scope."""

from collections.abc import Mapping
from typing import Any

METHOD = "nettailor.method"  # of the request, where the app is told another
BODY_IS_THERE = "nettailor.body_is_there"


def method_of(scope: Mapping[str, Any]) -> str:
    """The method that the client sent."""
    method: str = scope.get(METHOD, scope["method"])
    return method


def body_is_there(scope: Mapping[str, Any]) -> bool:
    """Whether the whole body came before the app was called, so that nobody has to wait for it."""
    return BODY_IS_THERE in scope
