"""Keys: who may do what, read from a file that holds no secrets.

The file is JSON (`{"keys": [...]}`), or TOML (`[[keys]]`) if its name ends in `.toml`. A key:

    name      the actor that the history keeps
    sha256    of the secret, 64 hexadecimal digits
    scopes    out of predict, read, publish, promote, admin; `read` implies `predict`, none implies any other
    tasks     the only ones it is good for; leave it out for all
"""

import hashlib
import hmac
import json
import logging
import secrets
import stat
import threading
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from hosting.errors import KeyMissing, KeysInvalid, KeyUnknown
from nettailor.bundle.manifest import TaskName

logger = logging.getLogger(__name__)

Scope = Literal["predict", "read", "publish", "promote", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
KeyName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$")]

SECRET_PREFIX = "ntk_"  # so that scanners for leaked secrets know one
_SECRET_BYTES = 32  # of randomness: a plain hash of so much needs no salt and no stretching


class Key(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: KeyName
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    scopes: frozenset[Scope] = Field(min_length=1)
    tasks: frozenset[TaskName] | None = Field(default=None, min_length=1)

    def may(self, scope: Scope) -> bool:
        """Whether the key is good for a scope. `read` includes `predict`: keys are older than that scope."""
        return scope in self.scopes or (scope == "predict" and "read" in self.scopes)

    def entry(self) -> dict[str, str | list[str]]:
        """As the file has it."""
        entry: dict[str, str | list[str]] = {"name": self.name, "sha256": self.sha256, "scopes": sorted(self.scopes)}
        return entry if self.tasks is None else entry | {"tasks": sorted(self.tasks)}


class _KeyFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    keys: tuple[Key, ...]

    @model_validator(mode="after")
    def _distinct(self) -> "_KeyFile":
        for field in ("name", "sha256"):
            if len({getattr(key, field) for key in self.keys}) < len(self.keys):
                raise ValueError(f"two keys have the same {field}")
        return self


class Keyring:
    """The keys of a file, as it is now. Thread-safe.

    A file that cannot be read any more is told once, and the keys read last stay good: nobody gets in or is locked out
    by an editor's slip. Raises `KeysInvalid` if it cannot be read at the start.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._seen = _stamp(path)
        self._keys = read_keys(path)
        if (exposure := exposure_of(path)) is not None:
            logger.warning("%s; chmod 640 closes it", exposure.words)

    def holder(self, authorization: str) -> Key:
        """Whose secret a header `Authorization: Bearer ...` holds. Raises `KeyMissing`, `KeyUnknown`."""
        scheme, _, secret = authorization.partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            raise KeyMissing
        found = None
        presented = hash_of(secret.strip())
        for key in self._current():  # to the end, so that time does not tell how far
            if hmac.compare_digest(key.sha256, presented):
                found = key
        if found is None:
            raise KeyUnknown
        return found

    def named(self, name: str) -> Key | None:
        return next((key for key in self._current() if key.name == name), None)

    def _current(self) -> tuple[Key, ...]:
        stamp = _stamp(self._path)
        with self._lock:
            if stamp != self._seen:
                self._seen = stamp
                try:
                    self._keys = read_keys(self._path)
                    logger.info("%s changed: %s keys", self._path, len(self._keys))
                except KeysInvalid as error:
                    logger.error("going on with the keys read last: %s", error)
            return self._keys


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """What others may do with a file of keys that they should not. Whoever may write it has every scope."""

    words: str
    writable: bool


def exposure_of(path: Path) -> Exposure | None:
    """None where the file is closed. Raises `OSError`."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        return Exposure(words=f"others may write {path} (mode {mode:o})", writable=True)
    if mode & stat.S_IROTH:
        return Exposure(words=f"everybody may read {path} (mode {mode:o})", writable=False)
    return None


def read_keys(path: Path) -> tuple[Key, ...]:
    """Raises `KeysInvalid`."""
    try:
        text = path.read_text(encoding="utf-8-sig")  # a mark at its beginning is PowerShell's
    except (OSError, ValueError) as error:
        raise KeysInvalid(str(path), str(error)) from error
    return parse_keys(path, text)


def parse_keys(path: Path, text: str) -> tuple[Key, ...]:
    """The keys of a file's text. Raises `KeysInvalid`."""
    try:
        document = tomllib.loads(text) if is_toml(path) else json.loads(text)
        return _KeyFile.model_validate(document).keys
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise KeysInvalid(str(path), "; ".join(faults)) from error
    except ValueError as error:
        raise KeysInvalid(str(path), str(error)) from error


def new_key(name: str, scopes: Sequence[Scope], tasks: Sequence[str] = ()) -> tuple[Key, str]:
    """A key and its secret, which is nowhere else. Raises `ValueError` for a name that cannot be one."""
    secret = new_secret()
    limits = frozenset(tasks) or None
    return Key(name=name, sha256=hash_of(secret), scopes=frozenset(scopes), tasks=limits), secret


def new_secret() -> str:
    return SECRET_PREFIX + secrets.token_urlsafe(_SECRET_BYTES)


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def is_toml(path: Path) -> bool:
    return path.suffix == ".toml"


def _stamp(path: Path) -> tuple[int, ...] | None:
    """Another one whenever the file is another one."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
