"""`nettailor doctor` on the machine: torch, processor, device, threads, and the backbone."""

import os
from collections.abc import Iterator, Mapping
from importlib import resources
from importlib.metadata import version
from pathlib import Path

from cli.doctor.finding import Finding, fail, ok, warn
from nettailor.architecture.geometry import PUBLISHED_WEIGHTS, geometry
from nettailor.errors import NetTailorError
from registry.journal.records import VersionRecord
from server.settings import ServerSettings

_SHOWN_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_tile")
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def torch_imports() -> Iterator[Finding]:
    try:
        import torch

        from nettailor.network.vision import import_torchvision

        import_torchvision("models")
    except (ImportError, OSError, RuntimeError) as error:  # the last two: libraries that do not fit each other
        yield fail("torch", f"cannot be imported: {error}", "install the exact versions of requirements.lock")
        return
    yield ok("torch", f"{torch.__version__}, torchvision {version('torchvision')}")


def processor() -> Iterator[Finding]:
    import platform

    from nettailor.cpu import processor_flags

    flags = processor_flags()
    if platform.machine() == "x86_64" and flags and "avx2" not in flags:
        yield warn("processor", "has no AVX2", "predictions take several times as long; choose another machine type")
        return
    shown = [flag for flag in _SHOWN_FLAGS if flag in flags]
    yield ok("processor", f"{platform.machine()}, {', '.join(shown) or 'no vector extensions known'}")


def int8(dtype: str) -> Iterator[Finding]:
    """Whether NETTAILOR_DTYPE=int8 is possible here; it is `dtype` that is asked for."""
    from nettailor.cpu import int8_refusal

    refusal = int8_refusal()
    if refusal is not None and dtype == "int8":
        yield fail("int8", refusal, "set NETTAILOR_DTYPE to another type, or choose another machine type")
    else:
        yield ok("int8", "possible" if refusal is None else f"not possible: {refusal}")


def device(settings: ServerSettings) -> Iterator[Finding]:
    import torch

    if not torch.cuda.is_available():
        if settings.device == "cuda":
            built = torch.version.cuda
            why = "this torch is built without CUDA" if built is None else "no driver or no device"
            yield fail("device", f"no CUDA device: {why}", "install the CUDA build and a driver, or unset the setting")
        else:
            yield _host(settings)
        return
    if settings.device == "cpu":
        yield warn("device", "cpu, though there is a CUDA device", "unset NETTAILOR_DEVICE to use it")
        return
    free, total = torch.cuda.mem_get_info()
    name = torch.cuda.get_device_name()
    found = f"{name}, {free / 2**20:,.0f} of {total / 2**20:,.0f} MiB free"
    if free < settings.device_budget_bytes:
        advice = "lower NETTAILOR_DEVICE_BUDGET_BYTES, or see who else uses the device"
        yield warn("device", f"{found}, less than the budget for bundles", advice)
        return
    yield ok("device", found)


def _host(settings: ServerSettings) -> Finding:
    from nettailor.cpu import int8_refusal
    from server.kernels.convolution import OneDnnKernel
    from server.kernels.device import DTYPES

    if settings.dtype == "int8":
        if int8_refusal() is not None:  # a check of its own fails of it, and says why
            return warn("device", "cpu, which cannot run int8", "see what is said of int8")
        return ok("device", "cpu, int8")
    dtype = "float32" if settings.dtype == "auto" else settings.dtype
    if not OneDnnKernel.available(DTYPES[dtype]):
        other = "" if dtype == "float32" else "; NETTAILOR_DTYPE=float32 has them"
        advice = f"predictions take several times as long{other}"
        return warn("device", f"cpu, with no fast convolutions in {dtype}", advice)
    return ok("device", f"cpu, {dtype}")


def threads(settings: ServerSettings) -> Iterator[Finding]:
    import torch

    cores, quota = len(os.sched_getaffinity(0)), _quota()
    usable = cores if quota is None else min(cores, max(1, int(quota)))
    wanted = settings.engine_threads or torch.get_num_threads()
    found = f"{wanted} for a forward pass, {cores} cores" + ("" if quota is None else f", a quota of {quota:g}")
    if wanted > usable:
        yield warn("threads", found, f"NETTAILOR_ENGINE_THREADS={usable}: threads beyond the cores wait for each other")
        return
    yield ok("threads", found)


def backbone(
    settings: ServerSettings, live: Mapping[str, VersionRecord] | None, stored: frozenset[str]
) -> Iterator[Finding]:
    """`live` are the live versions by task; None if the registry could not be read. `stored` are the fingerprints of
    its backbones."""
    if not is_local(settings):
        advice = "the first start downloads the weights; NETTAILOR_BACKBONE_WEIGHTS names a file where there is no net"
        yield warn("backbone", f"{settings.backbone} is not on this machine", advice)
        return
    from nettailor.network.backbones import load_backbone

    try:
        loaded = load_backbone(settings.backbone, settings.backbone_weights)
    except NetTailorError as error:
        yield fail("backbone", str(error), "correct NETTAILOR_BACKBONE or NETTAILOR_BACKBONE_WEIGHTS")
        return
    fingerprint = loaded.fingerprint()
    found = f"{loaded.name} ({fingerprint[:12]})"
    if live is None:
        yield warn("backbone", f"{found} loads; not compared with live bundles", "see what is said of redis")
        return
    here = stored | {fingerprint}
    others = [record for record in live.values() if record.manifest.backbone.fingerprint not in here]
    for record in others:
        needed = record.manifest.backbone
        yield fail(
            "backbone",
            f"{record.task} version {record.version} is for {needed.id} ({needed.fingerprint[:12]}), not for {found}",
            "add its weights with `nettailor backbone add`, or roll back",
        )
    if not others:
        more = f", beside {len(stored)} in the registry" if stored else ""
        yield ok("backbone", f"{found} loads and is what {len(live)} live bundles need{more}")


def is_local(settings: ServerSettings) -> bool:
    """Whether loading it needs no download, which would change this machine. An unknown name needs none either."""
    import torch

    from nettailor.network.vision import import_torchvision

    try:
        geometry(settings.backbone)
    except NetTailorError:
        return True
    shipped = resources.files("nettailor") / "weights" / f"{settings.backbone}.safetensors"
    if settings.backbone_weights is not None or shipped.is_file() or settings.backbone not in PUBLISHED_WEIGHTS:
        return True
    url = str(import_torchvision("models").get_model_weights(settings.backbone).DEFAULT.url)
    return (Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]).is_file()


def _quota() -> float | None:
    """Cores that a container may use up in a second; None if it is not limited, or not known."""
    try:
        used, period = _QUOTA.read_text().split()
    except (OSError, ValueError):
        return None
    return None if used == "max" else int(used) / int(period)
