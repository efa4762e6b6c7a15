"""A server whose HTTP and engine are one process."""

from hosting.web.draining import DrainingServer
from hosting.web.process import configured, serve
from registry.wiring import redis_service, serving_registry
from server.app import create_app
from server.service import Service
from server.settings import ServerSettings


def serve_alone(settings: ServerSettings) -> None:
    """Until told to stop. Raises what a service that cannot start raises, `SystemExit`."""
    with redis_service(settings) as url, serving_registry(settings, url, writes=False) as registry:
        service = Service(settings, registry)
        app = create_app(settings, registry, service=service)
        service.start()  # not by the app, which would tell as a traceback why it cannot
        serve(DrainingServer(configured(app, settings), service))
