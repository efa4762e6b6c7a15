"""That files are told apart by their bytes, and that nothing in them is executed."""

import os
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from nettailor.errors import BackboneWeightsInvalid
from nettailor.network.weights.weights_file import read_document


def _refuse(reason: str) -> BackboneWeightsInvalid:
    return BackboneWeightsInvalid("resnet18", "a file", reason)


def _legacy(document: Any, path: Path) -> None:
    torch.save(document, path, _use_new_zipfile_serialization=False)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".bin", ".pth.tar", ""])
@pytest.mark.parametrize("save", [torch.save, save_file, _legacy])
def test_the_name_of_the_file_does_not_matter(tmp_path: Path, save: Callable[..., None], suffix: str) -> None:
    path = tmp_path / f"weights{suffix}"
    save({"conv1.weight": torch.arange(3.0)}, path)
    assert read_document(path, _refuse)["conv1.weight"].tolist() == [0, 1, 2]


def test_a_header_whose_length_begins_as_a_pickle_does(tmp_path: Path) -> None:
    path = tmp_path / "weights.bin"
    for padding in range(600, 0, -1):  # headers are padded to 8 bytes
        save_file({"conv1.weight": torch.arange(3.0)}, path, metadata={"note": "x" * padding})
        if path.read_bytes()[:2] == b"\x80\x02":
            break
    assert path.read_bytes()[:2] == b"\x80\x02"
    assert read_document(path, _refuse)["conv1.weight"].tolist() == [0, 1, 2]


def test_arguments_of_a_training_script_are_no_hindrance(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pth"
    torch.save({"model": {"conv1.weight": torch.ones(1)}, "args": Namespace(lr=0.1)}, path)
    assert read_document(path, _refuse)["model"]["conv1.weight"].tolist() == [1]
    assert Namespace not in torch.serialization.get_safe_globals()


class Touch:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize(("make", "named"), [(torch.nn.Identity, "Identity"), (Touch, "mkdir")])
def test_more_than_weights_is_refused_without_torchs_advice(
    tmp_path: Path, make: Callable[..., Any], named: str
) -> None:
    path = tmp_path / "model.pt"
    torch.save({"model": make(tmp_path / "executed")}, path)
    with pytest.raises(BackboneWeightsInvalid, match=r"save `model\.state_dict\(\)`") as refusal:
        read_document(path, _refuse)
    assert named in str(refusal.value)
    assert "weights_only" not in str(refusal.value)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("data", [b"", b"abc", b"\x80\x02", b"PK\x03\x04 and no zip", b"no tensors at all"])
def test_files_that_are_cut_short_or_something_else_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(data)
    with pytest.raises(BackboneWeightsInvalid, match=r"cannot be read|neither safetensors"):
        read_document(path, _refuse)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackboneWeightsInvalid, match="No such file"):
        read_document(tmp_path / "weights.pth", _refuse)


def test_a_list_of_tensors_is_no_state_dict(tmp_path: Path) -> None:
    torch.save([torch.ones(1)], tmp_path / "weights.pth")
    with pytest.raises(BackboneWeightsInvalid, match=r"holds a list"):
        read_document(tmp_path / "weights.pth", _refuse)
