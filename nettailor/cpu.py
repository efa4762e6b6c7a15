"""What this machine's processor can be trusted with.

Some virtual machines show AMX (the matrix tiles of recent Xeons) in CPUID leaf 7 but hide the tile palette, leaf
0x1D. oneDNN up to 3.12 looks at the first alone, and its bf16 matrix product then ends the process with SIGILL.
"""

import ctypes
import functools
import mmap
import os
import platform
import time
from pathlib import Path

import torch
from torch.nn import functional as F

_CPUID = bytes.fromhex("53 89f8 31c9 0fa2 5b c3")  # push rbx; mov eax, edi; xor ecx, ecx; cpuid; pop rbx; ret
_PALETTE_LEAF = 0x1D
_MULTIPLIES_BYTES = frozenset({"avx512_vnni", "avx_vnni"})  # beside AMX, which has to be looked at more closely
_WITHOUT_VNNI = frozenset({"SSE41", "AVX", "AVX2", "AVX512_CORE"})  # values of ONEDNN_MAX_CPU_ISA
_ROUNDS = 7
_CLEARLY = 1.2


@functools.cache
def avoid_phantom_amx() -> None:
    """Keep oneDNN off AMX where its palette is hidden; to be called before the first use of oneDNN. Processes started
    later inherit it. A level that the user set (ONEDNN_MAX_CPU_ISA) stays."""
    if _shows_amx() and not _has_palette():
        os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_FP16")


@functools.cache
def bf16_pays() -> bool:
    """Whether a convolution is clearly faster in bf16 than in fp32: with AMX or on Zen 4 by two or more, while
    other processors emulate it or run it at half the rate."""
    with torch.inference_mode():
        rounds = [(_convolution_seconds(torch.float32), _convolution_seconds(torch.bfloat16)) for _ in range(_ROUNDS)]
    fp32, bf16 = (min(column) for column in zip(*rounds, strict=True))
    return bool(fp32 > _CLEARLY * bf16)


def int8_refusal() -> str | None:
    """Why this processor does not multiply bytes exactly, or no faster than numbers, in words; None where it does.

    Without VNNI or AMX, products of bytes are added up in 16 bits, where sums of large ones are cut off.
    """
    if platform.machine() != "x86_64":
        return f"int8 is for x86-64 processors; this one is {platform.machine()}"
    flags = processor_flags()
    if not _MULTIPLIES_BYTES & flags and not ("amx_int8" in flags and _has_palette()):
        return "the processor has neither VNNI nor AMX, without which sums of products of bytes are cut off"
    level = os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper()
    if level in _WITHOUT_VNNI:
        return f"ONEDNN_MAX_CPU_ISA={level} keeps oneDNN off VNNI and AMX"
    return None


def processor_flags() -> frozenset[str]:
    """What Linux says that the processor can do; nothing where that is not known."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((frozenset(line.split(":", 1)[1].split()) for line in lines if line.startswith("flags")), frozenset())


def _convolution_seconds(dtype: torch.dtype) -> float:
    weight = torch.ones(64, 64, 3, 3, dtype=dtype).contiguous(memory_format=torch.channels_last)
    x = torch.ones(32, 64, 16, 16, dtype=dtype).contiguous(memory_format=torch.channels_last)
    start = time.perf_counter()
    F.conv2d(x, weight, padding=1)
    return time.perf_counter() - start


def _shows_amx() -> bool:
    return platform.machine() == "x86_64" and "amx_tile" in processor_flags()


def _has_palette() -> bool:
    try:
        return _cpuid(0) >= _PALETTE_LEAF and _cpuid(_PALETTE_LEAF) > 0
    except OSError:  # no executable memory for us: believe what the flags say
        return True


def _cpuid(leaf: int) -> int:
    """EAX of a CPUID leaf, x86-64 alone."""
    with mmap.mmap(-1, len(_CPUID), prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC) as page:
        page.write(_CPUID)
        code = ctypes.c_char.from_buffer(page)
        try:
            return int(ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_uint32)(ctypes.addressof(code))(leaf))
        finally:
            del code  # the page cannot be closed while something points into it
