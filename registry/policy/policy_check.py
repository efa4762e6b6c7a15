"""The checks of a version against a policy. The history keeps them with the promote that was made."""

from dataclasses import dataclass
from typing import Literal, Protocol

from nettailor.accuracy import counted
from nettailor.bundle.manifest import Manifest
from registry.policy.policy import Policy

CheckName = Literal["min_accuracy", "max_drop", "max_macs"]

_ROUNDING = 1e-9  # shares are quotients: 0.8 - 0.795 must count as 0.005


class Judged(Protocol):
    """What a policy looks at in a published version."""

    @property
    def version(self) -> int: ...
    @property
    def manifest(self) -> Manifest: ...
    @property
    def job(self) -> str | None: ...


@dataclass(frozen=True, kw_only=True)
class Check:
    """One requirement of a policy. `actual` is None where it is not known; such a check fails unless nothing is live.

    `required` and `actual` are in the unit of the policy's field of that name; `detail` is the same in words.
    """

    name: CheckName
    required: float
    actual: float | None
    passed: bool
    detail: str


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Every check of a policy, for a version against the one that was live then (None: nothing was)."""

    version: int
    live: int | None
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)

    def summary(self, *, failed_only: bool = False) -> str:
        """The checks in one line."""
        shown = [check for check in self.checks if not (failed_only and check.passed)]
        return "; ".join(f"{check.name}: {check.detail}" for check in shown) or "nothing is required"


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """The accuracy of a live version on another dataset's test split, measured by the caller of `promote`."""

    version: int  # that was measured
    dataset: str  # digest
    accuracy: float | None  # share of its test images; None: it has none


def judge(policy: Policy, candidate: Judged, live: Judged | None, measured: Measurement | None = None) -> Evidence:
    """Check a version against a policy. `measured` counts only if it is of `live` on the candidate's dataset."""
    checks: list[Check] = []
    if policy.min_accuracy is not None:
        checks.append(_min_accuracy(policy.min_accuracy, candidate))
    if policy.max_drop is not None:
        checks.append(_max_drop(policy.max_drop, candidate, live, measured))
    if policy.max_macs is not None:
        checks.append(_max_macs(policy.max_macs, candidate))
    return Evidence(version=candidate.version, live=None if live is None else live.version, checks=tuple(checks))


def _min_accuracy(required: float, candidate: Judged) -> Check:
    actual = _test_accuracy(candidate)
    shown = f"no test accuracy of version {candidate.version}" if actual is None else _shown(actual, candidate)
    return Check(
        name="min_accuracy",
        required=required,
        actual=actual,
        passed=actual is not None and actual >= required - _ROUNDING,
        detail=f"{shown}, at least {required:.2%} required",
    )


def _max_drop(required: float, candidate: Judged, live: Judged | None, measured: Measurement | None) -> Check:
    def check(actual: float | None, *, passed: bool, detail: str) -> Check:
        return Check(name="max_drop", required=required, actual=actual, passed=passed, detail=detail)

    if live is None:
        return check(None, passed=True, detail="nothing is live to compare with")
    new, dataset = _test_accuracy(candidate), candidate.manifest.dataset
    if live.manifest.dataset == dataset:
        old = _test_accuracy(live)
    elif measured is not None and (measured.version, measured.dataset) == (live.version, dataset):
        old = measured.accuracy
    else:
        return check(None, passed=False, detail=_not_comparable(candidate, live))
    if new is None or old is None:
        lacking = candidate if new is None else live
        return check(None, passed=False, detail=f"no test accuracy of version {lacking.version} to compare")
    old_shown = f"{counted(old, candidate.manifest.test_images)} of live version {live.version}"
    detail = f"{_shown(new, candidate)}, against {old_shown}, {required:.2%} less allowed"
    return check(old - new, passed=old - new <= required + _ROUNDING, detail=detail)


def _not_comparable(candidate: Judged, live: Judged) -> str:
    return (
        f"no comparison is possible: version {candidate.version} was tested on dataset {candidate.manifest.dataset}, "
        f"live version {live.version} on {live.manifest.dataset}; nothing shows that it is not worse"
    )


def _max_macs(required: float, candidate: Judged) -> Check:
    complexity = candidate.manifest.complexity
    actual = 1 - complexity.net_macs_removed if complexity.backbone_macs else None  # a manifest's claims may be all 0
    shown = "its manifest counts no MACs" if actual is None else f"{actual:.2%} of the backbone's MACs"
    return Check(
        name="max_macs",
        required=required,
        actual=actual,
        passed=actual is not None and actual <= required + _ROUNDING,
        detail=f"{shown}, at most {required:.2%} allowed",
    )


def _shown(accuracy: float, judged: Judged) -> str:
    """The figures that are decided on; and whose they are, where no job of this installation has measured them."""
    claimed = "" if judged.job else ", as its bundle claims"
    return f"test accuracy {counted(accuracy, judged.manifest.test_images)}{claimed}"


def _test_accuracy(judged: Judged) -> float | None:
    return judged.manifest.metrics.student.test
