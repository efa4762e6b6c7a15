"""One real Redis for the whole run; every test sees it empty. One thread a process: tensors in tests are tiny, and
OpenMP teams that wait for each other on a busy machine are a hundred times slower than one thread."""

import contextlib
import functools
import gc
import os
import ssl
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when torch is imported, here and in the processes tests start

import hypothesis
import pytest
import redis

from hosting.redis_server.embedded import EmbeddedRedis
from nettailor.cpu import avoid_phantom_amx
from registry.wiring import connect

hypothesis.settings.register_profile("house", deadline=None)  # a busy machine is no fault of the code
hypothesis.settings.load_profile("house")

# What a run compiles is kept for the next one, and for the hundreds of processes that tests start, whatever the shell
# says: without it every worker spends seven seconds on the tests' asserts alone.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

_SLOW = (
    "packaging",
    "cli/service",
    "cli/batch",
    "server/export",
    "server/engine",
    "trainer/workers",
    "trainer/recipe",
    "trainer/training",
    "trainer/pretrain",
)

# Files whose tests ask the service of their folder's `conftest.py`, by how they begin.
_SHARING = {
    "tests/cli": (
        "tests/cli/batch/",
        "tests/cli/commands/test_export",
        "tests/cli/commands/test_jobs",
        "tests/cli/doctor/test_doctor",
        "tests/cli/service/test_up.",
        "tests/cli/test_",
    ),
    "tests/nettailor_client": ("tests/nettailor_client/",),
}

# Of the collector's three generations. Caches of FastAPI keep a hundred apps of earlier tests, over which each look at
# all that is old passes: with Python's own thresholds there is one every hundred tests.
_GARBAGE_THRESHOLDS = (10_000, 10, 10)

# jsonschema would build a grammar of IRIs as it is imported, two seconds in every process; no schema of ours has any.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # as Python's own documentation has it

avoid_phantom_amx()  # some tests use oneDNN before they load a backbone, which does this elsewhere


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Modules and tests stay until the end of a run, seven hundred thousand objects of them. Looking for garbage among
    those takes half of the time in which they are collected, and a sixth of that of small tests afterwards."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(*_GARBAGE_THRESHOLDS)
        gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """By files (see Makefile), of which those that share a service are one: each process would start a service of its
    own, for six seconds of processor time, and have it wait until the end."""
    from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]  # xdist has no types

    class Scheduling(LoadFileScheduling):  # type: ignore[misc]  # of a class without types
        def _split_scope(self, nodeid: str) -> str:
            return _scope_of(super()._split_scope(nodeid))

    return Scheduling(config, log) if config.getvalue("dist") == "loadfile" else None


def _scope_of(file: str) -> str:
    return next((scope for scope, starts in _SHARING.items() if file.startswith(starts)), file)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files whose tests train or start services come first, or one process would end with them while the others of a
    run have nothing left to do."""
    slow = [Path(__file__).parent / folder for folder in _SLOW]

    @functools.cache
    def is_slow(path: Path) -> bool:
        return any(path.is_relative_to(folder) for folder in slow)

    items.sort(key=lambda item: not is_slow(item.path))


@pytest.fixture(scope="session", autouse=True)
def _certificate_authorities_are_read_once() -> Iterator[None]:
    """Each of thousands of HTTP clients would read them for 30 ms, and none speaks TLS."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", functools.cache(ssl.create_default_context))
        yield


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis_client(redis_server: EmbeddedRedis) -> Iterator["redis.Redis"]:
    """A client of the server, emptied."""
    with contextlib.closing(connect(redis_server.url)) as client:
        client.flushall()
        yield client


@pytest.fixture
def redis_url(redis_server: EmbeddedRedis, redis_client: "redis.Redis") -> str:
    """The emptied server's URL, for what makes its own client."""
    return redis_server.url
