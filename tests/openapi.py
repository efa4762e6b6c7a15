"""The OpenAPI document that the proxy of deploy/docker gives out: of all services in one.

`python -m tests.openapi` writes it, out of the app that has all routes.
"""

import copy
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cli.service.app import serving
from hosting.redis_server.embedded import EmbeddedRedis
from server.settings import ServerSettings
from tests.documented import ROOT
from tests.server.measured_once import measured_once
from tests.up import random_backbone
from trainer.settings import Settings as TrainerSettings

FILE = ROOT / "deploy/docker/proxy/openapi.json"
_INSIDE = ("/metrics",)  # each service's own, which the proxy lets nobody see


@contextmanager
def document_of_all(folder: Path, redis_url: str) -> Iterator[Any]:
    """That of `nettailor up`."""
    settings = ServerSettings(data_dir=folder, device="cpu", winograd=False)
    trainer = TrainerSettings(data_dir=folder, redis_url=redis_url)
    with measured_once(), serving(settings, trainer, redis_url) as (app, _):
        yield app.openapi()


def of_the_proxy(document: Any) -> Any:
    made = copy.deepcopy(document)
    for path in _INSIDE:
        del made["paths"][path]
    return made


def written(document: Any) -> str:
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _main() -> None:
    with (
        tempfile.TemporaryDirectory() as name,
        random_backbone(Path(name)),
        EmbeddedRedis(Path(name)) as redis,
        document_of_all(Path(name, "data"), redis.url) as document,
    ):
        FILE.write_text(written(of_the_proxy(document)))


if __name__ == "__main__":
    _main()
