"""Ordinary requests to every operation that `/openapi.json` names: what attacks start from."""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from benchmarks.hostile.attack import Attack
from benchmarks.hostile.materials import Materials

Json = dict[str, Any]

BOUNDARY = b"frontier"
_OPTIONS = {"preset": ["fast", "balanced"], "priority": ["normal", "low", "0"], "tag": ["a=b", "stage"]}


@dataclass(frozen=True, kw_only=True)
class Operation:
    method: str
    path: str  # with {names}
    queries: Sequence[str]
    media_types: Sequence[str]
    schema: Json  # of a JSON body, references resolved; empty if there is none


@dataclass(frozen=True, kw_only=True)
class Names:
    """What may stand in a path, by parameter: things that exist, and that attackers may destroy."""

    prey: Sequence[str]
    jobs: Sequence[str]

    def choose(self, parameter: str, dice: random.Random) -> str:
        choices: Mapping[str, Sequence[str]] = {
            "task": self.prey,
            "job": self.jobs,
            "version": ("1", "2", "3"),
            "k": ("0", "2"),
            "alias": ("live", "candidate", "mine"),
            "name": ("report", "front.json"),
        }
        return dice.choice(choices.get(parameter, ("1",)))


def operations(document: Json) -> list[Operation]:
    return [_operation(document, path, method) for path, methods in document["paths"].items() for method in methods]


def ordinary(number: int, operation: Operation, names: Names, stock: Materials, dice: random.Random) -> Attack:
    """A request that the operation takes, or refuses for its state alone."""
    path = operation.path
    for parameter in _parameters(path):
        path = path.replace(f"{{{parameter}}}", quote(names.choose(parameter, dice), safe=""))
    media_type, body = _body(operation, stock, dice)
    headers = [(b"Host", b"localhost"), (b"X-Actor", b"mallory")]
    if media_type:
        headers.append((b"Content-Type", media_type.encode()))
    return Attack(
        number=number,
        kind="ordinary",
        method=operation.method.upper().encode(),
        target=(path + _query(operation, names, dice)).encode(),
        headers=headers,
        body=body,
        length=len(body) if body or operation.method != "get" else None,
    )


def multipart(fields: Sequence[tuple[str, bytes]]) -> bytes:
    """A form with a file in each field."""
    parts = [
        b'--%b\r\nContent-Disposition: form-data; name="%b"; filename="f"\r\n\r\n%b\r\n'
        % (BOUNDARY, name.encode(), data)
        for name, data in fields
    ]
    return b"".join(parts) + b"--%b--\r\n" % BOUNDARY


def _operation(document: Json, path: str, method: str) -> Operation:
    found = document["paths"][path][method]
    content = found.get("requestBody", {}).get("content", {})
    return Operation(
        method=method,
        path=path,
        queries=[each["name"] for each in found.get("parameters", []) if each["in"] == "query"],
        media_types=list(content),
        schema=_resolved(document, content.get("application/json", {}).get("schema", {})),
    )


def _resolved(document: Json, schema: Json) -> Json:
    for choice in schema.get("anyOf", ()):
        return _resolved(document, choice)
    if "$ref" in schema:
        return dict(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    return schema


def _parameters(path: str) -> Iterator[str]:
    yield from (part[1:-1].partition(":")[0] for part in path.split("/") if part.startswith("{"))


def _query(operation: Operation, names: Names, dice: random.Random) -> str:
    chosen = [name for name in operation.queries if name == "tasks" or dice.random() < 0.3]
    pairs = [f"{name}={quote(_value(name, names, dice))}" for name in chosen]
    return "?" + "&".join(pairs) if pairs else ""


def _value(name: str, names: Names, dice: random.Random) -> str:
    if name in ("task", "tasks"):
        return dice.choice(names.prey)
    return dice.choice(_OPTIONS.get(name, ["1", "0.5", "live", "true"]))


def _body(operation: Operation, stock: Materials, dice: random.Random) -> tuple[str, bytes]:
    """Media type and bytes."""
    if not operation.media_types:
        return (
            ("application/octet-stream", dice.choice(stock.bundles))
            if operation.path.endswith("/versions")
            else ("", b"")
        )
    media_type = dice.choice(operation.media_types)
    files = stock.archives if "dataset" in operation.path else stock.images
    if media_type == "multipart/form-data":
        field = "file" if "dataset" in operation.path else "image"
        form = [(field, dice.choice(files)) for _ in range(1 if field == "file" else dice.randint(1, 3))]
        return f"multipart/form-data; boundary={BOUNDARY.decode()}", multipart(form)
    if media_type == "application/json":
        return media_type, json.dumps(_document(operation.schema, stock, dice)).encode()
    return media_type.replace("*", "png"), dice.choice(files)


def _document(schema: Json, stock: Materials, dice: random.Random) -> Json:
    """A value for each member, of about the right type."""
    return {name: _member(member, stock, dice) for name, member in schema.get("properties", {}).items()}


def _member(schema: Json, stock: Materials, dice: random.Random) -> Any:
    if "anyOf" in schema:
        return _member(dice.choice(schema["anyOf"]), stock, dice)
    kind = schema.get("type")
    if kind == "array":
        return [_member(schema.get("items", {}), stock, dice) for _ in range(dice.randint(0, 2))]
    if kind == "object":
        return {"a": "b"}
    values = {"integer": dice.randint(0, 3), "number": dice.random(), "boolean": dice.random() < 0.5, "null": None}
    return values.get(str(kind), dice.choice(("live", "soak", "")))
