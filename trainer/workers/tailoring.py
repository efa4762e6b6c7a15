"""What a job process does: upload -> dataset file -> recipe -> version. It goes on where an earlier run ended."""

import dataclasses
import logging
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import redis
import torch

from hosting.disk.reserve import is_full
from hosting.errors import InsufficientStorage
from hosting.processes.file_lock import FileLock
from hosting.telemetry import log_context, tracing
from nettailor.bundle.bundle import Bundle, decode
from nettailor.errors import BackboneWeightsInvalid, NetTailorError
from nettailor.network.backbones import Backbone, load_backbone
from nettailor.network.stored_backbone import stored_backbone
from registry.errors import BackboneConflict, BlobCorrupt, BlobMissing, PredecessorUnknown, TaskWasDeleted
from registry.registry import Registry
from registry.wiring import connect
from trainer.errors import JobBusy, JobSuperseded, QueueUnavailable, TrainerError, UploadGone
from trainer.events import Event, Json
from trainer.intake.archives.limits import intake_limits
from trainer.intake.freeze import IntakeReport, freeze
from trainer.jobs.folders import LOCK
from trainer.jobs.jobs import Jobs
from trainer.jobs.option_checks import backbone_of
from trainer.jobs.options import TailorOptions, parse_options
from trainer.metrics import TrainerMetrics
from trainer.problems import problem_of_job
from trainer.publishing.backbones import store_backbone
from trainer.publishing.comparability import live_version
from trainer.publishing.comparison import compare
from trainer.publishing.publish import ACTOR, publish
from trainer.recipe.methods.packed import check_free
from trainer.recipe.pipeline import tailor
from trainer.recipe.result import Tailored
from trainer.recipe.teachers.resolution import resolution_findings
from trainer.recipe.timing.early_finish import FinishRequest
from trainer.recipe.warm_start import WarmStart, find_warm_start
from trainer.reports.dataset_report import store_dataset_report
from trainer.reports.origin import Origin
from trainer.reports.version.findings import Finished
from trainer.reports.version.report import attach_report
from trainer.settings import Settings
from trainer.training.data import load_split
from trainer.wiring import open_jobs, open_registry
from trainer.workers.job_run import JobRun, begin
from trainer.workers.predecessor import find_predecessor, read_chain
from trainer.workers.recipe_options import recipe_config_of

logger = logging.getLogger(__name__)

CHECKPOINTS, DATASET = "checkpoints", "dataset.zip"  # in a job's folder
_INTAKE_SHARE = 0.05  # of a job's progress; the rest is the recipe's, but for a last bit for publishing
_RECIPE_SHARE = 0.93
_LOCK_PATIENCE_SECONDS = 20.0  # a predecessor that was just killed still has to go
_PROGRESS_SECONDS = 0.5
# What another attempt would meet again: the job fails with its reason.
_ENDING = (
    TrainerError,
    NetTailorError,
    TaskWasDeleted,
    PredecessorUnknown,
    BackboneConflict,
    InsufficientStorage,
)


def run(job: str, submission: int) -> None:
    """The function that RQ calls. An error of the data or of the recipe ends the job as failed; anything else is
    raised, and RQ gives the job another attempt."""
    place = open_workplace(job)
    folder = place.settings.work_dir / job
    with FileLock(folder / LOCK) as lock:
        if not lock.acquire(patience_seconds=_LOCK_PATIENCE_SECONDS):
            raise JobBusy(job)
        try:
            job_run = begin(place.jobs, job, submission)
            about: tracing.Attributes = {
                "nettailor.job": job,
                "nettailor.task": job_run.job.task,
                "nettailor.attempt": job_run.job.attempt,
            }
            with tracing.span("job", parent=job_run.job.trace, about=about):
                Tailoring(place.settings, place.registry, job_run, TrainerMetrics(place.client), folder).carry_out()
        except JobSuperseded as fault:
            logger.info("%s", fault)
        finally:
            tracing.flush()  # RQ ends the process without its exit handlers


@dataclass(frozen=True, kw_only=True)
class Workplace:
    """What a process that works on a job has at hand."""

    settings: Settings
    client: "redis.Redis"
    registry: Registry
    jobs: Jobs


def open_workplace(job: str) -> Workplace:
    """For the process that RQ started for this job, which ends with it."""
    log_context.job.set(job)
    settings = Settings()
    assert settings.redis_url is not None
    if settings.job_threads is not None:
        torch.set_num_threads(settings.job_threads)
    client = connect(settings.redis_url)
    registry = open_registry(settings, client)
    jobs = open_jobs(settings, client, registry.blobs)
    return Workplace(settings=settings, client=client, registry=registry, jobs=jobs)


