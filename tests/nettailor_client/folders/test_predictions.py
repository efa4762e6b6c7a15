"""All images of a folder by a real service, blocking and within an event loop."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from nettailor.bundle.bundle import encode
from nettailor_client import AsyncClient, Client, Patience
from nettailor_client.errors import ArgumentUnusable, NotFound, ServiceUnreachable
from nettailor_client.folders.predictions import FolderPrediction
from tests.bundles import random_bundle
from tests.trainer.archives import picture
from tests.waiting import until


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten images, one broken, one empty, one that leads nowhere."""
    folder = tmp_path_factory.mktemp("images")
    (folder / "sub").mkdir()
    for number in range(10):
        (folder / "sub" / f"{number}.png").write_bytes(picture(number, side=32))
    (folder / "broken.jpg").write_bytes(b"no image")
    (folder / "empty.jpg").touch()
    (folder / "gone.jpg").symlink_to("nowhere")
    (folder / "notes.txt").write_text("no image")
    return folder


def _check(found: list[FolderPrediction], tasks: list[str]) -> None:
    assert [(path, bool(error)) for path, _, error in found] == [
        *((f"{name}.jpg", True) for name in ("broken", "empty", "gone")),
        *((f"sub/{number}.png", False) for number in range(10)),
    ]
    assert [error for _, _, error in found[:3]] == [
        "not a readable image (of no format that is known)",
        "an empty file",
        "No such file or directory",
    ]
    assert all([p.task for p in predictions] == tasks for _, predictions, error in found if not error)


def test_every_image_is_answered_in_order(client: Client, folder: Path) -> None:
    found = list(client.predict_folder("signs@live", folder, top_k=3, in_flight=3))
    _check(found, ["signs"])
    alone = client.predict("signs", folder / "sub" / "7.png", top_k=3)
    assert [label.label for label in found[10].predictions[0].predictions[0]] == [
        label.label for label in alone.predictions[0]
    ]


def test_several_tasks_share_a_request(client: Client, folder: Path) -> None:
    _check(list(client.predict_folder(["signs", "birds"], folder)), ["signs", "birds"])


def test_the_same_within_an_event_loop(service: str, folder: Path) -> None:
    async def ask() -> list[FolderPrediction]:
        async with AsyncClient(service) as client:
            return [found async for found in client.predict_folder(["birds", "signs"], folder)]

    _check(asyncio.run(ask()), ["birds", "signs"])


def test_paths_may_be_left_out(client: Client, folder: Path) -> None:
    skip = {f"sub/{number}.png" for number in range(9)} | {"broken.jpg"}
    assert [found.path for found in client.predict_folder("signs", folder, skip=skip)] == [
        "empty.jpg",
        "gone.jpg",
        "sub/9.png",
    ]


@pytest.fixture
def promoted(client: Client, backbone: str) -> Iterator[int]:
    """A second version of `signs`, which is not live until `_promote`, and no more after the test."""
    bundle = encode(*random_bundle(task="signs", fingerprint=backbone, seed=7))
    yield client.publish("signs", bundle).version
    client.promote("signs", "live", 1)
    _wait_until_live(client, 1)


def _wait_until_live(client: Client, version: int) -> None:
    image = picture(0, side=32)
    until(lambda: client.predict("signs", image).version == version, "the service has followed the registry")


@pytest.mark.parametrize("tasks", ["signs", ["signs", "birds"]], ids=["one", "two"])
def test_versions_are_pinned_unless_asked_otherwise(
    client: Client, folder: Path, promoted: int, tasks: str | list[str]
) -> None:
    pinned = client.predict_folder(tasks, folder, in_flight=1)
    follows = client.predict_folder(tasks, folder, in_flight=1, pin=False)
    first = [next(found for found in asked if not found.error) for asked in (pinned, follows)]
    assert [found.predictions[0].version for found in first] == [1, 1]
    client.promote("signs", "live", promoted)
    _wait_until_live(client, promoted)
    assert {found.predictions[0].version for found in pinned} == {1}
    assert [found.predictions[0].version for found in follows][-1] == promoted


def test_a_version_can_be_named(client: Client, folder: Path, promoted: int) -> None:
    found = list(client.predict_folder(["signs", "birds"], folder, versions={"signs": promoted}))
    assert {p.version for f in found for p in f.predictions if p.task == "signs"} == {promoted}
    _check(found, ["signs", "birds"])


def test_what_is_wrong_with_every_image_ends_it(client: Client, folder: Path) -> None:
    with pytest.raises(NotFound, match="no task 'sings'"):
        list(client.predict_folder("sings", folder))
    with Client("http://127.0.0.1:9", patience=Patience(long_seconds=0.0)) as away, pytest.raises(ServiceUnreachable):
        list(away.predict_folder("signs", folder))


@pytest.mark.parametrize(("tasks", "in_flight"), [([], 4), (["signs"], 0)])
def test_nothing_to_ask_is_no_question(folder: Path, tasks: list[str], in_flight: int) -> None:
    with Client("http://127.0.0.1:9") as client, pytest.raises(ArgumentUnusable):
        list(client.predict_folder(tasks, folder, in_flight=in_flight))


def test_who_stops_early_waits_for_nothing(client: Client, service: str, folder: Path) -> None:
    assert next(iter(client.predict_folder("signs", folder))).path == "broken.jpg"

    async def first() -> str:
        async with AsyncClient(service) as asking:
            async for found in asking.predict_folder("signs", folder):
                return found.path
        raise AssertionError("there are images")

    assert asyncio.run(first()) == "broken.jpg"
