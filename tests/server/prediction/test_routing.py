"""Names that move while others move: whatever overtakes whatever, the last word of the registry holds."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

import pytest

from registry.errors import VersionUnknown
from registry.registry import Registry
from server.prediction.routing import Routing
from server.prediction.target import Target
from server.residency.tiers import BundleId
from tests.server.asking import publish
from tests.server.backbones import only
from tests.server.oracle import fingerprint, make_bytes

_MOMENT_S = 0.3  # for a thread that must not get ahead to get ahead if it could


class FakeLease:
    def __init__(self, id: BundleId, ready: "Future[None]") -> None:
        self.id = id
        self.ready = ready

    def release(self) -> None:
        pass


class FakeResidency:
    """Remembers what is pinned and retired, by version; a version is ready when the test says so."""

    def __init__(self) -> None:
        self.pinned: set[int] = set()
        self.retired: set[int] = set()
        self.forgotten: set[tuple[str, int | None]] = set()
        self.ready: dict[int, Future[None]] = {}
        self.before: Callable[[str, int], None] = lambda step, version: None

    def acquire(self, id: BundleId) -> FakeLease:
        self.retired.discard(id.version)
        return FakeLease(id, self.ready.setdefault(id.version, Future()))

    def pin(self, id: BundleId) -> None:
        self.before("pin", id.version)
        self.pinned.add(id.version)

    def unpin(self, id: BundleId) -> None:
        self.pinned.discard(id.version)

    def retire(self, id: BundleId) -> None:
        self.before("retire", id.version)
        self.pinned.discard(id.version)
        self.retired.add(id.version)

    def forget(self, task: str, version: int | None = None) -> None:
        self.forgotten.add((task, version))


class House:
    """A routing over a real registry; version 1 of the pinned task `signs` is live."""

    def __init__(self, registry: Registry) -> None:
        self.registry, self.residency = registry, FakeResidency()
        publish(registry, seed=1)
        self.routing: Routing[Any, Any] = Routing(
            registry=registry,
            residency=self.residency,  # type: ignore[arg-type]  # a fake
            backbones=only(fingerprint()),
            pinned_tasks=frozenset({"signs"}),
        )
        self.routing.read_everything()

    def promote(self, version: int) -> None:
        self.registry.promote("signs", "live", version, actor="test", reason="test")
        self.routing.refresh("signs")

    def make_ready(self, version: int) -> None:
        self.residency.ready.setdefault(version, Future()).set_result(None)

    def at(self, step: str, version: int, act: Callable[[], None]) -> "Interruption":
        """Have `act` done by another thread when the routing comes to a step."""
        interruption = Interruption(step, version, act)
        self.residency.before = interruption
        return interruption

    @property
    def live(self) -> int:
        return self.routing.resolve(Target(task="signs")).record.version


class Interruption:
    def __init__(self, step: str, version: int, act: Callable[[], None]) -> None:
        self._where, self._thread = (step, version), threading.Thread(target=act)

    def __call__(self, step: str, version: int) -> None:
        if (step, version) == self._where and self._thread.ident is None:
            self._thread.start()
            self._thread.join(_MOMENT_S)

    def over(self) -> None:
        self._thread.join(30)
        assert not self._thread.is_alive()


@pytest.fixture
def house(registry: Registry) -> House:
    return House(registry)


def test_the_old_version_answers_until_the_new_one_is_ready(house: House) -> None:
    publish(house.registry, seed=2)
    house.promote(2)
    assert (house.live, house.residency.pinned) == (1, {1})
    house.make_ready(2)
    assert (house.live, house.residency.pinned, house.residency.retired) == (2, {2}, {1})


def test_what_becomes_ready_too_late_does_not_take_over(house: House) -> None:
    for version in (2, 3):
        publish(house.registry, seed=version)
        house.promote(version)
    house.make_ready(3)
    house.make_ready(2)
    assert (house.live, house.residency.pinned) == (3, {3})


def test_a_flip_that_overtakes_another_leaves_no_pin_behind(house: House) -> None:
    for seed in (2, 3):
        publish(house.registry, seed=seed, alias="candidate")
    house.make_ready(3)
    house.promote(2)
    overtaking = house.at("pin", 2, lambda: house.promote(3))
    house.make_ready(2)
    overtaking.over()
    assert (house.live, house.residency.pinned) == (3, {3})


def test_a_rollback_during_a_flip_keeps_what_it_goes_back_to(house: House) -> None:
    publish(house.registry, seed=2)
    house.make_ready(1)
    house.promote(2)
    back = house.at("retire", 1, lambda: house.promote(1))
    house.make_ready(2)
    back.over()
    assert (house.live, house.residency.pinned, house.residency.retired) == (1, {1}, {2})


def test_only_the_live_version_is_pinned(house: House) -> None:
    house.registry.promote("signs", "stable", 1, actor="test", reason="test")
    publish(house.registry, seed=2)
    house.promote(2)
    house.make_ready(2)
    assert (house.residency.pinned, house.residency.retired) == ({2}, set())
    house.registry.unalias("signs", "live", actor="test", reason="test")
    house.routing.refresh("signs")
    assert house.residency.pinned == set()


def test_a_version_deleted_while_it_is_looked_up_is_not_kept(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.registry.publish("signs", make_bytes("signs", seed=2), actor="test")

    def delete() -> None:
        house.registry.delete_version("signs", 2, actor="test", reason="test")
        house.routing.forget_version("signs", 2)

    deletion = Interruption("read", 2, delete)
    read = house.registry.version_record

    def read_and_lose_time(task: str, version: int) -> Any:
        record = read(task, version)
        deletion("read", version)
        return record

    monkeypatch.setattr(house.registry, "version_record", read_and_lose_time)
    house.routing.look_up("signs", 2)
    deletion.over()
    with pytest.raises(VersionUnknown):
        house.routing.resolve(Target(task="signs", version=2))


def test_what_no_name_leads_to_is_remembered_up_to_a_number_and_still_found_and_cleared(house: House) -> None:
    house.routing.remembered = 2
    for version in range(2, 8):
        house.registry.publish("signs", make_bytes("signs", seed=version), actor="test")
        house.promote(version)
        house.make_ready(version)
    assert house.live == 7
    assert list(house.routing._versions) == [("signs", version) for version in (5, 6, 7)]
    with pytest.raises(VersionUnknown):
        house.routing.resolve(Target(task="signs", version=3))
    house.routing.look_up("signs", 3)
    assert house.routing.resolve(Target(task="signs", version=3)).record.version == 3
    house.routing.resolve(Target(task="signs", version=6))
    house.routing.look_up("signs", 4)
    assert set(house.routing._versions) == {("signs", version) for version in (4, 6, 7)}  # 3 is longest unasked
    house.registry.delete_version("signs", 2, actor="test", reason="test")
    house.routing.forget_version("signs", 2)
    assert house.residency.forgotten == {("signs", 2)}  # though its record had gone


def test_a_name_that_was_loaded_keeps_what_it_leads_to_on_the_device(house: House) -> None:
    publish(house.registry, seed=2, alias="candidate")
    house.routing.refresh("signs")
    candidate = Target(task="signs", alias="candidate")
    house.routing.load(candidate)
    assert house.residency.pinned == {1, 2}
    publish(house.registry, seed=3, alias="candidate")
    house.routing.refresh("signs")
    house.make_ready(3)
    assert house.residency.pinned == {1, 3}
    house.routing.unload(candidate)
    assert (house.residency.pinned, house.residency.retired) == ({1}, {2, 3})


def test_unloading_a_name_leaves_what_another_one_keeps(house: House) -> None:
    house.registry.promote("signs", "stable", 1, actor="test", reason="test")
    house.routing.refresh("signs")
    stable = Target(task="signs", alias="stable")
    house.routing.load(stable)
    house.routing.unload(stable)
    assert (house.residency.pinned, house.residency.retired) == ({1}, set())


def test_removing_one_of_two_pinned_names_leaves_the_pin(house: House) -> None:
    house.registry.promote("signs", "stable", 1, actor="test", reason="test")
    house.routing.refresh("signs")
    house.routing.load(Target(task="signs", alias="stable"))
    house.registry.unalias("signs", "stable", actor="test", reason="test")
    house.routing.refresh("signs")
    assert house.residency.pinned == {1}


def test_a_policy_about_int8_lets_another_bundle_of_the_same_version_take_over(house: House) -> None:
    house.make_ready(1)
    for int8 in (True, False):
        house.routing.is_int8 = partial(lambda low, _: low, int8)
        house.routing.refresh("signs")
        named, numbered = (house.routing.resolve(Target(task="signs", version=version)) for version in (None, 1))
        assert (named.record.version, named.lease.id.int8, numbered.lease.id.int8) == (1, int8, int8)


def test_int8_answers_until_what_a_policy_that_forbids_it_asks_for_is_ready(house: House) -> None:
    house.make_ready(1)
    house.routing.is_int8 = lambda _: True
    house.routing.refresh("signs")
    house.residency.ready[1] = Future()  # of the bundle for float32
    house.routing.is_int8 = lambda _: False
    house.routing.refresh("signs")
    assert house.routing.resolve(Target(task="signs")).lease.id.int8
    house.make_ready(1)
    assert not house.routing.resolve(Target(task="signs")).lease.id.int8


def test_whoever_reads_everything_knows_what_policies_say_of_versions_without_a_name(house: House) -> None:
    """A change of a policy may have been missed while the registry was away."""
    publish(house.registry, seed=2)
    house.promote(2)
    house.make_ready(2)
    assert not house.routing.resolve(Target(task="signs", version=1)).lease.id.int8
    house.routing.is_int8 = lambda _: True
    house.routing.read_everything()
    assert house.routing.resolve(Target(task="signs", version=1)).lease.id.int8


def test_what_is_known_already_is_not_remembered_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """That looks at all that is remembered, so that with many tasks every comparison with the registry would cost the
    square of their number."""
    remembered: list[object] = []
    monkeypatch.setattr(Routing, "_remember", lambda _, servable: remembered.append(servable))
    house.routing.read_everything()
    house.routing.refresh("signs")
    assert remembered == []
