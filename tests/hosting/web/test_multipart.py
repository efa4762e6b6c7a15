"""Forms are read as they come, and given up as soon as they have too many parts."""

import base64
from io import BytesIO

import pytest

from hosting.errors import FormInvalid
from hosting.web.multipart import FormReader

HEADER = "multipart/form-data; boundary=xx"


def part(name: str, data: bytes, more: str = "") -> bytes:
    return f'--xx\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + data + b"\r\n"


END = b"--xx--\r\n"


def read(data: bytes, *, step: int, most_parts: int = 9) -> dict[str, bytes]:
    """The parts that are not called `unwanted`."""
    found: dict[str, BytesIO] = {}

    def sink_of(name: str) -> BytesIO | None:
        return None if name == "unwanted" else found.setdefault(name, BytesIO())

    form = FormReader(HEADER, sink_of, most_parts=most_parts)
    for at in range(0, len(data), step):
        form.write(data[at : at + step])
    form.finish()
    return {name: sink.getvalue() for name, sink in found.items()}


@pytest.mark.parametrize("step", [1, 7, 1_000])
def test_parts_go_where_their_names_lead(step: int) -> None:
    body = [
        part("a", b"\r\n--x\0\xff", '; filename="a.png"'),
        part("unwanted", b"some"),
        part("b", b"dHdv", "\r\nContent-Transfer-Encoding: Base64"),
        part("c", b"=41", "\r\nContent-Transfer-Encoding: quoted-printable"),
        part("ü", b""),
        END,
    ]
    assert read(b"".join(body), step=step) == {"a": b"\r\n--x\0\xff", "b": b"two", "c": b"A", "ü": b""}


@pytest.mark.parametrize("step", [1, 7, 1_000])
def test_encoded_parts_may_be_broken_into_lines(step: int) -> None:
    data = bytes(range(200))
    body = [
        part("a", base64.encodebytes(data).replace(b"\n", b"\r\n"), "\r\nContent-Transfer-Encoding: base64"),
        part("b", base64.encodebytes(data), "\r\nContent-Transfer-Encoding: base64"),
        part("c", b"on=\r\ne", "\r\nContent-Transfer-Encoding: quoted-printable"),
        END,
    ]
    assert read(b"".join(body), step=step) == {"a": data, "b": data, "c": b"one"}


def test_a_form_is_given_up_at_its_first_part_too_many() -> None:
    form = FormReader(HEADER, lambda _: None, most_parts=2)
    form.write(part("a", b"") * 2)
    with pytest.raises(FormInvalid, match="more than 2 parts"):
        form.write(b"--xx\r\n")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        part("a", b"cut"),
        part("a", b"x", "\r\nContent-Transfer-Encoding: gzip") + END,
        part("a", b"x", "\r\nContent-Transfer-Encoding: base64") + END,
        part("a", b"x", "\r\nX: y" * 20) + END,
        part("a" * 10_000, b"x") + END,
    ],
)
def test_what_is_no_form(body: bytes) -> None:
    with pytest.raises(FormInvalid):
        read(body, step=1_000)


@pytest.mark.parametrize("header", ["multipart/form-data", f"{HEADER}{'x' * 300}", "multipart/form-data; boundary="])
def test_boundaries_that_are_none(header: str) -> None:
    with pytest.raises(FormInvalid):
        FormReader(header, lambda _: None, most_parts=1)
