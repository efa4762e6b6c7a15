"""A version as one file, to be carried to another installation: bundle, attachments, tags, and where it comes from.

The file is a zip of `bundle.safetensors`, `attachments/NAME` for each attachment, and `origin.json`, which has the
digest of each of them. Members are stored, not compressed: weights hardly shrink, and what is read is never larger than
what was sent.
"""

import io
import struct
import zipfile
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import from_json

from nettailor.bundle.bundle import digest_of
from nettailor.plain_text import PlainText, check_json, check_size
from registry.errors import AttachmentsTooMany, DigestMismatch, VersionFileInvalid
from registry.versions.attachments import ATTACHMENT_LIMIT

MEDIA_TYPE = "application/zip"
ORIGIN = "origin.json"  # in the file, and the attachment that a version from a file has it as
_BUNDLE = "bundle.safetensors"
_ATTACHMENTS = "attachments/"
_EARLIER = "origins/"  # attachments: where a version was before, each by the beginning of its digest
_SHOWN_DIGITS = 12
_ORIGIN_BYTES = 1 << 20
_DIRECTORY_BYTES = 1 << 16  # of the zip's list of members, which zipfile reads whole
_END = struct.Struct("<4s4H2LH")  # the record at a zip's end: signature, disks, counts, list's size and place, comment
_LOCATOR_BYTES = 20  # before it, in a zip of more than 4 GiB
_EPOCH = (1980, 1, 1, 0, 0, 0)  # of every member, so that equal versions are equal files

Text = Annotated[PlainText, Field(max_length=2000)]
Digest = Annotated[str, Field(pattern="^sha256:[0-9a-f]{64}$")]


