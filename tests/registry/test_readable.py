"""Whatever is accepted is read by every reader: the routes, a rebuild, the garbage collection, the scrub, a server."""

from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nettailor.bundle.bundle import encode
from nettailor.bundle.manifest import Manifest
from nettailor.errors import BundleInvalid
from registry.errors import RegistryError
from registry.policy.policy import Policy
from registry.registry import Registry
from registry.storage.blobs import Blobs
from tests.bundles import random_tensors
from tests.registry.contents import contents
from tests.registry.published import manifest


def _nested(depth: int) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


_TEXTS = st.text(st.characters(exclude_categories=()), max_size=12)  # NUL and halves of characters are among them
_NUMBERS = st.integers() | st.floats() | st.sampled_from([10**400, 2**63, -(2**63), float("nan"), float("inf")])
_NAMES = st.sampled_from(["a", "stage", "live", "qa.1"]) | _TEXTS
_VALUES = st.recursive(
    st.none() | st.booleans() | _NUMBERS | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=6,
)
_DEEP = st.integers(0, 300).map(_nested)
_DOCUMENTS = st.fixed_dictionaries(
    {
        "actor": _TEXTS,
        "text": _TEXTS,  # a note or a reason
        "alias": _NAMES,
        "tags": st.dictionaries(_NAMES, _TEXTS, max_size=2),
        "recipe": st.dictionaries(_TEXTS, _VALUES | _DEEP, max_size=3),
        "classes": st.lists(_TEXTS, min_size=2, max_size=2, unique=True).map(tuple),
        "libraries": st.dictionaries(_TEXTS, _TEXTS, max_size=2),
        "seed": st.integers() | st.just(10**400),
        "max_macs": st.none() | _NUMBERS,
    }
)
_ROUTES = (
    *("/tasks", "/tasks/signs", "/tasks/signs/versions", "/tasks/signs/history", "/tasks/signs/policy"),
    *("/tasks/signs/versions/{0}", "/tasks/signs/versions/{0}/lineage", "/tasks/signs/versions/{0}/bundle"),
)


def _tried(act: Callable[[], object]) -> bool:
    """Whether the registry accepted it."""
    try:
        act()
    except (RegistryError, BundleInvalid, ValueError):
        return False
    return True


def _publish(registry: Registry, made: Manifest, *, actor: str, note: str = "") -> None:
    registry.publish("signs", encode(made, random_tensors(made, seed=0)), actor=actor, note=note)


def _act(registry: Registry, asked: dict[str, Any]) -> None:
    """Everything that people can ask to be kept, as far as it is accepted."""
    actor, text = asked["actor"], asked["text"]
    fields = {name: asked[name] for name in ("recipe", "classes", "libraries", "seed")}
    for changes in (fields, {"recipe": asked["recipe"]}, {"classes": asked["classes"]}, {}):
        _tried(partial(_publish, registry, manifest().model_copy(update=changes), actor=actor, note=text))
    _publish(registry, manifest(), actor="me")
    version = registry.task("signs").latest
    _tried(lambda: registry.promote("signs", asked["alias"], version, actor=actor, reason=text))
    _tried(lambda: registry.annotate("signs", version, tags=asked["tags"], note=text, actor=actor))
    _tried(lambda: registry.set_policy("signs", Policy(max_macs=asked["max_macs"]), actor=actor, reason=text))
    _tried(lambda: registry.promote("signs", "live", version, actor=actor, reason=text, force=True))
    _tried(lambda: registry.rollback("signs", actor=actor, reason=text))
    _tried(lambda: registry.unalias("signs", asked["alias"], actor=actor, reason=text))


@pytest.mark.parametrize("store_url", ["folder"], indirect=True)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=_DOCUMENTS)
def test_whatever_is_accepted_is_read_by_every_reader(
    registry: Registry, http: httpx.Client, redis_client: "redis.Redis", asked: dict[str, Any]
) -> None:
    _act(registry, asked)
    latest = registry.task("signs").latest
    for route in _ROUTES:
        assert http.get(route.format(latest)).status_code == 200, route
    fresh = Registry(Blobs(registry.blobs.store.url), redis_client, prefix="another:")
    assert fresh.rebuild().left_out == ()
    assert contents(fresh) == contents(registry)
    assert registry.verify().faults == ()
    registry.collect_garbage(0)
    for state in registry.tasks():  # as a server follows it
        state.check_read()
        for version in state.aliases.values():
            registry.version_record(state.task, version)
