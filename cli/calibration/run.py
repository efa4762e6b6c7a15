"""Calibrates a version on the data folder itself: what it was tailored on is there, and no service need run."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.commands.upkeep import registry_in, usable
from cli.errors import NoImages, NotCalibrated
from cli.service.login_name import login_name
from nettailor.errors import NetTailorError
from nettailor_client.folders.walk import files_in
from registry.errors import AliasUnknown, TaskUnknown, TaskWasDeleted, VersionUnknown
from registry.policy.policy import Policy
from trainer.errors import CannotCalibrate
from trainer.publishing.calibrate import calibrate
from trainer.publishing.publish_point import move_alias
from trainer.settings import Settings

if TYPE_CHECKING:  # for annotations alone
    from registry.journal.records import VersionRecord

_REASON = "calibrated for int8"
_OF_THE_VERSION = (TaskUnknown, VersionUnknown, AliasUnknown, TaskWasDeleted, CannotCalibrate)  # the registry is sound


def run(task: str, version: int | None, *, images: Path | None, alias: str | None, data_dir: Path) -> dict[str, Any]:
    """Publish the version with activation ranges; returns what is told of it. `alias` is to name the new one.

    Raises `RegistryUnusable`, `NotCalibrated`, `NoImages`.
    """
    files = None if images is None else _images(images)
    actor = login_name() or "anonymous"
    with usable(), registry_in(settings := Settings(data_dir=data_dir)) as (registry, _):
        try:
            weights = {settings.backbone: settings.backbone_weights}
            record = calibrate(registry, task, version, images=files, weights=weights, actor=actor)
        except (*_OF_THE_VERSION, NetTailorError) as fault:
            raise NotCalibrated(str(fault)) from fault
        default = Policy(max_drop=settings.publish_slack)
        refused = (
            None if alias is None else move_alias(registry, record, alias, actor=actor, reason=_REASON, default=default)
        )
    return _told(record, alias=None if refused else alias, refused=refused)


def _images(folder: Path) -> list[Path]:
    found = [folder / each.path for each in files_in(folder) if each.is_image]
    if not found:
        raise NoImages(folder, 0)
    return sorted(found)


def _told(record: "VersionRecord", *, alias: str | None, refused: str | None) -> dict[str, Any]:
    costs = record.manifest.metrics.int8
    return {
        "task": record.task,
        "version": record.version,
        "digest": record.digest,
        "alias": alias,
        "refused": refused,
        "int8": None if costs is None else costs.model_dump(mode="json"),
    }


def in_words(told: dict[str, Any]) -> str:
    """What the command says, in lines."""
    named = f", {told['alias']} now" if told["alias"] else ""
    lines = [f"{told['task']} version {told['version']} can run in int8{named}"]
    if told["refused"]:
        lines.append(f"no alias was moved: {told['refused']}")
    for split, cost in (told["int8"] or {}).items():
        if cost is not None:
            lost, same = 100 * cost["lost"], 100 * cost["same"]
            lines.append(f"{split}: {lost:.2f} points lost of {cost['images']} images, {same:.2f}% of answers the same")
    return "\n".join(lines)
