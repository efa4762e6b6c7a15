"""A version as a file, and files that are none."""

import io
import json
import zipfile
from collections.abc import Callable

import pytest

from nettailor.bundle.bundle import digest_of
from registry.errors import AttachmentsTooMany, DigestMismatch, NameInvalid, TagInvalid, VersionFileInvalid
from registry.registry import Registry
from registry.versions.version_file import Origin, VersionFile, pack
from tests.bundles import tiny_bytes

_BUNDLE = tiny_bytes()


def _origin(**changes: object) -> Origin:
    return Origin.model_validate(
        {
            "service": "http://localhost:8000",
            "packed_at": "2026-01-01T00:00:00+00:00",
            "task": "signs",
            "version": 3,
            "digest": digest_of(_BUNDLE),
            "published_at": "2026-01-01T00:00:00+00:00",
            "actor": "ann",
            "job": None,
            "note": "",
            "tags": {"stage": "qa"},
            "aliases": [],
            "live": [],
            "attachments": {},
            **changes,
        }
    )


def _packed(**attachments: bytes) -> bytes:
    return pack(_origin(), _BUNDLE, attachments)


def _changed(change: Callable[[dict[str, bytes]], object], compression: int = zipfile.ZIP_STORED) -> bytes:
    """The file with one attachment, after a change of its members."""
    with zipfile.ZipFile(io.BytesIO(_packed(page=b"text"))) as file:
        members = {name: file.read(name) for name in file.namelist()}
    change(members)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compression) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return packed.getvalue()


def _told(members: dict[str, bytes], *, without: str = "", **changes: object) -> None:
    """Make the origin say something else."""
    origin = json.loads(members["origin.json"]) | changes
    members["origin.json"] = json.dumps({name: told for name, told in origin.items() if name != without}).encode()


def test_what_was_packed_is_read_again() -> None:
    file = VersionFile(_packed(page=b"text"))
    assert file.bundle == _BUNDLE
    assert file.attachments["page"] == b"text"
    assert file.origin == _origin(attachments={"page": digest_of(b"text")})
    assert json.loads(file.attachments["origin.json"])["version"] == 3
    assert _packed(page=b"text") == _packed(page=b"text")


@pytest.mark.parametrize("kept", [0, 10, 22, 200, -1])
def test_a_file_that_was_cut_off(kept: int) -> None:
    with pytest.raises(VersionFileInvalid):
        VersionFile(_packed()[:kept])


@pytest.mark.parametrize(
    "change",
    [
        lambda members: members.update({"attachments/page": b"other"}),
        lambda members: members.update({"bundle.safetensors": tiny_bytes(seed=1)}),
    ],
    ids=["an attachment", "the bundle"],
)
def test_a_member_of_another_digest(change: Callable[[dict[str, bytes]], object]) -> None:
    with pytest.raises(DigestMismatch):
        VersionFile(_changed(change))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda members: members.pop("origin.json"), "no origin.json"),
        (lambda members: members.pop("attachments/page"), "not those"),
        (lambda members: members.update({"more": b""}), "not those"),
        (lambda members: members.update({"origin.json": b"{"}), "no JSON"),
        (lambda members: members.update({"origin.json": b"{}"}), "malformed"),
        (lambda members: _told(members, format="nettailor-version/2"), "malformed.*format"),
        (lambda members: _told(members, format=None), "malformed.*format"),
        (lambda members: _told(members, without="format"), "says no format"),
        (lambda members: _told(members, predecessors=[]), "malformed.*predecessors"),
        (lambda members: _told(members, version="3"), "malformed.*version"),
        (lambda members: _told(members, version=True), "malformed.*version"),
        (lambda members: _told(members, live=[{"since": "", "until": None, "why": ""}]), "malformed.*live"),
        (lambda members: members.update({f"attachments/{number:04}": b"" for number in range(1500)}), "more members"),
    ],
    ids=[
        *("no origin", "one is missing", "one too many", "no JSON", "an empty origin", "a later format", "a null"),
        *("no format", "an unknown field", "a number as text", "a truth", "an unknown field within", "very many"),
    ],
)
def test_a_file_of_other_members(change: Callable[[dict[str, bytes]], object], reason: str) -> None:
    with pytest.raises(VersionFileInvalid, match=reason):
        VersionFile(_changed(change))


def test_members_that_grow_when_they_are_read() -> None:
    with pytest.raises(VersionFileInvalid, match="compressed"):
        VersionFile(_changed(lambda members: None, zipfile.ZIP_DEFLATED))


def test_an_attachment_that_is_called_json_and_is_none() -> None:
    with pytest.raises(VersionFileInvalid, match=r"points\.json is no JSON"):
        VersionFile(pack(_origin(), _BUNDLE, {"front/points.json": b'[{"digest": NaN}]'}))


@pytest.mark.parametrize(
    ("file", "refusal"),
    [
        (pack(_origin(tags={"stage": "q" * 300}), _BUNDLE, {}), TagInvalid),
        (pack(_origin(), _BUNDLE, {"UPPER": b""}), NameInvalid),
        (b"PK", VersionFileInvalid),
    ],
    ids=["a long tag", "a name", "no file"],
)
def test_what_the_registry_refuses_leaves_no_version(registry: Registry, file: bytes, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        registry.publish_file("signs", file, actor="me")
    assert registry.tasks() == []


def test_as_many_attachments_as_a_version_may_have() -> None:
    assert len(VersionFile(_packed(**{f"a{number}": b"" for number in range(63)})).attachments) == 64
    with pytest.raises(AttachmentsTooMany):
        _packed(**{f"a{number}": b"" for number in range(64)})
