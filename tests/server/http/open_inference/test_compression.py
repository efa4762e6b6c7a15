import gzip
import zlib

import pytest

from server.http.open_inference.compression import coding_for, packed


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("", None),
        ("gzip", "gzip"),
        ("deflate", "deflate"),
        ("GZIP, deflate", "gzip"),
        ("br, deflate;q=0.5", "deflate"),
        ("gzip;q=0, deflate", "deflate"),
        ("gzip; q=0.0", None),
        ("identity", None),
        ("br", None),
    ],
)
def test_answers_are_packed_as_the_client_accepts_it(accepted: str, coding: str | None) -> None:
    assert coding_for(accepted, 1000) == coding
    assert coding_for(accepted, 100) is None


def test_deflate_is_in_zlib_s_frame() -> None:
    assert zlib.decompress(packed(b"abc" * 100, "deflate")) == b"abc" * 100
    assert gzip.decompress(packed(b"abc" * 100, "gzip")) == b"abc" * 100
