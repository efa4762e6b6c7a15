"""Which status each of the server's errors answers with."""

from hosting.access.bodies import BODY_PROBLEMS
from hosting.web.problem import ProblemTable
from registry.http.problems import PROBLEMS as REGISTRY_PROBLEMS
from server import errors

PROBLEMS: ProblemTable = {
    **BODY_PROBLEMS,
    errors.RequestMalformed: (422, "malformed request"),
    errors.BodyUnsupported: (415, "unsupported body"),
    errors.ImageOversized: (413, "image too large"),
    errors.ImagesOversized: (413, "images too large"),
    errors.ImageRejected: (415, "not an image"),
    errors.BundleUnusable: (424, "bundle cannot be used"),
    errors.BundleWithoutBackbone: (424, "backbone is not here"),
    errors.BundleDoesNotFit: (424, "network does not fit"),
    errors.BundleUnavailable: (503, "bundle unavailable"),
    errors.Overloaded: (429, "overloaded"),
    errors.DeadlineExceeded: (504, "deadline exceeded"),
    errors.NotReady: (503, "not ready"),
    errors.InferenceFailed: (500, "inference failed"),
    errors.EngineLost: (503, "engine lost"),
    errors.ExportLibraryMissing: (501, "export not installed"),
    errors.ExportTooSlow: (504, "export took too long"),
    errors.ExportError: (500, "export failed"),
}

ALL_PROBLEMS: ProblemTable = {**REGISTRY_PROBLEMS, **PROBLEMS}


# As the Open Inference Protocol has it: what a client says wrong is a bad request.
OPEN_INFERENCE_PROBLEMS: ProblemTable = {**ALL_PROBLEMS, errors.RequestMalformed: (400, "malformed request")}


def status_in(table: ProblemTable, failure: Exception) -> int:
    """The status an exception will be answered with."""
    return next((table[kind][0] for kind in type(failure).__mro__ if kind in table), 500)
