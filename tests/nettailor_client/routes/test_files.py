"""What a real service does not show: tests/registry/http and tests/cli ask one through the same client."""

import asyncio
import hashlib
from pathlib import Path

import httpx
import pytest

from nettailor_client import IMPATIENT, Patience
from nettailor_client.errors import AnswerCorrupt, AnswerUnusable, NotFound, ServiceUnreachable
from tests.nettailor_client.mocked import Answering, mocked, mocked_loop, noted_pauses

_DIGEST = f"sha256:{hashlib.sha256(b'promised').hexdigest()}"
_EXPORTED = {"X-Task-Version": "3", "X-Top1-Agreement": "0.98"}


def _answering(content: bytes) -> Answering:
    return lambda request: httpx.Response(200, content=content, headers={"ETag": f'"{_DIGEST}"'})


def test_bytes_that_changed_on_the_way_are_not_handed_out() -> None:
    with mocked(_answering(b"promised")) as client:
        assert client.bundle("signs", 1) == client.attachment("signs", 1, "front/k07.safetensors") == b"promised"
    with mocked(_answering(b"changed")) as client:
        with pytest.raises(AnswerCorrupt, match=_DIGEST):
            client.bundle("signs", 1)
        with pytest.raises(AnswerCorrupt, match=_DIGEST):
            client.attachment("signs", 1, "report.html")


def test_an_export_is_written_when_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    noted_pauses(monkeypatch)

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        if len(asked) % 2:
            return httpx.Response(429)
        return httpx.Response(200, content=b"network", headers=_EXPORTED)

    with mocked(answer) as client:
        made = client.export("signs", 3, tmp_path / "signs.onnx", format="onnx")
    assert (made.version, made.top1_agreement) == (3, 0.98)
    assert asked == 2 * ["http://service/tasks/signs/versions/3/export?format=onnx&dtype=fp32"]

    async def again() -> None:
        async with mocked_loop(answer, Patience()) as client:
            await client.export("signs", 3, str(tmp_path / "again.onnx"), format="onnx", dtype="fp16")

    asyncio.run(again())
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "signs.onnx": b"network",
        "again.onnx": b"network",
    }


def test_nothing_is_left_of_an_export_that_broke_off(tmp_path: Path) -> None:
    class Broken(httpx.SyncByteStream):
        def __iter__(self):  # type: ignore[no-untyped-def]  # an iterator of bytes
            yield b"half"
            raise httpx.ReadError("reset")

    for answer, error in (
        (httpx.Response(200, stream=Broken(), headers=_EXPORTED), ServiceUnreachable),
        (httpx.Response(404), NotFound),
        (httpx.Response(200, content=b"a page of a proxy"), AnswerUnusable),
    ):
        with mocked(lambda request, answer=answer: answer, patience=IMPATIENT) as client, pytest.raises(error):  # type: ignore[misc]  # a default
            client.export("signs", 3, tmp_path / "signs.onnx", format="onnx")
    assert list(tmp_path.iterdir()) == []
