"""`python -m server`: the server's HTTP app on its own, over the registry that the settings name."""

from hosting.web.draining import DrainingServer
from hosting.web.process import begin, configured, serve, settings_of
from registry.wiring import redis_service, serving_registry
from server.app import create_app
from server.service import Service
from server.settings import ServerSettings


def main() -> None:
    settings = settings_of(ServerSettings)
    begin(settings, "server")
    with redis_service(settings) as url, serving_registry(settings, url) as registry:
        service = Service(settings, registry)
        config = configured(create_app(settings, registry, service=service), settings)
        # No accepted request outlives its own timeout, so none is cut off.
        serve(DrainingServer(config, service, patience_s=settings.request_timeout_ms / 1000))


if __name__ == "__main__":
    main()
