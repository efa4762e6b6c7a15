"""The page that an ingress makes of its replicas' pages loses nothing and mixes nothing up."""

from collections import Counter as Tally

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from deploy.ray.metrics import joined
from server.metrics import Metrics
from server.residency.tiers import Tier

NAMES = st.text("abcdef0123456789", min_size=8, max_size=8)
TASKS = st.text(min_size=1)  # labels of any characters come through
LOOKUPS = st.lists(st.tuples(TASKS, st.sampled_from(Tier), st.floats(0, 10)))


def _page(lookups: list[tuple[str, Tier, float]]) -> str:
    metrics = Metrics(CollectorRegistry())
    metrics.knows_task = lambda _: True
    for task, tier, seconds in lookups:
        metrics.switched(task, tier, seconds)
    return generate_latest(metrics.registry).decode()


def _samples(page: str) -> Tally[tuple[str, str, frozenset[tuple[str, str]], float]]:
    return Tally(
        (family.type, sample.name, frozenset(sample.labels.items()), sample.value)
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    )


@settings(max_examples=30)  # each of which has hundreds of series
@given(st.dictionaries(NAMES, LOOKUPS, max_size=3))
def test_each_series_of_each_replica_is_there_once_with_its_name(
    lookups: dict[str, list[tuple[str, Tier, float]]],
) -> None:
    pages = {replica: _page(of_one) for replica, of_one in lookups.items()}
    expected = Tally(
        {
            (kind, name, labels | {("instance", replica)}, value): count
            for replica, page in pages.items()
            for (kind, name, labels, value), count in _samples(page).items()
        }
    )
    assert _samples(joined(pages).decode()) == expected


def test_help_and_types_are_kept() -> None:
    page = _page([("signs", Tier.DISK, 0.1)])
    whole = joined({"a": page, "b": page}).decode()
    comments = [line for line in page.splitlines() if line.startswith("#")]
    assert [line for line in whole.splitlines() if line.startswith("#")] == comments
