"""Archives over HTTP: uploaded to be tailored to, or only to be looked at."""

import asyncio
from collections.abc import Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from hosting.access.actor import ANONYMOUS, Actor
from hosting.access.endpoint import endpoint
from hosting.web.multipart import MEDIA_TYPE
from hosting.web.openapi import BINARY, OCTETS, takes, with_headers
from hosting.web.problem import CLIENT_GONE
from nettailor.bundle.manifest import TaskName
from trainer.http import route_declarations as declared
from trainer.http.looks import Looks
from trainer.http.schemas import Inspection, Job
from trainer.http.upload_body import FILE, Body, receive
from trainer.intake.archives import archive
from trainer.jobs.job import Job as JobDocument
from trainer.jobs.option_checks import check_options
from trainer.jobs.options import GroupBy, TailorOptions, with_form
from trainer.pattern import compiled
from trainer.service import Service

_FORM: dict[str, Any] = {
    "title": "UploadForm",
    "description": "the archive, and options as in the query",
    "type": "object",
    "required": [FILE],
    "properties": {FILE: BINARY, **TailorOptions.model_json_schema()["properties"]},
}
_UPLOAD = takes(**{OCTETS: BINARY, MEDIA_TYPE: _FORM})

IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=200)]


def add_uploads(routes: APIRouter, service: Service) -> None:
    _add_upload(routes, service)
    _add_look(routes, service)


def _add_upload(routes: APIRouter, service: Service) -> None:
    answers = with_headers("Location", status=202)

    @endpoint(routes, declared.UPLOAD_DATASET, status_code=202, openapi_extra=_UPLOAD, responses=answers)
    async def upload_dataset(
        task: TaskName,
        request: Request,
        response: Response,
        options: Annotated[TailorOptions, Query()],
        *,
        x_actor: Actor = ANONYMOUS,
        idempotency_key: IdempotencyKey = None,
    ) -> Job:
        """Upload images and their labels as a zip or tar archive (raw, or as the form field `file`) and queue the
        tailoring. What intake understood of it is in the job's `inspection` as soon as it was read."""
        await run_in_threadpool(check_options, options, task, service.settings, service.registry)
        body = await _received(request, service, copies=2)  # as it is received, and as a blob

        def accept() -> JobDocument:
            asked = with_form(options, body.fields)
            if body.fields:
                check_options(asked, task, service.settings, service.registry)
            archive.inspect(body.file, service.limits)
            digest = service.blobs.put(body.file)
            return service.jobs.submit(
                task,
                digest,
                asked.to_json(),
                actor=x_actor,
                priority=asked.priority,
                idempotency_key=idempotency_key,
            )

        try:
            job = await run_in_threadpool(accept)
        finally:
            await run_in_threadpool(body.discard)
        response.headers["Location"] = declared.READ_JOB.path.format(job=job.id)
        return await run_in_threadpool(Job.one, job, service.jobs.queue)


def _add_look(routes: APIRouter, service: Service) -> None:
    looks = Looks(service)

    @endpoint(routes, declared.INSPECT_DATASET, never=[409], response_model=Inspection, openapi_extra=_UPLOAD)
    async def inspect_dataset(
        request: Request,
        *,
        group_by: Annotated[GroupBy | None, Query()] = None,
        task: Annotated[TaskName | None, Query(description="what a key that is limited to tasks has to name")] = None,
    ) -> Response:
        """Look through an archive as intake would, and answer what would be trained on and what is wrong with it.
        Nothing is kept or queued. An upload's form may be sent as it is: of its options only `group_by` matters."""
        _check_group_by(group_by)
        body = await _received(request, service, copies=1)
        try:
            pattern = with_form(TailorOptions(group_by=group_by), body.fields).group_by
            _check_group_by(pattern)
            # faults of the archive itself are found at once, without a turn
            await run_in_threadpool(archive.inspect, body.file, service.limits)
            look = looks.look(body.file, pattern)
            found = await _unless_gone(request, look)
        finally:
            await run_in_threadpool(body.discard)
        if found is None:
            return Response(status_code=CLIENT_GONE)
        return Response(found, media_type="application/json")


async def _unless_gone(request: Request, work: Coroutine[Any, Any, bytes]) -> bytes | None:
    """The result of the work, which is cancelled when the client hangs up: then it is None."""
    working = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(request.receive())  # the body was read: nothing else can come
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        gone.cancel()
        working.cancel()
        await asyncio.wait({working})


async def _received(request: Request, service: Service, *, copies: int) -> Body:
    return await receive(
        request.stream(),
        request.headers,
        service.settings.uploads_dir,
        service.limits.upload_bytes,
        known=TailorOptions.model_fields,
        reserve=service.settings.disk_reserve,
        copies=copies,
    )


def _check_group_by(pattern: str | None) -> None:
    """Raises OptionsInvalid."""
    if pattern is not None:
        compiled("group_by", pattern)
