"""The trainer's routes: datasets and jobs."""

import re
from collections.abc import Mapping
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import PlainTextResponse, StreamingResponse
from starlette.concurrency import run_in_threadpool

from hosting.access.actor import ANONYMOUS, Actor
from hosting.access.endpoint import endpoint
from hosting.web.openapi import TEXT, answered, problems, with_headers
from nettailor.bundle.manifest import TaskName
from trainer.errors import OptionsInvalid
from trainer.http import log_text, sse
from trainer.http import route_declarations as declared
from trainer.http.dataset_routes import SEVERAL, add_datasets
from trainer.http.live_stream import LiveStream
from trainer.http.pareto_routes import add_pareto_front
from trainer.http.schemas import Job
from trainer.http.upload_routes import add_uploads
from trainer.jobs import event_stream
from trainer.jobs.job import State
from trainer.service import Service

_EVENT_ID = re.compile(r"([0-9]{1,20})(?:-([0-9]{1,20}))?")
_LARGEST_NUMBER = 2**64 - 1  # in an id of a stream
_EVENT_STREAM = answered(sse.MEDIA_TYPE, TEXT) | {204: {"description": "ended"}}
_LOG = answered("text/plain", TEXT)
_PAGE = with_headers("Link") | problems([404])  # there is no job `before`


def router(service: Service) -> APIRouter:
    """Datasets and jobs. Plain functions run in threads, off the loop."""
    routes = APIRouter(tags=["trainer"])
    add_uploads(routes, service)
    _add_reading(routes, service)
    _add_logs(routes, service)
    _add_acting(routes, service)
    add_pareto_front(routes, service)
    add_datasets(routes, service)
    return routes


def _add_reading(routes: APIRouter, service: Service) -> None:
    @endpoint(routes, declared.LIST_JOBS, responses=_PAGE)
    def list_jobs(
        request: Request,
        response: Response,
        *,
        task: TaskName | None = None,
        state: State | None = None,
        actor: Annotated[str | None, Query(max_length=200)] = None,
        before: Annotated[str | None, Query(max_length=200, description="only jobs older than this one")] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> list[Job]:
        """Newest first. The next page is the one `before` the last job of this one; the header `Link` has its URL."""
        found = service.jobs.store.latest(limit + 1, task=task, state=state, actor=actor, before=before)
        page = found[:limit]
        if len(found) > limit:
            following = request.url.include_query_params(before=page[-1].id).query
            response.headers["Link"] = f'<?{following}>; rel="next"'
        places = service.jobs.queue.places(page)
        return [Job.of(job, places) for job in page]

    @endpoint(routes, declared.READ_JOB, also=SEVERAL)
    def read_job(job: str) -> Job:
        """Whoever asks about a job may give the beginning of its id, where no other job's begins so (409)."""
        return Job.one(service.jobs.store.get(service.job_named(job)), service.jobs.queue)

    @endpoint(routes, declared.FOLLOW_JOB, also=SEVERAL, response_class=StreamingResponse, responses=_EVENT_STREAM)
    async def follow_job(job: str, last_event_id: Annotated[str | None, Header()] = None) -> Response:
        """Server-sent events: all from the start, or those after `Last-Event-ID`, then live until the job ends.

        204 where the job has ended and nothing is left to tell, so that a browser stops reconnecting.
        """
        after = last_event_id or event_stream.START
        _check_event_id(after)
        job = await run_in_threadpool(service.job_named, job)
        found = await run_in_threadpool(service.jobs.store.get, job)
        if last_event_id and not found.is_open and not await run_in_threadpool(service.jobs.store.events, job, after):
            return Response(status_code=204)
        headers: Mapping[str, str] = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        events = service.told(partial(sse.follow, job=job, after=after))
        return LiveStream(events, media_type=sse.MEDIA_TYPE, headers=headers)


def _add_logs(routes: APIRouter, service: Service) -> None:
    @endpoint(routes, declared.READ_LOGS, also=SEVERAL, response_class=PlainTextResponse, responses=_LOG)
    async def read_logs(
        job: str,
        tail: Annotated[int | None, Query(ge=1, le=log_text.LONGEST, description="only the last so many lines")] = None,
        follow: Annotated[bool, Query(description="stay, and tell new lines until the job ends")] = False,
    ) -> Response:
        """What happened, for people: the job's events and all that its processes printed, in the order of time."""
        job = await run_in_threadpool(service.job_named, job)
        await run_in_threadpool(service.jobs.store.get, job)
        lines = service.told(partial(log_text.lines, job=job, tail=tail, follow=follow))
        headers: Mapping[str, str] = {
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",
            "X-Content-Type-Options": "nosniff",  # it has the names of uploaded files in it
        }
        return LiveStream(lines, media_type="text/plain; charset=utf-8", headers=headers)


def _add_acting(routes: APIRouter, service: Service) -> None:
    @endpoint(routes, declared.FINISH_JOB, status_code=202)
    def finish_job(job: str, *, x_actor: Actor = ANONYMOUS) -> Job:
        """Publish the best candidate so far instead of searching on. Asking again changes nothing.

        409 where there is none yet, and where the job has ended or is publishing.
        """
        return Job.one(service.jobs.finish(service.job_named(job), by=x_actor), service.jobs.queue)

    @endpoint(routes, declared.CANCEL_JOB)
    def cancel_job(job: str) -> Job:
        return Job.one(service.jobs.cancel(service.job_named(job)), service.jobs.queue)

    @endpoint(routes, declared.RETRY_JOB, status_code=202, responses=with_headers("Location", status=202))
    def retry_job(job: str, response: Response) -> Job:
        """Queue a failed or cancelled job again; it goes on from its checkpoints. Not if its task was deleted since."""
        retried = service.jobs.retry(service.job_named(job))
        response.headers["Location"] = declared.READ_JOB.path.format(job=retried.id)
        return Job.one(retried, service.jobs.queue)


def _check_event_id(text: str) -> None:
    """Raises OptionsInvalid."""
    found = _EVENT_ID.fullmatch(text)
    if found is None or any(int(number or 0) > _LARGEST_NUMBER for number in found.groups()):
        raise OptionsInvalid("Last-Event-ID", "not an id of this stream")
