"""What a tailoring measured on the test split, kept beside a version and read again."""

import json

import numpy as np
import pytest

from nettailor.bundle.bundle import digest_of
from registry.errors import AnswersMissing
from registry.journal.records import VersionRecord
from registry.registry import Registry
from registry.versions.evaluation import EVALUATIONS, Evaluation, evaluation_of, written
from tests.bundles import tiny_bytes

BUNDLE = tiny_bytes()


def _evaluation(right: list[bool]) -> Evaluation:
    return Evaluation(right=np.array(right, bool), milliseconds=2.5, measured_on="CPU, 2 threads")


def _publish(registry: Registry, file: bytes | None) -> VersionRecord:
    attachments = {} if file is None else {EVALUATIONS: registry.blobs.put(file)}
    return registry.publish("signs", BUNDLE, actor="me", attachments=attachments)


@pytest.mark.parametrize("images", [1, 8, 9, 100])
def test_answers_come_back_in_their_order(registry: Registry, images: int) -> None:
    right = (np.random.default_rng(images).random(images) < 0.6).tolist()
    others = {"sha256:" + "0" * 64: _evaluation([True])}
    record = _publish(registry, written({digest_of(BUNDLE): _evaluation(right), **others}))
    found = evaluation_of(record, registry.blobs)
    assert found.right.tolist() == right
    assert (found.milliseconds, found.measured_on) == (2.5, "CPU, 2 threads")


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (None, "published as a file"),
        (b"{}", "other networks"),
        (b"[", "a form that this release does not read"),
        (json.dumps({digest_of(BUNDLE): {"images": 3}}).encode(), "a form that this release does not read"),
        (written({digest_of(BUNDLE): _evaluation([True] * 8)}).replace(b":8,", b":9,"), "does not read"),
        (written({digest_of(BUNDLE): _evaluation([])}), "no test images"),
    ],
    ids=["none", "of others", "no JSON", "other members", "too few bits", "no images"],
)
def test_without_answers_the_reason_is_told(registry: Registry, file: bytes | None, reason: str) -> None:
    record = _publish(registry, file)
    with pytest.raises(AnswersMissing, match=reason) as caught:
        evaluation_of(record, registry.blobs)
    assert (caught.value.task, caught.value.version) == ("signs", 1)
