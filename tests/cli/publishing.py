"""Versions put into the registry of a data folder without a service."""

from pathlib import Path

from hosting.settings.settings import Settings
from nettailor.bundle.bundle import encode
from registry.registry import LIVE
from registry.wiring import open_registry, redis_service
from tests.bundles import random_bundle


def publish(folder: Path, task: str, fingerprint: str) -> None:
    """Put a random bundle into the registry of a folder nobody serves now, as live."""
    settings = Settings(data_dir=folder)
    with redis_service(settings) as url, open_registry(settings, url) as registry:
        record = registry.publish(task, encode(*random_bundle(task=task, fingerprint=fingerprint)), actor="test")
        registry.promote(task, LIVE, record.version, actor="test", reason="test")
