"""What the connection and the apps tell each other about a request, in its ASGI scope."""

from collections.abc import Mapping
from typing import Any

METHOD = "nettailor.method"  # of the request, where the app is told another
BODY_IS_THERE = "nettailor.body_is_there"
ENDLESS = "nettailor.endless"  # what to call if the answer goes on for as long as something happens


def method_of(scope: Mapping[str, Any]) -> str:
    """The method that the client sent."""
    method: str = scope.get(METHOD, scope["method"])
    return method


def answers_endlessly(scope: Mapping[str, Any]) -> None:
    """Let the connection break the answer off when the server closes: nobody could wait for its end."""
    if ENDLESS in scope:
        scope[ENDLESS]()


def body_is_there(scope: Mapping[str, Any]) -> bool:
    """Whether the whole body came before the app was called, so that nobody has to wait for it."""
    return BODY_IS_THERE in scope
