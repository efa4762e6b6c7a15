"""What the load generator's logs say, and what `benchmarks.http` makes of it."""

import math
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from benchmarks.http import figures, load, servers
from benchmarks.http.__main__ import only
from benchmarks.http.figures import Closed
from benchmarks.http.load import Answer, GeneratorMissing, Outcome
from benchmarks.http.overhead import Overhead
from benchmarks.measuring.processes import Launch, ServerUnusable, serving
from benchmarks.workloads.resnet34 import random_resnet34, tailored_bundles
from hosting.settings.settings import Settings
from nettailor import images
from registry.wiring import open_registry

LOG = "1795563293764438\t200\t56486\n1795563293764445\t429\t312\n1795563294694778\t-1\t50771\t7\n"


def test_a_log_is_read_and_later_columns_are_passed_over() -> None:
    assert load.parse_log(LOG) == [
        Answer(sent_us=1795563293764438, status=200, took_us=56486),
        Answer(sent_us=1795563293764445, status=429, took_us=312),
        Answer(sent_us=1795563294694778, status=-1, took_us=50771),
    ]
    assert load.parse_log("") == []


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert load.percentile(values, 50) == 50
    assert load.percentile(values, 99) == 99
    assert load.percentile(values, 100) == 100
    assert load.percentile([7.0], 99) == 7
    assert math.isnan(load.percentile([], 99))


def test_latencies_are_of_accepted_requests_and_every_other_answer_is_counted() -> None:
    answers = [Answer(sent_us=1000 * i, status=200, took_us=2000 + i) for i in range(100)]
    answers += [Answer(sent_us=1000 * i, status=429, took_us=1) for i in range(100, 130)]
    answers += [Answer(sent_us=130_000, status=status, took_us=10**9) for status in (500, 503, -1)]
    outcome = load.summary(answers)
    assert (outcome.accepted, outcome.refused, outcome.failed) == (100, 30, 3)
    assert outcome.p50_ms == pytest.approx(2.049)
    assert outcome.p99_ms == pytest.approx(2.098)
    assert outcome.accepted_rps == pytest.approx(1000, rel=0.01)
    assert outcome.sent_rps == pytest.approx(1000, rel=0.01)


