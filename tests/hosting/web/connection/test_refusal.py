import json

from hosting.web.connection import refusal


def test_a_refusal_is_a_whole_answer_with_a_problem_document() -> None:
    raw = refusal.full(7).encoded([(b"date", b"today")])
    head, _, body = raw.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ") for line in lines)
    assert status == "HTTP/1.1 503 Service Unavailable"
    assert headers == {
        "date": "today",
        "content-type": "application/problem+json",
        "content-length": str(len(body)),
        "connection": "close",
        "retry-after": "1",
    }
    assert json.loads(body)["detail"] == json.loads(body)["error"] == "the service has 7 connections open"


def test_under_v2_it_is_plain_json() -> None:
    """The one media type whose text clients of the Open Inference Protocol show."""
    for path, media_type in (("/v2/models/signs/infer", "json"), ("/v2", "json"), ("/v20", "problem+json")):
        raw = refusal.url_too_long(7).encoded([], path=path)
        assert f"content-type: application/{media_type}\r\n".encode() in raw
