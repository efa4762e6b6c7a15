import asyncio

import httpx
import pytest

from nettailor_client import IMPATIENT
from nettailor_client.errors import Conflict
from tests.nettailor_client.mocked import mocked, mocked_loop

_OURS = {
    "name": "ours",
    "architecture": "resnet18",
    "fingerprint": "f" * 64,
    "digest": "d" * 64,
    "size_bytes": 7,
    "added_at": "2026-11-29T08:00:00Z",
    "actor": "ann",
    "note": "of the lab",
}


def _answer(request: httpx.Request) -> httpx.Response:
    if request.method == "DELETE":
        return httpx.Response(409, json={"title": "backbone in use", "detail": "needed by signs v1", "status": 409})
    if request.method == "GET":
        return httpx.Response(200, json=[_OURS])
    assert (request.url.path, request.url.params["note"]) == ("/backbones/ours", "of the lab")
    assert request.read() == b"weights"
    return httpx.Response(200, json=_OURS)


def test_added_and_listed_and_one_in_use_is_not_removed() -> None:
    with mocked(_answer) as client:
        added = client.add_backbone("ours", b"weights", note="of the lab")
        assert (added.name, added.architecture, added.note) == ("ours", "resnet18", "of the lab")
        assert client.backbones() == [added]
        with pytest.raises(Conflict, match="needed by signs v1"):
            client.remove_backbone("ours")


def test_the_same_within_an_event_loop() -> None:
    async def ask() -> None:
        async with mocked_loop(_answer, IMPATIENT) as client:
            added = await client.add_backbone("ours", b"weights", note="of the lab")
            assert await client.backbones() == [added]
            with pytest.raises(Conflict, match="needed by signs v1"):
                await client.remove_backbone("ours")

    asyncio.run(ask())
