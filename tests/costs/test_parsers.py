"""Every parser of ours takes about twice as long for twice the input, whatever the input is.

An input of a stranger is at most as long as its limit; a parser whose time grows with the square of it, or with the
product of two things that the input claims, makes that limit worthless.
"""

import io
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from hosting.access.route_table import Route, RouteTable
from hosting.errors import FormInvalid
from hosting.settings.settings_file import suggestion
from hosting.telemetry.redaction import without_secrets
from hosting.web.multipart import FormReader
from nettailor.bundle.safetensors_file import parse, strict_json
from nettailor.errors import BundleInvalid, ImageInvalid
from nettailor.images.mending import jpeg, png
from nettailor.images.tiff.directory import directories
from nettailor.images.tiff.rewrite import rewritten
from nettailor.normal_form import nfc
from nettailor.printable import printable
from nettailor_client.sse import EventParser
from server.errors import RequestMalformed
from server.http.bodies import Body, split
from tests.costs import inputs
from tests.costs.growth import Work, growth, is_linear
from trainer.errors import TrainerError
from trainer.intake.archives.paths import Parts
from trainer.intake.archives.tar import members
from trainer.intake.layouts.documents.xml import read_xml
from trainer.intake.layouts.image_finder import ImageFinder
from trainer.intake.layouts.tables.delimited import read_delimited
from trainer.intake.layouts.tables.grid import Grid
from trainer.intake.layouts.tables.joins import add_columns
from trainer.intake.layouts.tables.json_rows import read_json
from trainer.intake.layouts.tables.roles import find_roles
from trainer.intake.upload import DocumentUnreadable
from trainer.pattern import Pattern

Make = Callable[[int], Work]
Parse = Callable[[Any], object]

_REFUSALS = (ValueError, BundleInvalid, DocumentUnreadable, FormInvalid, ImageInvalid, RequestMalformed, TrainerError)


def of(parse: Parse, build: Callable[[int], Any]) -> Make:
    """The work of parsing what is built in a size. To refuse it is an answer, too."""

    def make(size: int) -> Work:
        data = build(size)

        def work() -> object:
            try:
                return parse(data)
            except _REFUSALS as refusal:
                return refusal

        return work

    return make


def _texts(parse: Parse, *units: str) -> Mapping[str, Make]:
    def one(unit: str) -> Make:
        return of(parse, lambda size: inputs.repeated(unit, size))

    return {repr(unit): one(unit) for unit in units}


def _events(lines: list[str]) -> object:
    parser = EventParser()
    return [event for line in lines for event in parser.take(line)]


def _members(data: bytes) -> object:
    return [member.name for member in members(io.BytesIO(data))]


def _tiff(data: bytes) -> bytes:
    return rewritten(directories(data)[0], {})


def _xml(data: bytes) -> object:
    return list(read_xml(inputs.document("a.xml", data), "a"))


_FINDER = ImageFinder([(f"{number}.png",) for number in range(20)])
_MOST_ROWS = 1_000_000


def _csv(data: bytes) -> object:
    grid = read_delimited(inputs.document("a.csv", data), _FINDER, _MOST_ROWS)
    return find_roles(grid, _FINDER)


def _json_table(data: bytes) -> object:
    return read_json(inputs.document("a.json", data), _MOST_ROWS)


def _joined(data: bytes) -> object:
    """Two tables of the same columns, but for the images that one of them names."""
    tables = (("a.csv", data), ("b.csv", data.replace(b"file,", b"note,").replace(b".png", b".txt")))
    grids: dict[Parts, Grid] = {
        (name,): read_delimited(inputs.document(name, text), _FINDER, _MOST_ROWS) for name, text in tables
    }
    return add_columns(grids, _FINDER, set())


def _form(data: bytes) -> None:
    form = FormReader("multipart/form-data; boundary=xx", lambda _: None, most_parts=len(data))
    form.write(data)
    form.finish()


def _json_images(data: bytes) -> object:
    return split(Body(content_type="application/json", data=data), max_images=len(data))


_TABLE = RouteTable(
    [
        Route(method="GET", path="/tasks/{task}/{name:path}", scope="read"),
        Route(method="POST", path="/predict", scope="read", task_parameter="tasks"),
    ]
)


def _route(path: str) -> object:
    return _TABLE.find("GET", path).tasks


def _tasks(query: str) -> object:
    return _TABLE.find("POST", "/predict", query.encode()).tasks


_SECRETS = ("a", "a://", "a:", "a:b@", "token", "token=", "api_", "Bearer ", "ntk_", "x=://b:", "\n", " ", "\x1b[")

