"""Jobs: how they go, and what can be done with them."""

from nettailor_client.answers.jobs import Job, State
from nettailor_client.operation import Operation, Stream
from nettailor_client.request import Request, Waiting, path_of, query_of, read_as, silently
from nettailor_client.routes.job_events import JobEnd, JobEvents, JobLog, read_job


class JobRoutes:
    @Operation
    def job(self, job: str) -> Request[Job]:
        return read_job(job)

    @Operation
    def jobs(
        self,
        *,
        task: str | None = None,
        state: State | None = None,
        actor: str | None = None,
        before: str | None = None,
        limit: int | None = None,
    ) -> Request[list[Job]]:
        """The latest, newest first; the next page is the one `before` the id of the last job of this one."""
        query = query_of(task=task, state=state, actor=actor, before=before, limit=limit)
        return Request(method="GET", path="/jobs", query=query, parse=read_as(list[Job]))

    @Operation
    def finish(self, job: str) -> Request[Job]:
        """Publish the best network so far, instead of searching on."""
        return _act(job, "finish", repeatable=True)

    @Operation
    def cancel(self, job: str) -> Request[Job]:
        """Stop a job for good, within seconds."""
        return _act(job, "cancel", repeatable=False)

    @Operation
    def retry(self, job: str) -> Request[Job]:
        """Queue a failed or cancelled job again; it goes on from its checkpoints."""
        return _act(job, "retry", repeatable=False)

    @Operation
    def wait(self, job: str, *, waiting: Waiting = silently) -> JobEnd:
        """The job when it has ended, whatever its state then is."""
        return JobEnd(job=job, waiting=waiting)

    @Stream
    def events(self, job: str, *, after: str | None = None, waiting: Waiting = silently) -> JobEvents:
        """The job's events from the first, or from that `after` an id, to its end, across lost connections and restarts
        of the service; `waiting` is called before each pause."""
        return JobEvents(job=job, after=after, waiting=waiting)

    @Stream
    def logs(self, job: str, *, follow: bool = False, tail: int | None = None) -> JobLog:
        """The job's log in pieces of text; with `follow` until it has ended, however long it is silent."""
        return JobLog(job=job, follow=follow, tail=tail)


def _act(job: str, what: str, *, repeatable: bool) -> Request[Job]:
    return Request(method="POST", path=path_of("jobs", job, what), parse=read_as(Job), repeatable=repeatable)
