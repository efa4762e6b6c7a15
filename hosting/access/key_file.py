"""Changes to a file of keys. One at a time, each written as a whole: a service never reads half of one.

Of a TOML file the rest stays as people wrote it, comments too.
"""

import fcntl
import json
import os
import re
import stat
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path

from hosting.access.keys import Key, is_toml, parse_keys, read_keys
from hosting.errors import KeysInvalid
from nettailor.durable import write_durably

_NO_KEYS = "\nkeys = []\n"
_ONLY_THIS_USER = stat.S_IRUSR | stat.S_IWUSR
_HEAD = re.compile(r"\s*\[\[\s*keys\s*\]\]")
_ASIDE = re.compile(r"\s*(#.*)?")
_HASH = re.compile(r"""^(\s*sha256\s*=\s*)(["'])[0-9a-f]{64}\2""", re.MULTILINE)


def add_key(path: Path, key: Key) -> None:
    """Write a key into the file. One that is missing is made, for this user alone; one that is there keeps its owner
    and permissions.

    Raises `KeysInvalid`, also if it has a key of that name; `OSError`.
    """

    def added(text: str) -> str:
        fields = "".join(f"{name} = {json.dumps(value)}\n" for name, value in key.entry().items())
        return f"{text.replace(_NO_KEYS, '')}\n[[keys]]\n{fields}"

    with _one_at_a_time(path):
        keys = read_keys(path) if path.exists() else ()
        if key.name in {other.name for other in keys}:
            raise KeysInvalid(str(path), f"it has a key named {key.name!r} already")
        _write(path, (*keys, key), added)


def remove_key(path: Path, name: str) -> None:
    """Raises `KeysInvalid`, also if it has no key of that name; `OSError`."""

    def removed(text: str) -> str:
        return "".join(part for part in _parts(text) if _name_in(part) != name) + ("" if len(keys) > 1 else _NO_KEYS)

    with _one_at_a_time(path):
        keys = read_keys(path)
        _named(path, keys, name)
        _write(path, [key for key in keys if key.name != name], removed)


def replace_secret(path: Path, name: str, sha256: str) -> Key:
    """Give a key another secret, by its hash. Raises `KeysInvalid`, also if it has no key of that name; `OSError`."""

    def replaced(text: str) -> str:
        return "".join(
            _HASH.sub(rf"\g<1>\g<2>{sha256}\g<2>", part) if _name_in(part) == name else part for part in _parts(text)
        )

    with _one_at_a_time(path):
        keys = read_keys(path)
        changed = _named(path, keys, name).model_copy(update={"sha256": sha256})
        _write(path, [changed if key.name == name else key for key in keys], replaced)
    return changed


def _named(path: Path, keys: Sequence[Key], name: str) -> Key:
    found = next((key for key in keys if key.name == name), None)
    if found is None:
        raise KeysInvalid(str(path), f"it has no key named {name!r}")
    return found


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    """Of two changes at once each would undo the other's. The folder is locked, for the file itself is replaced."""
    folder = path.resolve().parent
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write(path: Path, keys: Sequence[Key], edited: Callable[[str], str]) -> None:
    """`edited` changes the text of a TOML file, which is then checked to have these keys."""
    if is_toml(path):
        text = edited(path.read_text(encoding="utf-8-sig") if path.exists() else "")
        if not _has(path, text, keys):
            raise KeysInvalid(str(path), "this change is beyond what is known of its form: make it by hand")
    else:
        text = json.dumps({"keys": [key.entry() for key in keys]}, indent=2) + "\n"
    before = path.stat() if path.exists() else None
    mode = _ONLY_THIS_USER if before is None else stat.S_IMODE(before.st_mode)
    write_durably(path.resolve(), [text.encode()], mode=mode)
    if before is not None:
        with suppress(PermissionError):  # only root may give a file to somebody else
            os.chown(path, before.st_uid, before.st_gid)


def _has(path: Path, text: str, keys: Sequence[Key]) -> bool:
    try:
        return set(parse_keys(path, text)) == set(keys)
    except KeysInvalid:
        return False


def _parts(text: str) -> list[str]:
    """A TOML file cut before each key; comments above a key are part of it."""
    lines = text.splitlines(keepends=True)
    starts = []
    for number, line in enumerate(lines):
        if _HEAD.match(line):
            start = number
            while start > 0 and _ASIDE.fullmatch(lines[start - 1].rstrip("\n")):
                start -= 1
            starts.append(start)
    bounds = [0, *starts, len(lines)]
    return ["".join(lines[start:end]) for start, end in pairwise(bounds)]


def _name_in(part: str) -> str | None:
    with suppress(tomllib.TOMLDecodeError):
        for key in tomllib.loads(part).get("keys", ()):
            return str(key.get("name"))
    return None
