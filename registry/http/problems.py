"""Which HTTP status each error of the registry answers with."""

from hosting.web.problem import ProblemTable
from nettailor.errors import BackboneWeightsInvalid, BundleInvalid, BundleTooLarge, ChainLinkMissing
from registry import errors

PROBLEMS: ProblemTable = {
    errors.NameInvalid: (422, "malformed name"),
    errors.TaskUnknown: (404, "unknown task"),
    errors.TaskWasDeleted: (409, "task was deleted"),
    errors.VersionUnknown: (404, "unknown version"),
    errors.AliasUnknown: (404, "unknown alias"),
    errors.AliasConflict: (409, "alias names another version"),
    errors.PolicyViolated: (409, "policy not passed"),
    errors.ForceWithoutReason: (422, "force without a reason"),
    errors.NothingToRollBack: (409, "nothing to roll back to"),
    errors.VersionInUse: (409, "version in use"),
    errors.TagInvalid: (422, "malformed tag"),
    errors.TagsTooMany: (409, "too many tags"),
    errors.AttachmentsTooMany: (422, "too many attachments"),
    errors.AttachmentUnknown: (404, "unknown attachment"),
    errors.ComparisonInvalid: (422, "malformed comparison"),
    errors.DatasetsDiffer: (409, "versions of different data sets"),
    errors.AnswersMissing: (409, "answers not recorded"),
    errors.BackboneMissing: (404, "unknown backbone"),
    errors.BackboneConflict: (409, "backbone taken"),
    errors.BackboneInUse: (409, "backbone in use"),
    errors.PredecessorUnknown: (409, "predecessor unknown"),
    errors.PredecessorInUse: (409, "predecessor in use"),
    errors.TaskMismatch: (409, "bundle of another task"),
    errors.VersionFileInvalid: (422, "not a file of a version"),
    errors.DigestMismatch: (422, "digest mismatch"),
    errors.BlobMissing: (424, "blob missing"),
    errors.BlobCorrupt: (424, "blob corrupt"),
    errors.RecordRefused: (422, "cannot be recorded"),
    errors.RecordCorrupt: (424, "record unreadable"),
    errors.StoreUnavailable: (503, "store unavailable"),
    errors.IndexUnavailable: (503, "registry index unavailable"),
    errors.RegistryError: (500, "registry failure"),
    BundleTooLarge: (413, "bundle too large"),
    BundleInvalid: (422, "bundle invalid"),
    ChainLinkMissing: (424, "predecessor missing"),  # it is a version here, whose bundle is gone
    BackboneWeightsInvalid: (422, "weights invalid"),
}