class _Told(BaseModel):
    """Taken as it is, like manifests and the bodies of requests: another member, or one of another type, is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Period(_Told):
    since: Text
    until: Text | None


class Origin(_Told):
    """What the installation that a version comes from says of it. Nobody else vouches for that."""

    format: Literal["nettailor-version/1"] = "nettailor-version/1"
    service: Text  # its address
    packed_at: Text  # ISO 8601, UTC
    task: Text
    version: Annotated[int, Field(ge=1, lt=1 << 63)]
    digest: Digest  # of the bundle
    published_at: Text
    actor: Text
    job: Text | None
    note: Text
    tags: dict[Text, Text]
    aliases: list[Text]
    live: list[Period]
    attachments: Annotated[dict[Text, Digest], Field(max_length=ATTACHMENT_LIMIT - 1)]


def pack(origin: Origin, bundle: bytes, attachments: Mapping[str, bytes]) -> bytes:
    """The file. What was the origin so far stays as an attachment: lineage goes back to where the version was made.

    Raises `AttachmentsTooMany`.
    """
    if len(attachments) >= ATTACHMENT_LIMIT:  # `origin.json` will be one more
        raise AttachmentsTooMany(origin.task, ATTACHMENT_LIMIT)
    renamed = {_kept_name(name, data): data for name, data in attachments.items()}
    digests = {name: digest_of(data) for name, data in renamed.items()}
    told = origin.model_copy(update={"attachments": digests})
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        _add(file, ORIGIN, told.model_dump_json(indent=1).encode())
        _add(file, _BUNDLE, bundle)
        for name in sorted(renamed):
            _add(file, _ATTACHMENTS + name, renamed[name])
    return packed.getvalue()


def _kept_name(name: str, data: bytes) -> str:
    if name != ORIGIN:
        return name
    return f"{_EARLIER}{digest_of(data).removeprefix('sha256:')[:_SHOWN_DIGITS]}.json"


def _add(file: zipfile.ZipFile, name: str, data: bytes) -> None:
    file.writestr(zipfile.ZipInfo(name, _EPOCH), data)


class VersionFile:
    """A file that was read, whole and as its digests say."""

    def __init__(self, data: bytes) -> None:
        """Raises `VersionFileInvalid`, `DigestMismatch`."""
        self._members = _members(data)
        self.origin = _origin(self._members)
        names = {ORIGIN, _BUNDLE, *(_ATTACHMENTS + name for name in self.origin.attachments)}
        if odd := names ^ set(self._members):
            raise VersionFileInvalid(f"its members are not those that {ORIGIN} names: {min(odd)[:100]!r}")
        if ORIGIN in self.origin.attachments:
            raise VersionFileInvalid(f"an attachment called {ORIGIN!r}")
        _check(_BUNDLE, self.bundle, self.origin.digest)
        for name, attached in self._attached():
            _check(name, attached, self.origin.attachments[name])

    @property
    def bundle(self) -> bytes:
        return self._members[_BUNDLE]

    @property
    def attachments(self) -> dict[str, bytes]:
        """By name, the origin among them."""
        return {**dict(self._attached()), ORIGIN: self._members[ORIGIN]}

    def _attached(self) -> Iterator[tuple[str, bytes]]:
        return ((name, self._members[_ATTACHMENTS + name]) for name in self.origin.attachments)


def _check(name: str, data: bytes, digest: str) -> None:
    """Raises `DigestMismatch`, `VersionFileInvalid`."""
    if (found := digest_of(data)) != digest:
        raise DigestMismatch(name, digest, found)
    if name.endswith(".json"):  # services read such attachments and hand them on
        _document(name, data)


def _members(data: bytes) -> dict[str, bytes]:
    """Raises `VersionFileInvalid`."""
    _check_directory(data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            listed = file.infolist()
            _check_listed(listed, len(data))
            return {member.filename: file.read(member) for member in listed}
    # zipfile raises all of these for bytes that are no zip it reads; the last for methods and versions it lacks.
    except (zipfile.BadZipFile, struct.error, EOFError, OSError, ValueError, NotImplementedError) as fault:
        raise VersionFileInvalid(str(fault) or "no sound zip") from fault


def _check_directory(data: bytes) -> None:
    """Look at the record at the end, before zipfile makes an object of every member. Raises `VersionFileInvalid`."""
    if len(data) < _END.size:
        raise VersionFileInvalid("no zip, or cut off")
    signature, *_, size, _place, comment = _END.unpack(data[-_END.size :])
    if signature != b"PK\x05\x06" or comment:
        raise VersionFileInvalid("no zip, or cut off")
    locator = data[-_END.size - _LOCATOR_BYTES : -_END.size]
    if size > _DIRECTORY_BYTES or locator.startswith(b"PK\x06\x07"):
        raise VersionFileInvalid("more members than a version has files")


def _check_listed(listed: list[zipfile.ZipInfo], size_bytes: int) -> None:
    """Raises `VersionFileInvalid`."""
    if len({member.filename for member in listed}) != len(listed):
        raise VersionFileInvalid("two members of one name")
    if any(member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1 for member in listed):
        raise VersionFileInvalid("its members are compressed or encrypted")
    if sum(member.file_size for member in listed) > size_bytes:
        raise VersionFileInvalid("its members are larger than itself")


def _origin(members: Mapping[str, bytes]) -> Origin:
    """Raises `VersionFileInvalid`."""
    if ORIGIN not in members or len(members[ORIGIN]) > _ORIGIN_BYTES:
        raise VersionFileInvalid(f"it has no {ORIGIN}, or a very large one")
    _document(ORIGIN, members[ORIGIN])
    try:
        origin = Origin.model_validate_json(members[ORIGIN])
    except ValueError as fault:  # pydantic's `ValidationError` is one
        raise VersionFileInvalid(f"its {ORIGIN} is malformed: {_first(fault)}") from fault
    if "format" not in origin.model_fields_set:
        raise VersionFileInvalid(f"its {ORIGIN} says no format")
    return origin


def _document(name: str, data: bytes) -> None:
    """Raises `VersionFileInvalid`."""
    try:
        check_json(from_json(check_size(data)))
    except ValueError as fault:
        raise VersionFileInvalid(f"{name} is no JSON that can be kept: {_first(fault)}") from fault


def _first(fault: ValueError) -> str:
    return " ".join(str(fault).split())[:200]
