"""`python -m server`: the server's HTTP app on its own, over the registry that the settings name."""

from registry.process import begin, configured, serve
from registry.wiring import open_registry, redis_service
from server.app import create_app
from server.process import DrainingServer
from server.service import Service
from server.settings import ServerSettings


def main() -> None:
    settings = ServerSettings()
    begin(settings)
    with redis_service(settings) as url, open_registry(settings, url) as registry:
        registry.reconcile()
        service = Service(settings, registry)
        config = configured(create_app(settings, registry, service=service), settings)
        # No accepted request outlives its own timeout, so none is cut off.
        serve(DrainingServer(config, service, patience_s=settings.request_timeout_ms / 1000))


if __name__ == "__main__":
    main()
