"""Every format, read by its own runtime, equals the unfused student: plans, statistics, backbones, batches."""

import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import openvino
import pytest
import torch

from nettailor.architecture.plan import Plan, full_plan, reachable_plan
from nettailor.bundle.bundle import digest_of
from nettailor.bundle.chain import linked
from nettailor.bundle.manifest import ADAPTER_METHODS, AdapterMethod, Manifest, StatisticsMode
from nettailor.errors import BundleWrongBackbone
from nettailor.network.whole_network import network_of
from server.errors import ExportLibraryMissing, ExportUnfaithful
from server.export import export as exporting
from server.export import verification
from server.export.export import export_network
from server.export.metadata import ENTRY
from server.export.network import PrunedNetwork
from server.export.onnx_file import onnx_bytes, run_onnx
from tests.bundles import random_plan
from tests.server.export.exported import exported, options, student_logits
from tests.server.oracle import backbone, make_bundle, make_bytes

_PIXELS = np.random.default_rng(3).integers(0, 256, (5, 32, 32, 3), np.uint8)
_NAMES = ["task", "version", "digest", "labels", "preprocessing", "manifest"]
_FORMATS = ["onnx", "openvino", "torchscript", "pt2"]


def _odd_plans() -> list[Plan]:
    """No proxies, every proxy, no blocks, proxies over several strides, and what chance gives: of that two by day."""
    only_proxies = reachable_plan([False] * 12, [[node - 1] for node in range(1, 13)])
    far = reachable_plan([False] * 11 + [True], [*([] for _ in range(8)), [0], [], [9, 0], [11, 4]])
    return [full_plan(12, 0), full_plan(12, None), only_proxies, far, *(random_plan(12, seed=s) for s in range(8))]


_BY_DAY = 6


def _few_blocks() -> Plan:
    """Blocks of three stages, proxies near and far: of everything some, for what does not depend on how much there is.
    PyTorch's exporter takes a tenth of a second for each block, at every writing and reading."""
    proxies = {4: [0], 8: [5], 11: [9, 5], 12: [11]}
    return reachable_plan(
        [node in (5, 9, 12) for node in range(1, 13)], [proxies.get(node, []) for node in range(1, 13)]
    )


