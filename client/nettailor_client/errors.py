"""What can go wrong when a service is asked.

ClientError
├── ArgumentUnusable       a URL, key or actor that none can be
├── ImageUnusable          an object that is no image
├── ServiceUnreachable     nothing answers, or the connection broke
├── RequestRefused         the service answered with a problem document; by its status one of
│   ├── Unauthorized       401, it asks for a key
│   ├── Forbidden          403, the key does not allow this
│   ├── NotFound           404
│   ├── Conflict           409, what is there says otherwise: an alias that moved, a policy that is not passed
│   ├── TooLarge           413
│   ├── UnsupportedMedia   415, no image, no archive
│   ├── Malformed          422
│   ├── BundleUnusable     424, the task is there and cannot answer
│   ├── Overloaded         429, try again later
│   ├── Unavailable        503, the same
│   ├── TimedOut           504
│   └── StorageFull        507
├── AnswerUnusable         the answer is not what the API describes
├── AnswerCorrupt          bytes that the service sent do not have the digest that it promised
└── StreamBroken           the events of a job broke off and could not be resumed
"""

from collections.abc import Mapping
from typing import Any


class ClientError(Exception):
    """Root of the tree."""


class ArgumentUnusable(ClientError, ValueError):
    pass


class ImageUnusable(ClientError, TypeError):
    def __init__(self, image: object, reason: str) -> None:
        super().__init__(f"{type(image).__module__}.{type(image).__qualname__} is no image to send: {reason}")
        self.reason = reason


class ServiceUnreachable(ClientError):
    """`arrived` is False if it is certain that the service never saw the request."""

    def __init__(self, url: str, reason: str, *, arrived: bool = False) -> None:
        what = "the connection broke to" if arrived else "nothing answers at"
        super().__init__(f"{what} {url}" + (f" ({reason})" if reason else ""))
        self.url = url
        self.reason = reason
        self.arrived = arrived


class RequestRefused(ClientError):
    """The members of the problem document (RFC 9457), and further ones, such as `task`, in `problem`.

    A page of a proxy is no problem document: `problem` is empty then, and `detail` the status's own phrase. The
    `request_id` finds the request in the logs of the service. `retry_after_s` is None if the answer names no time.
    """

    def __init__(
        self,
        method: str,
        path: str,
        status: int,
        phrase: str,
        problem: Mapping[str, Any],
        *,
        request_id: str | None,
        retry_after_s: float | None = None,
    ) -> None:
        self.method = method
        self.path = path
        self.status = status
        self.problem = problem
        self.type = str(problem.get("type") or "about:blank")
        self.title = str(problem.get("title") or phrase)
        self.detail = str(problem.get("detail") or self.title)
        self.instance: str | None = problem.get("instance")
        self.request_id: str | None = problem.get("request_id") or request_id
        self.retry_after_s = retry_after_s
        number = f" (request {self.request_id})" if self.request_id else ""
        super().__init__(f"{method} {path}: {status} {self.detail}{number}")


class Unauthorized(RequestRefused):
    pass


class Forbidden(RequestRefused):
    pass


class NotFound(RequestRefused):
    pass


class Conflict(RequestRefused):
    pass


class TooLarge(RequestRefused):
    pass


class UnsupportedMedia(RequestRefused):
    pass


class Malformed(RequestRefused):
    pass


class BundleUnusable(RequestRefused):
    pass


class Overloaded(RequestRefused):
    pass


class Unavailable(RequestRefused):
    pass


class TimedOut(RequestRefused):
    pass


class StorageFull(RequestRefused):
    pass


REFUSALS: Mapping[int, type[RequestRefused]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    415: UnsupportedMedia,
    422: Malformed,
    424: BundleUnusable,
    429: Overloaded,
    503: Unavailable,
    504: TimedOut,
    507: StorageFull,
}


class AnswerUnusable(ClientError):
    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: the answer is not what the API describes: {reason}")
        self.path = path
        self.reason = reason


class AnswerCorrupt(ClientError):
    def __init__(self, path: str, digest: str, found: str) -> None:
        super().__init__(f"GET {path}: the bytes of digest {digest} arrived as {found}")
        self.path = path
        self.digest = digest
        self.found = found


class StreamBroken(ClientError):
    def __init__(self, job: str) -> None:
        super().__init__(f"what is told of job {job} broke off; the job itself may go on")
        self.job = job
