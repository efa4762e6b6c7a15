"""The registry against a plain dictionary, under random operations (hypothesis)."""

import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from nettailor.bundle.bundle import digest_of
from registry.errors import (
    AliasConflict,
    AliasUnknown,
    BlobCorrupt,
    BlobMissing,
    ForceWithoutReason,
    NothingToRollBack,
    PolicyViolated,
    TaskUnknown,
    TaskWasDeleted,
    VersionInUse,
    VersionUnknown,
)
from registry.journal.deletion import Since
from registry.journal.records import AliasMoved
from registry.policy.policy import Policy
from registry.policy.policy_check import Evidence
from registry.registry import Registry
from registry.storage.blobs import Blobs
from registry.versions.aliases import ANY, AnyVersion
from tests.bundles import tiny_bytes
from tests.registry.contents import contents
from tests.registry.corruption import corrupt
from tests.registry.refusals import refusal_of

TASKS = st.sampled_from(["digits", "signs"])
ALIASES = st.sampled_from(["live", "candidate"])
VERSIONS = st.integers(1, 4)
SEEDS = st.integers(0, 3)
EXPECTED: st.SearchStrategy[AnyVersion | int | None] = st.one_of(st.just(ANY), st.none(), VERSIONS)

ACCURACIES = (90, 80, 70, 60)  # percent, by the seed of a bundle
REQUIREMENTS = st.tuples(st.sampled_from([65, 75, None]), st.sampled_from([0, 10, 20, None]))
POLICIES = st.none() | REQUIREMENTS
_prefixes = itertools.count()


def bundle_digest(task: str, seed: int) -> str:
    return digest_of(bundle_bytes(task=task, seed=seed))


@dataclass
class TaskModel:
    latest: int = 0
    versions: dict[int, int] = field(default_factory=dict)  # version -> seed of its bundle
    aliases: dict[str, int] = field(default_factory=dict)
    piles: dict[str, list[int | None]] = field(default_factory=dict)  # what each alias named, last on top
    policy: tuple[int | None, int | None] | None = None  # least accuracy and most drop, percent
    tags: dict[int, dict[str, str]] = field(default_factory=dict)  # by version
    deletions: int = 0  # how often it was deleted


@dataclass(frozen=True, kw_only=True)
class Begun:
    """Work on a version of a task that is not published yet."""

    task: str
    since: Since
    deletions: int  # of the task, until then


@functools.lru_cache
def bundle_bytes(*, task: str, seed: int) -> bytes:
    return tiny_bytes(task=task, seed=seed, test_accuracy=ACCURACIES[seed] / 100)


