"""What a job tells while it runs, followed to its end."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from nettailor_client.answers.jobs import Event, Job
from nettailor_client.errors import RequestRefused, ServiceUnreachable, StreamBroken
from nettailor_client.lines import lines_of, text_of
from nettailor_client.patience import Tries
from nettailor_client.request import (
    READ_S,
    Answer,
    Request,
    Waiting,
    path_of,
    query_of,
    read_as,
    read_nothing,
    silently,
)
from nettailor_client.session import Session, may_pass
from nettailor_client.sse import EventParser, ServerSentEvent


@dataclass(frozen=True, kw_only=True)
class JobEvents:
    """The stream is asked for anew, from where it broke off, until the job has ended."""

    job: str
    after: str | None = None
    waiting: Waiting = silently

    async def pieces(self, session: Session) -> AsyncGenerator[Event, None]:
        last, tries = self.after, Tries()
        while True:
            error = None
            try:
                async for event in self._broken_off(session, last):
                    last = event.id or last
                    tries.succeeded()
                    yield event  # no end at a final state: the replay of a retried job has the earlier runs' too
                if (await session.ask_once(read_job(self.job))).has_ended:
                    return
            except (ServiceUnreachable, RequestRefused) as fault:
                if not may_pass(self._request(last), fault):
                    raise
                error = fault
            if not await session.wait(tries, error, self.waiting, is_long=True):
                raise StreamBroken(self.job) from error

    async def _broken_off(self, session: Session, last: str | None) -> AsyncGenerator[Event, None]:
        """The events after `last`, for as long as the connection lasts."""
        parser, request = EventParser(), self._request(last)
        async with session.answered(request) as response:
            async for line in lines_of(session.transport.chunks(response)):
                for event in parser.take(line):
                    yield _event(event, request.path)

    def _request(self, last: str | None) -> Request[None]:
        return Request(
            method="GET",
            path=path_of("jobs", self.job, "events"),
            headers={"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {}),
            parse=read_nothing,
            is_long=True,
        )


@dataclass(frozen=True, kw_only=True)
class JobEnd:
    """Follows the events, which say at once when it is over."""

    job: str
    waiting: Waiting = silently

    async def done(self, session: Session) -> Job:
        async for _ in JobEvents(job=self.job, waiting=self.waiting).pieces(session):
            pass
        return await session.ask(read_job(self.job))


@dataclass(frozen=True, kw_only=True)
class JobLog:
    job: str
    follow: bool
    tail: int | None

    async def pieces(self, session: Session) -> AsyncGenerator[str, None]:
        request: Request[Any] = Request(
            method="GET",
            path=path_of("jobs", self.job, "logs"),
            query=query_of(follow=self.follow, tail=self.tail),
            parse=read_nothing,
            read_s=None if self.follow else READ_S,
        )
        try:
            async with session.answered(request) as response:
                async for text in text_of(session.transport.chunks(response)):
                    yield text
        except ServiceUnreachable as error:
            if error.arrived:
                raise StreamBroken(self.job) from error
            raise


def read_job(job: str) -> Request[Job]:
    return Request(method="GET", path=path_of("jobs", job), parse=read_as(Job))


def _event(event: ServerSentEvent, path: str) -> Event:
    """Raises `AnswerUnusable`."""
    found = read_as(Event)(Answer(path=path, headers={}, content=event.data.encode()))
    return found.model_copy(update={"id": event.id})
