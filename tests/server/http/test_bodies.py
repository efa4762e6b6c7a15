import pytest

from server.errors import BodyUnsupported, RequestMalformed
from server.http.bodies import Body, split


def parts(content_type: str, body: bytes) -> list[bytes]:
    return split(Body(content_type=content_type, data=body), max_images=2)


def multipart(*fields: tuple[str, str, bytes], boundary: str = "xx") -> bytes:
    lines = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + data + b"\r\n"
        for name, file, data in fields
    ]
    return b"".join(lines) + f"--{boundary}--\r\n".encode()


FILE = '; filename="a.png"'


def test_raw() -> None:
    assert parts("image/webp", b"data") == [b"data"]
    assert parts("", b"data") == [b"data"]
    assert parts("application/octet-stream", b"data") == [b"data"]


def test_multipart_takes_images_in_order_and_nothing_else() -> None:
    body = multipart(
        ("image", FILE, b"\x00\r\n--x\xff"), ("note", "", b"text"), ("other", FILE, b"no"), ("images", FILE, b"2")
    )
    assert parts('Multipart/Form-Data; boundary="xx"', body) == [b"\x00\r\n--x\xff", b"2"]


@pytest.mark.parametrize(
    ("content_type", "body", "where"),
    [
        ("image/png", b"", "body"),
        ("multipart/form-data", b"", "content-type"),
        ("multipart/form-data; boundary=xx", b"nonsense", "body"),
        ("multipart/form-data; boundary=xx", multipart(("image", "", b"a field, not a file")), "body"),
        ("multipart/form-data; boundary=xx", multipart(*[("image", FILE, b"1")] * 3), "body"),
        ("application/json", b"{", "body"),
        ("application/json", b'{"images": []}', "body.images"),
        ("application/json", b'{"images": ["AA=="], "more": 1}', "body.more"),
        ("application/json; charset=utf-8", b'{"images": ["AA==", "data:,#"]}', "body.images.1"),
    ],
)
def test_malformed(content_type: str, body: bytes, where: str) -> None:
    with pytest.raises(RequestMalformed) as refused:
        parts(content_type, body)
    assert refused.value.where == where


def test_unsupported() -> None:
    with pytest.raises(BodyUnsupported):
        parts("text/html", b"x")
