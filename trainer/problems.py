"""Which HTTP status each error of the trainer is, whether answered at once or stored with a failed job."""

from typing import Any

from hosting.errors import InsufficientStorage
from hosting.web.problem import ProblemTable, problem_of
from nettailor import errors as ground
from registry.errors import BackboneConflict, PredecessorUnknown, TaskWasDeleted
from trainer import errors

PROBLEMS: ProblemTable = {
    errors.UploadTooLarge: (413, "upload too large"),
    errors.ArchiveTooBig: (413, "archive unpacks to too much"),
    errors.NotAnArchive: (415, "not an archive"),
    errors.ArchiveUnsupported: (415, "unsupported archive"),
    errors.ArchiveInvalid: (422, "unusable archive"),
    errors.UploadInvalid: (422, "unusable upload"),
    errors.UploadGone: (410, "upload is gone"),
    errors.DatasetNotUnderstood: (422, "data set not understood"),
    errors.DatasetTooSmall: (422, "data set too small"),
    errors.DatasetInvalid: (422, "unusable data set"),
    errors.OptionsInvalid: (422, "unusable options"),
    errors.PointUnknown: (404, "unknown point"),
    errors.JobUnknown: (404, "unknown job"),
    errors.JobAmbiguous: (409, "several jobs"),
    errors.TooManyJobs: (429, "too many open jobs"),
    errors.DatasetNotReady: (404, "no report on the data set"),
    errors.JobConflict: (409, "job is in another state"),
    errors.NothingToPublish: (409, "nothing to publish yet"),
    errors.IdempotencyConflict: (409, "idempotency key in use"),
    errors.JobRefused: (422, "cannot be kept"),
    errors.JobRecordDamaged: (424, "job unreadable"),
    errors.QueueUnavailable: (503, "job queue unavailable"),
    errors.JobDied: (500, "training process died"),
    errors.JobOverran: (500, "time budget overrun"),
    errors.JobMemoryExceeded: (500, "memory limit exceeded"),
    errors.LookMemoryExceeded: (413, "memory limit exceeded"),
    errors.TimeTooShort: (422, "not enough time"),
    errors.LookDied: (500, "look died"),
    errors.TrainingDiverged: (500, "training diverged"),
    errors.TrainerError: (500, "trainer failure"),
}

# Not errors of the trainer's own, but stored with jobs that failed or were cancelled because of them.
_STORED: ProblemTable = {
    TaskWasDeleted: (409, "task was deleted"),
    PredecessorUnknown: (409, "predecessor unknown"),
    BackboneConflict: (409, "backbone taken"),
    InsufficientStorage: (507, "insufficient storage"),
    ground.BundleWrongBackbone: (422, "version of another backbone"),
    ground.PlanInvalid: (422, "no usable plan"),
    ground.NetTailorError: (500, "tailoring failed"),
}


def status_of(error: type[Exception]) -> tuple[int, str]:
    """Status and title of a kind of error, by its nearest ancestor in the tables."""
    table = {**PROBLEMS, **_STORED}
    return next((table[kind] for kind in error.__mro__ if kind in table), (500, "internal error"))


def problem_of_job(fault: Exception, job: str) -> dict[str, Any]:
    """The problem document that is stored with a job."""
    status, title = status_of(type(fault))
    return problem_of(fault, status, title, instance=f"/jobs/{job}").model_dump(mode="json")
