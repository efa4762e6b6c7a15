"""A server in int8: which versions it answers so, and a policy that changes its mind while it is asked."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from nettailor.bundle.bundle import encode
from registry.policy.policy import Policy
from registry.registry import Registry
from server.settings import ServerSettings
from tests.server.asking import IMAGES, ask, assert_answers, publish
from tests.server.engine.int8.calibrated import calibrated, expected
from tests.server.int8_machine import needs_int8
from tests.server.running import Running, running
from tests.waiting import until

pytestmark = needs_int8

SEED = 0


@pytest.fixture
def server(registry: Registry, tmp_path: Path) -> Iterator[Running]:
    with running(ServerSettings(data_dir=tmp_path, device="cpu", dtype="int8", max_wait_ms=1), registry) as started:
        yield started


def calibrated_bytes() -> bytes:
    bundle = calibrated("nettailor", SEED)
    return encode(bundle.manifest.model_copy(update={"task": "signs"}), bundle.tensors)


def in_int8(server: Running) -> set[tuple[str, bool]]:
    """The bundles on the device, and whether they are ready for int8."""
    return {(row.id.task, row.id.int8) for row in server.service.parts.residency.table()}


def test_what_has_ranges_is_answered_in_int8_unless_the_policy_says_otherwise(
    server: Running, registry: Registry
) -> None:
    plain = publish(registry, "plain", seed=1)
    data = calibrated_bytes()
    record = registry.publish("signs", data, actor="test")
    registry.promote("signs", "live", record.version, actor="test", reason="test")
    until(lambda: ask(server, "plain").status_code == 200 and ask(server).status_code == 200)
    assert in_int8(server) == {("plain", False), ("signs", True)}
    assert_answers(ask(server, "plain").json(), plain, [0])

    logits = expected("nettailor", SEED, IMAGES[:1])[0].astype(np.float64)
    shares = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    for label in ask(server).json()["predictions"][0]:
        assert label["probability"] == pytest.approx(shares[label["index"]], abs=0.05)

    registry.set_policy("signs", Policy(allow_int8=False), actor="test", reason="every answer counts")
    until(lambda: ("signs", False) in in_int8(server) and ask(server).status_code == 200)
    until(lambda: ("signs", True) not in in_int8(server))
    assert_answers(ask(server).json(), data, [0])

    registry.set_policy("signs", None, actor="test", reason="again")
    until(lambda: in_int8(server) == {("plain", False), ("signs", True)})
    assert ask(server).status_code == 200


def test_metrics_say_what_the_server_computes_in(server: Running) -> None:
    assert 'dtype="int8"' in server.client.get("/metrics").text
