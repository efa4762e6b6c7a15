"""Pinning by digest, with a `docker` that answers as the real one does."""

import os
import shutil
from pathlib import Path

import pytest

from deploy.supply_chain import digests
from deploy.supply_chain.digests import FILES, ROOT, images, main, pinned

DIGEST = f"sha256:{'1' * 64}"
OTHER = f"sha256:{'2' * 64}"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the files that name images."""
    for file in FILES:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    monkeypatch.setattr(digests, "ROOT", tmp_path)
    return tmp_path


def docker_that(answers: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "bin/docker"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{answers}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


def test_every_image_of_others_is_found_and_none_of_ours() -> None:
    found = set().union(*(images((ROOT / file).read_text()) for file in FILES))
    assert {image.partition(":")[0] for image in found} == {
        "grafana/grafana",
        "nginxinc/nginx-unprivileged",
        "prom/prometheus",
        "python",
        "valkey/valkey",
    }


def test_all_are_pinned_and_pinned_again(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker_that(f"echo {DIGEST}", tmp_path, monkeypatch)
    main()
    texts = [(files / file).read_text() for file in FILES]
    assert [text.count(DIGEST) for text in texts] == [4, 1, 2]
    assert "name: valkey/valkey, newTag: 8.1.3-bookworm, digest: sha256:1" in texts[2]
    again = [pinned(text, dict.fromkeys(images(text), OTHER)) for text in texts]
    assert again == [text.replace(DIGEST, OTHER) for text in texts]


@pytest.mark.parametrize("answers", ["echo no route to host >&2; exit 1", "echo latest"])
def test_where_a_registry_does_not_answer_nothing_is_written(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: str
) -> None:
    docker_that(f'case "$4" in valkey*) {answers};; *) echo {DIGEST};; esac', tmp_path, monkeypatch)
    with pytest.raises(SystemExit, match="Nothing was written") as ended:
        main()
    assert "no digest of valkey/valkey:8.1.3-bookworm" in str(ended.value)
    for file in FILES:
        assert (files / file).read_text() == (ROOT / file).read_text()
