"""Every command that the README and the docs print, and what becomes of it when somebody follows them line by line."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.documented import ROOT

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md")
PRINTED_URL = "http://127.0.0.1:8000"

# What is printed, and what is run in its place: the same in less time, or with a name that exists.
INSTEAD = {
    "nettailor tailor photos/ --task birds": "nettailor tailor photos/ --task birds --preset fast --yes",
    "nettailor tailor photos/ --task birds --preset thorough --target-drop 0.002": (
        "nettailor tailor photos/ --task birds --preset fast --target-drop 0.002 --yes"
    ),
    "nettailor tailor photos/ --task birds --max-macs 0.4 --max-minutes 60": (
        "nettailor tailor photos/ --task birds --preset fast --max-macs 0.4 --max-minutes 10 --yes"
    ),
    "nettailor tailor photos/ --task birds --warm-start live": (
        "nettailor tailor photos/ --task birds --preset fast --warm-start live --yes"
    ),
    "nettailor registry front birds 1 --publish 6": "nettailor registry front birds 1 --publish 0",
    "nettailor export signs --version 3 --format openvino --dtype fp16 --out signs.zip": (
        "nettailor export signs --version 1 --format openvino --dtype fp16 --out exported.zip"
    ),
    f"curl -OJ '{PRINTED_URL}/tasks/signs/versions/3/export?format=onnx'": (
        f"curl -OJ '{PRINTED_URL}/tasks/signs/versions/1/export?format=onnx'"
    ),
    # To the service that it was pulled from, which has it already and keeps what it has.
    "nettailor registry pull birds 3 --out birds-3.zip --url https://here.example": (
        f"nettailor registry pull birds 3 --out birds-3.zip --url {PRINTED_URL}"
    ),
    "nettailor registry push birds-3.zip --url https://there.example": (
        f"nettailor registry push birds-3.zip --url {PRINTED_URL}"
    ),
    f"curl -N {PRINTED_URL}/jobs/$job/events": f"curl -sN {PRINTED_URL}/jobs/$job/events | tail -3",
    "curl --data-binary @sign.jpg -H 'Inference-Header-Content-Length: 0' -o answer.bin "
    "localhost:8000/v2/models/signs/infer": (
        "curl --data-binary @signs/test/stop/0000.png -H 'Inference-Header-Content-Length: 0' -o answer.bin "
        f"{PRINTED_URL}/v2/models/signs/infer"
    ),
}

# Commands whose first words are these are not run, for the reason beside them.
NOT_RUN = {
    "make lint": "CI runs it",
    "make test": "CI runs it",
    "source .venv/bin/activate": "the terminal begins with it",
    "nettailor up": "in a terminal of its own",
    "nettailor finish JOB": "needs a job in the middle of its search; tests/trainer/workers/test_finish.py",
    "nettailor tailor photos/ --task birds --backbone": "downloads weights",
    "nettailor backbone": "needs a file of weights; tests/cli/commands/test_backbones.py",
    "make gpu-check PYTHON=": "needs a GPU",
    "docker": "no container runs here; tests/deploy/docker",
    "kubectl": "no cluster; tests/deploy/kubernetes",
    "mkdir -m 711": "secrets of containers",
    "openssl": "secrets of containers",
    "tar ": "tests/deploy/docker/test_backup.py",
    "mkdir -p restored": "tests/deploy/docker/test_backup.py",
    "NETTAILOR_DATA_DIR=restored": "tests/deploy/docker/test_backup.py",
    "pip install": "tests/packaging",
    "NETTAILOR_GRPC_PORT": "tests/server/grpc",
    "python -m trainer.offline": "tests/trainer/test_offline.py",
    "torchrun": "several processes; tests/trainer/training",
    "export ": "stores and clusters of others",
    "python -m deploy.ray": "tests/deploy/ray",
    "serve run": "tests/deploy/ray",
}


@dataclass(frozen=True, kw_only=True)
class Command:
    """A line as it is printed, without its comment."""

    page: str
    text: str

    @property
    def run(self) -> str:
        return INSTEAD.get(self.text, self.text)

    @property
    def why_not(self) -> str | None:
        """Why it is not run, or None if it is."""
        return next((reason for begin, reason in NOT_RUN.items() if self.text.startswith(begin)), None)


def commands() -> Iterator[Command]:
    """In the order in which somebody meets them."""
    for page in PAGES:
        for block in re.findall(r"```bash\n(.*?)```", page.read_text(), re.DOTALL):
            for line in block.splitlines():
                if text := re.sub(r"(^|\s+)#.*$", "", line).strip():
                    yield Command(page=str(Path(page).relative_to(ROOT)), text=text)
