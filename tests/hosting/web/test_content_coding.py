"""Packed bodies are unpacked step by step, however much is in a few bytes; `access/test_bodies.py` tests HTTP."""

import gzip

import pytest

from hosting.errors import BodyUndecodable
from hosting.web.content_coding import STEP_BYTES, decoder


def test_no_step_gives_more_than_it_may() -> None:
    gzipped = gzip.compress(bytes(20 * STEP_BYTES))
    assert len(gzipped) < STEP_BYTES // 10
    unpacking = decoder("gzip")
    assert unpacking is not None
    unpacking.feed(gzipped)
    steps = []
    while piece := unpacking.step():
        steps.append(len(piece))
    unpacking.end()
    assert sum(steps) == 20 * STEP_BYTES
    assert max(steps) <= STEP_BYTES


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_nothing_at_all_is_no_packed_body(coding: str) -> None:
    unpacking = decoder(coding)
    assert unpacking is not None
    assert unpacking.step() == b""
    with pytest.raises(BodyUndecodable):
        unpacking.end()
