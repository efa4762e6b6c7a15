"""The body of a request, whole and within its limit."""

from fastapi import Request

from hosting.disk.reserve import DiskReserve
from nettailor.errors import BundleTooLarge


async def read_body(request: Request, limit_bytes: int, reserve: DiskReserve) -> bytes:
    """Raises `BundleTooLarge`, `InsufficientStorage`."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit_bytes:
        raise BundleTooLarge("request body", int(announced), limit_bytes)
    reserve.check(int(announced) if announced.isdecimal() else 0)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit_bytes:
            raise BundleTooLarge("request body", len(body), limit_bytes)
    reserve.check(len(body))
    return bytes(body)