class Model:
    """What the registry should do; raises the error types it should raise."""

    def __init__(self) -> None:
        self.tasks: dict[str, TaskModel] = {}
        self.stored: set[tuple[str, int]] = set()  # (task, seed) of the bundles whose blobs are there and sound

    def publish(self, task: str, seed: int) -> int:
        self.stored.add((task, seed))
        model = self.tasks.setdefault(task, TaskModel())
        for version, published in model.versions.items():
            if published == seed:
                return version
        model.latest += 1
        model.versions[model.latest] = seed
        return model.latest

    def finish(self, begun: Begun, seed: int) -> int:
        if begun.deletions < self.tasks.get(begun.task, TaskModel()).deletions:
            self.stored.add((begun.task, seed))
            raise TaskWasDeleted(begun.task, "me", "", "")
        return self.publish(begun.task, seed)

    def promote(
        self, task: str, alias: str, version: int, expected: AnyVersion | int | None, *, force: bool = False
    ) -> None:
        model = self._with(task, version)
        if expected is not ANY and model.aliases.get(alias) != expected:
            raise AliasConflict(task, alias, expected, model.aliases.get(alias))
        self._check_stored(task, model.versions[version])
        if not force and not self.passes(task, alias, version):
            raise PolicyViolated(task, alias, Evidence(version=version, live=None, checks=()))
        if model.aliases.get(alias) != version:
            model.aliases[alias] = version
            model.piles.setdefault(alias, []).append(version)

    def unalias(self, task: str, alias: str) -> None:
        model = self._existing(task)
        if model.aliases.pop(alias, None) is None:
            raise AliasUnknown(task, alias)
        model.piles[alias].append(None)

    def rollback(self, task: str, alias: str) -> int:
        model = self._existing(task)
        if alias not in model.aliases:
            raise AliasUnknown(task, alias)
        pile = model.piles[alias]
        for height in range(len(pile) - 1, 0, -1):
            candidate = pile[height - 1]
            if candidate is not None and candidate in model.versions and candidate != model.aliases[alias]:
                self._check_stored(task, model.versions[candidate])
                del pile[height:]
                model.aliases[alias] = candidate
                return candidate
        raise NothingToRollBack(task, alias)

    def delete_version(self, task: str, version: int) -> None:
        model = self._with(task, version)
        if version in model.aliases.values():
            raise VersionInUse(task, version, [])
        del model.versions[version]

    def delete_task(self, task: str) -> None:
        self._existing(task)
        self.tasks[task] = TaskModel(latest=self.tasks[task].latest, deletions=self.tasks[task].deletions + 1)

    def garbage(self, keep: tuple[str, int]) -> set[tuple[str, int]]:
        named = {(task, seed) for task, model in self.tasks.items() for seed in model.versions.values()}
        return self.stored - named - {keep}

    def missing(self) -> list[tuple[str, int]]:
        """Versions without their bundle."""
        return [
            (task, version)
            for task, model in sorted(self.tasks.items())
            for version, seed in model.versions.items()
            if (task, seed) not in self.stored
        ]

    def _check_stored(self, task: str, seed: int) -> None:
        if (task, seed) not in self.stored:
            raise BlobMissing(bundle_digest(task, seed))

    def passes(self, task: str, alias: str, version: int) -> bool:
        model = self.tasks[task]
        live = model.aliases.get("live")
        if alias != "live" or version == live or model.policy is None:
            return True
        least, drop = model.policy
        accuracy = ACCURACIES[model.versions[version]]
        if least is not None and accuracy < least:
            return False
        return drop is None or live is None or ACCURACIES[model.versions[live]] - accuracy <= drop

    def set_policy(self, task: str, policy: tuple[int | None, int | None] | None) -> None:
        self._existing(task).policy = policy

    def force(self, task: str, alias: str, version: int, reason: str) -> bool:
        """Whether the policy had to be passed over."""
        if not reason:
            raise ForceWithoutReason(task, alias, version)
        model = self._with(task, version)
        forced = not self.passes(task, alias, version)
        self.promote(task, alias, version, ANY, force=True)
        return forced and model.aliases[alias] == version

    def tag(self, task: str, version: int, name: str, text: str | None) -> None:
        tags = self._with(task, version).tags.setdefault(version, {})
        tags.pop(name, None)
        if text is not None:
            tags[name] = text

    def _existing(self, task: str) -> TaskModel:
        if task not in self.tasks or not self.tasks[task].versions:
            raise TaskUnknown(task)
        return self.tasks[task]

    def _with(self, task: str, version: int) -> TaskModel:
        model = self._existing(task)
        if version not in model.versions:
            raise VersionUnknown(task, version)
        return model


