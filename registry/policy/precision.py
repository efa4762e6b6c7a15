"""Whether a version may be served in int8: its bundle has to be ready for it, and the task's policy to allow it."""

from nettailor.bundle.manifest import Int8Cost, Manifest
from registry.policy.policy import Policy

_ROUNDING = 1e-9  # shares are quotients


def int8_refusal(policy: Policy | None, manifest: Manifest) -> str | None:
    """Why a version may not be served in int8, in words; None where it may."""
    if not manifest.activation_ranges:
        return "its bundle has no activation ranges; `nettailor calibrate` makes a version that has them"
    if policy is not None and not policy.allow_int8:
        return "the task's policy forbids int8"
    if policy is not None and policy.max_int8_drop is not None:
        return _too_much(policy.max_int8_drop, measured_cost(manifest))
    return None


def _too_much(allowed: float, cost: Int8Cost | None) -> str | None:
    if cost is None:
        return "nobody has measured what int8 costs it, and the task's policy says how much that may be"
    if cost.lost > allowed + _ROUNDING:
        return f"int8 costs it {cost.lost:.2%} of {cost.images} images, at most {allowed:.2%} allowed"
    return None


def measured_cost(manifest: Manifest) -> Int8Cost | None:
    """On the test split, else on the validation split; None where nothing was measured."""
    costs = manifest.metrics.int8
    return None if costs is None else costs.test or costs.validation
