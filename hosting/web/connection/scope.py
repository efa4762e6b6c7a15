"""What the connection and the apps tell each other about a request, in its ASGI scope."""

from collections.abc import Callable, Mapping
from typing import Any

METHOD = "nettailor.method"  # of the request, where the app is told another
BODY_IS_THERE = "nettailor.body_is_there"
ENDLESS = "nettailor.endless"  # what to call if the answer goes on for as long as something happens
BREAK_OFF = "nettailor.break_off"  # what to call if the rest of an answer is not to be had
WHEN_GONE = "nettailor.when_gone"  # what to tell whom to call when the client goes


def method_of(scope: Mapping[str, Any]) -> str:
    """The method that the client sent."""
    method: str = scope.get(METHOD, scope["method"])
    return method


def answers_endlessly(scope: Mapping[str, Any]) -> None:
    """Let the connection break the answer off when the server closes: nobody could wait for its end."""
    if ENDLESS in scope:
        scope[ENDLESS]()


def break_off(scope: Mapping[str, Any]) -> None:
    """End the connection where it is, so that the client knows that the rest of the answer is missing."""
    if BREAK_OFF in scope:
        scope[BREAK_OFF]()


def when_client_goes(scope: Mapping[str, Any], act: Callable[[], None] | None) -> None:
    """Have `act` called, on the event loop, when the client goes before its answer is complete; None: nothing."""
    if WHEN_GONE in scope:
        scope[WHEN_GONE](act)


def body_is_there(scope: Mapping[str, Any]) -> bool:
    """Whether the whole body came before the app was called, so that nobody has to wait for it."""
    return BODY_IS_THERE in scope