class RegistryMachine(RuleBasedStateMachine):
    """Each rule does the same to both and compares the answers, or the types of the refusals."""

    client: "redis.Redis"
    places: Iterator[str]  # a fresh store for each run
    work = Bundle("work")

    def __init__(self) -> None:
        super().__init__()
        self.prefix = f"model:{next(_prefixes)}:"
        self.registry = Registry(Blobs(next(self.places)), self.client, prefix=self.prefix)
        self.model = Model()

    @rule(task=TASKS, seed=SEEDS)
    def publish(self, task: str, seed: int) -> None:
        record = self.registry.publish(task, bundle_bytes(task=task, seed=seed), actor="me")
        assert record.version == self.model.publish(task, seed)

    @rule(target=work, task=TASKS, numbered=st.booleans())
    def begin_work(self, task: str, numbered: bool) -> Begun:
        since: Since = self.registry.sequence(task) if numbered else datetime.now(UTC)
        return Begun(task=task, since=since, deletions=self.model.tasks.get(task, TaskModel()).deletions)

    @rule(begun=work, seed=SEEDS)
    def finish_work(self, begun: Begun, seed: int) -> None:
        """Published as ever, unless the task was deleted meanwhile, made anew or not."""
        versions: list[int] = []
        refusal = refusal_of(lambda: versions.append(self.model.finish(begun, seed)))
        data = bundle_bytes(task=begun.task, seed=seed)
        found = refusal_of(
            lambda: versions.append(self.registry.publish(begun.task, data, actor="me", since=begun.since).version)
        )
        assert found == refusal
        assert len(set(versions)) == (0 if refusal else 1)

    @rule(task=TASKS, alias=ALIASES, version=VERSIONS, expected=EXPECTED)
    def promote(self, task: str, alias: str, version: int, expected: AnyVersion | int | None) -> None:
        refusal = refusal_of(lambda: self.model.promote(task, alias, version, expected))
        found = refusal_of(
            lambda: self.registry.promote(task, alias, version, expected=expected, actor="me", reason="")
        )
        assert found == refusal

    @rule(task=TASKS, alias=ALIASES)
    def unalias(self, task: str, alias: str) -> None:
        refusal = refusal_of(lambda: self.model.unalias(task, alias))
        assert refusal_of(lambda: self.registry.unalias(task, alias, actor="me", reason="")) == refusal

    @rule(task=TASKS, alias=ALIASES)
    def rollback(self, task: str, alias: str) -> None:
        refusal = refusal_of(lambda: self.model.rollback(task, alias))
        assert refusal_of(lambda: self.registry.rollback(task, alias=alias, actor="me", reason="")) == refusal

    @rule(task=TASKS, version=VERSIONS)
    def delete_version(self, task: str, version: int) -> None:
        refusal = refusal_of(lambda: self.model.delete_version(task, version))
        assert refusal_of(lambda: self.registry.delete_version(task, version, actor="me", reason="")) == refusal

    @rule(task=TASKS)
    def delete_task(self, task: str) -> None:
        refusal = refusal_of(lambda: self.model.delete_task(task))
        assert refusal_of(lambda: self.registry.delete_task(task, actor="me", reason="")) == refusal

    @rule(task=TASKS, seed=SEEDS, scrub=st.booleans())
    def spoil(self, task: str, seed: int, scrub: bool) -> None:
        """Found once, by a read or by a scrub; missing from then on."""
        digest = bundle_digest(task, seed)
        if (task, seed) in self.model.stored:
            corrupt(self.registry.blobs, digest)
            self.model.stored.remove((task, seed))
            if scrub:
                assert [fault.where for fault in self.registry.verify().faults if fault.kind == "corrupt"] == [digest]
            else:
                assert refusal_of(lambda: self.registry.blobs.read(digest)) == BlobCorrupt
        assert refusal_of(lambda: self.registry.blobs.read(digest)) == BlobMissing

    @rule(keep=st.tuples(TASKS, SEEDS), dry_run=st.booleans())
    def collect_garbage(self, keep: tuple[str, int], dry_run: bool) -> None:
        garbage = self.model.garbage(keep)
        found = self.registry.collect_garbage(0, dry_run=dry_run, keep=[bundle_digest(*keep)])
        assert {blob.digest for blob in found.garbage} == {bundle_digest(*blob) for blob in garbage}
        if not dry_run:
            self.model.stored -= garbage

    @rule()
    def verify(self) -> None:
        faults = self.registry.verify().faults
        assert [(fault.task, fault.version) for fault in faults] == self.model.missing()

    # Policies, force and tags.

    @initialize(target=work, seeds=st.permutations(range(len(ACCURACIES))), policy=REQUIREMENTS)
    def begin(self, seeds: list[int], policy: tuple[int | None, int | None]) -> object:
        """With something to promote, or nearly every step would be refused for want of a task; and with work begun,
        or few tasks would be deleted while there is any."""
        for task in ("digits", "signs"):
            for seed in seeds:
                self.publish(task, seed)
            self.set_policy(task, policy)
        return multiple(
            *(self.begin_work(task, numbered) for task in ("digits", "signs") for numbered in (True, False))
        )

    @rule(task=TASKS, version=VERSIONS)
    def go_live(self, task: str, version: int) -> None:
        self.promote(task, "live", version, ANY)

    @rule(task=TASKS, policy=POLICIES)
    def set_policy(self, task: str, policy: tuple[int | None, int | None] | None) -> None:
        refusal = refusal_of(lambda: self.model.set_policy(task, policy))
        asked = _policy(policy)
        assert refusal_of(lambda: self.registry.set_policy(task, asked, actor="me", reason="")) == refusal

    @rule(task=TASKS, alias=ALIASES, version=VERSIONS, reason=st.sampled_from(["", "because"]))
    def force(self, task: str, alias: str, version: int, reason: str) -> None:
        forced: list[bool] = []
        refusal = refusal_of(lambda: forced.append(self.model.force(task, alias, version, reason)))
        found = refusal_of(lambda: self.registry.promote(task, alias, version, actor="me", reason=reason, force=True))
        assert found == refusal
        if forced == [True]:
            last = self.registry.history(task)[-1]
            assert isinstance(last, AliasMoved)
            assert (last.after, last.forced, last.reason) == (version, True, "because")

    @rule(task=TASKS, version=VERSIONS, name=st.sampled_from(["a", "b"]), text=st.sampled_from(["", "x", None]))
    def tag(self, task: str, version: int, name: str, text: str | None) -> None:
        refusal = refusal_of(lambda: self.model.tag(task, version, name, text))
        assert refusal_of(lambda: self.registry.annotate(task, version, tags={name: text}, actor="me")) == refusal

    @invariant()
    def policies_and_tags_are_the_models(self) -> None:
        for task, model in self.model.tasks.items():
            if model.versions:
                assert self.registry.policy(task) == _policy(model.policy)
                found = {record.version: dict(said.tags) for record, said in self.registry.described(task)}
                assert found == {version: model.tags.get(version, {}) for version in model.versions}

    @rule(lose=st.booleans())
    def rebuild(self, lose: bool) -> None:
        before = contents(self.registry)
        if lose:
            for key in self.client.scan_iter(match=f"{self.prefix}*"):
                self.client.delete(key)
        self.registry.rebuild()
        assert contents(self.registry) == before

    @invariant()
    def tasks_are_the_models(self) -> None:
        found = {record.task: (record.aliases, record.latest) for record in self.registry.tasks()}
        existing = {task: model for task, model in self.model.tasks.items() if model.versions}
        assert found == {task: (model.aliases, model.latest) for task, model in existing.items()}

    @invariant()
    def blobs_are_the_models(self) -> None:
        assert set(self.registry.blobs.digests()) == {bundle_digest(*blob) for blob in self.model.stored}

    @invariant()
    def aliases_name_whole_bundles(self) -> None:
        for task, model in self.model.tasks.items():
            for alias, version in model.aliases.items():
                record = self.registry.resolve(task, alias=alias)
                assert record.version == version
                if (task, model.versions[version]) in self.model.stored:
                    assert self.registry.read_bundle(record) == bundle_bytes(task=task, seed=model.versions[version])


def _policy(policy: tuple[int | None, int | None] | None) -> Policy | None:
    if policy is None:
        return None
    least, drop = policy
    return Policy(min_accuracy=None if least is None else least / 100, max_drop=None if drop is None else drop / 100)


# Over S3 a step is fifty requests. By day other tests of the registry run over it, and this one over a folder.
@pytest.mark.parametrize("store_url", ["folder", pytest.param("s3", marks=pytest.mark.nightly)], indirect=True)
@pytest.mark.parametrize("examples", [12, pytest.param(200, marks=pytest.mark.nightly)])
def test_registry_behaves_as_the_model(store_url: str, redis_client: "redis.Redis", examples: int) -> None:
    class Machine(RegistryMachine):
        client = redis_client
        places = (f"{store_url}/{number}" for number in itertools.count())

    remote = store_url.startswith("s3://")
    settings_ = settings(
        max_examples=examples // 12 if remote else examples,
        stateful_step_count=30,
        suppress_health_check=[HealthCheck.too_slow],
    )
    run_state_machine_as_test(Machine, settings=settings_)
