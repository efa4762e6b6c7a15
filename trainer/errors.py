"""Every error of the training service.

TrainerError
├── UploadInvalid               the upload itself is at fault: refused at once, nothing is queued
│   ├── UploadEmpty
│   ├── UploadTooLarge          more bytes than the service takes
│   ├── UploadMalformed         the HTTP body is not what its content type says
│   └── ArchiveInvalid          `where` names the file at fault, where there is one
│       ├── NotAnArchive
│       ├── ArchiveDamaged      truncated, or its headers contradict each other
│       ├── ArchivePathUnsafe   absolute, leaves the archive, too long, too deep, or not text
│       ├── ArchiveLink         a symbolic or hard link
│       ├── ArchiveSpecialFile  a device, pipe, sparse or unknown kind of member
│       ├── ArchiveUnsupported  encrypted, or an uncommon compression method
│       └── ArchiveTooBig       expands too much: by count, bytes, or ratio
├── UploadGone                  the job is retried so late that its upload has been deleted: upload it again
├── DatasetInvalid              the upload was fine, what it holds is not: the job fails
│   ├── DatasetNotUnderstood    what its images are cannot be told without guessing
│   └── DatasetTooSmall         under two classes, or a class with too few usable images
├── LookDied                    the process that looked at an archive ended without an answer
├── LookMemoryExceeded          it needed more memory than one look may take, and was stopped
├── TrainingDiverged            the loss is no longer a number
├── TimeTooShort                `max_minutes` is less than the shortest training takes here
├── OptionsInvalid              an option of the recipe is unknown or out of range
│   ├── BackboneNotPruned       hardly a weight of it is free, so that tasks have nothing to fill
│   ├── NoWeightsLeft           the tasks of a chain have filled what was free
│   └── OldHeadsMissing         a backbone is to remember what it was trained for, and nobody kept that
├── TooFewImages                image sets to pretrain on do not fill a batch
├── WorkerDevicesInvalid        the setting names devices that this machine does not have
├── PointUnknown                the version's Pareto front has no such point
├── CannotCalibrate             the version cannot run in int8, or there are no images to calibrate it on
├── JobUnknown
├── JobAmbiguous                several jobs have ids that begin so
├── TooManyJobs                 the actor has as many open jobs as one may have
├── DatasetNotReady             the job's intake has not come to its end
├── JobConflict                 the job's state does not allow this
├── NothingToPublish            a job that was to be finished early has no student yet
├── IdempotencyConflict         the key was used for a different upload
├── HelperUnfit                 a process that was to help with a tailoring would train other networks
├── JobBusy                     another process works on the same job
├── JobFolderLocked             another process keeps the folder of jobs from being given its id
├── JobSuperseded               this run of the job is no longer the one that counts (cancelled, or taken over)
├── JobDied                     the training process died on every attempt
├── JobOverran                  it took much longer than the time it was given, and was stopped
├── JobMemoryExceeded           it needed more memory than one job may take, and was stopped
├── JobRefused                  what was to be kept of a job could not be read back, so it was not written
├── JobRecordDamaged            the file beside the blobs that remembers a job, or its copy in Redis, cannot be read
└── QueueUnavailable            Redis cannot be reached
"""

from collections.abc import Sequence

from nettailor.printable import printable

_SHOWN_JOBS = 10  # of those that a request may have meant


class TrainerError(Exception):
    """Root of the tree."""


class UploadInvalid(TrainerError):
    pass


class UploadEmpty(UploadInvalid):
    def __init__(self) -> None:
        super().__init__("the upload is empty: send a zip or tar archive as the body, or as the form field 'file'")


class UploadTooLarge(UploadInvalid):
    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"the upload is larger than the limit of {limit_bytes} bytes")
        self.limit_bytes = limit_bytes


class UploadMalformed(UploadInvalid):
    def __init__(self, reason: str) -> None:
        super().__init__(f"the body cannot be read: {reason}")


class ArchiveInvalid(UploadInvalid):
    def __init__(self, reason: str, member: str | None = None) -> None:
        shown = None if member is None else printable(member)[:300]
        super().__init__(f"{shown}: {reason}" if shown is not None else reason)
        if shown is not None:
            self.where = shown  # becomes a member of the problem document
        self.reason = reason


class NotAnArchive(ArchiveInvalid):
    """``kind`` is what the file is instead, where that is known, and ``mend`` what to do about it."""

    def __init__(self, start: bytes, kind: str = "", mend: str = "") -> None:
        what = f"{kind}, " if kind else ""
        super().__init__(
            f"not a zip, tar, tar.gz or tar.zst archive ({what}it starts with {start[:8]!r}){mend and f': {mend}'}"
        )


