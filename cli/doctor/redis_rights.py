"""`nettailor doctor` on what Redis lets its user do: commands that do nothing, to keys that are not there."""

from collections.abc import Iterator
from typing import Any

import redis
from redis.exceptions import NoPermissionError

from cli.doctor.finding import Finding, fail

ADVICE = "allow it ~nettailor:* ~rq:* &rq:* +@all -@admin -@dangerous +info (ACL SETUSER); docs/operations.md, Redis"

_PREFIXES = ("nettailor:", "rq:")
_CHANNEL = "rq:pubsub:doctor"
_COMMANDS: tuple[tuple[str, tuple[str, ...]], ...] = (  # command, and what comes after the key
    ("GET", ()),
    ("SET", ("", "XX")),  # only where it is there
    ("DEL", ()),
    ("EXPIRE", ("1",)),
    ("HDEL", ("field",)),
    ("LREM", ("0", "")),
    ("SREM", ("",)),
    ("ZREM", ("",)),
    ("XADD", ("NOMKSTREAM", "*", "field", "")),
    ("XRANGE", ("-", "+")),
)


def refused(client: "redis.Redis") -> Finding | None:
    """What its user may not do and a service has to; None if nothing."""
    reasons = list(_refusals(client))
    if not reasons:
        return None
    return fail("redis", f"{len(reasons)} commands are refused, the first: {reasons[0]}", ADVICE)


def _refusals(client: "redis.Redis") -> Iterator[str]:
    for prefix in _PREFIXES:
        for name, rest in _COMMANDS:
            yield from _refusal(client, name, f"{prefix}doctor", *rest)
    yield from _refusal(client, "EVAL", "return 1", "0")
    yield from _refusal(client, "PUBLISH", _CHANNEL, "")
    transaction = client.pipeline(transaction=True)
    transaction.get("nettailor:doctor")
    try:
        transaction.execute()
    except NoPermissionError as error:
        yield str(error)
    asked: Any = client  # redis has not typed all of it
    with asked.pubsub() as channel:
        try:
            channel.subscribe(_CHANNEL)
            channel.get_message(timeout=1.0)
        except NoPermissionError as error:
            yield str(error)


def _refusal(client: Any, *command: str) -> Iterator[str]:
    try:
        client.execute_command(*command)
    except NoPermissionError as error:
        yield f"{command[0]}: {error}"
