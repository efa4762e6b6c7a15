"""A registry of an earlier checkout of this repository, made by that checkout's own code: run as a script there.

    python earlier.py FOLDER

Publishes every `FOLDER/*.bundle` as the live version of the task of that name, into `FOLDER/data`; then prints the
address of its Redis, and serves that until standard input ends. It imports nothing of this checkout.
"""

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from registry.wiring import open_registry, redis_service

# Where settings are; the latter is from before services shared what they are set up by.
_SETTINGS = "hosting.settings.settings" if find_spec("hosting") else "registry.settings"


def main(folder: Path) -> None:
    settings = import_module(_SETTINGS).Settings(data_dir=folder / "data", redis_url=None, blobs_url=None)
    with redis_service(settings) as url, open_registry(settings, url) as registry:
        registry.reconcile()
        for path in sorted(folder.glob("*.bundle")):
            record = registry.publish(path.stem, path.read_bytes(), actor="benchmark")
            registry.promote(path.stem, "live", record.version, actor="benchmark", reason="benchmark")
        print(url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
