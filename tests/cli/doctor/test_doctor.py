"""`nettailor doctor`: on an empty folder, beside a service, and where something is wrong; it never changes a thing."""

import hashlib
import json
import os
import re
import socket
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from cli.doctor import machine
from cli.doctor.finding import Finding
from cli.doctor.leftovers import leftovers
from cli.doctor.run import examine
from cli.doctor.settings import variables
from cli.main import app
from deploy.ray.scaling import Scaling
from hosting.access.key_file import add_key
from hosting.access.keys import new_key
from hosting.redis_server.embedded import EmbeddedRedis
from hosting.settings.settings import Settings
from registry.wiring import open_registry, redis_service
from tests.backbones import random_backbone_file
from tests.cli.publishing import publish
from tests.documented import ROOT
from tests.registry.corruption import write_unreadable
from tests.waiting import until
from trainer.settings import Settings as TrainerSettings


@pytest.fixture(autouse=True)
def _anyport(monkeypatch: pytest.MonkeyPatch, backbone: str) -> None:
    monkeypatch.setenv("NETTAILOR_PORT", "0")


def _found(folder: Path) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for each in examine(folder):
        found.setdefault(each.check, []).append(each)
    return found


def _bad(folder: Path) -> dict[str, tuple[str, str]]:
    """The first finding of each check that has one which is not ok: state, and text."""
    bad = [(check, each) for check, all_ in _found(folder).items() for each in all_ if each.state != "ok"]
    return {check: (each.state, f"{each.found} -> {each.advice}") for check, each in reversed(bad)}


def _contents(folder: Path) -> dict[str, tuple[int, str]]:
    """Every file but those that a service writes to every few seconds: its log, and what its Redis appends."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "up.log" and path.suffix != ".aof"
    }


def _doctor(folder: Path) -> tuple[int, dict[str, Any]]:
    """In this process; packaging/test_wheel has one of its own."""
    ended = CliRunner().invoke(app, ["doctor", "--json", "--data-dir", str(folder)])
    return ended.exit_code, json.loads(ended.stdout)


def test_before_the_first_start(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    status, document = _doctor(folder)
    assert (status, document["healthy"]) == (0, True)
    checks = ["settings", "keys", "torch", "processor", "int8", "device", "threads", "data folder", "leftovers"]
    assert [each["check"] for each in document["checks"]] == [
        *checks,
        "redis",
        "redis version",
        "blobs",
        "records",
        "backbone",
        "port",
    ]
    assert not folder.exists()


def test_beside_a_service(service: str, data_dir: Path) -> None:
    begun = data_dir / "jobs" / "id", data_dir / "workers"  # by its worker, which may take longer than the service
    until(lambda: begun[0].exists() and any(begun[1].glob("*.lock")))
    before = _contents(data_dir)
    found = _found(data_dir)
    assert service in found["port"][0].found
    assert "embedded, redis " in found["redis"][0].found
    assert " live bundles need" in found["backbone"][0].found  # how many, the service's other tests decide
    assert "in use by process" in found["data folder"][0].found
    blobs = sum(1 for path in (data_dir / "blobs" / "sha256").rglob("*") if path.is_file())
    assert blobs >= 1  # the service's other tests leave theirs
    assert f"{blobs} in {data_dir}/blobs, {min(blobs, 8)} of them read and sound" in found["blobs"][0].found
    assert not [each for all_ in found.values() for each in all_ if each.state == "fail"]
    assert _contents(data_dir) == before


def test_settings_that_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETTAILOR_DEVISE", "cuda")
    monkeypatch.setenv("NETTAILOR_COST_TABLE", str(tmp_path / "missing.json"))
    monkeypatch.setenv("NETTAILOR_REDIS_URL", "redis://:hunter2@127.0.0.1:1/0")
    first, second = (each for each in _found(tmp_path)["settings"] if each.state != "ok")
    assert (first.state, first.found, first.advice) == (
        "warn",
        "NETTAILOR_DEVISE is no setting",
        "did you mean NETTAILOR_DEVICE?",
    )
    assert second.state == "fail"
    assert _bad(tmp_path)["redis"][0] == "fail"
    ended = CliRunner().invoke(app, ["doctor", "--json", "--data-dir", str(tmp_path)])
    assert (ended.exit_code, json.loads(ended.stdout)["healthy"]) == (1, False)
    assert "hunter2" not in ended.output
    monkeypatch.delenv("NETTAILOR_DEVISE")
    monkeypatch.setenv("NETTAILOR_MAX_BATCH", "0")
    assert _bad(tmp_path)["settings"][1].startswith("NETTAILOR_MAX_BATCH: Input should be greater")


def test_variables_that_pages_name_are_read_by_somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a service, a command, a test, docker-compose.yml or Ray, whose settings the doctor must not call mistakes."""
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
    texts = [page.read_text() for page in pages if page.name != "log.md"]  # which tells of what was, too
    named = {name for text in texts for name in re.findall(r"NETTAILOR_[A-Z0-9_]*[A-Z0-9]", text)}
    for name in named | {f"NETTAILOR_RAY_{field.upper()}" for field in Scaling.model_fields}:
        monkeypatch.setenv(name, "1")
    assert not list(variables())
    monkeypatch.setenv("NETTAILOR_RAY_REPLICA", "4")
    (only,) = variables()
    assert only.advice == "did you mean NETTAILOR_RAY_REPLICAS?"


