"""`python -m server`: the server's HTTP app on its own, over the registry that the settings name."""

import sys

from fastapi import FastAPI

from hosting.errors import HostingError
from hosting.web.draining import DrainingServer
from hosting.web.process import begin, configured, serve, settings_of
from registry.registry import Registry
from registry.wiring import redis_service, serving_registry
from server.app import create_app
from server.service import Service
from server.settings import ServerSettings


def main() -> None:
    settings = settings_of(ServerSettings)
    begin(settings, "server")
    with redis_service(settings) as url, serving_registry(settings, url) as registry:
        service = Service(settings, registry)
        config = configured(_app(settings, registry, service), settings)
        serve(DrainingServer(config, service))


def _app(settings: ServerSettings, registry: Registry, service: Service) -> FastAPI:
    """Told in one line on standard error if the settings ask for what is not there. Raises `SystemExit`."""
    try:
        return create_app(settings, registry, service=service)
    except HostingError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
