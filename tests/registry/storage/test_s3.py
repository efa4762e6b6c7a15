"""What only a remote store does: conditional puts, and faults on the way."""

from typing import Any

import fsspec

from registry.storage.blobs import Blobs
from tests.registry.s3 import App, s3_endpoint, s3_settings


class Seen:
    """Stands before the endpoint: notes requests, and answers every third with a fault that is worth another try."""

    def __init__(self, *, faulty: bool) -> None:
        self.requests: list[tuple[str, str, str | None]] = []  # method, path, If-None-Match
        self.faults = 0
        self._faulty = faulty

    def before(self, app: App) -> App:
        def answer(environ: dict[str, Any], start_response: Any) -> Any:
            self.requests.append((environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("HTTP_IF_NONE_MATCH")))
            if not self._faulty or len(self.requests) % 3:
                return app(environ, start_response)
            self.faults += 1
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))  # aiohttp waits to be told to send it
            start_response("503 Slow Down", [("Content-Type", "application/xml")])
            return [b"<Error><Code>SlowDown</Code><Message>later</Message></Error>"]

        return answer


def test_a_record_is_created_by_a_conditional_put() -> None:
    seen = Seen(faulty=False)
    with s3_endpoint(seen.before) as endpoint, s3_settings(endpoint):
        fsspec.filesystem("s3").mkdir("creating")
        store = Blobs("s3://creating/x").store
        assert store.create("records/a", b"first")
        assert not store.create("records/a", b"second")
        assert store.create("records/a", b"first")  # as after a retry of a request whose answer was lost
        assert store.read("records/a") == b"first"
        store.write("other", b"")
    puts = [(path, condition) for method, path, condition in seen.requests if method == "PUT" and "/x/" in path]
    assert puts == [("/creating/x/records/a", "*")] * 3 + [("/creating/x/other", None)]


def test_transient_faults_are_tried_again() -> None:
    seen = Seen(faulty=True)
    with s3_endpoint(seen.before) as endpoint, s3_settings(endpoint):
        fsspec.filesystem("s3").mkdir("faulty")
        blobs = Blobs("s3://faulty/x")
        digest = blobs.put(b"content")
        assert blobs.read(digest) == b"content"
        assert list(blobs.digests()) == [digest]
    assert seen.faults >= 2


def test_files_of_many_parts_come_back_whole(blobs: Blobs) -> None:
    content = b"0123456789abcdef" * (1 << 20) + b"rest"  # 16 MB: several requests to read it
    assert blobs.read(blobs.put(content)) == content