def test_cuda_that_is_asked_for_and_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("NETTAILOR_DEVICE", "cuda")
    monkeypatch.setenv("NETTAILOR_ENGINE_THREADS", "4096")
    bad = _bad(tmp_path)
    assert bad["device"][0] == "fail"
    assert bad["threads"] == (
        "warn",
        f"4096 for a forward pass, {len(os.sched_getaffinity(0))} cores{bad['threads'][1].split('cores', 1)[1]}",
    )


def test_a_dtype_that_this_processor_is_slow_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETTAILOR_DEVICE", "cpu")
    monkeypatch.setenv("NETTAILOR_DTYPE", "bfloat16")
    monkeypatch.setattr("server.kernels.convolution.OneDnnKernel.available", lambda dtype: dtype == torch.float32)
    slow = "cpu, with no fast convolutions in bfloat16 -> predictions take several times as long"
    assert _bad(tmp_path)["device"] == ("warn", f"{slow}; NETTAILOR_DTYPE=float32 has them")
    monkeypatch.setattr("nettailor.cpu.int8_refusal", lambda: None)
    for fast in ("auto", "int8"):
        monkeypatch.setenv("NETTAILOR_DTYPE", fast)
        assert "device" not in _bad(tmp_path)
    monkeypatch.setattr("nettailor.cpu.int8_refusal", lambda: "it is too old")
    found = _bad(tmp_path)
    assert found["int8"][0] == "fail"
    assert found["device"] == ("warn", "cpu, which cannot run int8 -> see what is said of int8")


def test_whether_int8_is_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nettailor.cpu.int8_refusal", lambda: None)
    assert [(each.state, each.found) for each in machine.int8("int8")] == [("ok", "possible")]
    monkeypatch.setattr("nettailor.cpu.int8_refusal", lambda: "it is too old")
    assert [(each.state, each.found) for each in machine.int8("auto")] == [("ok", "not possible: it is too old")]
    assert [(each.state, each.found) for each in machine.int8("int8")] == [("fail", "it is too old")]


def test_a_bundle_of_another_backbone_and_a_corrupt_one(tmp_path: Path, backbone: str) -> None:
    publish(tmp_path, "signs", backbone)
    publish(tmp_path, "flowers", "0" * 64)
    settings = Settings(data_dir=tmp_path)
    with redis_service(settings) as url, open_registry(settings, url) as registry:
        name = registry.resolve("signs").digest.removeprefix("sha256:")
        blob = tmp_path / "blobs/sha256" / name[:2] / name
        blob.write_bytes(blob.read_bytes()[:-1])
        bad = _bad(tmp_path)
        assert bad["backbone"][0] == "fail"
        assert "flowers version 1 is for mini26 (000000000000)" in bad["backbone"][1]
        assert bad["blobs"] == (
            "fail",
            f"sha256:{name} is corrupt -> `nettailor registry verify` puts it away and names what it was",
        )
        assert blob.exists()
        blob.unlink()
        assert "the bundle of signs version 1 is missing" in _bad(tmp_path)["blobs"][1]
    state, text = _bad(tmp_path)["backbone"]  # the index sleeps with its Redis
    assert (state, "not compared" in text) == ("warn", True)


