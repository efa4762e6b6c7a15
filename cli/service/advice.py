"""What to do about a refusal, where it can be said: a note on the error, which commands show after it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from difflib import get_close_matches

from nettailor_client import Client, ClientError
from nettailor_client.errors import RequestRefused, Unauthorized

_TASK_UNKNOWN = "urn:nettailor:problem:task-unknown"
_ALIAS_UNKNOWN = "urn:nettailor:problem:alias-unknown"


@contextmanager
def adding_advice(client: Client) -> Iterator[None]:
    try:
        yield
    except RequestRefused as refusal:
        if advice := _advice(client, refusal):
            refusal.add_note(advice)
        raise


def _advice(client: Client, refusal: RequestRefused) -> str | None:
    if isinstance(refusal, Unauthorized):
        if client.key:
            return "the secret in NETTAILOR_KEY, or of --key, is of no key that this service knows"
        return "put the secret of a key into the variable NETTAILOR_KEY"
    ask = _ASKING.get(refusal.type)
    task = refusal.problem.get("task")
    if ask is None or not isinstance(task, str):
        return None
    try:
        return ask(client, task, refusal)
    except ClientError:  # a key that may not look, a service that went away: there is an error to show already
        return None


def _about_task(client: Client, task: str, refusal: RequestRefused) -> str | None:
    with suppress(ClientError):  # a registry by itself knows no jobs
        if under_way := _under_way(client, task):
            return under_way
    return _similar(task, [found.task for found in client.tasks()])


def _about_alias(client: Client, task: str, refusal: RequestRefused) -> str | None:
    alias, found = str(refusal.problem.get("alias")), client.task(task)
    if similar := _similar(alias, list(found.aliases)):
        return similar
    if alias != "live":
        return None
    not_yet = f"version {found.latest} is there: ask {task}@{found.latest}, or `nettailor registry promote`"
    return _under_way(client, task) or not_yet


def _under_way(client: Client, task: str) -> str | None:
    for state in ("running", "queued"):
        for job in client.jobs(task=task, state=state, limit=1):
            how_far = f"{job.progress:.0%}" if state == "running" else "queued"
            return f"it is being tailored now ({how_far}): `nettailor jobs --task {task}`"
    return None


def _similar(name: str, names: list[str]) -> str | None:
    close = get_close_matches(name, names, n=3)
    return f"did you mean {' or '.join(repr(each) for each in close)}?" if close else None


_ASKING: Mapping[str, Callable[[Client, str, RequestRefused], str | None]] = {
    _TASK_UNKNOWN: _about_task,
    _ALIAS_UNKNOWN: _about_alias,
}
