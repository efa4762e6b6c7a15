import io

from rich.console import Console

from cli.render.garbage import print_collection
from registry.maintenance.garbage import Collection, Garbage


def _printed(count: int, *, deleted: bool) -> str:
    garbage = tuple(Garbage(digest=f"blob{n:03}", size_bytes=1000 * n, age_s=60.0 * n) for n in range(count))
    written = io.StringIO()
    collection = Collection(garbage=garbage, named=3, young=2, deleted=deleted)
    print_collection(collection, "24h", Console(width=160, file=written, highlight=False))
    return written.getvalue()


def test_the_largest_blobs_are_shown_first_and_no_more_than_fifty() -> None:
    text = _printed(60, deleted=False)
    assert text.index("blob059") < text.index("blob010")
    assert "blob009" not in text
    assert "and 10 more" in text
    assert "would delete 60 blobs (1.77 MB); kept 3 that are in use and 2 younger than 24h; --delete removes" in text


def test_nothing_to_show() -> None:
    text = _printed(0, deleted=True)
    assert text == "deleted 0 blobs (0.0 KB); kept 3 that are in use and 2 younger than 24h\n"
