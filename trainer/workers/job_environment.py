"""The environment variables of a job process."""

from collections.abc import Mapping

_LOG = {"PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1"}  # the log is whole when the process dies

# How often a thread of GNU OpenMP looks whether the others of its team are done before it sleeps; 300,000 times, which
# takes milliseconds, if nobody says otherwise. A job yields to predictions: where one of its threads waits for the
# processor, the others would look that long in each of the hundreds of parallel regions of a step, on a core that the
# waiting one could have. So often costs a job next to nothing that has all cores (docs/log.md).
_PATIENCE = {"GOMP_SPINCOUNT": "10000"}
PATIENCE_IS_SET_BY = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")


def job_environment(ours: Mapping[str, str]) -> dict[str, str]:
    """`ours`, the worker's own, and what is a job's alone. Whoever told OpenMP how to wait is obeyed."""
    is_set = any(name in ours for name in PATIENCE_IS_SET_BY)
    return ({} if is_set else _PATIENCE) | dict(ours) | _LOG
