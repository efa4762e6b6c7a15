"""The backbones of a registry against a plain dictionary, under random operations (hypothesis).

What is stored stands for files of weights here: reading those is tested beside `nettailor.bundle.backbone_file`.
"""

import hashlib
import itertools
from pathlib import Path

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from nettailor.bundle.backbone_file import BackboneFile
from nettailor.bundle.bundle import digest_of, encode
from registry import backbones
from registry.errors import BackboneConflict, BackboneInUse, BackboneMissing
from registry.registry import Registry
from registry.storage.blobs import Blobs
from tests.bundles import random_bundle
from tests.registry.refusals import refusal_of

NAMES = st.sampled_from(["a", "b"])
FILES = st.sampled_from([b"one", b"two", b"three"])


def _decoded(data: bytes) -> BackboneFile:
    return BackboneFile(architecture="mini26", fingerprint=hashlib.sha256(data).hexdigest(), tensors={})


class BackbonesMachine(RuleBasedStateMachine):
    client: "redis.Redis"
    places: "itertools.count[int]"
    folder: Path

    def __init__(self) -> None:
        super().__init__()
        number = next(self.places)
        self.prefix = f"backbones:{number}:"
        self.registry = Registry(Blobs(str(self.folder / str(number))), self.client, prefix=self.prefix)
        self.named: dict[str, bytes] = {}
        self.stored: set[bytes] = set()
        self.versions: dict[int, bytes] = {}  # version -> the file of its backbone

    @rule(name=NAMES, file=FILES)
    def add(self, name: str, file: bytes) -> None:
        taken = self.named.get(name, file) != file or any(n != name and f == file for n, f in self.named.items())
        found = refusal_of(lambda: self.registry.add_backbone(name, file, actor="me"))
        assert found == (BackboneConflict if taken else None)
        self.stored.add(file)
        if not taken:
            self.named[name] = file

    @rule(name=NAMES)
    def remove(self, name: str) -> None:
        file = self.named.get(name)
        expected = BackboneMissing if file is None else BackboneInUse if file in self.versions.values() else None
        assert refusal_of(lambda: self.registry.remove_backbone(name, actor="me", reason="")) == expected
        if expected is None:
            del self.named[name]

    @rule(file=FILES)
    def publish(self, file: bytes) -> None:
        """Whether or not its backbone is there: the one that a server starts with is not in the registry."""
        manifest, tensors = random_bundle(fingerprint=_decoded(file).fingerprint)
        self.versions[self.registry.publish("signs", encode(manifest, tensors), actor="me").version] = file

    @rule(version=st.integers(1, 4))
    def delete(self, version: int) -> None:
        if self.versions.pop(version, None) is not None:
            self.registry.delete_version("signs", version, actor="me", reason="")

    @rule()
    def collect_garbage(self) -> None:
        self.registry.collect_garbage(0, dry_run=False)
        ever = {record.digest for record in self.registry.index.history("_backbones") if hasattr(record, "digest")}
        needed = {file for file in self.versions.values() if digest_of(file) in ever}
        self.stored &= {*self.named.values(), *needed}

    @rule(lose=st.booleans())
    def rebuild(self, lose: bool) -> None:
        if lose:
            for key in self.client.scan_iter(match=f"{self.prefix}*"):
                self.client.delete(key)
        self.registry.rebuild()

    @invariant()
    def they_are_the_models(self) -> None:
        found = {record.name: self.registry.backbones.read(record) for record in self.registry.backbones.all()}
        assert found == self.named

    @invariant()
    def files_are_the_models(self) -> None:
        there = {file for file in (b"one", b"two", b"three") if self.registry.blobs.exists(digest_of(file))}
        assert there == self.stored

    @invariant()
    def nothing_is_wrong(self) -> None:
        assert self.registry.verify().faults == ()


@pytest.mark.parametrize("examples", [10, pytest.param(200, marks=pytest.mark.nightly)])
def test_backbones_behave_as_the_model(
    tmp_path: Path, redis_client: "redis.Redis", monkeypatch: pytest.MonkeyPatch, examples: int
) -> None:
    class Machine(BackbonesMachine):
        client = redis_client
        places = itertools.count()
        folder = tmp_path

    monkeypatch.setattr(backbones, "decode_backbone", _decoded)
    settings_ = settings(max_examples=examples, stateful_step_count=20, suppress_health_check=[HealthCheck.too_slow])
    run_state_machine_as_test(Machine, settings=settings_)
