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
LONG = "body." + 195 * "m"  # a name is not told at any length


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
        ("multipart/form-data; boundary=xx", multipart(("note", "", b"no image")), "body"),
        ("multipart/form-data; boundary=xx", multipart(("image", FILE, b"cut"))[:-8], "body"),
        ("multipart/form-data; boundary=xx", multipart(*[("note", "", b"1")] * 35), "body"),
        ("multipart/form-data; boundary=" + "x" * 300, b"", "content-type"),
        ("multipart/form-data; boundary=\xfc", multipart(("image", FILE, b"1")), "body"),
        (
            "multipart/form-data; boundary=xx",
            multipart(("image", FILE + "\r\nContent-Transfer-Encoding: x", b"")),
            "body",
        ),
        ("multipart/form-data; boundary=xx", multipart(*[("image", FILE, b"1")] * 3), "body"),
        ("multipart/form-data; boundary=xx", multipart(("image", FILE, b"1"), ("top_k", "", b"1")), "body.top_k"),
        ("application/json", b"{", "body"),
        ("application/json", b'{"images": []}', "body.images"),
        ("application/json", b'{"images": ["AA=="], "more": 1}', "body.more"),
        ("application/json", b'{"images": ["AA=="], "images": ["AA=="]}', "body.images"),
        ("application/json", b'{"images": [], "images": ["AA=="]}', "body.images"),
        ("application/json", b'{"\\u0069mages": ["AA=="], "images": ["AA=="]}', "body.images"),
        ("application/json", b'{"images": ["AA=="], "' + b"m" * 999 + b'": 1}', LONG),
        ("application/json", b'{"images": [' + b'"",' * 40 + b'""]}', "body"),
        ("application/json", b"[" * 100, "body"),
        ("application/json; charset=utf-8", b'{"images": ["AA==", "data:,#"]}', "body.images.1"),
    ],
)
def test_malformed(content_type: str, body: bytes, where: str) -> None:
    with pytest.raises(RequestMalformed) as refused:
        parts(content_type, body)
    assert refused.value.where == where


def test_parts_without_a_file_name_are_images_too() -> None:
    body = multipart(("image", "", b"one"), ("image", FILE + "\r\nContent-Transfer-Encoding: base64", b"dHdv"))
    assert parts("multipart/form-data; boundary=xx", body) == [b"one", b"two"]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data; boundary=xx", multipart(*[("image", FILE, b"1")] * 3) + b"\0" * 1_000),
        ("application/json", b'{"images": [' + b'"",' * 40 + b"no JSON at all"),
    ],
)
def test_images_are_counted_before_all_is_read(content_type: str, body: bytes) -> None:
    with pytest.raises(RequestMalformed, match="more than 2 images"):
        parts(content_type, body)


def test_unsupported() -> None:
    with pytest.raises(BodyUnsupported):
        parts("text/html", b"x")
