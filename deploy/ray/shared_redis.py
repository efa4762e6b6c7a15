"""The Redis of the registry that all replicas share. Imports no Ray, which takes seconds: whoever starts asks first."""

from deploy.ray.errors import RegistryNotShared
from server.settings import ServerSettings


def shared_redis(settings: ServerSettings) -> str:
    """Its URL. Raises `RegistryNotShared`."""
    if settings.redis_url is None:
        raise RegistryNotShared("NETTAILOR_REDIS_URL")
    return settings.redis_url
