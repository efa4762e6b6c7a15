"""Every error of what all processes stand on.

HostingError
├── KeyMissing             a locked route was asked without a key
├── KeyUnknown             no key has that secret
├── LinkInvalid            a link was not made here, for another page, or with a key that is gone
├── LinkExpired            a link was good, and is no more
├── PageUnknown            no link opens that path
├── ScopeMissing           the key is not good for what was asked
├── TaskForbidden          the key is limited to other tasks
├── HostNotAllowed         a name that is none of the service's, where nothing is locked
├── OriginNotAllowed       a page of another site asks for a change, where nothing is locked
├── KeysInvalid            the file of keys cannot be read
├── SettingsInvalid        a setting is malformed, or the file of settings has a key that is none
├── BodyTooLarge           more bytes than a request of this kind may have
├── BodyUndecodable        not what its `Content-Encoding` says
├── FormInvalid            not `multipart/form-data`, or in too many parts
├── CodingUnsupported      a `Content-Encoding` that is not undone here
├── BodiesTooMany          the bodies of all requests under way are too much; try again
├── RateExceeded           more requests a second than one caller may make; try again in `retry_after_seconds`
├── AuditLogUnusable       the audit log cannot be written
├── InsufficientStorage    the disk is full, or would have to give up its reserve
├── ReserveNearlyGone      so little of the reserve is left that the service is not ready
├── DataFolderUnusable     the data folder is no folder, or may not be looked or written into
├── PasswordFileUnusable   the file with the password of Redis cannot be read, or holds none
└── EmbeddedRedisFailed    the private Redis server does not start
"""

from collections.abc import Sequence


class HostingError(Exception):
    """Root of the tree."""


class KeyMissing(HostingError):
    def __init__(self) -> None:
        super().__init__("this needs a key: send 'Authorization: Bearer <secret>'")


class KeyUnknown(HostingError):
    def __init__(self) -> None:
        super().__init__("no key has this secret")


class LinkInvalid(HostingError):
    def __init__(self) -> None:
        super().__init__("this link opens nothing: it is of another page, or of a key that is gone; ask for a new one")


class LinkExpired(HostingError):
    def __init__(self) -> None:
        super().__init__("this link is too old; ask for a new one (nettailor link, or POST /links)")


class PageUnknown(HostingError):
    def __init__(self, path: str) -> None:
        super().__init__(f"no link opens {path!r}: there are links to reports, logs and the front page alone")


class ScopeMissing(HostingError):
    def __init__(self, key: str, scope: str) -> None:
        super().__init__(f"key {key!r} lacks the scope {scope!r}")
        self.key = key
        self.scope = scope


class TaskForbidden(HostingError):
    """`task` is None for a request about no one task."""

    def __init__(self, key: str, task: str | None) -> None:
        about = "this is about no one task" if task is None else f"{task!r} is none of them"
        super().__init__(f"key {key!r} is limited to some tasks, and {about}")
        self.key = key
        self.task = task


class HostNotAllowed(HostingError):
    def __init__(self, host: str) -> None:
        super().__init__(f"{host!r} is no name of this service; NETTAILOR_ALLOWED_HOSTS adds names")
        self.host = host


class OriginNotAllowed(HostingError):
    def __init__(self, origin: str) -> None:
        super().__init__(f"pages of {origin} may change nothing here; NETTAILOR_ALLOWED_ORIGINS lets an origin in")
        self.origin = origin


class KeysInvalid(HostingError):
    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"the keys in {path} cannot be used: {reason}")
        self.path = path
        self.reason = reason


class SettingsInvalid(HostingError):
    """`faults`: where (a variable, or a file and its key) and why."""

    def __init__(self, faults: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{where}: {reason}" for where, reason in faults))
        self.faults = tuple(faults)


class BodyTooLarge(HostingError):
    def __init__(self, limit_bytes: int) -> None:
        allowed = f"has more than {limit_bytes} bytes" if limit_bytes else "is one too many: there should be none"
        super().__init__(f"the body {allowed}")
        self.limit_bytes = limit_bytes


class BodyUndecodable(HostingError):
    def __init__(self, coding: str, reason: str) -> None:
        super().__init__(f"the body is not {coding}, as its Content-Encoding says: {reason}")
        self.coding = coding
        self.reason = reason


class FormInvalid(HostingError):
    """Its text is the reason."""


class CodingUnsupported(HostingError):
    def __init__(self, coding: str) -> None:
        super().__init__(f"a body with Content-Encoding {coding!r} cannot be read; send it as it is, or as gzip")
        self.coding = coding


class BodiesTooMany(HostingError):
    def __init__(self, under_way_bytes: int, bound_bytes: int) -> None:
        super().__init__(f"{under_way_bytes} bytes of bodies are under way, the bound is {bound_bytes}")


class RateExceeded(HostingError):
    def __init__(self, per_second: float, *, retry_after_seconds: int) -> None:
        super().__init__(f"more than {per_second:g} requests a second; try again in {retry_after_seconds} s")
        self.retry_after_seconds = retry_after_seconds


class AuditLogUnusable(HostingError):
    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"the audit log {path} cannot be written: {reason}")
        self.path = path
        self.reason = reason


class InsufficientStorage(HostingError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"there is not enough room on the disk: {reason}")
        self.reason = reason


class ReserveNearlyGone(HostingError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"the service is nearly out of disk space: {reason}")
        self.reason = reason


class DataFolderUnusable(HostingError):
    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"NETTAILOR_DATA_DIR={path} cannot be used: {reason}")
        self.path = path
        self.reason = reason


class PasswordFileUnusable(HostingError):
    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"no password of Redis in {path}: {reason}")
        self.path = path
        self.reason = reason


class EmbeddedRedisFailed(HostingError):
    def __init__(self, folder: str, reason: str) -> None:
        super().__init__(f"Redis under {folder} does not start: {reason}")
        self.folder = folder
        self.reason = reason
