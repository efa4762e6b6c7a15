"""What makes one description of a request a method of both clients: it returns its result to the blocking one, and
something to await to the other."""

from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, overload

from nettailor_client.request import Request
from nettailor_client.session import Session

P = ParamSpec("P")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Work(Protocol[T_co]):
    """What takes more than one request."""

    async def done(self, session: Session) -> T_co: ...


class Source(Protocol[T_co]):
    """What comes piece by piece."""

    def pieces(self, session: Session) -> AsyncGenerator[T_co, None]: ...


class Blocking:
    """A client whose methods return when it is done."""

    _session: Session


class Awaiting:
    """A client whose methods are awaited."""

    _session: Session


class Operation(Generic[P, T]):
    """Decorates a method that describes what is asked."""

    def __init__(self, describe: Callable[Concatenate[Any, P], Request[T] | Work[T]]) -> None:
        self._describe = describe
        self.__doc__ = describe.__doc__

    @overload
    def __get__(self, client: None, owner: type) -> "Operation[P, T]": ...
    @overload
    def __get__(self, client: Blocking, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: Awaiting, owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, client: Blocking | Awaiting | None, owner: type) -> Any:
        if client is None:
            return self
        session, describe = client._session, self._describe

        async def ask(*args: P.args, **kwargs: P.kwargs) -> T:
            asked = describe(client, *args, **kwargs)
            return await (session.ask(asked) if isinstance(asked, Request) else asked.done(session))

        if isinstance(client, Awaiting):
            return wraps(describe)(ask)
        return wraps(describe)(lambda *args, **kwargs: run(ask(*args, **kwargs)))


class Stream(Generic[P, T]):
    """Decorates a method that describes what comes piece by piece."""

    def __init__(self, describe: Callable[Concatenate[Any, P], Source[T]]) -> None:
        self._describe = describe
        self.__doc__ = describe.__doc__

    @overload
    def __get__(self, client: None, owner: type) -> "Stream[P, T]": ...
    @overload
    def __get__(self, client: Blocking, owner: type) -> Callable[P, Generator[T, None, None]]: ...
    @overload
    def __get__(self, client: Awaiting, owner: type) -> Callable[P, AsyncGenerator[T, None]]: ...
    def __get__(self, client: Blocking | Awaiting | None, owner: type) -> Any:
        if client is None:
            return self
        session, describe = client._session, self._describe

        def pieces(*args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[T, None]:
            return describe(client, *args, **kwargs).pieces(session)

        if isinstance(client, Awaiting):
            return wraps(describe)(pieces)
        return wraps(describe)(lambda *args, **kwargs: iterated(pieces(*args, **kwargs)))


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never suspends, since all it awaits is a blocking transport."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("a blocking transport suspended")


def iterated(pieces: AsyncGenerator[T, None]) -> Generator[T, None, None]:
    """The same of an asynchronous generator. What it holds open is closed with this one."""
    try:
        while True:
            try:
                piece = run(pieces.__anext__())
            except StopAsyncIteration:
                return
            yield piece
    finally:
        run(pieces.aclose())