@pytest.mark.parametrize("batch", [1, 8, 32])
def test_answers_in_batches_have_the_rate_of_the_batches(batch: int) -> None:
    """Ten batches, one every 200 ms."""
    assert load.rate([200_000 * (i // batch) for i in range(10 * batch)]) == pytest.approx(5 * batch, rel=0.02)


def test_a_rate_needs_two_moments() -> None:
    assert load.rate([]) == load.rate([5]) == load.rate([5, 5]) == 0


def test_a_missing_generator_is_told_with_the_package_that_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(GeneratorMissing, match=r"^h2load is not on PATH.*nghttp2-client$"):
        load.check_generator()


def test_the_posted_image_has_the_size_it_says() -> None:
    assert images.decode(servers.jpeg(72)).size == (72, 72)


def test_figures_pair_the_rounds_and_take_medians() -> None:
    overheads = [Overhead(server_ms=4.0 + i, engine_ms=3.0, batch=32.0) for i in range(3)]
    closed = {
        servers.OURS: [
            Closed(outcome=_outcome(rps=rps), overhead=each)
            for rps, each in zip((100.0, 200.0, 300.0), overheads, strict=True)
        ],
        servers.OURS_FP32: [Closed(outcome=_outcome(rps=rps)) for rps in (60.0, 90.0, 120.0)],
        servers.BEFORE: [Closed(outcome=_outcome(rps=rps)) for rps in (80.0, 80.0, 80.0)],
        servers.LITSERVE: [Closed(outcome=_outcome(rps=rps)) for rps in (50.0, 50.0, 60.0)],
        servers.LITSERVE_FP32: [Closed(outcome=_outcome(rps=rps)) for rps in (30.0, 30.0, 30.0)],
        servers.FASTAPI: [Closed(outcome=_outcome(rps=rps)) for rps in (10.0, 10.0, 10.0)],
    }
    found = figures.figures(closed, _opened({servers.OURS: figures.LOADS | figures.BEFORE_LOADS} | BESIDE))
    assert (found["rps_vs_litserve"], found["rps_vs_litserve_fp32"]) == (4.0, 3.0)
    assert (found["rps_vs_fastapi"], found["rps_vs_before"]) == (20.0, 2.5)
    assert found["overhead_cpu_ms"] == 2.0
    assert found["p99_ms_at_half"] == found["p99_ms_at_twice"] == 20.0
    assert found["accepted_at_twice"] == 0.05
    assert found["p99_at_tenth_vs_before"] == found["p50_at_ninety_vs_before"] == 1.0
    assert found["intervals"]["p99_ms_at_twice"] == [10.0, 30.0]
    assert found["open_loop"][servers.OURS]["twice"]["refused"] == 6
    context = {"variants": {servers.LITSERVE: {"float32, no batching": 50.0}}, "cores_others_kept_busy": 0.01}
    lines = figures.table(found | context | {"tasks": 16, "dtype": "int8", "rounds": 3})
    assert any("rps_vs_litserve " in line and line.endswith("goal >= 3: met") for line in lines)
    assert any("overhead_cpu_ms" in line and line.endswith("goal <= 1: MISSED") for line in lines)
    assert found["requests_per_second"][servers.BEFORE] == 80.0


BESIDE = {servers.BEFORE: figures.BEFORE_LOADS}


def _opened(loads: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, list[Outcome]]]:
    rounds = [_outcome(rps=10.0, p99_ms=p99, refused=2) for p99 in (30.0, 10.0, 20.0)]
    return {name: dict.fromkeys(own, rounds) for name, own in loads.items()}


def test_our_server_behind_fronts_is_a_side_of_its_own_and_types_may_be_the_same() -> None:
    name = servers.behind(2)
    overhead = Overhead(server_ms=5.0, engine_ms=3.0, batch=32.0)
    ours = {servers.OURS: 100.0, name: 150.0}
    closed = {side: [Closed(outcome=_outcome(rps=rps), overhead=overhead)] * 3 for side, rps in ours.items()}
    peers = {servers.LITSERVE: 50.0, servers.FASTAPI: 10.0}
    closed |= {side: [Closed(outcome=_outcome(rps=rps))] * 3 for side, rps in peers.items()}
    found = figures.figures(closed, _opened(dict.fromkeys(ours, figures.LOADS)))
    assert (found["fronts2_rps_vs_one_process"], found["fronts2_rps_vs_litserve"]) == (1.5, 3.0)
    assert found["fronts2_overhead_cpu_ms"] == 2.0
    assert found["requests_per_second"][name] == 150.0
    assert (found["rps_vs_litserve"], found["rps_vs_litserve_fp32"]) == (2.0, 2.0)
    assert "rps_vs_before" not in found


def test_an_earlier_checkouts_registry_is_made_by_its_own_code(tmp_path: Path) -> None:
    """Here by this checkout's."""
    backbone = random_resnet34()
    bundles = tailored_bundles(1, 72, fingerprint=backbone.fingerprint())
    with (
        servers.published_before(Path.cwd(), tmp_path / "before", bundles) as settings,
        open_registry(settings, str(settings.redis_url)) as registry,
    ):
        assert [(task.task, task.aliases["live"]) for task in registry.tasks()] == [("task-0", 1)]


def test_an_earlier_checkouts_server_is_its_own(tmp_path: Path) -> None:
    """And not that of the folder that the benchmark is run from."""
    (tmp_path / "server").mkdir()
    (tmp_path / "server" / "__init__.py").touch()
    (tmp_path / "server" / "__main__.py").write_text('print("the earlier one")')
    settings = Settings(data_dir=tmp_path, redis_url="redis://localhost", blobs_url=None)
    launch = servers.ours(settings, random_resnet34(), dtype="auto", threads=1, root=str(tmp_path))
    environment = os.environ | launch.environment
    printed = subprocess.run(launch.command, env=environment, capture_output=True, text=True, check=True).stdout
    assert printed == "the earlier one\n"


def test_words_choose_among_a_peers_variants_and_one_must_be_left() -> None:
    variants = servers.fastapi_variants(tasks=2, threads=2)
    assert list(only(["once=2", "batches"], "FastAPI", variants)) == ["forward passes at once=2"]
    with pytest.raises(SystemExit, match=r"none of FastAPI, which has: forward passes at once=1; forward"):
        only(["batches"], "FastAPI", variants)


def _outcome(*, rps: float, p99_ms: float = 1.0, refused: int = 0) -> Outcome:
    return Outcome(
        accepted=10, refused=refused, failed=0, sent_rps=rps, accepted_rps=rps, p50_ms=p99_ms / 2, p99_ms=p99_ms
    )


def test_a_server_that_does_not_start_shows_what_it_printed(tmp_path: Path) -> None:
    launch = Launch(name="broken", command=["sh", "-c", "echo no such model; exit 3"], ready="/", environment={})
    with pytest.raises(ServerUnusable, match="no such model"), serving(launch, tmp_path):
        pass