class ArchiveDamaged(ArchiveInvalid):
    pass


class ArchivePathUnsafe(ArchiveInvalid):
    pass


class ArchiveLink(ArchiveInvalid):
    def __init__(self, member: str) -> None:
        mend = "pack the files that they lead to (zip without -y, tar with -h --hard-dereference)"
        super().__init__(f"links are not accepted; {mend}", member)


class ArchiveSpecialFile(ArchiveInvalid):
    def __init__(self, member: str, kind: str) -> None:
        super().__init__(f"{kind} is not accepted, only files and folders are", member)


class ArchiveUnsupported(ArchiveInvalid):
    pass


class ArchiveTooBig(ArchiveInvalid):
    pass


class UploadGone(TrainerError):
    def __init__(self, job: str) -> None:
        super().__init__(f"the upload of job {job} has been deleted meanwhile: upload the data again")
        self.job = job


class DatasetInvalid(TrainerError):
    pass


class DatasetNotUnderstood(DatasetInvalid):
    """``reasons`` say what is wrong, and what to do about it."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons


class DatasetTooSmall(DatasetInvalid):
    """``classes`` maps each class to its count of usable images; ``skipped`` lists what was left out and why."""

    def __init__(self, reason: str, classes: dict[str, int], skipped: list[str]) -> None:
        left_out = f"; left out: {'; '.join(skipped)}" if skipped else ""
        super().__init__(f"{reason}{left_out}")
        self.classes = classes
        self.skipped = skipped


class LookDied(TrainerError):
    def __init__(self, status: int) -> None:
        ended = f"signal {-status}" if status < 0 else f"status {status}"
        super().__init__(f"the process that looked at the archive ended with {ended}; the service's log may say why")
        self.exit_status = status


class LookMemoryExceeded(TrainerError):
    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            f"looking at the archive needed more than {_in_mib(limit_bytes)} of memory, and was stopped: "
            "send fewer or smaller files at a time, or raise NETTAILOR_JOB_MEMORY_BYTES"
        )
        self.limit_bytes = limit_bytes


class TrainingDiverged(TrainerError):
    def __init__(self, run: str, epoch: int) -> None:
        super().__init__(f"the training diverged: the loss of {run} is not finite in epoch {epoch}")


class TimeTooShort(TrainerError):
    """Both are minutes; ``needed`` is an estimate for this data on this machine."""

    def __init__(self, max_minutes: float, needed: float) -> None:
        shortest = "the shortest training of teacher and student"
        super().__init__(f"max_minutes is {max_minutes:g}, but {shortest} takes about {needed:.2g} minutes here")
        self.max_minutes = max_minutes
        self.needed = needed


class OptionsInvalid(TrainerError):
    def __init__(self, option: str, reason: str) -> None:
        super().__init__(f"option {option}: {reason}")
        self.option = option


class BackboneNotPruned(OptionsInvalid):
    def __init__(self, backbone: str) -> None:
        reason = (
            f"packnet fills weights that are 0, of which backbone {backbone} has none to speak of; "
            "`python -m trainer.pretrain --prune 0.5 --data ...` makes a pruned one, `nettailor backbone add` adds it"
        )
        super().__init__("backbone", reason)
        self.backbone = backbone


class NoWeightsLeft(OptionsInvalid):
    """`share` is that of the weights that are free."""

    def __init__(self, tasks: Sequence[str], share: float) -> None:
        reason = f"{', '.join(tasks)} have left {share:.2%} of the weights free, too few for another task"
        super().__init__("after", f"{reason}; name an earlier version, or `none` for a chain of its own")
        self.tasks = tuple(tasks)


class OldHeadsMissing(OptionsInvalid):
    def __init__(self, backbone: str) -> None:
        reason = (
            f"lwf needs the classifier that backbone {backbone} was trained with, which is not kept with its weights; "
            "the shipped mini26 has its own, as have torchvision's weights"
        )
        super().__init__("method", reason)
        self.backbone = backbone


class WorkerDevicesInvalid(TrainerError):
    def __init__(self, devices: str, reason: str) -> None:
        super().__init__(f"NETTAILOR_WORKER_DEVICES={devices}: {reason}")
        self.devices = devices


class CannotCalibrate(TrainerError):
    def __init__(self, task: str, version: int, reason: str) -> None:
        super().__init__(f"version {version} of task {task!r} cannot be calibrated: {reason}")
        self.task = task
        self.version = version


class PointUnknown(TrainerError):
    def __init__(self, task: str, version: int, blocks_removed: int) -> None:
        super().__init__(f"the front of version {version} of task {task!r} has no point k={blocks_removed}")
        self.task = task
        self.version = version


class JobUnknown(TrainerError):
    def __init__(self, job: str) -> None:
        super().__init__(f"no job {job!r}")
        self.job = job


class JobAmbiguous(TrainerError):
    """`candidates` are the ids that begin so."""

    def __init__(self, job: str, candidates: Sequence[str]) -> None:
        shown = ", ".join(candidates[:_SHOWN_JOBS]) + (", ..." if len(candidates) > _SHOWN_JOBS else "")
        super().__init__(f"{len(candidates)} jobs have ids that begin with {job!r}: {shown}")
        self.job = job
        self.candidates = tuple(candidates[:_SHOWN_JOBS])


class TooManyJobs(TrainerError):
    def __init__(self, actor: str, limit: int, retry_after_seconds: float) -> None:
        super().__init__(f"{actor} has {limit} job(s) queued or running, and may have no more: wait for one to end")
        self.actor = actor
        self.limit = limit
        self.retry_after_seconds = retry_after_seconds


class DatasetNotReady(TrainerError):
    def __init__(self, job: str) -> None:
        super().__init__(f"job {job} has no report on its data set: its intake has not come to its end")
        self.job = job


class JobConflict(TrainerError):
    def __init__(self, job: str, state: str, operation: str) -> None:
        super().__init__(f"job {job} is {state}: it cannot be {operation}")
        self.job = job
        self.state = state


class NothingToPublish(TrainerError):
    def __init__(self, job: str) -> None:
        super().__init__(f"job {job} has nothing to publish yet: finish it once its student is trained, or cancel it")
        self.job = job


class IdempotencyConflict(TrainerError):
    def __init__(self, key: str, job: str) -> None:
        super().__init__(f"idempotency key {key!r} belongs to job {job}, which was made from another upload or options")
        self.key = key
        self.job = job


class HelperUnfit(TrainerError):
    """Of both processes the backbone's fingerprint, and what `trainer.recipe.sharing.posting.machine_in_words` says."""

    def __init__(self, job_process: tuple[str, str], helper: tuple[str, str]) -> None:
        theirs, own = (f"backbone {backbone[:12]}, {machine}" for backbone, machine in (job_process, helper))
        super().__init__(
            f"this process would train other networks than the one it helps, or counts other costs: that has {theirs}; "
            f"this one {own}"
        )


