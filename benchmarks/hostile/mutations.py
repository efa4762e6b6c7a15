"""What is done to an ordinary request: one or two of these each, by chance. None is made for a weakness of any library:
bytes are flipped, cut, repeated; values are of the wrong type, size or spelling."""

import gzip
import json
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from benchmarks.hostile.attack import Attack

Mutation = Callable[[Attack, random.Random], Attack]

_DEPTH = 2000
_ODD_TEXTS = (
    *(
        "",
        " ",
        "..",
        ".",
        "%2e%2e",
        "%00",
        "%0a",
        "%0d%0aX-Forged:%201",
        "%ff",
        "%ed%a0%80",
        "%",
        "%2f",
        "\u0661",
        "%D9%A1",
    ),
    *(
        "a" * 300,
        "a" * 9000,
        "-1",
        "0",
        "1.5",
        "1e400",
        "9" * 30,
        "1;2",
        "null",
        "[/x]",
        "%5Bf%5D",
        "${x}",
        "@live",
        "x@2",
    ),
)
_ODD_VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 2**31, 2**63, 2**70, 1e300, "", "x" * 70_000, "\ud800", "\0", "\u202e", "a\nb", [], {}, [[]]),
    *({"a": {"b": {"c": []}}}, ["x"] * 1000, {str(n): n for n in range(1000)}),
)
_ODD_HEADERS = (
    *((b"X-Request-ID", b"r" * 5000), (b"X-Request-ID", b"\xff\xfe"), (b"Traceparent", b"00-zz-zz-01")),
    *(
        (b"Authorization", b"Bearer ntk_nobody"),
        (b"Authorization", b"\xff"),
        (b"X-Actor", b"\xff\n"[:1]),
        (b"X-Actor", b"a" * 400),
    ),
    *((b"Accept", b"*/*;q=x"), (b"Last-Event-ID", b"9" * 40), (b"Last-Event-ID", b"x-y"), (b"Range", b"bytes=5-1")),
    *((b"Expect", b"100-continue"), (b"Expect", b"nothing"), (b"Connection", b"close"), (b"Connection", b"upgrade")),
    *(
        (b"Upgrade", b"websocket"),
        (b"If-None-Match", b"\x80"),
        (b"Cookie", b"=;" * 200),
        (b"Idempotency-Key", b"k" * 300),
    ),
    *((b"Host", b"elsewhere.example"), (b"Origin", b"http://elsewhere.example"), (b"Sec-Fetch-Site", b"cross-site")),
    *(
        (b"Content-Encoding", b"br"),
        (b"Content-Encoding", b"gzip"),
        (b"X-Long", b"v" * 40_000),
        (b"Content-Length", b"x"),
    ),
)
_MEDIA_TYPES = (
    *(b"", b"text/plain", b"application/json", b"multipart/form-data", b"multipart/form-data; boundary=" + b"b" * 300),
    *(
        b"multipart/form-data; boundary=\xc3\xa9",
        b"image/png; charset=utf-16",
        b"application/x-www-form-urlencoded",
        b";;;",
    ),
)
_METHODS = (b"HEAD", b"OPTIONS", b"PUT", b"PATCH", b"DELETE", b"POST", b"GET", b"TRACE", b"get", b"BREW")


def mutated(attack: Attack, dice: random.Random) -> Attack:
    for _ in range(dice.choice((1, 1, 2))):
        attack = dice.choice(_MUTATIONS)(attack, dice)
    return attack


def _named(attack: Attack, kind: str, **changes: Any) -> Attack:
    kind = kind if attack.kind == "ordinary" else f"{attack.kind}, {kind}"
    return replace(attack, kind=kind, **changes)


def _path(attack: Attack, dice: random.Random) -> Attack:
    path, mark, query = attack.target.partition(b"?")
    parts = path.split(b"/")
    parts[dice.randrange(1, len(parts))] = dice.choice(_ODD_TEXTS).encode()
    return _named(attack, "path", target=b"/".join(parts) + mark + query)


def _query(attack: Attack, dice: random.Random) -> Attack:
    name = dice.choice(
        (b"top_k", b"limit", b"before", b"tail", b"seed", b"gamma1", b"timeout_ms", b"tag", b"unknown", b"tasks")
    )
    mark = b"&" if b"?" in attack.target else b"?"
    return _named(attack, "query", target=attack.target + mark + name + b"=" + dice.choice(_ODD_TEXTS).encode())


def _target_bytes(attack: Attack, dice: random.Random) -> Attack:
    letters = bytes(
        dice.choice((0x21, 0x25, 0x2F, 0x41, 0x7E, 0xC3, 0xFF)) for _ in range(dice.choice((3, 30, 20_000)))
    )
    return _named(attack, "target of odd bytes", target=b"/" + letters)


def _method(attack: Attack, dice: random.Random) -> Attack:
    return _named(attack, "method", method=dice.choice(_METHODS))


def _version(attack: Attack, dice: random.Random) -> Attack:
    return _named(attack, "HTTP version", version=dice.choice((b"HTTP/1.0", b"HTTP/1.0", b"HTTP/2.0", b"HTTP/9", b"")))


