from cli.render.table import minute, pairs, size


def test_how_values_are_written() -> None:
    assert (size(52_300), size(6_100_000)) == ("52.3 KB", "6.10 MB")
    assert minute("2026-11-23T06:05:00.000000+00:00") == "2026-11-23 06:05"
    assert pairs({"b": "2", "a": "1"}, "=") == "a=1, b=2"
