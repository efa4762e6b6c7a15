"""Queries that say two things."""

from collections import Counter

from fastapi import Request
from fastapi.exceptions import RequestValidationError


def check_said_once(request: Request, *, but: str = "") -> None:
    """Raises `RequestValidationError` where a parameter other than `but` is given more than once: which of its values
    counts would be anybody's guess."""
    if not request.scope["query_string"]:
        return
    times = Counter(name for name, _ in request.query_params.multi_items())
    repeated = [name for name, count in times.items() if count > 1 and name != but]
    if repeated:
        faults = [{"type": "repeated", "loc": ("query", name), "msg": "given more than once"} for name in repeated]
        raise RequestValidationError(faults)
