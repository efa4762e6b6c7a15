import os
import platform
import subprocess
import sys

import pytest

from nettailor import cpu


@pytest.mark.parametrize(
    ("highest_leaf", "palette", "avoided"), [(0x1C, 0, True), (0x20, 0, True), (0x20, 1, False), (0x1C, 7, True)]
)
def test_amx_is_avoided_where_its_palette_is_hidden(
    monkeypatch: pytest.MonkeyPatch, highest_leaf: int, palette: int, avoided: bool
) -> None:
    monkeypatch.setattr(os, "environ", {})
    monkeypatch.setattr(cpu, "_shows_amx", lambda: True)
    monkeypatch.setattr(cpu, "_cpuid", {0: highest_leaf, 0x1D: palette}.__getitem__)
    cpu.avoid_phantom_amx.__wrapped__()
    assert ("ONEDNN_MAX_CPU_ISA" in os.environ) is avoided


def test_what_the_user_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"ONEDNN_MAX_CPU_ISA": "AVX2"})
    monkeypatch.setattr(cpu, "_shows_amx", lambda: True)
    monkeypatch.setattr(cpu, "_has_palette", lambda: False)
    cpu.avoid_phantom_amx.__wrapped__()
    assert os.environ["ONEDNN_MAX_CPU_ISA"] == "AVX2"


@pytest.mark.skipif(platform.machine() != "x86_64" or platform.system() != "Linux", reason="CPUID is x86-64's")
def test_the_processor_answers() -> None:
    assert 1 <= cpu._cpuid(0) < 0x100


@pytest.mark.parametrize(
    ("machine", "flags", "level", "says"),
    [
        ("x86_64", {"avx512f", "avx512_vnni"}, "", None),
        ("x86_64", {"avx2", "avx_vnni"}, "ALL", None),
        ("x86_64", {"avx512f", "avx512_vnni", "amx_int8"}, "avx512_core_vnni", None),
        ("x86_64", {"avx512f", "amx_int8"}, "", None),
        ("x86_64", {"avx512f", "avx512bw"}, "", "neither VNNI nor AMX"),
        ("x86_64", {"avx512f", "avx512_vnni"}, "avx2", "ONEDNN_MAX_CPU_ISA=AVX2 keeps oneDNN off"),
        ("aarch64", {"asimddp"}, "", "this one is aarch64"),
    ],
)
def test_int8_needs_a_processor_that_multiplies_bytes(
    monkeypatch: pytest.MonkeyPatch, machine: str, flags: set[str], level: str, says: str | None
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(os, "environ", {"ONEDNN_MAX_CPU_ISA": level} if level else {})
    monkeypatch.setattr(cpu, "processor_flags", lambda: frozenset(flags))
    monkeypatch.setattr(cpu, "_has_palette", lambda: True)
    refusal = cpu.int8_refusal()
    assert refusal is None if says is None else says in str(refusal)


def test_amx_without_its_palette_counts_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(cpu, "processor_flags", lambda: frozenset({"amx_int8"}))
    monkeypatch.setattr(cpu, "_has_palette", lambda: False)
    assert cpu.int8_refusal() is not None


def test_a_bf16_product_survives_on_this_machine() -> None:
    code = (
        "from nettailor.cpu import avoid_phantom_amx; avoid_phantom_amx(); import torch;"
        "x = torch.ones(64, 64, dtype=torch.bfloat16); print(int((x @ x)[0, 0]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "64"
