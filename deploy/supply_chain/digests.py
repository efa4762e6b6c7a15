"""`python -m deploy.supply_chain.digests`: pin the images of others by digest, beside their tags.

Their registries are asked through `docker buildx imagetools`. Where one does not answer, nothing is written at all.
"""

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.supply_chain.errors import RegistryUnanswered
from hosting.processes.usage import take_no_options

ROOT = Path(__file__).parents[2]
FILES = ("docker-compose.yml", "deploy/docker/Dockerfile", "deploy/kubernetes/base/kustomization.yaml")

_TIMEOUT_SECONDS = 60
_DIGEST = r"sha256:[0-9a-f]{64}"
_REFERENCE = re.compile(rf"((?:image: |ARG PYTHON=)(?!nettailor)([\w./-]+:[\w.-]+))(?:@{_DIGEST})?")
_KUSTOMIZED = re.compile(rf"(- \{{name: (?!nettailor)([\w./-]+), newTag: ([\w.-]+))(?:, digest: {_DIGEST})?\}}")


def main() -> None:
    """Raises `SystemExit`."""
    texts = {file: (ROOT / file).read_text() for file in FILES}
    try:
        digests = {image: digest_of(image) for image in sorted(set().union(*map(images, texts.values())))}
    except RegistryUnanswered as failure:
        sys.exit(f"{failure}\nNothing was written. Run this where the registries can be reached.")
    for file, text in texts.items():
        (ROOT / file).write_text(pinned(text, digests))


def images(text: str) -> set[str]:
    """Those of others, with their tags, which a file names."""
    return {found[2] for found in _REFERENCE.finditer(text)} | {f"{f[2]}:{f[3]}" for f in _KUSTOMIZED.finditer(text)}


def pinned(text: str, digests: Mapping[str, str]) -> str:
    """The text with these digests, whichever it had."""
    text = _REFERENCE.sub(lambda found: f"{found[1]}@{digests[found[2]]}", text)
    return _KUSTOMIZED.sub(lambda found: f"{found[1]}, digest: {digests[f'{found[2]}:{found[3]}']}}}", text)


def digest_of(image: str) -> str:
    """Of the image for all processors. Raises `RegistryUnanswered`."""
    command = ["docker", "buildx", "imagetools", "inspect", image, "--format", "{{.Manifest.Digest}}"]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RegistryUnanswered(image, str(error)) from error
    digest = asked.stdout.strip()
    if asked.returncode or not re.fullmatch(_DIGEST, digest):
        raise RegistryUnanswered(image, asked.stderr.strip().partition("\n")[0] or "the answer is no digest")
    return digest


if __name__ == "__main__":
    take_no_options("deploy.supply_chain.digests", __doc__, settings=False)
    main()
