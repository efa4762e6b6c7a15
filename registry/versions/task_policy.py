"""The record that sets or clears the policy of a task."""

from registry.journal.index import TaskState
from registry.journal.records import PolicySet
from registry.policy.policy import Policy


def policy_set(
    state: TaskState, current: PolicySet | None, policy: Policy | None, *, actor: str, reason: str, at: str
) -> PolicySet:
    """The record that makes `policy` the task's own (None: it has none any more); `current` if nothing changes."""
    if current is not None and current.policy == policy:
        return current
    changes = policy is not None or current is not None  # clearing a policy that was never set does not
    return PolicySet(
        task=state.task, sequence=state.sequence + changes, at=at, actor=actor, policy=policy, reason=reason
    )
