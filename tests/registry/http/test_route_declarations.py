from pathlib import Path

import redis

from hosting.settings.settings import Settings
from registry.http.app import create_app
from registry.registry import Registry
from registry.storage.blobs import Blobs
from tests.hosting.access.tables import declared, offered


def test_every_route_is_declared_and_every_declared_route_is_there(tmp_path: Path, redis_client: "redis.Redis") -> None:
    app = create_app(Registry(Blobs(str(tmp_path)), redis_client), Settings(data_dir=tmp_path))
    assert offered(app) == declared(app)
