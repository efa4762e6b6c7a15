"""What the parameters of a request ask for, in our own units (torch-free).

priority   1 is the most urgent, `PRIORITY_LEVELS` the least; 0 is the default, as `DEFAULT_PRIORITY`
timeout    microseconds from when the request came; 0 is the server's own
"""

from collections.abc import Mapping
from dataclasses import dataclass

from server.errors import RequestMalformed
from server.open_inference.messages import ParameterValue

PRIORITY_LEVELS, DEFAULT_PRIORITY = 201, 101  # ours: 100 to -100, where more goes first, and 0
MOST_TIMEOUT_US = 600_000_000  # as long as natively

_KNOWN = ("priority", "timeout")


@dataclass(frozen=True, kw_only=True)
class Urgency:
    priority: int  # within a task, more goes first
    timeout_s: float | None  # None where the request leaves it to the server


def urgency_of(parameters: Mapping[str, ParameterValue]) -> Urgency:
    """Raises `RequestMalformed`, for parameters that are not known as well: they would be ignored in silence."""
    for name in parameters:
        if name not in _KNOWN:
            raise RequestMalformed(f"parameters.{name}", f"no such parameter; known are {', '.join(_KNOWN)}")
    priority = _whole_number(parameters, "priority", PRIORITY_LEVELS)
    timeout_us = _whole_number(parameters, "timeout", MOST_TIMEOUT_US)
    return Urgency(
        priority=DEFAULT_PRIORITY - (priority or DEFAULT_PRIORITY),
        timeout_s=timeout_us / 1_000_000 if timeout_us else None,
    )


def _whole_number(parameters: Mapping[str, ParameterValue], name: str, most: int) -> int:
    value = parameters.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise RequestMalformed(f"parameters.{name}", f"{value!r} is no whole number from 0 to {most}")
    return value
