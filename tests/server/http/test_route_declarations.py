from registry.registry import Registry
from server.app import create_app
from server.settings import ServerSettings
from tests.hosting.access.tables import declared, offered


def test_every_route_is_declared_and_every_declared_route_is_there(
    server_settings: ServerSettings, registry: Registry
) -> None:
    app = create_app(server_settings, registry)
    assert offered(app) == declared(app)
