"""Every error the registry raises.

RegistryError
├── NameInvalid            a task or alias name that cannot be one
├── TaskUnknown            no such task (or it was deleted)
├── TaskWasDeleted         what was begun before the task was deleted must not bring it back
├── VersionUnknown         the task has no such version (or it was deleted)
├── AliasUnknown           the task has no such alias
├── AliasConflict          the alias names another version than the caller expected
├── PolicyViolated         a version does not pass the task's policy, so it cannot go live
├── ForceWithoutReason     forcing a version past a policy needs a reason
├── NothingToRollBack      the alias never named another version that still exists
├── VersionInUse           a version that an alias names cannot be deleted
├── TagInvalid             a tag's text is too long
├── TagsTooMany            a version cannot have that many tags
├── AttachmentsTooMany     a version cannot have that many attachments
├── AttachmentUnknown      the version has no attachment of that name
├── ComparisonInvalid      so few, so many, or the same versions cannot be compared
├── DatasetsDiffer         versions of different data sets have no test images in common to be compared on
├── AnswersMissing         a version's answers to its test images were not recorded
├── BackboneMissing        no backbone of that name was added
├── BackboneConflict       the name, or the weights, are taken already
├── BackboneInUse          a backbone that versions need cannot be removed
├── VersionFileInvalid     a file that is none of a version, or not whole
├── DigestMismatch         a member of such a file is not what the file says that it holds
├── PredecessorUnknown     what a bundle stands on is no version here
├── PredecessorInUse       what other versions, or jobs, stand on cannot be deleted
├── TaskMismatch           the bundle was made for another task than it is published under
├── BlobMissing            no blob of that digest
├── BlobCorrupt            a blob's bytes do not have its digest
├── RecordRefused          what was to be recorded could not be read back, so it was not written
├── RecordCorrupt          a record beside the blobs cannot be read
├── RecordsBehind          the index knows of a record that is not beside the blobs
├── StoreUnavailable       the store of blobs and records cannot be reached, or fails; it is an `OSError` as well
├── StoreUnusable          no store can be made of the setting, or it cannot keep records safely
└── IndexUnavailable       Redis cannot be reached, or cannot take writes
"""

from registry.policy.policy_check import Evidence

_SHOWN_VERSIONS = 5  # in a message


class RegistryError(Exception):
    """Root of the tree."""


class NameInvalid(RegistryError):
    """`most` is how many characters it may have, `besides` what else holds of names of this kind."""

    def __init__(self, kind: str, name: str, most: int, besides: str = "") -> None:
        rule = f"lower-case letters, digits, '.', '_' and '-', {most} at most, the first a letter or a digit"
        super().__init__(f"{name!r} cannot name {kind}: {rule}{besides}")
        self.kind = kind
        self.name = name


class TaskUnknown(RegistryError):
    def __init__(self, task: str) -> None:
        super().__init__(f"no task {task!r}")
        self.task = task


class TaskWasDeleted(RegistryError):
    """`actor`, `at` and `reason` are those of the deletion."""

    def __init__(self, task: str, actor: str, at: str, reason: str) -> None:
        why = f" ({reason})" if reason else ""
        super().__init__(
            f"task {task!r} was deleted by {actor} at {at}{why}: nothing that was begun before is published any more;"
            " to make the task anew, upload its data again"
        )
        self.task = task
        self.actor = actor
        self.at = at
        self.reason = reason


class VersionUnknown(RegistryError):
    def __init__(self, task: str, version: int) -> None:
        super().__init__(f"task {task!r} has no version {version}")
        self.task = task
        self.version = version


class AliasUnknown(RegistryError):
    def __init__(self, task: str, alias: str) -> None:
        super().__init__(f"task {task!r} has no alias {alias!r}")
        self.task = task
        self.alias = alias


class AliasConflict(RegistryError):
    def __init__(self, task: str, alias: str, expected: int | None, actual: int | None) -> None:
        super().__init__(f"{task}@{alias} names {_version(actual)}, expected {_version(expected)}")
        self.task = task
        self.alias = alias
        self.expected = expected
        self.actual = actual


class PolicyViolated(RegistryError):
    """`evidence` holds every check, also those that passed."""

    def __init__(self, task: str, alias: str, evidence: Evidence) -> None:
        super().__init__(
            f"version {evidence.version} does not pass the policy of {task}@{alias}: "
            f"{evidence.summary(failed_only=True)}"
        )
        self.task = task
        self.alias = alias
        self.version = evidence.version
        self.live = evidence.live
        self.evidence = evidence


class ForceWithoutReason(RegistryError):
    def __init__(self, task: str, alias: str, version: int) -> None:
        super().__init__(f"{task}@{alias}: to force version {version} past the policy, say why")
        self.task = task
        self.alias = alias
        self.version = version


class NothingToRollBack(RegistryError):
    def __init__(self, task: str, alias: str) -> None:
        super().__init__(f"{task}@{alias} has no earlier version to go back to")
        self.task = task
        self.alias = alias


class VersionInUse(RegistryError):
    def __init__(self, task: str, version: int, aliases: list[str]) -> None:
        super().__init__(f"version {version} of task {task!r} is named by {', '.join(aliases)}")
        self.task = task
        self.version = version
        self.aliases = aliases


class TagInvalid(RegistryError):
    def __init__(self, task: str, version: int, tag: str, limit: int) -> None:
        super().__init__(f"tag {tag!r} of version {version} of task {task!r}: over {limit} characters")
        self.task = task
        self.version = version
        self.tag = tag
        self.limit = limit


