"""`nettailor doctor` on the records beside the blobs: each is read as a service would read it."""

import time
from collections.abc import Iterator

from cli.doctor.finding import Finding, fail, ok, warn
from hosting.settings.settings import Settings
from registry.errors import RecordCorrupt
from registry.journal.records import Records
from registry.storage.store import Store
from trainer.errors import JobRecordDamaged
from trainer.jobs.records import JobRecords

_PATIENCE_SECONDS = 10.0  # a long history, or one in a bucket, is for `nettailor registry verify`
_ADVICE = "restore the file from a backup; until then its task or job answers 424, and all others go on"


def records(settings: Settings) -> Iterator[Finding]:
    store = Store(settings.blobs_location)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    faults, read, complete = [], 0, True
    for fault in _faults(store):
        if fault is None:
            read += 1
        else:
            faults.append(fault)
            yield fail("records", fault, _ADVICE)
        if time.monotonic() > deadline:
            complete = False
            break
    if not complete:
        yield warn("records", f"{read} were read in time", "`nettailor registry verify` reads them all")
    elif not faults:
        yield ok("records", f"all {read} can be read")


def _faults(store: Store) -> Iterator[str | None]:
    """A fault, or None, for every record of a task or of a job."""
    of_tasks, of_jobs = Records(store), JobRecords(store)
    for task in of_tasks.tasks():
        for sequence in range(1, of_tasks.latest(task) + 1):
            try:
                of_tasks.certain(task, sequence)
            except RecordCorrupt as fault:
                yield str(fault)
            else:
                yield None
    for job in of_jobs.ids():
        try:
            of_jobs.read(job)
        except JobRecordDamaged as fault:
            yield str(fault)
        except FileNotFoundError:
            continue  # removed since it was listed
        else:
            yield None
