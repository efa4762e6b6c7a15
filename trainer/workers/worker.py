"""`python -m trainer.worker`: takes jobs from the queue and runs each in a process of its own.

RQ calls that process the work-horse. On top of RQ's worker: job processes are spawned; that of a cancelled job is
killed within seconds; a stopping worker gives its job back to the queue, which costs the job no attempt; and the job's
own document is updated whenever a run ends.
"""

import contextlib
import logging
import os
import sys
import time
from types import FrameType
from typing import TYPE_CHECKING, Any, Self

import redis
import rq
from rq import worker_registration
from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer

from hosting.processes.awake_time import AwakeTime
from hosting.processes.file_lock import FileLock
from hosting.processes.memory import MemoryWatch
from hosting.processes.private_files import keep_files_private
from hosting.settings.outset import ending_in_a_line, settings_of
from hosting.telemetry.logs import configure_logs
from registry.errors import RegistryError
from registry.storage import probe
from registry.storage.store import Store
from registry.wiring import connect, redis_service
from trainer.errors import JobMemoryExceeded, JobOverran, QueueUnavailable, TrainerError
from trainer.jobs.dequeue import queue_class
from trainer.jobs.job import PRIORITIES, PUBLISH
from trainer.jobs.jobs import Jobs
from trainer.jobs.log import LogPump, spawned
from trainer.jobs.queue import QUEUES, job_of
from trainer.jobs.reconcile import Reconciler, lock_path
from trainer.redis_errors import reachable
from trainer.settings import Settings
from trainer.wiring import housekeeping, open_jobs, reconciler_of
from trainer.workers.exit_reason import of_signal, of_trace, oom_kills
from trainer.workers.help_queue import help_queue_name, helped_submission, is_help
from trainer.workers.job_environment import job_environment
from trainer.workers.rq_log import configure_rq_log, ends_in_a_line

logger = logging.getLogger(__name__)

_HEARTBEAT_SECONDS = 1  # between two checks of a run: how fast a job is cancelled whose message was lost
_WORKER_TTL_SECONDS = 18  # RQ waits for jobs 15 seconds less than this at a time, and maintains in between
_MAINTENANCE_SECONDS = 2
_LAST_OUTPUT_SECONDS = 0.5  # to wait for the end of the log: less than between heartbeats, which interrupt it

if TYPE_CHECKING:
    from resource import struct_rusage

    _End = tuple[int | None, int | None, struct_rusage | None]