def test_a_bundle_of_a_backbone_of_the_registry_is_fine(tmp_path: Path, backbone: str) -> None:
    settings = Settings(data_dir=tmp_path)
    with redis_service(settings) as url, open_registry(settings, url) as registry:
        added = registry.add_backbone("ours", random_backbone_file(), actor="ada")
    publish(tmp_path, "flowers", added.fingerprint)
    with redis_service(settings) as url, open_registry(settings, url) as registry:
        [found] = [finding for finding in examine(tmp_path) if finding.check == "backbone"]
        assert (found.state, found.found.endswith("1 live bundles need, beside 1 in the registry")) == ("ok", True)


def test_records_that_cannot_be_read(tmp_path: Path, backbone: str) -> None:
    for task in ("digits", "signs"):
        publish(tmp_path, task, backbone)
    settings = Settings(data_dir=tmp_path)
    with redis_service(settings) as url, open_registry(settings, url) as registry:
        key = write_unreadable(registry.blobs, "signs", 3)
        registry.blobs.store.write("jobs/gone.json", b"{")
        registry.reconcile()
        found = [each for each in _found(tmp_path)["records"] if each.state == "fail"]
        assert [key in found[0].found, "job gone" in found[1].found] == [True, True]
        assert _bad(tmp_path).keys() & {"redis", "blobs"} == set()


def test_a_redis_that_forgets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redis_server: EmbeddedRedis) -> None:
    import redis

    monkeypatch.setenv("NETTAILOR_REDIS_URL", redis_server.url)
    with redis.Redis.from_url(redis_server.url) as client:
        for setting, value, usual, state in (
            ("appendonly", "no", "yes", "warn"),
            ("maxmemory-policy", "allkeys-lru", "noeviction", "fail"),
        ):
            client.config_set("maxmemory", "1gb")
            client.config_set(setting, value)
            try:
                assert _bad(tmp_path)["redis"][0] == state, setting
            finally:
                client.config_set(setting, usual)
                client.config_set("maxmemory", "0")
    assert "redis" not in _bad(tmp_path)


def test_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETTAILOR_HOST", "0.0.0.0")
    assert _bad(tmp_path)["keys"][0] == "warn"
    path = tmp_path / "keys.json"
    monkeypatch.setenv("NETTAILOR_KEYS_FILE", str(path))
    assert _bad(tmp_path)["keys"][0] == "fail"  # there is no such file
    add_key(path, new_key("me", ["admin"])[0])
    for mode, state in ((0o666, "fail"), (0o644, "warn"), (0o640, None)):
        path.chmod(mode)
        assert _bad(tmp_path).get("keys", (None,))[0] == state


def test_a_port_that_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        monkeypatch.setenv("NETTAILOR_PORT", str(listener.getsockname()[1]))
        state, text = _bad(tmp_path)["port"]
    assert (state, "is taken by something else" in text) == ("fail", True)


def test_a_data_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert _bad(tmp_path / "file" / "data")["data folder"][0] == "fail"


def test_a_data_folder_that_others_may_look_into(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    state, text = _bad(tmp_path)["data folder"]
    assert (state, f"may look into {tmp_path} (mode 755)" in text) == ("warn", True)
    tmp_path.chmod(0o700)
    assert "data folder" not in _bad(tmp_path)


def test_what_it_found_is_one_line_and_no_markup(tmp_path: Path) -> None:
    folder = tmp_path / "[x]\nok    forged\x1b[2J"
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["doctor", "--data-dir", str(folder)])
    assert "[x]\\nok    forged\\x1b[2J" in result.output
    assert not any(line.startswith("ok    forged") for line in result.output.splitlines())


def test_what_jobs_and_killed_processes_left_is_weighed(tmp_path: Path) -> None:
    work, uploads = tmp_path / "jobs" / "j", tmp_path / "uploads"
    for path, mib in ((work / "dataset.zip", 3), (uploads / "upload-1", 2)):
        path.parent.mkdir(parents=True)
        path.write_bytes(bytes(mib << 20))
        os.utime(path, (0, 0))
    [found] = leftovers(TrainerSettings(data_dir=tmp_path))
    assert found.found == (
        "3.0 MiB in 1 folders of ended jobs, which stay 7 days; 2.0 MiB in 1 files of killed processes, which a service"
        " removes"
    )