class TagsTooMany(RegistryError):
    def __init__(self, task: str, version: int, limit: int) -> None:
        super().__init__(f"version {version} of task {task!r} can have {limit} tags at most")
        self.task = task
        self.version = version
        self.limit = limit


class AttachmentsTooMany(RegistryError):
    def __init__(self, task: str, limit: int) -> None:
        super().__init__(f"a version of task {task!r} can have {limit} attachments at most")
        self.task = task
        self.limit = limit


class AttachmentUnknown(RegistryError):
    def __init__(self, task: str, version: int, name: str) -> None:
        super().__init__(f"version {version} of task {task!r} has no attachment {name!r}")
        self.task = task
        self.version = version
        self.name = name


class ComparisonInvalid(RegistryError):
    def __init__(self, task: str, reason: str) -> None:
        super().__init__(f"versions of task {task!r} cannot be compared: {reason}")
        self.task = task
        self.reason = reason


class DatasetsDiffer(RegistryError):
    def __init__(self, task: str, version: int, dataset: str, *, first: int, first_dataset: str) -> None:
        super().__init__(
            f"versions of task {task!r} cannot be compared: version {version} was tested on dataset {dataset}, version"
            f" {first} on {first_dataset}; tailor both on one"
        )
        self.task = task
        self.version = version
        self.dataset = dataset


class AnswersMissing(RegistryError):
    def __init__(self, task: str, version: int, reason: str) -> None:
        super().__init__(
            f"version {version} of task {task!r} cannot be compared, since its answers to the test images are not"
            f" known: {reason}"
        )
        self.task = task
        self.version = version
        self.reason = reason


class BackboneMissing(RegistryError):
    def __init__(self, name: str) -> None:
        super().__init__(f"no backbone {name!r} was added; `nettailor backbone list` shows those that were")
        self.name = name


class BackboneConflict(RegistryError):
    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"backbone {name!r} cannot be added: {reason}")
        self.name = name


class BackboneInUse(RegistryError):
    """`versions` are as `task v3`, in order."""

    def __init__(self, name: str, versions: list[str]) -> None:
        super().__init__(f"backbone {name!r} is needed by {_shown(versions)}; delete these first")
        self.name = name
        self.versions = versions


class PredecessorUnknown(RegistryError):
    def __init__(self, task: str, digest: str) -> None:
        super().__init__(
            f"the bundle of task {task!r} has the weights of bundle {digest} and more, and that is no version here; "
            "publish it first (from another installation: nettailor registry pull, then push)"
        )
        self.task = task
        self.digest = digest


class PredecessorInUse(RegistryError):
    """`versions` are as `task v3`, `jobs` begin with the job's id; in order."""

    def __init__(self, task: str, versions: list[str], jobs: list[str]) -> None:
        reasons = [f"part of {_shown(versions)}; delete these first"] if versions else []
        if jobs:
            reasons.append(f"what the job {_shown(jobs)} stands on; wait for its end, or cancel it first")
        super().__init__(f"weights of task {task!r} are {', and '.join(reasons)}")
        self.task = task
        self.versions = versions
        self.jobs = jobs


class TaskMismatch(RegistryError):
    def __init__(self, task: str, found: str) -> None:
        super().__init__(f"the bundle was made for task {found!r}, not {task!r}")
        self.task = task
        self.found = found


class VersionFileInvalid(RegistryError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"this is no whole file of a version: {reason}")
        self.reason = reason


class DigestMismatch(RegistryError):
    def __init__(self, name: str, expected: str, found: str) -> None:
        super().__init__(f"{name!r} in the file has digest {found}, where {expected} is expected")
        self.name = name
        self.expected = expected
        self.found = found


class BlobMissing(RegistryError):
    def __init__(self, digest: str) -> None:
        super().__init__(f"no blob {digest}")
        self.digest = digest


class BlobCorrupt(RegistryError):
    def __init__(self, digest: str, found: str) -> None:
        super().__init__(f"blob {digest} holds bytes of digest {found}")
        self.digest = digest
        self.found = found


class RecordRefused(RegistryError):
    def __init__(self, task: str, reason: str) -> None:
        super().__init__(f"this cannot be recorded of task {task!r}: {reason}")
        self.task = task
        self.reason = reason


class RecordCorrupt(RegistryError):
    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"record {key}: {reason}")
        self.key = key
        self.reason = reason


class RecordsBehind(RegistryError):
    def __init__(self, task: str, sequence: int) -> None:
        super().__init__(f"record {sequence} of task {task!r} is in the index but not beside the blobs; rebuild")
        self.task = task
        self.sequence = sequence


class StoreUnavailable(RegistryError, OSError):
    """Whoever is prepared for a disk that fails is prepared for this."""

    retry_after_seconds = 5

    def __init__(self, reason: str) -> None:
        super().__init__(f"the store of blobs and records is unavailable: {reason}")
        self.reason = reason


class StoreUnusable(RegistryError):
    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"blobs and records cannot be kept in {url}: {reason}")
        self.url = url
        self.reason = reason


class IndexUnavailable(RegistryError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"the registry's index is unavailable: {reason}")
        self.reason = reason


def _shown(versions: list[str]) -> str:
    more = f" and {len(versions) - _SHOWN_VERSIONS} more" if len(versions) > _SHOWN_VERSIONS else ""
    return ", ".join(versions[:_SHOWN_VERSIONS]) + more


def _version(version: int | None) -> str:
    return "no version" if version is None else f"version {version}"
