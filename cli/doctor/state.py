"""`nettailor doctor` on what a service works with: data folder, Redis, blobs, port. Nothing is started or written."""

import contextlib
import errno
import hashlib
import os
import shutil
import socket
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import redis

from cli.doctor import redis_rights, redis_version
from cli.doctor.chains import packed_versions
from cli.doctor.finding import Finding, fail, ok, warn
from cli.service.local_service import running_url
from hosting.errors import EmbeddedRedisFailed, HostingError
from hosting.redis_server.embedded import LOG, url_of
from hosting.redis_server.executable import ServerVersion, find_executable, numbers, version_of
from hosting.settings.settings import Settings
from registry.errors import RecordCorrupt, RegistryError, StoreUnavailable, StoreUnusable
from registry.journal.records import VersionRecord
from registry.registry import LIVE, Registry
from registry.storage.blobs import Blobs
from registry.storage.probe import single_process
from registry.wiring import given_url

_GIB = 2**30
_TIGHT_BYTES, _TOO_FEW_BYTES = 2 * _GIB, 64 * 2**20  # free on the disk of the data folder
_OLDEST_REDIS = (6, 2)
_SAMPLE = 8  # blobs that are read and hashed
_PATIENCE_SECONDS = 3.0
_LINE_CHARACTERS = 300
_LOCKS = Path("/proc/locks")


@dataclass(kw_only=True)
class Index:
    """What the check of Redis found, for the checks after it."""

    backbones: frozenset[str] = frozenset()  # fingerprints of those in the registry
    live: Mapping[str, VersionRecord] | None = field(default=None)  # by task; None: it could not be read
    packed: Sequence[VersionRecord] = ()  # that stand on one another