# By parser: the smaller size, which takes a millisecond or so, and what is built in that size.
CASES: Mapping[str, tuple[int, Mapping[str, Make]]] = {
    "redaction": (4_000, _texts(without_secrets, *_SECRETS)),
    "printable": (4_000, _texts(printable, *_SECRETS)),
    "normal form": (4_000, _texts(nfc, "\u0301\u0316", "a\u0301", "\u1100\u1161", "漢", "a")),
    "suggestions for settings": (2_000, _texts(lambda text: suggestion(text, ["max_body_bytes"]), "max_", "a")),
    "strict JSON": (
        4_000,
        {
            **_texts(strict_json, "[", '{"a":', "1", "0.1", '"', " "),
            "keys": of(strict_json, lambda size: "{" + ",".join(f'"{n}":1' for n in range(size)) + "}"),
            "equal keys": of(strict_json, lambda size: "{" + ",".join(['"a":1'] * size) + "}"),
        },
    ),
    "safetensors": (
        1_000,
        {
            "dimensions": of(parse, lambda size: inputs.safetensors(inputs.tensor([2**40] * size))),
            "ones": of(parse, lambda size: inputs.safetensors(inputs.tensor([1] * size))),
            "tensors": of(parse, lambda size: inputs.safetensors({f"{n}": {} for n in range(size)})),
            "depth": of(parse, lambda size: inputs.safetensors("x")[:8] + b"[" * size),
        },
    ),
    "tar": (200, {"pax records": of(_members, inputs.pax), "members": of(_members, inputs.members)}),
    "tables": (
        40,
        {
            "rows": of(_csv, lambda size: inputs.csv(10 * size, 5)),
            "columns": of(_csv, lambda size: inputs.csv(5, 10 * size)),
            "quotes": of(_csv, lambda size: b'file,label\n"' + b'""' * 100 * size),
            "joined rows": of(_joined, lambda size: inputs.csv(10 * size, 5)),
            "joined columns": of(_joined, lambda size: inputs.csv(5, 10 * size)),
            "JSON": of(_json_table, lambda size: b"[" + b",".join([b'{"file": "a", "label": "b"}'] * 10 * size) + b"]"),
            "depth": of(_json_table, lambda size: b"[" * 1_000 * size),
        },
    ),
    "XML": (
        1_000,
        {
            "elements": of(_xml, lambda size: b"<a>" + b"<b/>" * size + b"</a>"),
            "pieces of text": of(_xml, lambda size: b"<a><b>" + b"x<c/>" * size + b"</b></a>"),
            "attribute": of(_xml, lambda size: b"<a><b c='" + b"x" * 100 * size + b"'/></a>"),
            "depth": of(_xml, lambda size: b"<a>" * size),
        },
    ),
    "PNG": (
        100,
        {
            "chunks": of(png.without_extras, lambda size: inputs.png(size, b"tEXt", b"a\0b")),
            "pixels": of(png.without_extras, lambda size: inputs.png(size, b"IDAT", b"abc")),
            "profiles": of(png.without_extras, lambda size: inputs.png(size, b"iCCP", inputs.profile(2**16))),
        },
    ),
    "JPEG": (
        60,
        {
            "segments": of(jpeg.mended, lambda size: inputs.jpeg(size, 0xE0, b"abc")),
            "scans": of(jpeg.mended, lambda size: inputs.jpeg(size, 0xDA, inputs.scan(1))),
            "markers": of(jpeg.mended, lambda size: b"\xff\xd8" + b"\xff" * 1_000 * size),
            "restarts": of(jpeg.mended, lambda size: inputs.jpeg(1, 0xDA, inputs.scan(1)) + b"\xff\xd0" * 100 * size),
        },
    ),
    "TIFF": (4_000, {"values": of(_tiff, lambda size: inputs.tiff(size, 200))}),
    "forms": (
        100,
        {
            "parts": of(_form, inputs.form),
            "dashes": of(_form, lambda size: b"--xx\r\n\r\n" + b"\r\n--x" * 100 * size),
            "headers": of(_form, lambda size: b"--xx\r\n" + b"a: b\r\n" * size),
        },
    ),
    "images in JSON": (
        1_000,
        {
            "images": of(_json_images, lambda size: b'{"images": [' + b'"AA==",' * size + b'"AA=="]}'),
            "depth": of(_json_images, lambda size: b'{"images": ' + b"[" * size),
        },
    ),
    "routes": (2_000, _texts(_route, "/tasks/a/", "/", "%2F", "a")),
    "tasks in a query": (2_000, _texts(_tasks, "tasks=a&", "tasks=a,b,", ",", "%", "&")),
    "events": (200, {"lines of data": of(_events, lambda size: ["data: " + "1" * 100] * size)}),
    "patterns": (2_000, _texts(Pattern("(a|b|ab)*(a+)+$").search, "a", "ab", "c")),
}


@pytest.mark.parametrize(
    ("size", "make"),
    [
        pytest.param(size, make, id=f"{parser} {what}")
        for parser, (size, made) in CASES.items()
        for what, make in made.items()
    ],
)
def test_twice_the_input_is_about_twice_the_work(size: int, make: Make) -> None:
    assert is_linear(growth(make, size))


def test_what_is_not_linear_is_found() -> None:
    def make(size: int) -> Work:
        return lambda: [None for _ in range(size) for _ in range(size)]

    assert not is_linear(growth(make, 50))
