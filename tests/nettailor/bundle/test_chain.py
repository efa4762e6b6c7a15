"""What a bundle of method packnet stands on, and the ways in which that can be wrong."""

import pytest

from nettailor.bundle import chain
from nettailor.bundle.bundle import decode, digest_of, encode
from nettailor.bundle.chain import family, linked
from nettailor.errors import (
    ChainCyclic,
    ChainInvalid,
    ChainLinkInvalid,
    ChainLinkMissing,
    ChainOtherBackbone,
    ChainOverlaps,
    ChainTooLong,
)
from tests.bundles import random_bundle
from tests.chains import link_bytes

FIRST = link_bytes("birds")
SECOND = link_bytes("dogs", after=digest_of(FIRST), place=1)
THIRD = link_bytes("cats", after=digest_of(SECOND), place=2)


def stored(*files: bytes) -> dict[str, bytes]:
    return {digest_of(data): data for data in files}


def test_a_bundle_is_linked_with_all_that_it_stands_on_the_first_one_first() -> None:
    found = linked(decode(THIRD), stored(FIRST, SECOND).get)
    assert [link.manifest.task for link in found.chain] == ["birds", "dogs"]
    assert [link.manifest.task for link in family(found)] == ["birds", "dogs", "cats"]
    assert linked(decode(FIRST), stored().get).chain == ()


def test_what_is_not_linked_does_not_pass_for_a_family() -> None:
    with pytest.raises(ChainLinkMissing):
        family(decode(THIRD))
    assert len(family(decode(FIRST))) == 1


def fails(data: bytes, error: type[ChainInvalid], *links: bytes) -> str:
    with pytest.raises(error) as caught:
        linked(decode(data), stored(*links).get)
    return str(caught.value)


def test_a_missing_link_is_named_wherever_it_is_in_the_chain() -> None:
    assert digest_of(SECOND) in fails(THIRD, ChainLinkMissing, FIRST)
    assert digest_of(FIRST) in fails(THIRD, ChainLinkMissing, SECOND)


def test_a_link_that_is_not_sound_is_named_with_what_is_wrong() -> None:
    digest = digest_of(FIRST)
    with pytest.raises(ChainLinkInvalid, match="the header describes"):
        linked(decode(SECOND), {digest: FIRST[:-8]}.get)
    other = encode(*random_bundle(method="piggyback"))
    assert "is of method piggyback" in fails(link_bytes("dogs", after=digest_of(other)), ChainLinkInvalid, other)


def test_a_link_of_another_backbone_is_refused() -> None:
    other = link_bytes("birds", fingerprint="1" * 64)
    text = fails(link_bytes("dogs", after=digest_of(other), place=1), ChainOtherBackbone, other)
    assert "1" * 64 in text
    assert "0" * 64 in text


def test_no_weight_belongs_to_two() -> None:
    again = link_bytes("dogs", after=digest_of(FIRST), place=0)
    assert digest_of(again) in fails(again, ChainOverlaps, FIRST)
    later = link_bytes("cats", after=digest_of(SECOND), place=0)
    assert digest_of(later) in fails(later, ChainOverlaps, FIRST, SECOND)


def test_a_chain_that_leads_back_ends() -> None:
    """Digests that nobody verified: of bundles that are what they are called there can be no such chain."""
    for bundle in (decode(SECOND), decode(THIRD)):
        with pytest.raises(ChainCyclic):
            linked(bundle, lambda _: SECOND)


def test_a_chain_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader makes up a predecessor for every predecessor."""
    monkeypatch.setattr(chain, "MOST_LINKS", 3)
    made: list[str] = []

    def another(digest: str) -> bytes:
        made.append(digest)
        return link_bytes("dogs", after=digest_of(digest.encode()), place=len(made))

    with pytest.raises(ChainTooLong, match="more than 3"):
        linked(decode(SECOND), another)
    assert len(made) == 3