def data_folder(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir.absolute()
    if not folder.is_dir():
        parent = next(parent for parent in folder.parents if parent.exists())
        if parent.is_dir() and os.access(parent, os.W_OK | os.X_OK):
            yield ok("data folder", f"{folder} does not exist yet; the first start makes it")
        else:
            yield fail("data folder", f"{folder} cannot be made", f"give this user {parent}, or set NETTAILOR_DATA_DIR")
        return
    locked = [path for path in (folder, *folder.iterdir()) if not os.access(path, os.W_OK)]
    if locked:
        yield fail(
            "data folder", f"{locked[0]} cannot be written by this user", "run as the user who owns it, or chown it"
        )
        return
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        advice = f"chmod 700 {folder}, unless others use what else is in it; a start closes the folders of its own"
        yield warn("data folder", f"other users may look into {folder} (mode {mode:o})", advice)
    free = shutil.disk_usage(folder).free
    found = f"{folder}, {free / _GIB:.1f} GiB free, {_holder(folder / 'up.lock')}"
    if free < _TOO_FEW_BYTES:
        yield fail("data folder", found, "make room: `nettailor registry gc` shows what nobody needs")
    elif free < _TIGHT_BYTES:
        yield warn("data folder", found, "make room soon: `nettailor registry gc` shows what nobody needs")
    else:
        yield ok("data folder", found)


def redis_answers(settings: Settings, index: Index) -> Iterator[Finding]:
    """Also fills `index`."""
    folder = settings.data_dir.absolute() / "redis"
    try:
        url = given_url(settings)
    except HostingError as error:
        yield fail("redis", str(error), "correct NETTAILOR_REDIS_URL or NETTAILOR_REDIS_PASSWORD_FILE")
        return
    if url is None:
        if not _pids(folder / "redis.lock"):
            if _pids(folder.parent / "up.lock"):
                yield _ended(folder)
                return
            yield from _embedded(folder)
            if not (folder / "appendonlydir").exists() and not (folder / "appendonly.aof").exists():
                index.live = {}  # no Redis ever ran here
            return
        url = url_of(folder)
    with contextlib.closing(_client(url)) as client:
        try:
            info: Mapping[str, Any] = client.info()
        except (redis.RedisError, OSError) as error:
            yield _ended(folder) if settings.redis_url is None else _no_info(error)
            return
        yield from _judged(info, embedded=settings.redis_url is None)
        yield redis_version.judged(_version(info), date.today())
        if (refused := redis_rights.refused(client)) is not None:
            yield refused
            return
        try:
            registry = Registry(Blobs(settings.blobs_location), client)
            index.live, index.packed = _live(registry), packed_versions(registry)
            index.backbones = frozenset(record.fingerprint for record in registry.backbones.all())
        except RegistryError as error:
            yield fail("redis", f"the index cannot be read: {error}", "`nettailor registry rebuild` makes it again")


def blobs(settings: Settings, index: Index) -> Iterator[Finding]:
    try:
        store = Blobs(settings.blobs_location)
        digests = list(store.digests())
    except (StoreUnusable, StoreUnavailable) as error:
        advice = "correct NETTAILOR_BLOBS_URL and its credentials; s3://, abfs:// and gs:// each need an extra"
        yield fail("blobs", str(error), advice)
        return
    if (reason := single_process(store.store)) is not None:
        yield fail("blobs", reason, "name a folder or a bucket in NETTAILOR_BLOBS_URL")
        return
    wanted = {record.digest: record for record in (index.live or {}).values()}
    present = set(digests)
    for digest, record in wanted.items():
        if digest not in present:
            advice = "publish the same bundle again, or roll the task back"
            yield fail("blobs", f"the bundle of {record.task} version {record.version} is missing", advice)
    sample = [*(digest for digest in wanted if digest in present), *digests][:_SAMPLE]
    bad = [digest for digest in sample if _hash_of(store, digest) != digest]
    for digest in bad:
        yield fail("blobs", f"{digest} is corrupt", "`nettailor registry verify` puts it away and names what it was")
    quarantined = sum(1 for _ in store.quarantine)
    found = f"{len(digests)} in {settings.blobs_location}, {len(set(sample))} of them read and sound"
    if quarantined:
        yield warn("blobs", f"{quarantined} in quarantine", "see docs/operations.md, a corrupt blob; then delete them")
    if not bad and wanted.keys() <= present:
        yield ok("blobs", found)


def port(settings: Settings) -> Iterator[Finding]:
    where = f"{settings.host}:{settings.port}"
    ours = running_url(settings.data_dir)
    if ours is not None:
        yield ok("port", f"the service of this data folder answers at {ours}")
        return
    try:
        _bind(settings.host, settings.port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            whose = "another NetTailor service" if _is_nettailor(settings) else "something else"
            yield fail("port", f"{where} is taken by {whose}", "stop it, or set NETTAILOR_PORT")
        else:
            yield fail(
                "port", f"cannot listen on {where}: {error.strerror}", "correct NETTAILOR_HOST and NETTAILOR_PORT"
            )
        return
    yield ok("port", f"{where} is free")


def _no_info(error: Exception) -> Finding:
    if isinstance(error, redis.exceptions.NoPermissionError):
        return fail("redis", f"this user may not ask it for INFO: {error}", redis_rights.ADVICE)
    if isinstance(error, redis.AuthenticationError):
        advice = "correct the user and the password, in NETTAILOR_REDIS_URL or NETTAILOR_REDIS_PASSWORD_FILE"
        return fail("redis", f"it lets nobody in: {error}", advice)
    return fail(
        "redis", f"no answer: {error}", "start it, correct NETTAILOR_REDIS_URL, or unset it to use an embedded one"
    )


def _ended(folder: Path) -> Finding:
    """The embedded server of a service that runs, if the server does not."""
    log = folder / LOG
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    last = next((line for line in reversed(lines) if "#" in line), "nothing")  # with # Redis marks warnings and worse
    return fail(
        "redis",
        f"the embedded one has ended, or is only starting; it last complained: {last[:_LINE_CHARACTERS]}",
        f"the service starts it again and again; see {log}, and docs/operations.md on a Redis that does not come back",
    )


def _embedded(folder: Path) -> Iterator[Finding]:
    try:
        executable = find_executable(folder)
    except EmbeddedRedisFailed as error:
        yield fail("redis", str(error), "install redis-server, or set NETTAILOR_REDIS_URL")
        return
    yield ok("redis", f"none runs; a service would start {executable}")
    yield redis_version.judged(version_of(executable), date.today())


def _judged(info: Mapping[str, Any], *, embedded: bool) -> Iterator[Finding]:
    version = _version(info)
    found = f"{'embedded, ' if embedded else ''}{version}"
    if version.numbers < _OLDEST_REDIS:
        yield fail("redis", found, "use 6.2 or later")
    elif info.get("redis_mode") == "cluster":
        advice = "use one without cluster mode: what belongs together is changed in one step, which a cluster refuses"
        yield fail("redis", f"{found}, in cluster mode", advice)
    elif info.get("role") != "master":
        yield fail("redis", f"{found}, a replica", "name the primary in NETTAILOR_REDIS_URL")
    elif info.get("maxmemory") and info.get("maxmemory_policy") != "noeviction":
        yield fail("redis", f"{found}, drops keys when it is full", "set maxmemory-policy noeviction")
    elif not info.get("aof_enabled"):
        advice = "set appendonly yes: a crash loses jobs and their events (versions come back from their records)"
        yield warn("redis", f"{found}, without an append-only file", advice)
    elif info.get("aof_last_write_status", "ok") != "ok":
        yield fail("redis", f"{found}, cannot write its append-only file", "look at its disk and its log")
    else:
        yield ok("redis", f"{found}, keeps an append-only file")


def _version(info: Mapping[str, Any]) -> ServerVersion:
    """Valkey answers with the version of Redis that it came from as well."""
    product = "valkey" if "valkey_version" in info else "redis"
    return ServerVersion(product=product, numbers=numbers(str(info[f"{product}_version"])))


def _live(registry: Registry) -> dict[str, VersionRecord]:
    """Without tasks whose records cannot be read: the check of the records names those."""
    found = {}
    for task in registry.tasks():
        with contextlib.suppress(RecordCorrupt):
            if LIVE in task.aliases:
                found[task.task] = registry.version_record(task.task, task.aliases[LIVE])
    return found


def _client(url: str) -> "redis.Redis":
    return redis.Redis.from_url(
        url, socket_timeout=_PATIENCE_SECONDS, socket_connect_timeout=_PATIENCE_SECONDS, retry=None
    )


def _hash_of(store: Blobs, digest: str) -> str:
    """Read directly from the store: `Blobs` would move a corrupt one to the quarantine."""
    found, name = hashlib.sha256(), digest.removeprefix("sha256:")
    for chunk in store.store.chunks(f"sha256/{name[:2]}/{name}"):
        found.update(chunk)
    return f"sha256:{found.hexdigest()}"


def _bind(host: str, number: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, number))


def _is_nettailor(settings: Settings) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    url = f"http://[{host}]:{settings.port}/healthz" if ":" in host else f"http://{host}:{settings.port}/healthz"
    try:
        answer = httpx.get(url, timeout=_PATIENCE_SECONDS, trust_env=False)
    except httpx.HTTPError:
        return False
    return "X-Request-Id" in answer.headers and answer.text == '{"status":"ok"}'


def _holder(lock: Path) -> str:
    held = _pids(lock)
    return f"in use by process {held[0]}" if held else "not in use"


def _pids(lock: Path) -> list[int]:
    """Who holds a lock on a file. Taking it to find out could turn away a service that starts in that instant."""
    if not lock.exists() or not _LOCKS.exists():
        return []
    found = lock.stat()
    mark = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    rows = (line.split() for line in _LOCKS.read_text().splitlines())
    return [int(row[4]) for row in rows if row[1] != "->" and len(row) > 5 and row[5] == mark]
