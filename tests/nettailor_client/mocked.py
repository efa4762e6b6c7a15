"""Clients of a service that is a function: for what a real one does not do when it is asked to."""

from collections.abc import Callable

import httpx
import pytest

from nettailor_client import AsyncClient, Client, Patience
from nettailor_client.transport import BlockingTransport, LoopTransport

Answering = Callable[[httpx.Request], httpx.Response]

URL = "http://service"


def mocked(answer: Answering, **options: object) -> Client:
    return Client(URL, http=httpx.Client(transport=httpx.MockTransport(answer)), **options)  # type: ignore[arg-type]  # as the client's


def mocked_loop(answer: Answering, patience: Patience) -> AsyncClient:
    return AsyncClient(URL, http=httpx.AsyncClient(transport=httpx.MockTransport(answer)), patience=patience)


def noted_pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses are noted instead of waited for."""
    noted: list[float] = []

    async def pause(_: object, seconds: float) -> None:
        noted.append(seconds)

    for transport in (BlockingTransport, LoopTransport):
        monkeypatch.setattr(transport, "pause", pause)
    return noted
