"""Splits are stratified, seeded and independent of order; groups stay on one side."""

import hashlib
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.intake.placement import SPLITS, Split
from trainer.intake.splits.cut import cut_classes, cut_splits

MISSING = st.sampled_from([[], ["val"], ["test"], ["val", "test"]])


def digests(count: int, name: str = "") -> list[str]:
    return [hashlib.sha256(f"{name}{number}".encode()).hexdigest() for number in range(count)]


@given(count=st.integers(0, 300), missing=MISSING)
@settings(max_examples=60, deadline=None)
def test_splits_are_stratified_and_independent_of_order(count: int, missing: list[str]) -> None:
    found = digests(count)
    wanted = [split for split in SPLITS if split in missing]
    result = cut_splits(found, wanted)
    assert result == cut_splits(reversed(found), wanted)
    assert set(result) == set(found)
    for split, share in (("test", 0.2), ("val", 0.15)):
        cut = sum(value == split for value in result.values())
        if split in missing and count > 8:
            assert cut == max(1, round(share * count))
        elif split not in missing:
            assert cut == 0
    assert not count or "train" in result.values()


def test_images_added_later_leave_most_others_where_they_were() -> None:
    found = digests(220)
    before, after = (cut_splits(found[:count], ["val", "test"]) for count in (200, 220))
    moved = sum(after[digest] != split for digest, split in before.items())
    assert moved <= 10


@given(sizes=st.lists(st.integers(0, 40), min_size=1, max_size=5), missing=MISSING)
@settings(max_examples=60, deadline=None)
def test_without_groups_every_class_is_cut_on_its_own(sizes: list[int], missing: list[Split]) -> None:
    classes = {str(number): digests(size, f"{number} ") for number, size in enumerate(sizes)}
    alone: dict[str, Split] = {}
    for images in classes.values():
        alone |= cut_splits(images, missing)
    cut = cut_classes(classes, missing, {image: image for images in classes.values() for image in images})
    assert (cut.splits, cut.torn) == (alone, frozenset())


@given(
    sizes=st.lists(st.integers(8, 60), min_size=2, max_size=4),
    groups=st.lists(st.integers(0, 30), min_size=240, max_size=240),
    may_tear=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_groups_stay_on_one_side_but_for_those_that_are_told(
    sizes: list[int], groups: list[int], may_tear: bool
) -> None:
    classes = {str(number): digests(size, f"{number} ") for number, size in enumerate(sizes)}
    images = [image for found in classes.values() for image in found]
    group_of = {image: str(group) for image, group in zip(images, groups, strict=False)}
    cut = cut_classes(classes, ["val", "test"], group_of, may_tear=may_tear)
    assert set(cut.splits) == set(images)
    sides: dict[str, set[str]] = {}
    for image, split in cut.splits.items():
        sides.setdefault(group_of[image], set()).add(split)
    torn = {group for group, found in sides.items() if len(found) > 1}
    touched = {group_of[image] for name in cut.torn for image in classes[name]}
    assert torn <= (touched if may_tear else set())
    for name, found in classes.items():
        counts = Counter(cut.splits[image] for image in found)
        assert counts["train"]
        assert name in cut.torn or (counts["val"] and counts["test"])
        assert not may_tear or (counts["val"] and counts["test"])


def test_a_group_moves_no_other_image_far() -> None:
    """Two images that are one: all others stay, but for the one that takes the place of the second."""
    found = digests(100)
    before = cut_splits(found, ["val", "test"])
    tested, trained = (next(image for image in found if before[image] == split) for split in ("test", "train"))
    after = cut_classes({"": found}, ["val", "test"], {tested: "pair", trained: "pair"}).splits
    assert after[tested] == after[trained] == "test"
    assert sum(before[image] != split for image, split in after.items()) <= 3
    assert Counter(before.values()) == Counter(after.values())


def test_groups_that_change_nothing_leave_every_image_where_it_was() -> None:
    found = digests(100)
    before = cut_splits(found, ["val", "test"])
    groups = {image: split for image, split in before.items() if split == "train"}
    assert cut_classes({"": found}, ["val", "test"], groups).splits == before


def test_three_shots_go_to_three_splits() -> None:
    found = digests(30)
    cut = cut_classes({"a": found}, ["val", "test"], {image: str(at % 3) for at, image in enumerate(found)})
    assert Counter(cut.splits.values()) == {"train": 10, "val": 10, "test": 10}
    assert not cut.torn


def test_of_two_shots_one_is_cut_apart_but_not_if_they_were_told() -> None:
    """As many images as go to a split must stay to train on."""
    found = digests(30)
    shots = {image: str(at % 2) for at, image in enumerate(found)}
    cut = cut_classes({"a": found}, ["val", "test"], shots)
    assert Counter(cut.splits.values()) == {"train": 11, "val": 4, "test": 15}
    assert cut.torn == {"a"}
    told = cut_classes({"a": found}, ["val", "test"], shots, may_tear=False)
    assert Counter(told.splits.values()) == {"train": 15, "test": 15}
    assert told.torn == {"a"}
