"""What a real `nettailor up` writes is for its user alone, though it is started by one who shares everything."""

from pathlib import Path

import pytest

from cli.demo.data import write_signs
from cli.service.local_service import LocalService
from nettailor_client import Client
from tests.bundles import tiny_bytes
from tests.cli.service.openness import open_to_others
from tests.processes.umask import sharing
from tests.waiting import until


@pytest.mark.nightly  # a service and a job more; by day test_up looks at what its own has written
def test_nothing_in_the_data_folder_is_open_to_others(tmp_path: Path, backbone: str) -> None:
    data, archive = tmp_path / "shared" / "data", tmp_path / "signs.zip"
    with sharing():
        write_signs(archive, train=10, test=2)
        up = LocalService(data)
        try:
            with Client(up.start()) as client:
                client.publish("signs", tiny_bytes())
                client.upload("signs", archive, options={"preset": "fast"})
                until(lambda: list((data / "jobs").rglob("*.*")), "the job keeps files of its own")
                assert open_to_others(data / "redis" / "redis.sock") == []
        finally:
            up.stop()  # so that no file comes or goes while they are looked at
    assert {"blobs", "redis", "jobs", "uploads", "workers"} <= {path.name for path in data.iterdir()}
    assert open_to_others(data) == []