class JobBusy(TrainerError):
    def __init__(self, job: str) -> None:
        super().__init__(f"another process is working on job {job}")
        self.job = job


class JobFolderLocked(TrainerError):
    def __init__(self, lock: str) -> None:
        super().__init__(f"another process holds {lock} and does not let go of it")
        self.lock = lock


class JobSuperseded(TrainerError):
    def __init__(self, job: str) -> None:
        super().__init__(f"job {job} was cancelled or taken over by another run")
        self.job = job


class JobDied(TrainerError):
    def __init__(self, job: str, attempts: int, reason: str) -> None:
        super().__init__(f"the training process ended {attempts} time(s) without an outcome; the last time: {reason}")
        self.job = job
        self.attempts = attempts
        self.reason = reason


class JobOverran(TrainerError):
    def __init__(self, job: str, max_minutes: float, minutes: float) -> None:
        super().__init__(
            f"the job was to take at most {max_minutes:g} minutes (max_minutes), was stopped after {minutes:.1f}"
        )
        self.job = job
        self.max_minutes = max_minutes
        self.minutes = minutes


class JobMemoryExceeded(TrainerError):
    def __init__(self, job: str, limit_bytes: int) -> None:
        super().__init__(
            f"the job needed more than {_in_mib(limit_bytes)} of memory, and was stopped: "
            "train on fewer images, or raise NETTAILOR_JOB_MEMORY_BYTES"
        )
        self.job = job
        self.limit_bytes = limit_bytes


class TooFewImages(TrainerError):
    def __init__(self, images: int, needed: int) -> None:
        super().__init__(f"the sets have {images} training images, a batch takes {needed}")
        self.images = images
        self.needed = needed


class JobRefused(TrainerError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"this cannot be kept with a job: {reason}")
        self.reason = reason


class JobRecordDamaged(TrainerError):
    def __init__(self, job: str, reason: str) -> None:
        super().__init__(f"the record of job {job} cannot be read: {reason}")
        self.job = job
        self.reason = reason


class QueueUnavailable(TrainerError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"the job queue cannot be reached: {reason}")


def _in_mib(size_bytes: int) -> str:
    return f"{size_bytes / 2**20:.0f} MiB"
