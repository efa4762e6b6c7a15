"""`python -m deploy.docker.requirements`: what each image installs, out of the lock, by what its service imports.

Starting at an image's modules it follows our own imports, then the metadata of the distributions they come from. The
lists lie beside this file; the tests compare. `--check` writes nothing and fails if one is out of date. Torch has a
list of its own, without hashes, because which build of it an image gets is for whoever builds the image to say.
"""

import argparse
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import grimp
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

ROOT = Path(__file__).parents[2]
OURS = ("nettailor", "hosting", "registry", "trainer", "server", "cli", "nettailor_client")

_BY_NAME = {
    "hosting.web.process": ("uvloop",),
    "nettailor.network.vision": ("torchvision",),
    "trainer.jobs.queue": ("trainer.tailoring",),
}  # imports no parser sees
_LAZY = (  # commands that an image for upkeep does not offer; `cli.main` imports them when they are called
    ("cli.main", "cli.demo.run"),
    ("cli.main", "cli.commands.profile"),
    ("cli.main", "cli.service.up"),
)

# Extras that are imported where they are there: whoever wants them installs them. The wheel of pillow_heif holds codecs
# under licences of their own; what gRPC needs has a list of its own.
_EXTRAS = frozenset({"pillow_heif", "grpc", "grpc_health", "grpc_reflection", "google"})
_TORCH = "torch"  # the list of its own, which the images of server and trainer install on top
_UNLOCKED = frozenset({"pip"})  # of every environment: the lock leaves it out


@dataclass(frozen=True, kw_only=True)
class Image:
    """The modules that an image must be able to run, and distributions to add by name."""

    modules: tuple[str, ...] = ()
    distributions: tuple[str, ...] = ()


IMAGES: Mapping[str, Image] = {
    "registry": Image(modules=("registry.__main__",)),
    "server": Image(modules=("server.__main__",)),
    # Upkeep (`nettailor registry verify`, `gc`, `rebuild`) and `nettailor keys` run in the trainer's image too.
    "trainer": Image(modules=("trainer.__main__", "trainer.worker", "trainer.workers.job_process", "cli.main")),
    # On top of the server's alone: the trainer's image is built on the server's list, too, and speaks no gRPC.
    "grpc": Image(distributions=("grpcio-health-checking", "grpcio-reflection")),
    "s3": Image(distributions=("s3fs",)),  # on top of any of the others
}


_HEAD = "# Written by `python -m deploy.docker.requirements` out of requirements*.lock; do not edit.\n"


def imported(modules: Iterable[str]) -> set[str]:
    """All modules that these import, directly or not; of those that are not ours, the top level."""
    graph = grimp.build_graph(*OURS, include_external_packages=True)
    for importer, lazy in _LAZY:
        graph.remove_import(importer=importer, imported=lazy)
    seen: set[str] = set()
    waiting = set(modules)
    while waiting:
        module = waiting.pop()
        seen.add(module)
        if module in graph.modules and not graph.is_module_squashed(module):
            waiting |= {*graph.find_modules_directly_imported_by(module), *_BY_NAME.get(module, ())} - seen
    return seen


def distributions(modules: Iterable[str]) -> set[NormalizedName]:
    """The distributions that these modules, and all they import, come from. Raises LookupError for an unknown one."""
    origins = packages_distributions()
    tops = {module.split(".")[0] for module in imported(modules)} - set(OURS) - _EXTRAS - sys.stdlib_module_names
    return {canonicalize_name(origin) for top in tops for origin in origins[top]}


def closure(requirements: Iterable[str]) -> set[NormalizedName]:
    """The distributions that are required and, by their metadata, all that these need here."""
    seen: set[NormalizedName] = set()
    waiting = {_asked(Requirement(text)) for text in requirements}
    done = set()
    while waiting:
        name, extras = pair = waiting.pop()
        done.add(pair)
        seen.add(name)
        for text in distribution(name).requires or ():
            need = Requirement(text)
            if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in extras or {""}):
                waiting |= {_asked(need)} - done
    return seen


def _asked(need: Requirement) -> tuple[NormalizedName, frozenset[str]]:
    return canonicalize_name(need.name), frozenset(need.extras)


def locked(file: str) -> dict[NormalizedName, str]:
    """What a lock file says of each distribution: its version, and the lines of its hashes."""
    entries: dict[NormalizedName, str] = {}
    name = None
    for line in (ROOT / file).read_text().splitlines(keepends=True):
        if not line.startswith(" "):
            name = canonicalize_name(line.partition("==")[0])
        assert name is not None, f"{file} begins with a hash"
        entries[name] = entries.get(name, "") + line
    return entries


def listing(image: Image) -> str:
    """Raises KeyError for what no lock file has."""
    names = closure([*distributions(image.modules), *image.distributions]) - {*map(canonicalize_name, _UNLOCKED)}
    lock = locked("requirements.lock")
    return _HEAD + "".join(lock[name] for name in sorted(names - locked("requirements-torch.lock").keys()))


def listings() -> dict[str, str]:
    """Every list by its name."""
    torch = _HEAD + "".join(locked("requirements-torch.lock").values())
    return {name: listing(image) for name, image in IMAGES.items()} | {_TORCH: torch}


def path_of(name: str) -> Path:
    return Path(__file__).with_name(f"requirements-{name}.txt")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a list is out of date")
    check = parser.parse_args().check
    stale = [name for name, text in listings().items() if not _is_current(name, text, write=not check)]
    if check and stale:
        sys.exit(f"out of date: {', '.join(stale)}; run `python -m deploy.docker.requirements`")


def _is_current(name: str, text: str, *, write: bool) -> bool:
    path = path_of(name)
    if path.exists() and path.read_text() == text:
        return True
    if write:
        path.write_text(text)
    return False


if __name__ == "__main__":
    main()