class Tailoring:
    """One run of one job, in the job's work folder."""

    def __init__(
        self, settings: Settings, registry: Registry, run: JobRun, metrics: TrainerMetrics, folder: Path
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._run = run
        self._metrics = metrics
        self._folder = folder
        self._stage = ""
        self._stage_began = time.monotonic()
        self._seconds: dict[str, float] = {}  # in this run, by stage

    def carry_out(self) -> None:
        """Raises JobSuperseded, QueueUnavailable, and every error that is neither the data's nor the recipe's."""
        job = self._run.job
        log_context.task.set(job.task)
        self._observe_wait()
        try:
            options = parse_options(job.options)
            backbone = chosen_backbone(options, self._settings, self._registry)
            chain = self._chain(options, backbone)
            dataset = self._freeze_upload(backbone)
            start = self._warm_start(options)
            tailored = self._tailor(dataset, backbone, options, start, chain)
            compared = None if start is None else compare(start, decode(tailored.bundle), dataset, backbone)
            files = self._reports(tailored, dataset, backbone, compared, chain)
            self._enter("publish")
            self._run.begin_publishing()
            if options.backbone not in {None, self._settings.backbone}:  # which no server need have
                store_backbone(self._registry, backbone, actor=ACTOR, note=f"of job {job.id}")
            result = publish(
                self._registry,
                job,
                tailored,
                dataset,
                backbone,
                slack=self._settings.publish_slack,
                attachments=files,
            )
            if compared is not None:
                result["compared"] = compared
        except (JobSuperseded, QueueUnavailable):
            raise
        except _ENDING as fault:
            self._fail(fault)  # what a job that waited for a retry stands on may be deleted, as the task itself
        except OSError as fault:
            if not is_full(fault):
                raise
            logger.error("job %s: %s", job.id, fault)
            self._fail(InsufficientStorage(f"{fault.strerror}; retry the job once there is room"))
        else:
            self._enter("")
            self._run.succeed(result)
            shutil.rmtree(self._folder / CHECKPOINTS, ignore_errors=True)  # the rest goes with `JobFolders`
            dataset.unlink(missing_ok=True)

    def _chain(self, options: TailorOptions, backbone: Backbone) -> tuple[Bundle, ...]:
        """What a task of method packnet will stand on; the job says so.

        Raises as `find_predecessor`, `read_chain` and `check_free`.
        """
        if options.method != "packnet":
            return ()
        task, fingerprint = self._run.job.task, backbone.fingerprint()
        digest = find_predecessor(options, self._run.job, fingerprint, self._registry, self._checkpoints())
        if digest is not None:
            self._run.stand_on(digest)
        chain = read_chain(digest, task, fingerprint, self._registry)
        check_free(backbone, chain)
        names = ", ".join(link.manifest.task for link in chain)
        text = f"stands on the weights of {names}" if chain else "is the first of a chain on this backbone"
        self._run.report(Event(kind="log", stage=self._stage, progress=0.0, fields={"message": text}))
        return chain

    def _fail(self, fault: Exception) -> None:
        self._metrics.count_failure(type(fault).__name__)
        self._run.fail(problem_of_job(fault, self._run.job.id))

    def _observe_wait(self) -> None:
        """Count how long the job waited for a worker, as a stage of its own, in its very first run."""
        job = self._run.job
        if (job.submission, job.attempt) == (1, 1) and job.started_at is not None:
            waited = datetime.fromisoformat(job.started_at) - datetime.fromisoformat(job.created_at)
            self._metrics.observe_stage("queued", max(0.0, waited.total_seconds()))

    def _freeze_upload(self, backbone: Backbone) -> Path:
        """The dataset file, in the work folder; that of an earlier run is used where there is one."""
        target = self._folder / DATASET
        known = self._run.job.dataset
        if known is not None:
            try:
                self._registry.blobs.fetch(str(known["digest"]), target)
                return target
            except (BlobMissing, BlobCorrupt):
                logger.warning("job %s: its dataset is gone, taking the upload in again", self._run.job.id)
        self._enter("intake")
        upload = self._folder / "upload"
        try:
            # Its copy here, its images while they are read, the dataset, and that as a blob: none may fill the disk.
            self._settings.disk_reserve.check(4 * self._registry.blobs.size_bytes(self._run.job.upload))
            self._registry.blobs.fetch(self._run.job.upload, upload)
        except BlobMissing as fault:
            raise UploadGone(self._run.job.id) from fault
        report = freeze(
            upload,
            target,
            intake_limits(self._settings),
            group_by=parse_options(self._run.job.options).group_by,
            progress=self._report_intake(),
            inspected=self._run.set_inspection,
        )
        upload.unlink()
        report = self._looked_at(report, target, backbone)
        self._registry.blobs.put(target)
        files = store_dataset_report(report, target, self._registry.blobs, self._origin())
        self._run.set_dataset({**_dataset_document(report), "report": files})
        return target

    def _looked_at(self, report: IntakeReport, dataset: Path, backbone: Backbone) -> IntakeReport:
        """With what is odd about the images for this backbone."""
        width, height = report.statistics.widths.median, report.statistics.heights.median
        found = resolution_findings(dataset, backbone, width=width, height=height)
        if not found:
            return report
        for finding in found:
            message = f"{finding.weight}: {finding.text}"
            self._run.report(Event(kind="log", stage="intake", progress=0.0, fields={"message": message}))
        inspection = dataclasses.replace(report.inspection, findings=(*report.inspection.findings, *found))
        self._run.set_inspection(inspection)
        return dataclasses.replace(report, inspection=inspection)

    def _report_intake(self) -> Any:
        last = time.monotonic()

        def report(files: int) -> None:
            nonlocal last
            if time.monotonic() - last >= _PROGRESS_SECONDS:
                last = time.monotonic()
                self._run.report(
                    Event(kind="log", stage="intake", progress=0.0, fields={"message": f"{files} files read"})
                )

        return report

    def _warm_start(self, options: TailorOptions) -> WarmStart | None:
        if options.warm_start is None:
            return None
        return find_warm_start(options.warm_start, self._run.job.task, self._registry, self._checkpoints())

    def _checkpoints(self) -> Path:
        folder = self._folder / CHECKPOINTS
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _tailor(
        self,
        dataset: Path,
        backbone: Backbone,
        options: TailorOptions,
        start: WarmStart | None,
        chain: tuple[Bundle, ...],
    ) -> Tailored:
        helpers = self._run.helpers(self._settings)
        try:
            return tailor(
                self._run.job.task,
                dataset,
                recipe_config_of(options, self._settings),
                backbone=backbone,
                report=self._relay,
                checkpoints=self._checkpoints(),
                warm=start,
                chain=chain,
                finish=self._finish_request,
                helpers=helpers,
            )
        finally:
            if helpers is not None:
                helpers.dismiss()

    def _finish_request(self) -> FinishRequest | None:
        """As the job's document had it when an event was last reported, which is at the end of each epoch."""
        asked: Mapping[str, Any] | None = self._run.job.finish
        if asked is None:
            return None
        return FinishRequest(by=asked["by"], at=asked["at"], candidates=tuple(asked["candidates"]))

    def _origin(self) -> Origin:
        job = self._run.job
        return Origin(job=job.id, task=job.task, uploaded_at=job.created_at)

    def _reports(
        self,
        tailored: Tailored,
        dataset: Path,
        backbone: Backbone,
        compared: Mapping[str, Json] | None,
        chain: tuple[Bundle, ...],
    ) -> dict[str, str]:
        """The reports on the data set and on how the version was made, which are kept beside the version."""
        about_data = (self._run.job.dataset or {}).get("report")
        finished = Finished(
            bundle=dataclasses.replace(decode(tailored.bundle), chain=chain),
            pareto_front=tailored.pareto_front,
            test=load_split(dataset, "test", tailored.manifest.preprocessing),
            history=tailored.history,
            seconds=self._seconds,
            inspection=self._run.job.inspection,
            finished_early=tailored.finished_early,
            time=tailored.time,
            compared=compared,
            origin=self._origin(),
            live=live_version(self._registry, self._run.job.task),
        )
        about_version = attach_report(finished, backbone, self._registry.blobs)
        if isinstance(about_data, dict):
            about_version |= {name: str(digest) for name, digest in about_data.items()}
        return about_version

    def _relay(self, event: Event) -> None:
        """Report an event of the recipe, whose progress is a share of the job's."""
        if event.stage and event.stage != self._stage:
            self._enter(event.stage)
        images = event.fields.get("images")
        if isinstance(images, int):
            self._metrics.count_images(images)
        self._run.report(dataclasses.replace(event, progress=_INTAKE_SHARE + _RECIPE_SHARE * event.progress))

    def _enter(self, stage: str) -> None:
        if self._stage:
            seconds = time.monotonic() - self._stage_began
            self._seconds[self._stage] = self._seconds.get(self._stage, 0.0) + seconds
            self._metrics.observe_stage(self._stage, seconds)
            tracing.record(f"stage {self._stage}", seconds)
        self._stage, self._stage_began = stage, time.monotonic()
        if stage in {"intake", "publish"}:
            progress = 0.0 if stage == "intake" else _INTAKE_SHARE + _RECIPE_SHARE
            self._run.report(Event(kind="stage", stage=stage, progress=progress))


def chosen_backbone(options: TailorOptions, settings: Settings, registry: Registry) -> Backbone:
    """Raises OptionsInvalid where it was removed since the job was accepted, BackboneWeightsInvalid."""
    chosen = backbone_of(options, settings, registry)
    if chosen.stored is None:
        return load_backbone(chosen.architecture, chosen.weights)
    name = chosen.stored.name
    try:
        return stored_backbone(registry.backbones.read(chosen.stored), name)
    except (BlobMissing, BlobCorrupt) as fault:
        raise BackboneWeightsInvalid(chosen.architecture, name, f"{fault}; add them again, then retry") from fault


def _dataset_document(report: IntakeReport) -> Mapping[str, Json]:
    shown = report.inspection.as_job_json()
    return {
        "digest": report.digest,
        "layout": shown["layout"],
        "images": report.images,
        "classes": {label: sum(counts.values()) for label, counts in report.counts.items()},
        "splits": {str(split): count for split, count in report.inspection.splits.items()},
        "skipped": shown["left_out"],
        "skipped_count": shown["left_out_count"],
        "findings": shown["findings"],
    }