class TrainerWorker(rq.Worker):
    """``of`` makes one. In the job process an instance of the same class carries the job out."""

    job_process_module = "trainer.workers.job_process"
    overrun_factor, overrun_minutes = 1.5, 5.0  # a run is stopped after max_minutes times this, plus this
    run_kept_seconds = 7 * 24 * 3600  # Redis knows whose run it is this long without a heartbeat: laptops sleep
    jobs: Jobs
    reconciler: Reconciler
    memory_limit_bytes: int  # of a job process
    _memory: MemoryWatch | None = None
    _log: LogPump | None = None
    _end: "_End | None" = None
    _status: int | None = None  # of the last job process, as `wait` gives it, once it has ended
    _death: str | None = None  # why the last job process was killed, if it was
    _ran: AwakeTime  # of the last job process
    _oom_kills: int = 0
    _next_maintenance: float = 0.0
    _returning: bool = False  # the running job goes back to the queue because this worker stops

    @classmethod
    def of(
        cls, settings: Settings, client: "redis.Redis", *, name: str | None = None, in_job_process: bool = False
    ) -> Self:
        queues = [QUEUES[priority] for priority in PRIORITIES]
        worker = cls(
            [*queues, help_queue_name(settings.work_dir)] if settings.worker_helps else queues,
            name=name,
            connection=client,
            serializer=JSONSerializer,
            queue_class=queue_class(settings.jobs_running_per_user),
            worker_ttl=_WORKER_TTL_SECONDS,
            job_monitoring_interval=_HEARTBEAT_SECONDS,
            prepare_for_work=not in_job_process,
            log_job_description=False,
        )
        worker.jobs = open_jobs(settings, client)
        worker.memory_limit_bytes = settings.job_memory_limit_bytes
        worker.reconciler = reconciler_of(settings, worker.jobs)
        return worker

    def queue_of(self, job: Job) -> rq.Queue:
        """The queue that an RQ job came from."""
        found = next((queue for queue in self.queues if queue.name == job.origin), None)
        return self.jobs.queue.queue_of(job) if found is None else found

    def fork_work_horse(self, job: Job, queue: rq.Queue) -> None:
        assert self.execution is not None
        arguments = [str(os.getpid()), self.name, job.id, self.execution.id]
        command = [sys.executable, "-m", self.job_process_module, *arguments]
        self._ran, self._end, self._status, self._death = AwakeTime(), None, None, None
        self._oom_kills = oom_kills()
        environment = job_environment(os.environ)
        self._horse_pid, self._log = spawned(command, environment, self.jobs.store.client, _served(job.id)[0])

    def monitor_work_horse(self, job: Job, queue: rq.Queue, execution: Execution) -> None:
        with MemoryWatch(self.horse_pid, self.memory_limit_bytes) as self._memory:
            super().monitor_work_horse(job, queue, execution)

    def wait_for_horse(self) -> "_End":
        # RQ's heartbeat timer may interrupt this method at any point. A status that was fetched in that very instant
        # would be lost, for a process can be reaped only once; so it is read first, without reaping the process.
        if self._status is None and sys.platform != "darwin":  # there is no waitid
            with contextlib.suppress(ChildProcessError):
                found = os.waitid(os.P_PID, self.horse_pid, os.WEXITED | os.WNOWAIT)
                self._status = None if found is None else _wait_status(found)
        if self._end is None or self._end[0] is None:
            self._end = super().wait_for_horse()
        if self._log is not None:
            self._log.join(timeout_seconds=_LAST_OUTPUT_SECONDS)  # so that its lines come before the event of its death
        pid, status, usage = self._end
        return pid, self._status if status is None else status, usage

    def handle_work_horse_killed(
        self, job: Job, retpid: int | None, ret_val: int | None, rusage: "struct_rusage | None"
    ) -> None:
        if ret_val is None:
            self._death = "it ended, and how is not known"
        elif os.WIFSIGNALED(ret_val):
            meanwhile = oom_kills() - self._oom_kills
            unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
            peak_mib = None if rusage is None else rusage.ru_maxrss / unit
            self._death = of_signal(os.WTERMSIG(ret_val), peak_mib=peak_mib, oom_kills_meanwhile=meanwhile)
            if self._memory is not None and self._memory.exceeded and not is_help(job.id):
                self._fail_for_memory(job)
        else:
            self._death = f"it ended by itself with status {os.waitstatus_to_exitcode(ret_val)}; its log may tell why"

    def _fail_for_memory(self, job: Job) -> None:
        """Every further attempt would need as much."""
        self._death = f"out of memory: {self._death}"
        try:
            found = self.jobs.store.find(job_of(job.id)[0])
            if found is not None and found.is_open:
                self.jobs.fail(found, JobMemoryExceeded(found.id, self.memory_limit_bytes))
                self._stopped_job_id = job.id  # so that RQ tries it no more
        except QueueUnavailable as fault:
            logger.warning("job %s needed too much memory, which cannot be noted: %s", job.id, fault)

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """With all that is known of the worker: Redis forgets one that sent no heartbeat for a minute, as after a
        sleep of the machine."""
        super().heartbeat(timeout, pipeline)
        if self.birth_date is not None:
            (pipeline or self.connection).hset(self.key, mapping=self.serialize())
            worker_registration.register(self, pipeline)

    @property
    def should_run_maintenance_tasks(self) -> bool:
        return time.monotonic() >= self._next_maintenance  # RQ asks the clock on the wall, which may be set back

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:
        return self.run_kept_seconds

    def maintain_heartbeats(self, job: Job, execution: Execution) -> None:
        try:
            with reachable():
                super().maintain_heartbeats(job, execution)
                wanted = self._is_wanted(job.id) and not self._has_overrun(job.id)
        except QueueUnavailable as fault:
            logger.warning("no heartbeat: %s", fault)  # the job process waits for Redis as well
            wanted = True
        if self._stop_requested and not self._returning:  # the request came while the job process was being started
            self._give_back()
        if not wanted:
            logger.info("job %s has ended: killing its process", job.id, extra={"job": _served(job.id)[0]})
            self._stopped_job_id = job.id
            self.kill_horse()

    def _is_wanted(self, rq_job: str) -> bool:
        name, number = _served(rq_job)
        job = self.jobs.store.find(name)
        if job is None or job.submission != number:
            return False
        # A job that has just ended is still wanted: its job process is tidying up.
        return job.is_open if is_help(rq_job) else job.state != "cancelled"

    def _has_overrun(self, submission: str) -> bool:
        """Whether the run has taken much longer than its job's `max_minutes`; the job fails then. For help, the worker
        of the job itself looks at that."""
        if is_help(submission):
            return False
        job, minutes = self.jobs.store.find(job_of(submission)[0]), self._ran.seconds / 60
        if job is None or not job.is_open or job.stage == PUBLISH:
            return False
        max_minutes = job.options.get("max_minutes")
        if not isinstance(max_minutes, int | float):
            return False
        if minutes <= max_minutes * self.overrun_factor + self.overrun_minutes:
            return False
        self.jobs.fail(job, JobOverran(job.id, max_minutes, minutes))
        return True

    def handle_job_failure(
        self,
        job: Job,
        queue: rq.Queue,
        started_job_registry: Any = None,
        exc_string: str = "",
        execution: Execution | None = None,
    ) -> None:
        if self._returning and not is_help(job.id):
            job.retries_left = (job.retries_left or 0) + 1  # the attempt does not count
        # A submission that never began is still in the intermediate list, where it would count as a run of its actor.
        self.connection.lrem(queue.intermediate_queue_key, 0, job.id)
        super().handle_job_failure(job, queue, started_job_registry, exc_string, execution)
        if is_help(job.id):  # the job's own process goes on with what was left
            self._end_help(job)
            return
        reason = "the worker was stopped" if self._returning else self._death or of_trace(exc_string)
        self.reconciler.settle(job.id, reason)

    def _end_help(self, job: Job) -> None:
        logger.info("help for job %s has ended: %s", _served(job.id)[0], self._death or "it failed; its log tells why")
        if self._returning:
            job.delete()  # whoever fails is not called again, and this one has not

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Give the running job back to the queue instead of waiting for it, which may take hours; it goes on from its
        checkpoints later."""
        if self.horse_pid:
            self._give_back()
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]  # RQ has not typed it

    def _give_back(self) -> None:
        self._returning = True
        self.reconciler.leave_word(self.name)  # Redis may be away just now
        self.kill_horse()

    def clean_registries(self) -> None:
        """Reconcile instead of RQ's own cleaning, which knows neither the workers' locks nor the jobs' documents, and
        whose own lock outlives a killed holder by minutes."""
        try:
            self.reconciler.reconcile()
        except QueueUnavailable as fault:
            logger.warning("%s", fault)
        self._next_maintenance = time.monotonic() + _MAINTENANCE_SECONDS
        self.last_cleaned_at = rq.utils.now()  # type: ignore[assignment]  # RQ declares it as None


def _served(rq_job: str) -> tuple[str, int]:
    """Id and submission of the job that an RQ job carries out or helps with."""
    return job_of(helped_submission(rq_job))


def _wait_status(found: "os.waitid_result") -> int:
    """The status that `wait` would have returned."""
    if found.si_code == os.CLD_EXITED:
        return found.si_status << 8
    return found.si_status | (0x80 if found.si_code == os.CLD_DUMPED else 0)


def main(kind: type[TrainerWorker] = TrainerWorker) -> None:
    settings = settings_of(Settings)
    with ending_in_a_line():
        keep_files_private(settings.data_dir)
    configure_logs(settings)
    configure_rq_log()
    with ending_in_a_line(RegistryError, TrainerError), redis_service(settings) as url, ends_in_a_line():
        os.environ["NETTAILOR_REDIS_URL"] = url  # for the job processes
        probe.check(Store(settings.blobs_location))
        worker = kind.of(settings, connect(url))
        with FileLock(lock_path(settings.worker_locks_dir, worker.name)) as lock:
            if not lock.acquire():
                raise SystemExit(f"another process holds {lock.path}")
            with housekeeping(settings, worker.jobs):
                worker.work(logging_level=settings.log_level.upper())
            lock.path.unlink(missing_ok=True)
