"""Every error of the server's own making; the registry's "unknown" and "unavailable" pass through as they are.

ServerError
├── RequestMalformed      the body or a parameter does not say what to predict
├── BodyUnsupported       a content type that holds no image
├── ImageRejected         one of the images is none
│   └── ImageOversized    or has too many pixels
├── ImagesOversized       the images of a request have too many pixels together
├── BundleUnusable        the task's bundle is invalid, for another backbone, corrupt or gone
│   ├── BundleWithoutBackbone  its backbone is not here, or there is no room for it
│   └── BundleDoesNotFit  it has a network of its own, for which there is no room
├── BackboneNotHere       nobody added the backbone of a fingerprint
├── BackboneDoesNotFit    no room is left for one more backbone
├── NetworkDoesNotFit     a task's own network is larger than all that bundles may take
├── BundleUnavailable     the task's bundle cannot be fetched just now
├── Overloaded            the queue is full; try again in `retry_after_seconds`
├── DeadlineExceeded      the request's time ran out before its answer was there
├── NotReady              the server is starting or draining
├── InferenceFailed       the engine broke on this request
├── Int8Unavailable       the device cannot compute in 8 bits
├── EngineLost            the engine's process ended while it had this request
├── LinkBroken            front and engine do not understand each other
├── EngineCannotStart     its process ended before it was ready
└── ExportError           a network could not be made a file for other runtimes
    ├── ExportLibraryMissing  what writes or verifies the format is not installed
    ├── ExportUnfaithful      the file answers otherwise than the engine, so nobody gets it
    ├── ExportTooSlow         it took more time than an export may
    └── ExportFailed          the process that exported it broke
"""


class ServerError(Exception):
    """Root of the tree."""


class RequestMalformed(ServerError):
    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}")
        self.where = where
        self.reason = reason


class BodyUnsupported(ServerError):
    def __init__(self, content_type: str) -> None:
        super().__init__(f"{content_type!r} is neither image/*, multipart/form-data nor application/json")
        self.content_type = content_type


class ImageRejected(ServerError):
    def __init__(self, index: int, reason: str) -> None:
        super().__init__(f"images[{index}]: {reason}")
        self.where = f"images[{index}]"
        self.reason = reason


class ImageOversized(ImageRejected):
    """Too many pixels."""


class ImagesOversized(ServerError):
    """`index` is that of the first image with which they are more than `limit_pixels`; `pixels` are those up to it."""

    def __init__(self, index: int, *, pixels: int, limit_pixels: int) -> None:
        super().__init__(
            f"images[{index}]: with it the request's images have {pixels} pixels, the limit is {limit_pixels}; "
            "send fewer at a time, or smaller ones"
        )
        self.where = f"images[{index}]"
        self.pixels = pixels
        self.limit_pixels = limit_pixels


class BundleUnusable(ServerError):
    def __init__(self, task: str, version: int, reason: str) -> None:
        super().__init__(f"version {version} of task {task!r} cannot be used: {reason}")
        self.task = task
        self.version = version
        self.reason = reason


class BundleWithoutBackbone(BundleUnusable):
    pass


class BundleDoesNotFit(BundleUnusable):
    pass


class BackboneNotHere(ServerError):
    def __init__(self, architecture: str, fingerprint: str) -> None:
        super().__init__(
            f"it was made for a {architecture} of fingerprint {fingerprint}, which this service does not have; "
            "add the weights: nettailor backbone add FILE --name NAME"
        )
        self.fingerprint = fingerprint


class BackboneDoesNotFit(ServerError):
    def __init__(self, name: str, *, size_bytes: int, held: int, held_bytes: int, most: int, budget_bytes: int) -> None:
        super().__init__(
            f"there is no room for backbone {name!r} of {size_bytes} bytes: {held} of {most} are in memory "
            f"(NETTAILOR_BACKBONES_MAX), with {held_bytes} of {budget_bytes} bytes (NETTAILOR_BACKBONES_BUDGET_BYTES)"
        )
        self.name = name


class NetworkDoesNotFit(ServerError):
    def __init__(self, task: str, *, size_bytes: int, budget_bytes: int) -> None:
        super().__init__(
            f"the network of task {task!r} is its own and takes {size_bytes} bytes on the device, where all bundles "
            f"together may take {budget_bytes} (NETTAILOR_DEVICE_BUDGET_BYTES)"
        )
        self.task = task


class BundleUnavailable(ServerError):
    def __init__(self, task: str, version: int, reason: str) -> None:
        super().__init__(f"version {version} of task {task!r} cannot be fetched: {reason}")
        self.task = task
        self.version = version
        self.reason = reason


class Overloaded(ServerError):
    """``what`` waits for the `scope`: the server, a task, or decoding."""

    def __init__(
        self, scope: str, *, waiting: int, bound: int, retry_after_seconds: int, what: str = "predictions"
    ) -> None:
        super().__init__(f"{waiting} {what} wait for {scope}, the bound is {bound}")
        self.scope = scope
        self.retry_after_seconds = retry_after_seconds


class DeadlineExceeded(ServerError):
    def __init__(self, stage: str) -> None:
        super().__init__(f"the request's time ran out {stage}")
        self.stage = stage


class NotReady(ServerError):
    def __init__(self, state: str) -> None:
        super().__init__(f"the server is {state}")
        self.state = state


class InferenceFailed(ServerError):
    def __init__(self, tasks: tuple[str, ...]) -> None:
        super().__init__(f"inference failed for {', '.join(tasks)}")
        self.tasks = tasks


class Int8Unavailable(ServerError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"NETTAILOR_DTYPE=int8 is not possible here: {reason}")


class EngineLost(ServerError):
    def __init__(self) -> None:
        super().__init__("the engine's process ended before the answer was there; another one is being started")


class LinkBroken(ServerError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"the link between front and engine is broken: {reason}")


class EngineCannotStart(ServerError):
    def __init__(self, end: str) -> None:
        super().__init__(f"the engine's process {end} before it was ready; what it said stands above")


class ExportError(ServerError):
    """A network could not be made a file for other runtimes."""


class ExportLibraryMissing(ExportError):
    def __init__(self, library: str) -> None:
        super().__init__(
            f"{library} is not installed; pip install 'nettailor-server[export]' has all that exports need"
        )
        self.library = library


class ExportUnfaithful(ExportError):
    """`difference` is the largest one of two logits, as a share of the largest logit or of 1."""

    def __init__(self, difference: float, agreement: float) -> None:
        super().__init__(
            f"the file's logits differ from the engine's by up to {difference:.2g}, "
            f"and its first class is the engine's for {100 * agreement:.1f}% of the images"
        )
        self.difference = difference
        self.agreement = agreement


class ExportTooSlow(ExportError):
    def __init__(self, seconds: float) -> None:
        super().__init__(f"an export has {seconds:g} seconds, and this one took longer")
        self.seconds = seconds


class ExportFailed(ExportError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"the export broke: {reason}")
        self.reason = reason
