"""What nobody should send, for every place of a request where something can stand."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

Json = Any

# Of a path's parameter, as it stands in the URL.
SEGMENTS = [
    *("٣", "0", "-1", "9" * 30, "9" * 400, "1e400", "%00", "%FF", "%ED%A0%80", "%0A", "..", "%2F"),
    *("a" * 300, "signs@", "@live", "%F0%9F%92%A9", "%E2%80%AE", "{"),
]
# Of a parameter in the query, as it stands in the URL.
VALUES = [*SEGMENTS, "", "NaN", "true", "[]", "a,b", ",", "18446744073709551616-1"]
# Of a header.
HEADER_VALUES = [
    b"",
    b"\xff",
    b"a" * 300,
    b"a\tb",
    b"9" * 30,
    b"18446744073709551616-0",
    b"0-99999999999999999999",
    b"{",
]

MEDIA_TYPES = [
    *(
        "application/json",
        "",
        "text/plain",
        "image/png",
        "application/x-www-form-urlencoded",
        "application/octet-stream",
    ),
    *("multipart/form-data", "multipart/form-data; boundary=xx", f"multipart/form-data; boundary={'x' * 300}"),
    *("multipart/form-data; boundary=\xfc", "application/json; charset=utf-16", "a/b/c;;=", "\xff"),
]
BODIES = [
    b"",
    b"\x00",
    b"\xff\xfe{",
    b"{",
    b"null",
    b"1",
    b'"text"',
    b"[]",
    b"{}",
    b"[" * 2000,
    b"[" * 2000 + b"]" * 2000,
    b'{"a":' * 2000 + b"1" + b"}" * 2000,
    b"1e400",
    b"9" * 5000,
    b"NaN",
    b'{"a": 1, "a": 2}',
    b'{"\\ud800": "\\ud800"}',
    b'--xx\r\nContent-Disposition: form-data; name="file"\r\n\r\nno archive\r\n--xx--\r\n',
    b'--xx\r\nContent-Disposition: form-data; name="image"\r\n\r\nno image\r\n--xx--\r\n',
    b'--xx\r\nContent-Disposition: form-data; name="\xff\x00"; filename="\xff"\r\n\r\n\r\n--xx--\r\n',
    b"--xx\r\n\r\n\r\n--xx--\r\n",
]
READ_MEDIA_TYPES = ("application/json", "multipart/form-data; boundary=xx")
CODINGS = ["gzip", "br", "deflate", "gzip, deflate", "\xff"]

# Of a member of a JSON document, whatever its type is, as text of JSON.
MEMBERS = [
    *("null", "true", "0", "-1", "1.5", "1e400", "-1e400", "1e308", "9" * 400, "NaN", "Infinity", '""', "[]", "{}"),
    *('"\\ud800"', '"\\u0000"', '"٣"', '"\\udfff\\ud800"', '"\\n"', '{"\\ud800": "a"}', '{"a": "\\ud800"}', '{"": ""}'),
    *(f'"{"a" * 5000}"', f'{{"{"a" * 300}": "b"}}', '["a"]', '{"a": {"b": {}}}', '"live"', "9223372036854775808"),
    "[" * 900 + "]" * 900,
]


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One request of the corpus; `method` and `url` with all that is not tried out as it should be."""

    method: str
    url: str
    headers: Mapping[bytes, bytes] = field(default_factory=dict)
    content: bytes | None = None

    def __str__(self) -> str:
        about = [
            f"{self.method} {self.url[:120]}",
            *(f"{name!r}: {value[:80]!r}" for name, value in self.headers.items()),
        ]
        return " ".join([*about, "" if self.content is None else repr(self.content[:120])])


def attempts(document: Json, method: str, path: str, sound: Mapping[str, str]) -> Iterator[Attempt]:
    """All for one operation of an OpenAPI document. `sound` are values of the parameters of paths."""
    operation = document["paths"][path][method]
    parameters = operation.get("parameters", ())
    url, verb = _filled(path, sound), method.upper()
    for one in parameters:
        yield from _of_parameter(verb, path, one, sound)
    content = operation.get("requestBody", {}).get("content", {})
    if content or verb != "GET":
        yield from _of_body(verb, url)
    for schema in (kind["schema"] for media, kind in content.items() if media == "application/json"):
        yield from _of_members(verb, url, _resolved(document, schema))
    yield Attempt(method=verb, url=f"{url}?unknown=1&unknown=%FF&=&%00", content=b"{}" if content else None)


def _of_parameter(method: str, path: str, parameter: Json, sound: Mapping[str, str]) -> Iterator[Attempt]:
    name, body = parameter["name"], None if method in ("GET", "DELETE") else b"{}"
    if parameter["in"] == "path":
        for segment in SEGMENTS:
            yield Attempt(method=method, url=_filled(path, {**sound, name: segment}), content=body)
    elif parameter["in"] == "query":
        for value in VALUES:
            yield Attempt(method=method, url=f"{_filled(path, sound)}?{quote(name)}={value}", content=body)
    else:
        for header in HEADER_VALUES:
            yield Attempt(method=method, url=_filled(path, sound), headers={name.encode(): header}, content=body)


def _of_body(method: str, url: str) -> Iterator[Attempt]:
    for media in MEDIA_TYPES:
        for body in BODIES if media in READ_MEDIA_TYPES else BODIES[::9]:
            yield Attempt(method=method, url=url, headers={b"Content-Type": media.encode("latin-1")}, content=body)
    for coding in CODINGS:
        yield Attempt(method=method, url=url, headers={b"Content-Encoding": coding.encode("latin-1")}, content=b"{}")


def _of_members(method: str, url: str, schema: Json) -> Iterator[Attempt]:
    """Each member wrong in every way, beside members that are sound, so that it is what is looked at."""
    sound = {name: json.dumps(_sound(member)) for name, member in schema.get("properties", {}).items()}
    for name in [*sound, "unknown", "\\ud800"]:
        for text in MEMBERS:
            members = {**sound, name: text}
            document = "{" + ", ".join(f'"{key}": {value}' for key, value in members.items()) + "}"
            headers = {b"Content-Type": b"application/json"}
            yield Attempt(method=method, url=url, headers=headers, content=document.encode())


def _sound(schema: Json) -> Json:
    kinds = {one.get("type") for one in (schema, *schema.get("anyOf", ()))}
    if "default" in schema:
        return schema["default"]
    return 1 if kinds & {"integer", "number"} else "live" if "string" in kinds else {} if "object" in kinds else []


def _resolved(document: Json, schema: Json) -> Json:
    for one in (schema, *schema.get("anyOf", ())):
        if "$ref" in one:
            return document["components"]["schemas"][one["$ref"].rsplit("/", 1)[-1]]
    return schema


def _filled(path: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", value if "%" in value else quote(value, safe=""))
    return path
