"""The composition root: everything a server consists of, wired, started and stopped in order."""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any

import torch
from fastapi import APIRouter
from prometheus_client import CollectorRegistry

from hosting.disk.housekeeping import Housekeeping
from hosting.disk.reserve import DiskReserve
from nettailor.network.backbones import Backbone, load_backbone
from registry.journal.records import VersionRecord
from registry.metrics import OperationMetrics, QuarantineCollector
from registry.registry import Registry
from server.engine.engine import Engine
from server.engine.folded import FoldedBundle
from server.engine.loading import BackboneLoader, BundleLoader
from server.engine.ready import Ready
from server.errors import NotReady
from server.export.backbone_source import BackboneSource
from server.export.worker import ExportWorker
from server.http.routes import build_router
from server.kernels.device import Device, open_device, precision
from server.kernels.thread_lanes import LEAST_ROWS
from server.metrics import Metrics
from server.open_inference.parts import Missing
from server.prediction.answering import Answering
from server.prediction.batch_runner import Runner
from server.prediction.follower import Follower
from server.prediction.images import DecodeLimits, ImageReader
from server.prediction.live_sides import live_sides
from server.prediction.local_inference import LocalInference
from server.prediction.predictor import Predictor
from server.prediction.routing import Routing
from server.residency.backbones import BackboneLimits, Backbones
from server.residency.collector import ResidencyCollector
from server.residency.disk import DiskCache
from server.residency.residency import Residency
from server.residency.tiers import Budgets, Tier
from server.scheduling.admission import Admission
from server.scheduling.queues import FairQueues
from server.scheduling.scheduler import Scheduler
from server.settings import ServerSettings
from server.statistics import Statistics

logger = logging.getLogger(__name__)

_SYNCHRONISE_S = 5.0  # how long starting waits for the registry before it goes on without


@dataclass(frozen=True, kw_only=True, eq=False)
class RunningParts:
    """What exists between start and stop."""

    backbones: Backbones[Engine]
    residency: Residency[FoldedBundle, Ready]
    routing: Routing[FoldedBundle, Ready]
    follower: Follower
    scheduler: Scheduler[Ready]
    admission: Admission
    inference: LocalInference
    predictor: Predictor
    statistics: Statistics
    exports: ExportWorker
    decodes: ThreadPoolExecutor
    pools: tuple[ThreadPoolExecutor, ...]  # the decoding one, too
    collector: ResidencyCollector
    housekeeping: Housekeeping


async def nothing_missing() -> None:
    """Everything is there."""


async def nothing_to_gather() -> None:
    """All is counted in this process."""