@pytest.fixture
def _tried_with_few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the test compares more than the export itself does."""
    monkeypatch.setattr(verification, "IMAGES", 8)


@pytest.mark.usefixtures("_tried_with_few_images")
@pytest.mark.parametrize("statistics", ["task", "frozen"])
@pytest.mark.parametrize(
    "plan", [*_odd_plans()[:_BY_DAY], *(pytest.param(p, marks=pytest.mark.nightly) for p in _odd_plans()[_BY_DAY:])]
)
def test_onnx_equals_the_unfused_student(plan: Plan, statistics: StatisticsMode, tmp_path: Path) -> None:
    bundle = make_bundle(plan=plan, statistics=statistics, seed=plan.blocks.count(True))
    verified = exported(bundle, tmp_path / "net.onnx")
    assert verified.top1_agreement == 1
    assert verified.difference < 1e-4
    data, expected = (tmp_path / "net.onnx").read_bytes(), student_logits(bundle, _PIXELS)
    for count in (1, 5):
        logits = run_onnx(data, _PIXELS[:count])
        np.testing.assert_allclose(logits, expected[:count], rtol=1e-4, atol=1e-4)


def test_a_network_of_the_task_s_own_is_exported_whole(tmp_path: Path) -> None:
    bundle = make_bundle(method="finetuning", seed=2)
    assert exported(bundle, tmp_path / "net.onnx").top1_agreement == 1
    logits = run_onnx((tmp_path / "net.onnx").read_bytes(), _PIXELS)
    np.testing.assert_allclose(logits, student_logits(bundle, _PIXELS), rtol=1e-4, atol=1e-4)


def test_weights_of_a_chain_are_part_of_the_convolutions(tmp_path: Path) -> None:
    first = make_bytes("birds", method="packnet", seed=2)
    bundle = linked(make_bundle(method="packnet", seed=3, after=digest_of(first)), {digest_of(first): first}.get)
    assert exported(bundle, tmp_path / "net.onnx").top1_agreement == 1
    logits = run_onnx((tmp_path / "net.onnx").read_bytes(), _PIXELS)
    np.testing.assert_allclose(logits, student_logits(bundle, _PIXELS), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("method", ADAPTER_METHODS)
def test_adapters_are_merged_into_the_convolutions(method: AdapterMethod, tmp_path: Path) -> None:
    bundle = make_bundle(method=method, seed=2)
    assert exported(bundle, tmp_path / "net.onnx").top1_agreement == 1
    data = (tmp_path / "net.onnx").read_bytes()
    expected = student_logits(bundle, _PIXELS)
    np.testing.assert_allclose(run_onnx(data, _PIXELS), expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
    kinds = [node.op_type for node in onnx.load_from_string(data).graph.node]
    assert kinds.count("Conv") == 1 + 24 + 3


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_other_backbones(name: str) -> None:
    """At 32 pixels: at their own size trying 64 images takes half a minute."""
    bundle = make_bundle(name=name, seed=3)
    network = PrunedNetwork(network_of(backbone(name), bundle), bundle.manifest.preprocessing, torch.float32)
    logits = run_onnx(onnx_bytes(network, side=32, metadata={}), _PIXELS)
    np.testing.assert_allclose(logits, student_logits(bundle, _PIXELS), rtol=1e-4, atol=1e-4)


# PyTorch's own formats in half the precision are the same network, rounded, as OpenVINO's and ONNX's.
@pytest.mark.parametrize(
    ("format", "dtype"),
    [
        *((format, "fp32") for format in _FORMATS),
        *((format, "fp16") for format in ("onnx", "openvino")),
        *(pytest.param(format, "fp16", marks=pytest.mark.nightly) for format in ("torchscript", "pt2")),
    ],
)
def test_every_format_with_any_batch(format: str, dtype: str, tmp_path: Path) -> None:
    bundle, path = make_bundle(plan=_few_blocks(), seed=1), tmp_path / "net"
    verified = exported(bundle, path, format, dtype)
    assert verified.top1_agreement >= (1 if dtype == "fp32" else 0.9)
    expected = student_logits(bundle, _PIXELS)
    for count in (1, 5):
        logits = exporting.run(path, options(format, dtype), _PIXELS[:count])
        assert logits.dtype == np.float32
        np.testing.assert_allclose(logits, expected[:count], atol=1e-4 if dtype == "fp32" else 2e-2)


@pytest.mark.parametrize("format", ["onnx", "openvino"])
def test_fp16_is_half_as_large(format: str, tmp_path: Path) -> None:
    bundle = make_bundle(seed=1)
    for dtype in ("fp32", "fp16"):
        exported(bundle, tmp_path / dtype, format, dtype)
    assert (tmp_path / "fp16").stat().st_size < 0.6 * (tmp_path / "fp32").stat().st_size


def _said(path: Path, format: str) -> dict[str, str]:
    if format == "onnx":
        return {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    if format == "openvino":
        with zipfile.ZipFile(path) as archive:
            archive.extractall(path.parent)
        model = openvino.Core().read_model(path.parent / "model.xml")
        return {name: str(model.get_rt_info(["nettailor", name]).value) for name in _NAMES}
    if format == "pt2":
        found = {ENTRY: ""}
        torch.export.load(path, extra_files=found)
        return dict(json.loads(found[ENTRY]))
    with zipfile.ZipFile(path) as archive:
        [entry] = [name for name in archive.namelist() if name.endswith(f"extra/{ENTRY}")]
        return dict(json.loads(archive.read(entry)))


@pytest.mark.parametrize("format", _FORMATS)
def test_the_file_says_all_that_using_it_takes(format: str, tmp_path: Path) -> None:
    bundle, path = make_bundle(plan=_few_blocks(), seed=2), tmp_path / "net"
    exported(bundle, path, format)
    said = _said(path, format)
    assert sorted(said) == sorted(_NAMES)
    assert said["task"] == "signs"
    assert said["version"] == "7"
    assert said["digest"] == bundle.digest
    assert json.loads(said["labels"]) == list(bundle.manifest.classes)
    assert json.loads(said["preprocessing"])["crop"] == 32
    assert Manifest.model_validate_json(said["manifest"]) == bundle.manifest


def test_only_what_the_plan_left_is_in_the_file(tmp_path: Path) -> None:
    small = reachable_plan([False] * 11 + [True], [*([] for _ in range(10)), [0], []])
    exported(make_bundle(plan=small), tmp_path / "small")
    exported(make_bundle(plan=full_plan(12, 3)), tmp_path / "full")
    operators = [node.op_type for node in onnx.load(tmp_path / "small").graph.node]
    assert operators.count("Conv") == 1 + 1 + 2  # stem, proxy, block
    assert "BatchNormalization" not in operators
    assert (tmp_path / "small").stat().st_size < 0.4 * (tmp_path / "full").stat().st_size


def test_the_same_bundle_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        exported(make_bundle(seed=4), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_input_and_output_have_names_and_types(tmp_path: Path) -> None:
    exported(make_bundle(plan=_few_blocks()), tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    [pixels], [logits] = session.get_inputs(), session.get_outputs()
    assert (pixels.name, pixels.type, pixels.shape) == ("pixels", "tensor(uint8)", ["batch", 32, 32, 3])
    assert (logits.name, logits.type, logits.shape) == ("logits", "tensor(float)", ["batch", 5])


def test_an_unfaithful_file_is_not_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net.onnx"
    monkeypatch.setattr(exporting, "run", lambda path, options, pixels: np.full((64, 5), np.nan, np.float32))
    with pytest.raises(ExportUnfaithful):
        exported(make_bundle(), path)
    assert not path.exists()


def test_a_missing_library_is_named_with_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ExportLibraryMissing, match=r"onnx is not installed.*nettailor-server\[export\]"):
        exported(make_bundle(), tmp_path / "net.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_of_another_backbone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleWrongBackbone):
        export_network(make_bundle(name="resnet18"), 1, backbone(), options(), tmp_path / "net.onnx")
    assert list(tmp_path.iterdir()) == []
