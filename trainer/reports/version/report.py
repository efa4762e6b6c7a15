"""The report: one self-contained page and its pictures, made from a finished tailoring and kept with its version."""

import logging
from collections.abc import Callable

from nettailor.network.backbones import Backbone
from registry.journal.records import now
from registry.storage.blobs import Blobs
from registry.versions.attachments import REPORT, REPORT_HEADING
from trainer.reports.render import data_uri, render
from trainer.reports.version import facts
from trainer.reports.version.architecture import architecture
from trainer.reports.version.calibration import calibration
from trainer.reports.version.comparisons import comparisons
from trainer.reports.version.confusion import confusion, worst
from trainer.reports.version.curve import curve
from trainer.reports.version.findings import Findings, Finished, look
from trainer.reports.version.hardest import hardest
from trainer.reports.version.learning import has_curves, learning
from trainer.reports.version.tiles import tiles

logger = logging.getLogger(__name__)


def make_report(tailoring: Finished, backbone: Backbone) -> dict[str, bytes]:
    """`report.html`, which holds all it needs, and the pictures in it, by name."""
    findings = look(tailoring, backbone)
    pictures = _pictures(tailoring, findings, backbone)
    return {REPORT: _page(tailoring, findings, pictures).encode(), **pictures}


def attach_report(tailoring: Finished, backbone: Backbone, blobs: Blobs) -> dict[str, str]:
    """Store the report; returns names and digests for `Registry.publish`. They are empty where it cannot be made or
    stored: a version that took hours must not fail of that."""
    try:
        return {name: blobs.put(data) for name, data in make_report(tailoring, backbone).items()}
    except Exception:  # see above; the log has it
        logger.exception("no report on %s", tailoring.manifest.task)
        return {}


def _pictures(tailoring: Finished, findings: Findings, backbone: Backbone) -> dict[str, bytes]:
    drawn: dict[str, Callable[[], bytes]] = {
        "architecture.png": lambda: architecture(tailoring.bundle, backbone.geometry),
    }
    if len(tailoring.pareto_front) > 1:
        drawn["curve.png"] = lambda: curve(tailoring.pareto_front, tailoring.manifest)
    if has_curves(tailoring.history):
        drawn["learning.png"] = lambda: learning(tailoring.history)
    if len(findings.labels):
        drawn["confusion.png"] = lambda: confusion(findings)
        drawn["calibration.png"] = lambda: calibration(findings)
        drawn["hardest.png"] = lambda: hardest(findings, tailoring.test)
    return {name: draw() for name, draw in drawn.items()}


def _page(tailoring: Finished, findings: Findings, pictures: dict[str, bytes]) -> str:
    confused = [(pair.true, pair.found, pair.count, pair.of) for pair in worst(findings)]
    return render(
        "version",
        manifest=tailoring.manifest,
        test_images=len(findings.labels),
        pictures={name: data_uri("image/png", data) for name, data in pictures.items()},
        mark=REPORT_HEADING,
        origin=tailoring.origin,
        made_at=now(),
        tiles=tiles(tailoring, findings),
        comparisons=comparisons(tailoring),
        accuracies=facts.accuracies(tailoring.manifest, len(findings.labels)),
        costs=facts.costs(tailoring),
        candidates=facts.candidates(
            tailoring.pareto_front,
            validated_on=tailoring.manifest.validation_images,
            test_images=len(findings.labels),
        ),
        skipped=tailoring.manifest.recipe.get("skipped"),
        finished_early=tailoring.finished_early,
        time=tailoring.time,
        stages=[] if tailoring.time is None else facts.stage_minutes(tailoring.time),
        confused=confused,
        classes=facts.classes(findings) if len(findings.labels) else [],
        inspection=tailoring.inspection,
        reasons=facts.left_out(tailoring.inspection),
        environment=facts.environment(tailoring),
    )