class Service(Answering):
    """One server over one device. Mount `router` on any FastAPI app; call `start` and `stop` from a thread.

    `backbone` replaces the one the settings name (for tests and benchmarks). `missing` tells what else has to be there
    for the process to be ready: predictions alone need nothing that the server does not hold itself.
    """

    def __init__(
        self,
        settings: ServerSettings,
        registry: Registry,
        *,
        collectors: CollectorRegistry | None = None,
        backbone: Backbone | None = None,
        missing: Missing = nothing_missing,
    ) -> None:
        super().__init__()
        self.settings = settings
        self.missing = missing
        self.gather_counts: Callable[[], Awaitable[None]] = nothing_to_gather
        self.metrics = Metrics(collectors or CollectorRegistry())
        self.metrics.registry.register(QuarantineCollector(registry.blobs))
        registry.observe = OperationMetrics(self.metrics.registry).observe
        self.router: APIRouter = build_router(self)
        self._registry = registry
        self._backbone = backbone
        self._parts: RunningParts | None = None

    @property
    def parts(self) -> RunningParts:
        """Raises `NotReady` before start and after stop."""
        if self._parts is None:
            raise NotReady(self.state)
        return self._parts

    def start(self) -> None:
        """Load the backbone, warm the engine up, read the registry. Raises `BackboneWeightsInvalid` and the like."""
        settings = self.settings
        if settings.engine_threads:
            torch.set_num_threads(settings.engine_threads)
        engine = self._engine()
        parts = self._wire(engine, self._backbones(engine))
        self.metrics.registry.register(parts.collector)
        self.metrics.knows_task = parts.routing.knows
        self.metrics.backbone_bytes.set_function(lambda: parts.backbones.size_bytes)
        self.metrics.backbones.set_function(lambda: len(parts.backbones))
        self.metrics.describe(
            version=version("nettailor-server"),
            backbone=engine.backbone_name,
            device=engine.device.name,
            dtype=precision(engine.device),
        )
        self.metrics.set_budgets(
            {
                Tier.DEVICE: settings.device_budget_bytes,
                Tier.HOST: _budgets(settings, engine.device).host_bytes,
                Tier.DISK: settings.disk_budget_bytes,
            }
        )
        self.metrics.queue_depth.set_function(lambda: parts.scheduler.depth)
        parts.scheduler.start()
        parts.follower.start()
        parts.housekeeping.__enter__()
        if not parts.routing.wait_synchronised(_SYNCHRONISE_S):
            logger.warning("starting without the registry; not ready until it is there")
        self._parts, self.state = parts, "ready"
        logger.info(
            "serving %s tasks on %s, %s, backbone %s (%s)",
            len(parts.routing.tasks()),
            engine.device.name,
            precision(engine.device),
            engine.backbone_name,
            engine.fingerprint[:12],
        )

    def stop(self) -> None:
        """Answer what was accepted, then let go of everything. Requests that come now get 503."""
        self.drain()
        parts, self._parts = self._parts, None
        if parts is None:
            return
        parts.housekeeping.__exit__(None, None, None)
        parts.exports.close()
        parts.follower.stop()
        parts.scheduler.stop()
        for pool in parts.pools:
            pool.shutdown(cancel_futures=True)
        self.metrics.registry.unregister(parts.collector)

    def _engine(self) -> Engine:
        settings = self.settings

        def read() -> Backbone:
            return self._backbone or load_backbone(settings.backbone, settings.backbone_weights)

        backbone = read()
        device = open_device(
            settings.device,
            settings.dtype,
            winograd=settings.winograd,
            slots=settings.cuda_slots,
            recorded=settings.cuda_graphs,
        )
        engine = Engine(backbone, device, again=read, measures=True, largest_batch=settings.max_batch)
        # Before bundles are loaded and requests served, which would take time from what is measured here.
        for side in live_sides(self._registry, engine.fingerprint) or [backbone.preprocessing.crop]:
            engine.warm_up(side)
        return engine

    def _backbones(self, engine: Engine) -> Backbones[Engine]:
        settings = self.settings
        limits = BackboneLimits(most=settings.backbones_max, budget_bytes=settings.backbones_budget_bytes)
        loader = BackboneLoader(self._registry.blobs.read, engine.device, largest_batch=settings.max_batch)
        return Backbones(engine, engine.backbone_name, loader, limits)

    def _wire(self, engine: Engine, backbones: Backbones[Engine]) -> RunningParts:
        settings, metrics = self.settings, self.metrics
        loads = ThreadPoolExecutor(settings.load_threads, "load")
        decodes = ThreadPoolExecutor(settings.decode_threads, "decode")
        lookups = ThreadPoolExecutor(2, "lookup")
        reserve = DiskReserve([settings.cache_folder], settings.disk_reserve_bytes)
        disk = DiskCache(settings.cache_folder, budget_bytes=settings.disk_budget_bytes, reserve=reserve)
        disk.open()
        exports = self._exports(backbones, reserve)
        housekeeping = Housekeeping(
            {
                "the cache's files of killed processes": lambda: disk.drop_left(time.time()),
                "exports of killed processes": lambda: exports.drop_left(time.time()),
            }
        )
        statistics = Statistics()

        def forget_task(task: str) -> None:
            metrics.forget_task(task)
            statistics.forget_task(task)

        residency = Residency(
            loader=BundleLoader(self._registry.blobs.read, backbones, largest_network=settings.device_budget_bytes),
            disk=disk,
            budgets=_budgets(settings, engine.device),
            executor=loads,
            observer=metrics,
            weights=settings.task_weights,
        )
        routing = Routing(
            registry=self._registry,
            residency=residency,
            backbones=backbones,
            pinned_tasks=settings.pinned_tasks,
            task_gone=forget_task,
            is_int8=partial(_is_int8, self._registry) if engine.device.int8 else lambda _: False,
        )
        admission = Admission(
            bound=settings.queue_bound,
            bound_per_task=settings.queue_bound_per_task,
            bound_s=settings.queue_bound_ms / 1000,
            max_batch=settings.max_batch,
        )
        queues: FairQueues[Ready] = FairQueues(
            max_rows=settings.max_batch,
            max_wait_s=settings.max_wait_ms / 1000,
            weights=settings.task_weights,
            enough=lambda key: backbones.running(key.backbone).enough(key.side, settings.max_batch),
            side_by_side=engine.device.lanes.count,
            least_rows=LEAST_ROWS,
        )
        runner = Runner(backbones)
        scheduler = Scheduler(
            queues,
            runner,
            _BatchObserver(metrics, admission, statistics),
            begin=None if engine.device.is_host else runner.begin,
            side_by_side=engine.device.lanes.count,
        )
        inference = LocalInference(
            routing=routing,
            admission=admission,
            scheduler=scheduler,
            metrics=metrics,
            statistics=statistics,
            lookups=lookups,
        )
        reader = ImageReader(decodes, metrics, DecodeLimits.of(settings))
        return RunningParts(
            backbones=backbones,
            residency=residency,
            routing=routing,
            follower=Follower(self._registry, routing, reconcile_s=settings.reconcile_seconds),
            scheduler=scheduler,
            admission=admission,
            inference=inference,
            predictor=Predictor(inference=inference, reader=reader),
            statistics=statistics,
            exports=exports,
            decodes=decodes,
            pools=(loads, decodes, lookups),
            collector=ResidencyCollector(residency, disk),
            housekeeping=housekeeping,
        )

    def _exports(self, backbones: Backbones[Engine], reserve: DiskReserve) -> ExportWorker:
        settings, fetch = self.settings, self._registry.blobs.fetch
        source = BackboneSource(
            own=settings.backbone, weights=settings.backbone_weights, backbones=backbones, fetch=fetch
        )
        folder = settings.cache_folder / "exports"
        return ExportWorker(folder, source, limit_seconds=settings.export_seconds, reserve=reserve)


def _is_int8(registry: Registry, record: VersionRecord) -> bool:
    """Whether an int8 device serves a version so. The index is asked only where that depends on a policy."""
    return record.manifest.activation_ranges and registry.int8_refusal(record) is None


def _budgets(settings: ServerSettings, device: Device) -> Budgets:
    """Where the device is the host there is no host tier: it would hold every bundle twice in the same memory."""
    host_bytes = 0 if device.is_host else settings.host_budget_bytes
    return Budgets(device_bytes=settings.device_budget_bytes, host_bytes=host_bytes)


class _BatchObserver:
    """Tells metrics, admission and statistics of every batch."""

    def __init__(self, metrics: Metrics, admission: Admission, statistics: Statistics) -> None:
        self._metrics = metrics
        self._admission = admission
        self._statistics = statistics

    def batch_ran(self, *, by_version: Mapping[tuple[str, int], int], **figures: Any) -> None:
        self._statistics.batch_ran(by_version, figures["seconds"])
        self._metrics.batch_ran(**figures)
        self._admission.ran(figures["predictions"], figures["seconds"])
