"""What is resident, as a page of metrics has it."""

from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest

from server.residency.collector import ResidencyCollector
from server.residency.disk import DiskCache
from server.residency.tiers import BundleId, Resident, Tier


class _Residency:
    """One version in both precisions, as while one takes over from the other."""

    def table(self) -> list[Resident]:
        ids = [BundleId(task="signs", version=3, digest=f"sha256:{'0' * 64}", int8=int8) for int8 in (False, True)]
        return [Resident(id=id, tier=Tier.DEVICE, size_bytes=1, users=0, pinned=False) for id in ids]


def test_both_bundles_of_a_version_have_series_of_their_own(tmp_path: Path) -> None:
    residency: Any = _Residency()
    registry = CollectorRegistry()
    registry.register(ResidencyCollector(residency, DiskCache(tmp_path, budget_bytes=1)))
    page = generate_latest(registry).decode().splitlines()
    lines = [line for line in page if line.startswith("nettailor_resident_task{")]
    names = {line.partition("}")[0] for line in lines}
    assert len(names) == len(lines) == 2
    assert any('int8="true"' in name and 'version="3"' in name for name in names)
