"""Which backbones are in memory: loaded when needed, never more than allowed, never away under whoever uses them."""

import contextlib
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from nettailor.bundle.manifest import BackboneReference
from registry.journal.records import BACKBONES, BackboneAdded
from server.errors import BackboneDoesNotFit, BackboneNotHere
from server.residency.backbones import BackboneLimits, Backbones
from tests.server.backbones import FakeEngine, FakeLoader

SIZES = {"b": 10, "c": 20, "d": 40}


def stored(letter: str) -> BackboneAdded:
    return BackboneAdded(
        task=BACKBONES,
        sequence=1,
        at="",
        actor="me",
        name=f"name-{letter}",
        architecture="resnet18",
        fingerprint=letter * 64,
        digest="sha256:" + letter * 64,
        size_bytes=SIZES[letter],
        note="",
    )


def needed(letter: str) -> BackboneReference:
    return BackboneReference(id="resnet18", fingerprint=letter * 64)


def make(letters: Iterable[str], *, most: int = 4, budget_bytes: int = 100) -> tuple[Backbones[FakeEngine], FakeLoader]:
    """With a backbone `a` of the server's own, 5 bytes."""
    loader = FakeLoader()
    own = FakeEngine(fingerprint="a" * 64, size_bytes=5)
    backbones = Backbones(own, "own", loader, BackboneLimits(most=most, budget_bytes=budget_bytes))
    backbones.update(map(stored, letters))
    return backbones, loader


def use(backbones: Backbones[FakeEngine], letter: str) -> FakeEngine:
    with backbones.using(needed(letter)) as engine:
        return engine


def test_its_own_is_there_and_others_are_loaded_once_when_they_are_needed() -> None:
    backbones, loader = make("bc")
    assert use(backbones, "a") is backbones.own is backbones.running("a" * 64)
    assert (loader.loaded, backbones.names, backbones.size_bytes) == ([], ["own"], 5)
    assert use(backbones, "b") is use(backbones, "b") is backbones.running("b" * 64)
    assert (loader.loaded, backbones.names, backbones.size_bytes) == (["name-b"], ["own", "name-b"], 15)


def test_one_that_nobody_added_is_told_with_what_to_do() -> None:
    backbones, _ = make("b")
    assert [backbones.knows(letter * 64) for letter in "abc"] == [True, True, False]
    with pytest.raises(BackboneNotHere, match=f"a resnet18 of fingerprint {'c' * 64}.*nettailor backbone add"):
        use(backbones, "c")
    backbones.update(map(stored, "bc"))
    assert use(backbones, "c").fingerprint == "c" * 64


@pytest.mark.parametrize(("most", "budget_bytes"), [(2, 100), (4, 30)])
def test_no_more_than_allowed_and_the_fault_names_the_settings(most: int, budget_bytes: int) -> None:
    backbones, loader = make("bc", most=most, budget_bytes=budget_bytes)
    use(backbones, "b").is_idle = False
    with pytest.raises(BackboneDoesNotFit, match=r"name-c.*NETTAILOR_BACKBONES_MAX.*NETTAILOR_BACKBONES_BUDGET_BYTES"):
        use(backbones, "c")
    assert loader.loaded == ["name-b"]
    backbones.running("b" * 64).is_idle = True  # its last bundle left
    use(backbones, "c")
    assert backbones.names == ["own", "name-c"]


def test_one_that_a_bundle_is_being_made_ready_for_makes_no_room() -> None:
    backbones, _ = make("bc", most=2)
    with backbones.using(needed("b")), pytest.raises(BackboneDoesNotFit):
        use(backbones, "c")
    use(backbones, "c")


def test_one_that_was_removed_stays_for_as_long_as_a_bundle_needs_it() -> None:
    backbones, _ = make("b")
    engine = use(backbones, "b")
    engine.is_idle = False
    backbones.update([])
    assert backbones.running("b" * 64) is engine
    engine.is_idle = True
    backbones.update([])
    assert (len(backbones), backbones.knows("b" * 64)) == (1, False)


def test_many_threads_load_it_once() -> None:
    backbones, loader = make("b")
    together = threading.Barrier(8)

    def ask(_: int) -> FakeEngine:
        together.wait(30)
        return use(backbones, "b")

    with ThreadPoolExecutor(8) as pool:
        assert len({id(engine) for engine in pool.map(ask, range(8))}) == 1
    assert loader.loaded == ["name-b"]


class BackbonesMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.backbones, self.loader = make("bcd", most=3, budget_bytes=50)
        self.stored = set("bcd")
        self.running: list[str] = []  # bundles on the device, by the letter of their backbone
        self.using: list[tuple[str, contextlib.ExitStack]] = []

    @rule(letter=st.sampled_from("abcd"))
    def begin(self, letter: str) -> None:
        stack = contextlib.ExitStack()
        try:
            stack.enter_context(self.backbones.using(needed(letter)))
        except BackboneNotHere:
            assert letter not in self.stored | {"a"}
            return
        except BackboneDoesNotFit:
            busy = {"a", *self.running, *(held for held, _ in self.using)}
            assert letter not in busy
            assert len(busy) == 3 or 5 + sum(SIZES[held] for held in busy - {"a"}) + SIZES[letter] > 50
            return
        self.using.append((letter, stack))

    @rule(ready=st.booleans())
    def end(self, ready: bool) -> None:
        """The bundle is ready, or could not be made so."""
        if self.using:
            letter, stack = self.using.pop(0)
            if ready:
                self.running.append(letter)
                self._tell()
            stack.close()

    @rule()
    def leave(self) -> None:
        if self.running:
            self.running.pop(0)
            self._tell()

    @rule(letters=st.sets(st.sampled_from("bcd")))
    def update(self, letters: set[str]) -> None:
        self.stored = letters
        self.backbones.update(map(stored, sorted(letters)))

    def _tell(self) -> None:
        for letter in "abcd":
            with contextlib.suppress(KeyError):
                self.backbones.running(letter * 64).is_idle = letter not in self.running

    @invariant()
    def what_is_used_is_there(self) -> None:
        for letter in {"a", *self.running, *(letter for letter, _ in self.using)}:
            assert self.backbones.running(letter * 64).fingerprint == letter * 64

    @invariant()
    def limits_hold(self) -> None:
        assert len(self.backbones) <= 3
        assert self.backbones.size_bytes <= 50

    @invariant()
    def it_knows_what_is_stored(self) -> None:
        assert all(self.backbones.knows(letter * 64) for letter in self.stored | {"a"})


TestBackbonesMachine = BackbonesMachine.TestCase
