"""The two clients. They have the same methods, described once in `nettailor_client.routes`."""

from types import TracebackType

import httpx
from typing_extensions import Self

from nettailor_client.operation import Awaiting, Blocking, run
from nettailor_client.patience import Patience
from nettailor_client.routes.routes import Routes
from nettailor_client.session import session
from nettailor_client.transport import BlockingTransport, LoopTransport

_PATIENCE = Patience()


class Client(Routes, Blocking):
    """Everything that can be asked of a service. Close it, or use it as a context manager.

    `key` is the secret of a key, for a service that asks for one; the actor in the history is then the key's name.
    Without keys it is `actor`. `patience` says for how long what fails for the moment is tried again. `http` replaces
    the `httpx.Client` that sends, to go through a proxy or to trust another authority; by default nothing is taken
    from the environment.

    Methods raise what is in `nettailor_client.errors`.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        actor: str | None = None,
        patience: Patience = _PATIENCE,
        http: httpx.Client | None = None,
    ) -> None:
        transport = BlockingTransport(http or httpx.Client(trust_env=False))
        self._session = session(url, transport, key=key, actor=actor, patience=patience)
        self.url = self._session.url
        self.key = key

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        run(self._session.transport.close())


class AsyncClient(Routes, Awaiting):
    """As `Client`, within an event loop of asyncio: methods are awaited, what comes piece by piece is iterated over by
    `async for`. `http` is an `httpx.AsyncClient`."""

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        actor: str | None = None,
        patience: Patience = _PATIENCE,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        transport = LoopTransport(http or httpx.AsyncClient(trust_env=False))
        self._session = session(url, transport, key=key, actor=actor, patience=patience)
        self.url = self._session.url
        self.key = key

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._session.transport.close()
