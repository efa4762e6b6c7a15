"""The bodies a prediction may be asked with: a raw image, multipart, or JSON with base64 (torch-free)."""

import asyncio
import base64
import binascii
from concurrent.futures import Executor
from dataclasses import dataclass
from email.message import Message
from functools import partial

from fastapi import Request
from pydantic import ValidationError
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import File, FormParser

from server.errors import BodyTooLarge, BodyUnsupported, RequestMalformed
from server.http.schemas import JsonImages

_FIELDS = (b"image", b"images")
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


async def images_of(body: Body, executor: Executor, *, max_images: int) -> list[bytes]:
    """As `split`; what has to be taken apart is, in a thread. Raises `RequestMalformed`, `BodyUnsupported`."""
    if body.is_raw:
        return split(body, max_images=max_images)
    return await asyncio.get_running_loop().run_in_executor(executor, partial(split, body, max_images=max_images))


def split(body: Body, *, max_images: int) -> list[bytes]:
    """The image files of a body. Raises `RequestMalformed`, `BodyUnsupported`."""
    if body.is_raw:
        files = [body.data] if body.data else []
    elif body.media_type == "multipart/form-data":
        files = _from_multipart(body)
    elif body.media_type == "application/json":
        files = _from_json(body.data)
    else:
        raise BodyUnsupported(body.media_type)
    if not files:
        raise RequestMalformed("body", "it holds no image; multipart images go into fields called 'image'")
    if len(files) > max_images:
        raise RequestMalformed("body", f"it holds {len(files)} images, at most {max_images} go into a request")
    return files


def _from_json(body: bytes) -> list[bytes]:
    try:
        texts = JsonImages.model_validate_json(body).images
    except ValidationError as failure:
        first = failure.errors(include_url=False, include_input=False)[0]
        raise RequestMalformed(".".join(map(str, ("body", *first["loc"]))), first["msg"]) from failure
    return [_from_base64(index, text) for index, text in enumerate(texts)]


def _from_base64(index: int, text: str) -> bytes:
    _, comma, tail = text.partition(",")
    payload = tail if text.startswith("data:") and comma else text  # a data URL is what browsers have at hand
    try:
        return base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError) as failure:
        raise RequestMalformed(f"body.images.{index}", f"not base64: {failure}") from failure


def _from_multipart(body: Body) -> list[bytes]:
    header = Message()
    header["content-type"] = body.content_type
    boundary = header.get_boundary()
    if boundary is None:
        raise RequestMalformed("content-type", "multipart without a boundary")
    files: list[bytes] = []

    def on_file(file: File) -> None:
        if file.field_name in _FIELDS:
            file.file_object.seek(0)
            files.append(file.file_object.read())
        file.close()

    # The body is in memory already, so no part needs to go through a temporary file.
    config = {"MAX_MEMORY_FILE_SIZE": len(body.data)}
    parser = FormParser("multipart/form-data", lambda _: None, on_file, boundary=boundary, config=config)
    try:
        parser.write(body.data)
        parser.finalize()
    except FormParserError as failure:
        raise RequestMalformed("body", f"not multipart: {failure}") from failure
    return files
