"""`python -m registry`: the registry's HTTP app on its own."""

import uvicorn

from hosting.settings.settings import Settings
from hosting.web.process import begin, configured, serve, settings_of
from registry.http.app import create_app
from registry.wiring import redis_service, serving_registry


def main() -> None:
    settings = settings_of(Settings)
    begin(settings, "registry")
    with redis_service(settings) as url, serving_registry(settings, url) as registry:
        serve(uvicorn.Server(configured(create_app(registry, settings), settings)))


if __name__ == "__main__":
    main()
