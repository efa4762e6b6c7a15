"""What can go wrong in a command; each becomes one line on stderr and exit status 1, as the errors of
`nettailor_client` do.

CommandError
├── ServiceStartFailed     `nettailor up` ended before it was ready
├── DataFolderInUse        another `nettailor up` holds the data folder
├── CannotStart            malformed settings, unusable backbone weights, no Redis, ...
├── SettingsUnusable       the file of settings, or a variable, is malformed
├── CannotProfile          malformed settings, an unknown backbone, no such device, a file that cannot be written
├── NotCalibrated          there is no such version, it has ranges already or can have none, its images are not here
├── RegistryUnusable       its data folder, settings, Redis, blobs or records do not allow the operation
├── WeightsUnusable        a file of weights that is no backbone, or not the one it is said to be
├── KeyRejected            a name or task that cannot be one, a file of keys that cannot be read or written
├── AddressUnusable        the address to listen on is taken or not ours
├── FolderNotEmpty         the demo starts from nothing
├── JobEnded               a job failed or was cancelled
├── NotLive                a version was published, but is not what it was to become
├── MalformedTag           a tag to set is not NAME=TEXT
├── OptionUnusable         a value that an option cannot have
├── NothingNamed           no version or key is called so, or begins so
├── Ambiguous              several versions or keys begin so
├── CannotRead             a file that was named cannot be read
├── NotAVersionFile        a file to push that is none of a version, or not whole
├── CannotWrite            a file that was asked for cannot be written
├── PredictionsStopped     the service refused, or did not come back; what was predicted is kept
├── NotItsClasses          images to evaluate on that are labelled as no class of the task
├── NotLiveYet             a task without a live version, and none was named
├── NoImages               a folder to predict on holds none
├── ResultsExist           the file of results is there already
├── ResultsInUse           another command is writing them
├── ResultsOfAnother       what was begun for this file is not what is asked for now
├── NoJournal              a file that stands where the journal of the results would
└── NotADataset            the path is neither a folder nor a sound archive, or something in the folder cannot be read
    ├── TooLargeHere       it is beyond what the settings of this machine allow
    └── NotTrainable       it was read, and cannot be trained on as it is
"""

from collections.abc import Sequence
from pathlib import Path

_NAMED = 5  # names that a message lists


class CommandError(Exception):
    """Root of the tree."""


class ServiceStartFailed(CommandError):
    def __init__(self, log: Path, status: int | None) -> None:
        ended = "did not become ready in time" if status is None else f"ended with status {status}"
        super().__init__(f"`nettailor up` {ended}; its log is {log}\n{_tail(log)}")
        self.log = log
        self.status = status


class DataFolderInUse(CommandError):
    def __init__(self, data_dir: Path) -> None:
        super().__init__(f"another `nettailor up` is using {data_dir}; stop it, or choose another --data-dir")
        self.data_dir = data_dir


class CannotStart(CommandError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"the service cannot start: {reason}")
        self.reason = reason


class SettingsUnusable(CommandError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"the settings cannot be used: {reason}")
        self.reason = reason


class CannotProfile(CommandError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"cannot profile: {reason}")
        self.reason = reason


class WeightsUnusable(CommandError):
    pass


class NotCalibrated(CommandError):
    pass


class RegistryUnusable(CommandError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"the registry cannot be used: {reason}")
        self.reason = reason


class KeyRejected(CommandError):
    def __init__(self, what: str, reason: str) -> None:
        super().__init__(f"{what}: {reason}")
        self.reason = reason


class AddressUnusable(CommandError):
    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(f"cannot listen on {host}:{port}: {reason}; choose another with --port (0: any free one)")
        self.host = host
        self.port = port


class FolderNotEmpty(CommandError):
    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} is not empty; the demo starts from a new or empty folder")
        self.folder = folder


class JobEnded(CommandError):
    def __init__(self, job: str, state: str, reason: str | None) -> None:
        super().__init__(f"job {job} {state}" + (f": {reason}" if reason else ""))
        self.job = job
        self.state = state


class NotLive(CommandError):
    def __init__(self, task: str, version: int, alias: str, reason: str) -> None:
        super().__init__(f"{task} version {version} was published, but {alias} was not moved: {reason}")
        self.task = task
        self.version = version
        self.alias = alias


class MalformedTag(CommandError):
    def __init__(self, word: str) -> None:
        super().__init__(f"{word!r} is not NAME=TEXT")
        self.word = word


class OptionUnusable(CommandError):
    pass


class NothingNamed(CommandError):
    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"no {kind} is, or begins with, {text!r}")
        self.text = text


class Ambiguous(CommandError):
    """`candidates` are all that begin so."""

    def __init__(self, kind: str, text: str, candidates: Sequence[str]) -> None:
        super().__init__(f"more than one {kind} begins with {text!r}: {', '.join(candidates)}")
        self.text = text
        self.candidates = tuple(candidates)


class CannotRead(CommandError):
    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(f"{path}: cannot be read: {error.strerror or error}")
        self.path = path


class NotAVersionFile(CommandError):
    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path


class CannotWrite(CommandError):
    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(f"{path}: cannot be written: {error.strerror or error}")
        self.path = path


class PredictionsStopped(CommandError):
    def __init__(self, reason: str, images: int, journal: Path) -> None:
        kept = f"; the {images} images so far are kept in {journal}, and the same command goes on from there"
        super().__init__(reason + (kept if images else ""))
        self.images = images
        self.path = journal


class NotItsClasses(CommandError):
    def __init__(self, data: Path, unknown: Sequence[str], classes: Sequence[str]) -> None:
        found, known = _named(unknown), _named(classes)
        super().__init__(f"{data}: has images of {found}, where each has to be of a class of the task: {known}")
        self.unknown = unknown


def _named(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")


class NotLiveYet(CommandError):
    def __init__(self, task: str) -> None:
        super().__init__(f"task {task} has no live version; name one with --version")
        self.task = task


class NoImages(CommandError):
    def __init__(self, folder: Path, others: int) -> None:
        left = f", and other files: {others}" if others else ""
        super().__init__(f"{folder}: holds no images{left}")
        self.folder = folder


class ResultsExist(CommandError):
    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is there already; --overwrite replaces it when the new results are complete")
        self.path = path


class ResultsInUse(CommandError):
    def __init__(self, journal: Path) -> None:
        super().__init__(f"another command is writing {journal}")
        self.path = journal


class ResultsOfAnother(CommandError):
    def __init__(self, journal: Path, differences: str) -> None:
        super().__init__(
            f"{journal} holds what was predicted with other options ({differences}); give those to go on from there, "
            "or --overwrite to begin anew"
        )
        self.path = journal


class NoJournal(CommandError):
    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is not of this command, which would keep its progress there; choose another --out")
        self.path = path


class NotADataset(CommandError):
    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class TooLargeHere(NotADataset):
    pass


class NotTrainable(NotADataset):
    pass


def _tail(log: Path, lines: int = 12) -> str:
    text = log.read_text(errors="replace") if log.is_file() else ""
    return "\n".join(text.splitlines()[-lines:])