def _header(attack: Attack, dice: random.Random) -> Attack:
    return _named(attack, "header", headers=[*attack.headers, dice.choice(_ODD_HEADERS)])


def _many_headers(attack: Attack, dice: random.Random) -> Attack:
    more = [(b"X-%d" % number, b"v") for number in range(dice.choice((90, 1000)))]
    return _named(attack, "many headers", headers=[*attack.headers, *more])


def _media_type(attack: Attack, dice: random.Random) -> Attack:
    kept = [header for header in attack.headers if header[0] != b"Content-Type"]
    return _named(attack, "media type", headers=[*kept, (b"Content-Type", dice.choice(_MEDIA_TYPES))])


def _length(attack: Attack, dice: random.Random) -> Attack:
    told = dice.choice((None, 0, len(attack.body) + 5, max(0, len(attack.body) - 5), 10**12, 10**25))
    return _named(attack, "length told wrong", length=told)


def _with_body(attack: Attack, kind: str, body: bytes) -> Attack:
    return _named(attack, kind, body=body, length=len(body))


def _flipped(attack: Attack, dice: random.Random) -> Attack:
    body = bytearray(attack.body)
    for _ in range(dice.choice((1, 4, 64)) if body else 0):
        body[dice.randrange(len(body))] = dice.randrange(256)
    return _with_body(attack, "bytes changed", bytes(body))


def _cut(attack: Attack, dice: random.Random) -> Attack:
    return _with_body(attack, "cut", attack.body[: dice.randrange(len(attack.body) + 1)])


def _repeated(attack: Attack, dice: random.Random) -> Attack:
    return _with_body(attack, "repeated", attack.body * dice.choice((2, 20)))


def _gzipped(attack: Attack, dice: random.Random) -> Attack:
    attack = replace(attack, headers=[*attack.headers, (b"Content-Encoding", b"gzip")])
    return _with_body(attack, "gzip", gzip.compress(attack.body, mtime=0))


def _chunked(attack: Attack, dice: random.Random) -> Attack:
    size = dice.choice((b"%x" % len(attack.body), b"zz", b"-1", b"f" * 20))
    headers = [*attack.headers, (b"Transfer-Encoding", b"chunked")]
    return _named(attack, "chunked", headers=headers, body=size + b"\r\n" + attack.body + b"\r\n0\r\n\r\n", length=None)


def _noise(attack: Attack, dice: random.Random) -> Attack:
    return _with_body(attack, "noise", dice.randbytes(dice.choice((0, 1, 100, 100_000))))


def _deep(attack: Attack, dice: random.Random) -> Attack:
    opening, closing = dice.choice(((b"[", b"]"), (b'{"a":', b"}")))
    depth = dice.choice((20, _DEPTH))
    return _with_body(_json_type(attack), "deep JSON", opening * depth + b"1" + closing * depth)


def _document(attack: Attack, dice: random.Random) -> Attack:
    """A JSON body with one or more members of other values, or with more of them."""
    try:
        document = json.loads(attack.body)
    except (ValueError, RecursionError):  # no JSON, or the deep one of an earlier change
        document = {}
    if not isinstance(document, dict) or dice.random() < 0.1:
        document = dice.choice(_ODD_VALUES)
    else:
        names = [*document, "unknown", "labels", "version", "reason", "tags", "min_accuracy"]
        document |= {dice.choice(names): dice.choice(_ODD_VALUES) for _ in range(dice.randint(1, 3))}
    text = json.dumps(document)
    if dice.random() < 0.1:
        text = text.replace("1", dice.choice(("NaN", "Infinity", "1e400", "1" + "0" * 400)))
    return _with_body(_json_type(attack), "JSON", text.encode())


def _json_type(attack: Attack) -> Attack:
    kept = [header for header in attack.headers if header[0] != b"Content-Type"]
    return replace(attack, headers=[*kept, (b"Content-Type", b"application/json")])


def _manifest(attack: Attack, dice: random.Random) -> Attack:
    """A bundle whose manifest says something else: a digit, a letter or a name in its header is another one."""
    body = bytearray(attack.body)
    for _ in range(dice.randint(1, 3) if len(body) > 8 else 0):
        body[dice.randrange(8, min(len(body), 2000))] = dice.choice(b'0919aZ"{}[],:\\u')
    return _with_body(attack, "beginning changed", bytes(body))


def _part_names(attack: Attack, dice: random.Random) -> Attack:
    odd = dice.choice((b'name="x"', b"name=", b'name="image"; name="file"', b'name="\xff"', b'name="group_by"'))
    body = attack.body.replace(b'name="image"', odd).replace(b'name="file"', odd).replace(b'; filename="f"', b"")
    return _with_body(attack, "part names", body)


_MUTATIONS: tuple[Mutation, ...] = (
    *(_path, _path, _query, _query, _target_bytes, _method, _version, _header, _header, _many_headers, _media_type),
    *(_length, _flipped, _flipped, _cut, _repeated, _gzipped, _chunked, _noise, _deep, _document, _document, _document),
    *(_manifest, _part_names),
)
