from tests.hosting.access.tables import declared, offered
from trainer.http.app import create_app
from trainer.service import Service


def test_every_route_is_declared_and_every_declared_route_is_there(service: Service) -> None:
    app = create_app(service)
    assert offered(app) == declared(app)
