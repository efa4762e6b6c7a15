"""Building a registry from settings: the one place that makes its Redis client and blobs."""

import contextlib
from collections.abc import Iterator

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from hosting.disk.leftovers import left_behind, remove, temporaries
from hosting.redis_server.address import check_address
from hosting.redis_server.embedded import joined
from hosting.redis_server.password import with_password
from hosting.redis_server.supervised import SupervisedRedis
from hosting.settings.settings import Settings
from registry.reconnect import Reconnect
from registry.registry import Registry
from registry.storage import probe
from registry.storage.blobs import Blobs

SOCKET_TIMEOUT_SECONDS = 15.0  # longer than any blocking read of the change stream
_CONNECT_TIMEOUT_SECONDS = 2.0


def given_url(settings: Settings) -> str | None:
    """The URL of the Redis that the settings name, with its password; None if they name none.

    Raises `PasswordFileUnusable`, `SettingsInvalid`.
    """
    url, file = settings.redis_url, settings.redis_password_file
    if url is None:
        return None
    check_address(url)
    return url if file is None else with_password(url, file)


@contextlib.contextmanager
def redis_service(settings: Settings) -> Iterator[str]:
    """The URL of the Redis to use; without one in the settings, of an embedded server that lives as long as this, and
    is started again if it dies.

    Raises `EmbeddedRedisFailed`, `PasswordFileUnusable`, `SettingsInvalid`.
    """
    if (url := given_url(settings)) is not None:
        yield url
        return
    with SupervisedRedis(settings.data_dir / "redis") as server:
        yield server.url


@contextlib.contextmanager
def shared_redis_service(settings: Settings) -> Iterator[str]:
    """As `redis_service`, for a command beside a service: an embedded server that runs on the data folder now is used,
    not waited for. Raises `EmbeddedRedisFailed`.
    """
    running = joined(settings.data_dir / "redis") if settings.redis_url is None else None
    if running is not None:
        yield running
        return
    with redis_service(settings) as url:
        yield url


def connect(url: str) -> "redis.Redis":
    """A thread-safe client that answers in bytes. It retries a lost connection briefly and then raises.

    What is not answered in time is not asked again: a Redis that stands still would keep callers four times as long.
    """
    return redis.Redis.from_url(
        url,
        socket_timeout=SOCKET_TIMEOUT_SECONDS,
        socket_connect_timeout=_CONNECT_TIMEOUT_SECONDS,
        retry=Retry(ExponentialBackoff(cap=0.2, base=0.02), 3, supported_errors=(redis.ConnectionError,)),
        health_check_interval=30,
    )


@contextlib.contextmanager
def open_registry(settings: Settings, redis_url: str) -> Iterator[Registry]:
    """A registry for as long as this lasts. It is not reconciled: whoever starts a service calls `reconcile` once."""
    with contextlib.closing(connect(redis_url)) as client:
        yield Registry(Blobs(settings.blobs_location), client)


@contextlib.contextmanager
def serving_registry(settings: Settings, redis_url: str, *, writes: bool = True) -> Iterator[Registry]:
    """As `open_registry`, for a service: reconciled now, and again whenever Redis comes back.

    Where it `writes`, its store is tried first. Raises `StoreUnusable`, `StoreUnavailable`.
    """
    with contextlib.closing(connect(redis_url)) as client:
        registry = Registry(Blobs(settings.blobs_location), client)
        if writes:
            probe.check(registry.blobs.store)
        registry.reconcile()
        with Reconnect(registry, client):
            yield registry


def drop_left(settings: Settings, now: float) -> int:
    """Delete what processes were writing beside the blobs when they were killed; returns how many bytes that freed.
    `now` is the time (Unix)."""
    folder = settings.blobs_folder
    return 0 if folder is None else remove(left_behind(temporaries(folder), now=now))
