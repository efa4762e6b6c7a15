import dataclasses
import json
import math
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from nettailor.plain_text import check_size
from registry.errors import RecordCorrupt, RecordRefused
from registry.journal.records import (
    AliasMoved,
    PolicySet,
    Record,
    Records,
    TaskDeleted,
    VersionAnnotated,
    VersionDeleted,
    VersionRecord,
    record_json,
)
from registry.policy.policy import Policy
from registry.policy.policy_check import Check, Evidence
from registry.storage.store import Store
from tests.bundles import random_manifest
from tests.registry.nesting import nested

AT = "2026-11-23T06:00:00.000000+00:00"
ALL: list[Record] = [
    VersionRecord(
        task="signs",
        sequence=1,
        at=AT,
        actor="me",
        version=1,
        digest="sha256:" + "a" * 64,
        size_bytes=5,
        job="j",
        note="n",
        manifest=random_manifest(),
    ),
    AliasMoved(
        task="signs", sequence=2, at=AT, actor="me", alias="live", before=None, after=1, rollback=False, reason=""
    ),
    VersionDeleted(task="signs", sequence=3, at=AT, actor="me", version=1, digest="sha256:" + "a" * 64, reason="r"),
    TaskDeleted(task="signs", sequence=4, at=AT, actor="me", reason="r"),
    PolicySet(task="signs", sequence=5, at=AT, actor="me", policy=Policy(max_drop=0.01), reason="r"),
    PolicySet(task="signs", sequence=6, at=AT, actor="me", policy=None, reason=""),
    VersionAnnotated(task="signs", sequence=7, at=AT, actor="me", version=1, tags={"stage": "qa"}, note="n"),
    AliasMoved(
        task="signs",
        sequence=8,
        at=AT,
        actor="me",
        alias="live",
        before=1,
        after=2,
        rollback=False,
        reason="r",
        evidence=Evidence(
            version=2,
            live=1,
            checks=(Check(name="max_drop", required=0.01, actual=None, passed=False, detail="d"),),
        ),
        forced=True,
    ),
]


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records(Store(str(tmp_path)))


def test_every_kind_is_read_as_it_was_written(records: Records) -> None:
    assert all(records.append(record) for record in ALL)
    assert list(records.since("signs", 0)) == ALL
    assert list(records.since("signs", 3)) == ALL[3:]
    assert records.read("signs", len(ALL) + 1) is None
    assert records.tasks() == ["signs"]


def test_a_number_is_taken_once(records: Records) -> None:
    other = TaskDeleted(task="signs", sequence=1, at=AT, actor="you", reason="")
    assert records.append(ALL[0])
    assert not records.append(other)
    assert records.read("signs", 1) == ALL[0]


def _annotated(**changes: Any) -> VersionAnnotated:
    fields: dict[str, Any] = {"task": "signs", "sequence": 1, "at": AT, "actor": "me", "version": 1, "tags": {}}
    return VersionAnnotated(**(fields | {"note": ""} | changes))


def _published(recipe: dict[str, Any]) -> VersionRecord:
    published = ALL[0]
    assert isinstance(published, VersionRecord)
    return dataclasses.replace(published, manifest=published.manifest.model_copy(update={"recipe": recipe}))


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (_annotated(note="\ud800"), "Unicode"),
        (_annotated(actor="a\x00b"), "NUL"),
        (_annotated(tags={"stage": "\udcff"}), "Unicode"),
        (_annotated(version=10**400), "64 bits"),
        (_published(nested(40)), "deep"),
        (_published(nested(300)), "depth"),
        (
            _published({"a": math.nan}),
            "what is read back",
        ),
    ],
)
def test_what_could_not_be_read_back_is_not_written(records: Records, record: Record, reason: str) -> None:
    with pytest.raises(RecordRefused, match=reason):
        records.append(record)
    assert records.tasks() == []


def test_the_size_of_a_record_is_bounded(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.journal.records.check_size", partial(check_size, most_bytes=1000))
    with pytest.raises(RecordRefused, match="at most 1000 are allowed"):
        records.append(_annotated(note="n" * 1000))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not JSON"),
        (b"[]", "not a nettailor-record/1"),
        (b'{"format":"nettailor-record/1","record":{},"sha256":""}', "checksum"),
        (b'{"format":"nettailor-record/1","format":"nettailor-record/1"}', "appears twice"),
    ],
)
def test_a_broken_record_names_itself(tmp_path: Path, content: bytes, reason: str) -> None:
    store = Store(str(tmp_path))
    store.write("records/signs/00000001.json", content)
    with pytest.raises(RecordCorrupt, match=reason) as caught:
        Records(store).read("signs", 1)
    assert caught.value.key == "records/signs/00000001.json"


def test_a_changed_or_misplaced_record_is_found(records: Records, tmp_path: Path) -> None:
    records.append(ALL[1])
    path = tmp_path / "records" / "signs" / "00000002.json"
    text = path.read_text()
    path.write_text(text.replace('"after":1', '"after":2'))
    with pytest.raises(RecordCorrupt, match="checksum"):
        records.read("signs", 2)
    (tmp_path / "records" / "signs" / "00000003.json").write_text(text)
    with pytest.raises(RecordCorrupt, match="it is record 2"):
        records.read("signs", 3)


def test_the_bytes_of_a_record_are_as_they_always_were(records: Records, tmp_path: Path) -> None:
    records.append(ALL[1])
    records.append(ALL[7])
    moved, forced = ((tmp_path / "records" / "signs" / f"{number:08d}.json").read_text() for number in (2, 8))
    assert moved == (
        '{"format":"nettailor-record/1","record":{"actor":"me","after":1,"alias":"live",'
        '"at":"2026-11-23T06:00:00.000000+00:00","before":null,"evidence":null,"forced":false,"kind":"alias","reason":"",'
        '"rollback":false,"sequence":2,"task":"signs"},'
        '"sha256":"1924a81fc304519d1109c078336795cf23091ec5fdcce3fa2f58351644875aea"}'
    )
    assert (
        '"evidence":{"checks":[{"actual":null,"detail":"d","name":"max_drop","passed":false,"required":0.01}],'
        in forced
    )
    document = json.loads(record_json(ALL[0]))
    assert sorted(document) == [
        *("actor", "at", "attachments", "digest", "job", "kind", "manifest", "note", "sequence", "size_bytes", "task"),
        "version",
    ]


def test_records_are_readable_by_people(records: Records, tmp_path: Path) -> None:
    records.append(ALL[1])
    document = json.loads((tmp_path / "records" / "signs" / "00000002.json").read_text())
    assert document["record"]["kind"] == "alias"
    assert document["record"]["actor"] == "me"
