"""The bodies a prediction may be asked with: a raw image, multipart, or JSON with base64 (torch-free)."""

import asyncio
import base64
import binascii
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from io import BytesIO

from fastapi import Request
from pydantic import ValidationError

from hosting.errors import BodyTooLarge, FormInvalid
from hosting.web import multipart
from hosting.web.connection.scope import body_is_there
from hosting.web.said_once import repeated_members
from hosting.web.slow_body import SlowBody
from server.errors import BodyUnsupported, RequestMalformed
from server.http.parameters import ManyTasksQuery
from server.http.schemas import JsonImages

_FIELDS = ("image", "images")
_OF_THE_QUERY = frozenset(ManyTasksQuery.model_fields)  # as form fields they would be ignored in silence
_FURTHER = 32  # parts of a form that are no images, marks of JSON around the images
_RAW_TYPES = ("", "application/octet-stream")  # what curl and others send when not told the type


@dataclass(frozen=True, kw_only=True)
class Body:
    """What a request carried, as it came."""

    content_type: str  # the whole header
    data: bytes

    @property
    def media_type(self) -> str:
        return self.content_type.partition(";")[0].strip().lower()

    @property
    def is_raw(self) -> bool:
        return self.media_type in _RAW_TYPES or self.media_type.startswith("image/")


async def read_body(request: Request, limit_bytes: int) -> Body:
    """The whole body of a request. Raises `BodyTooLarge`."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit_bytes:
        raise BodyTooLarge(limit_bytes)
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit_bytes:
            raise BodyTooLarge(limit_bytes)
        chunks.append(chunk)
    return Body(content_type=request.headers.get("content-type", ""), data=b"".join(chunks))


async def read_body_within(request: Request, limit_bytes: int, seconds: float) -> Body:
    """Raises `BodyTooLarge`, `SlowBody`."""
    if body_is_there(request.scope):  # then a timer would cost more than the reading
        return await read_body(request, limit_bytes)
    try:
        async with asyncio.timeout(seconds):
            return await read_body(request, limit_bytes)
    except TimeoutError:
        raise SlowBody from None


async def images_of(body: Body, executor: Executor, *, max_images: int) -> list[bytes]:
    """As `split`; what has to be taken apart is, in a thread. Raises `RequestMalformed`, `BodyUnsupported`."""
    if body.is_raw:
        return split(body, max_images=max_images)
    return await asyncio.get_running_loop().run_in_executor(executor, partial(split, body, max_images=max_images))


def split(body: Body, *, max_images: int) -> list[bytes]:
    """The image files of a body. Raises `RequestMalformed`, `BodyUnsupported`."""
    if body.is_raw:
        files = [body.data] if body.data else []
    elif body.media_type == multipart.MEDIA_TYPE:
        files = _from_multipart(body, max_images)
    elif body.media_type == "application/json":
        files = _from_json(body.data, max_images)
    else:
        raise BodyUnsupported(body.media_type)
    if not files:
        raise RequestMalformed("body", "it holds no image; multipart images go into fields called 'image'")
    if len(files) > max_images:
        raise _too_many(max_images)
    return files


def _too_many(max_images: int) -> RequestMalformed:
    return RequestMalformed("body", f"it holds more than {max_images} images, which is the most of a request")


def _from_json(body: bytes, max_images: int) -> list[bytes]:
    # The parser makes something of each part of a document before anybody can count them. Each image has two quotes
    # and, as a data URL, one comma of its own beside that of the list.
    most = 2 * max_images + _FURTHER
    if any(body.count(mark) > most for mark in (b'"', b",", b"[", b"{")):
        raise _too_many(max_images)
    try:
        texts = JsonImages.model_validate_json(body).images
    except ValidationError as failure:
        first = failure.errors(include_url=False, include_input=False)[0]
        raise RequestMalformed(".".join(map(str, ("body", *first["loc"])))[:200], first["msg"]) from failure
    # More quotes than those of the images and of one member: only then is it worth to parse a large body again.
    if body.count(b'"') > 2 * len(texts) + 2 and (names := repeated_members(body)):
        raise RequestMalformed(f"body.{names[0]}", "given more than once")
    return [_from_base64(index, text) for index, text in enumerate(texts)]


def _from_base64(index: int, text: str) -> bytes:
    _, comma, tail = text.partition(",")
    payload = tail if text.startswith("data:") and comma else text  # a data URL is what browsers have at hand
    try:
        return base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError) as failure:
        raise RequestMalformed(f"body.images.{index}", f"not base64: {failure}") from failure


def _from_multipart(body: Body, max_images: int) -> list[bytes]:
    files: list[BytesIO] = []

    def sink_of(name: str) -> BytesIO | None:
        if name in _OF_THE_QUERY:
            raise RequestMalformed(f"body.{name}", "it is no form field; it goes into the query")
        if name not in _FIELDS:
            return None
        if len(files) == max_images:
            raise _too_many(max_images)
        files.append(BytesIO())
        return files[-1]

    try:
        form = multipart.FormReader(body.content_type, sink_of, most_parts=max_images + _FURTHER)
    except FormInvalid as failure:
        raise RequestMalformed("content-type", str(failure)) from failure
    try:
        form.write(body.data)
        form.finish()
    except FormInvalid as failure:
        raise RequestMalformed("body", f"not multipart: {failure}") from failure
    return [file.getvalue() for file in files]
